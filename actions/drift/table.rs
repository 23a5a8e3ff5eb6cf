//! The tables of a report: a row for each resource, or for each type when space ends.

use std::collections::BTreeMap;

use super::{
    render::counting,
    report::{Drifted, What},
};
use crate::{markdown, page::Page, plan::comment::Tier};

/// A row for each resource, or for each type when space ends: at most the `share`th part of it.
pub(super) fn table(title: &str, all: &[&Drifted], page: &mut Page<'_>, share: usize) -> Tier {
    if all.is_empty() {
        return Tier::Full;
    }
    let space = page.room() / 3 * 2 / share;
    let rows = |attributes: bool| {
        let mut part = page.part(space);
        let head =
            if attributes { "| | resource | attributes |\n|---|---|---|\n" } else { "| | resource |\n|---|---|\n" };
        let mut fits = part.push(&format!("### {title}\n\n{head}"));
        for drifted in all {
            let (what, name) = (markdown::in_cell(&what(drifted, &part)), part.cell(&drifted.address));
            let deposed = drifted.deposed.as_ref().map(|_| " (deposed)").unwrap_or_default();
            let names: Vec<String> = counting(drifted).map(|attribute| attribute.path.clone()).collect();
            let row = match attributes {
                true => format!("| {what} | {name}{deposed} | {} |\n", markdown::in_cell(&part.names(&names, 8))),
                false => format!("| {what} | {name}{deposed} |\n"),
            };
            fits = fits && part.push(&row);
        }
        fits.then_some(part.text)
    };
    for (attributes, tier) in [(true, Tier::Full), (false, Tier::Addresses)] {
        if let Some(text) = rows(attributes) {
            page.push(&format!("{text}\n"));
            return tier;
        }
    }
    let mut counted: BTreeMap<(&What, &str), usize> = BTreeMap::new();
    for drifted in all {
        *counted.entry((&drifted.what, &drifted.kind)).or_default() += 1;
    }
    let mut part = page.part(space);
    part.push(&format!("### {title}\n\n| | type | number |\n|---|---|---|\n"));
    let mut left = (0, 0);
    for ((what, kind), number) in counted {
        let words = markdown::in_cell(&words_of(what, &part));
        let row = format!("| {words} | {} | {number} |\n", part.cell(kind));
        if left.0 > 0 || part.room() < row.len() + 80 || !part.push(&row) {
            left = (left.0 + 1, left.1 + number);
        }
    }
    if left.0 > 0 {
        part.push(&format!("| | {} more types | {} |\n", left.0, left.1));
    }
    page.push(&format!("{}\n", part.text));
    Tier::Counts
}

pub(super) fn what(drifted: &Drifted, page: &Page<'_>) -> String {
    words_of(&drifted.what, page)
}

fn words_of(what: &What, page: &Page<'_>) -> String {
    match what {
        What::Changed => "changed".to_owned(),
        What::Deleted => "**deleted**".to_owned(),
        What::NotApplied(words) if own(words) => words.clone(),
        What::NotApplied(words) => page.span(words),
    }
}

pub(super) fn html_words(drifted: &Drifted, page: &Page<'_>) -> String {
    match &drifted.what {
        What::Changed => "changed".to_owned(),
        What::Deleted => "deleted".to_owned(),
        What::NotApplied(words) if own(words) => words.clone(),
        What::NotApplied(words) => page.code(words),
    }
}

/// Whether these are words of ours, which need no span.
fn own(words: &str) -> bool {
    words.len() < 100 && words.chars().all(|c| c.is_ascii_lowercase() || " ,()".contains(c))
}
