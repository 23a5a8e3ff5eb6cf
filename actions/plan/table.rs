//! The table of a comment: a row for each resource, or for each type when space ends.

use std::collections::BTreeMap;

use super::{
    comment::Tier,
    model::{Action, Change},
};
use crate::{markdown, page::Page};

/// The table by resource, as rich as there is space.
pub(super) fn table(order: &[&Change], page: &mut Page<'_>) -> Tier {
    if order.is_empty() {
        return Tier::Full;
    }
    let space = page.room() / 3 * 2;
    let rows = |page: &Page<'_>, attributes: bool| {
        let mut part = page.part(space);
        let head =
            if attributes { "| | resource | attributes |\n|---|---|---|\n" } else { "| | resource |\n|---|---|\n" };
        let mut fits = part.push("### Changes by resource\n\n") && part.push(head);
        for change in order {
            let sign = format!("`{}` {}", change.action.sign(), markdown::in_cell(&words_of(&change.action, &part)));
            let name = part.cell(&change.address);
            let deposed = if change.deposed.is_some() { " (deposed)" } else { "" };
            let row = match attributes {
                true => format!(
                    "| {sign} | {name}{deposed} | {} |\n",
                    markdown::in_cell(&part.names(&change.attributes, 8))
                ),
                false => format!("| {sign} | {name}{deposed} |\n"),
            };
            fits = fits && part.push(&row);
        }
        fits.then_some(part.text)
    };
    for (attributes, tier) in [(true, Tier::Full), (false, Tier::Addresses)] {
        if let Some(text) = rows(page, attributes) {
            page.push(&format!("{text}\n"));
            return tier;
        }
    }
    let mut counted: BTreeMap<(&Action, &str), usize> = BTreeMap::new();
    for change in order {
        *counted.entry((&change.action, &change.kind)).or_default() += 1;
    }
    let mut part = page.part(space);
    part.push("### Changes by type\n\n| | type | number |\n|---|---|---|\n");
    let mut left = (0, 0);
    for ((action, kind), number) in counted {
        let words = markdown::in_cell(&words_of(action, &part));
        let row = format!("| `{}` {words} | {} | {number} |\n", action.sign(), part.cell(kind));
        if part.room() < 200 || !part.push(&row) {
            left = (left.0 + 1, left.1 + number);
        }
    }
    if left.0 > 0 {
        part.push(&format!("| | {} more types | {} |\n", left.0, left.1));
    }
    page.push(&format!("{}\n", part.text));
    Tier::Counts
}

/// What is done, in Markdown.
pub(crate) fn words_of(action: &Action, page: &Page<'_>) -> String {
    match action {
        Action::Other(names) => format!("unknown action {}", page.span(&names.join("+"))),
        action => action.words(),
    }
}
