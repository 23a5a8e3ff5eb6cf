//! What a reviewer reads: one section of the pull request's comment, or the step's summary. What will be destroyed or
//! replaced is on top and never folded away; when space ends, differences go first, then the names of attributes, then
//! addresses, and counts by type remain.

use std::collections::BTreeMap;

use super::{
    folds::differences,
    heading,
    model::{Action, Change, Plan, Risk},
    reviewed,
    table::table,
};
use crate::{
    markdown,
    page::{LEAST, Measure, Page},
    sticky::marker,
};

pub(crate) use super::table::words_of;
pub use crate::page::{COMMENT, SUMMARY};

/// What a comment says besides the plan.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The Terraform root, as the repository has it. Without one there is no marker.
    pub root: Option<String>,
    /// The environment, such as `staging`.
    pub environment: Option<String>,
    /// The commit that was planned.
    pub commit: Option<String>,
    /// What is held back in the environment; `None` if nobody asked.
    pub holds: Option<Vec<Hold>>,
    /// Where the run is to be seen: an `https` URL.
    pub run: Option<String>,
    /// Why Terraform failed, if it did, a text each.
    pub errors: Vec<String>,
}

/// Code that is not promoted: see `hold/…` in the ledger.
#[derive(Clone, Debug)]
pub struct Hold {
    /// Whether it is what was planned.
    pub concerns: bool,
    /// Which, and why.
    pub text: String,
}

/// How much of a plan there was space for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Every difference.
    Full,
    /// The names of the attributes that change, and some differences.
    Attributes,
    /// Addresses by action.
    Addresses,
    /// Counts by type.
    Counts,
}

/// A section of the comment of at most `most` UTF-16 units, see [`COMMENT`]; several roots share that. Less than 4,000 is
/// taken as 4,000.
#[must_use]
pub fn comment(plan: &Plan, context: &Context, most: usize) -> (String, Tier) {
    render(plan, context, most, Measure::Utf16)
}

/// The step's summary, of at most `most` bytes, see [`SUMMARY`].
#[must_use]
pub fn summary(plan: &Plan, context: &Context, most: usize) -> (String, Tier) {
    render(plan, context, most, Measure::Bytes)
}

fn render(plan: &Plan, context: &Context, most: usize, measure: Measure) -> (String, Tier) {
    let mut page = Page::new(most.max(LEAST), measure, &plan.scrubber);
    let mut footer = markdown::defuse(&footer(plan, context, &page));
    if let Some(line) = reviewed::line(plan, most.max(LEAST) / 8).filter(|_| measure == Measure::Utf16) {
        footer.push_str(&format!("\n{line}\n"));
    }
    let kept = page.keep_free(&footer);
    let note = "Not everything fits here: 999999 of 999999 differences are left out. The run's summary shows more of them.\n\n";
    let kept_note = page.keep_free(note);

    if let Some(root) = &context.root {
        page.push(&format!("{}\n", marker::line("plan", &markdown::short(root, 400))));
    }
    page.push(&heading::headline(plan, context, &page));
    heading::alerts(plan, context, &mut page);
    page.complaints(&context.errors, plan.values_hidden);
    destroyed(plan, &mut page);
    checks(plan, &mut page);
    listed(&mut page, "Put off to a later plan", plan.deferred.iter(), |change, page| {
        let why = change.reason.as_ref().map(|reason| format!(": {}", plain_words(reason, page)));
        format!("{}{}", page.span(&change.address), why.unwrap_or_default())
    });
    listed(&mut page, "Actions of providers", plan.invocations.iter(), |name, page| page.span(name));
    let mut order: Vec<&Change> = plan.changes.iter().filter(|change| change.action != Action::NoOp).collect();
    order.sort_by(|a, b| (&a.action, &a.address).cmp(&(&b.action, &b.address)));
    let moved = plan.changes.iter().filter_map(|change| Some((change, change.previous_address.as_ref()?)));
    listed(&mut page, "Moved", moved, |(change, from), page| {
        format!("{} was {}", page.span(&change.address), page.span(from))
    });
    let imported = plan.changes.iter().filter_map(|change| Some((change, change.import.as_ref()?)));
    listed(&mut page, "Imported", imported, |(change, id), page| {
        format!("{} by id {}", page.span(&change.address), page.span(id))
    });
    listed(&mut page, "Who may do what changes", order.iter().filter(|change| change.grants()), |change, page| {
        format!("{}: {}", page.span(&change.address), words_of(&change.action, page))
    });
    let mut tier = table(&order, &mut page);
    let (left_out, all) = differences(plan, &order, tier, &mut page);
    if left_out > 0 {
        tier = tier.max(Tier::Attributes);
    }
    page.give_back(kept_note);
    if plan.values_hidden {
        page.push("Values are not shown.\n\n");
    } else if left_out > 0 {
        let more = if measure == Measure::Utf16 { " The run's summary shows more of them." } else { "" };
        page.push(&format!("Not everything fits here: {left_out} of {all} differences are left out.{more}\n\n"));
    }
    page.give_back(kept);
    page.push(&footer);
    (page.text, tier)
}

/// Why it happens, in Markdown, or nothing.
fn because(change: &Change, page: &Page<'_>) -> String {
    let mut out = change.reason.as_ref().map(|reason| format!(": {}", plain_words(reason, page))).unwrap_or_default();
    if !change.replace_paths.is_empty() {
        let sign = if out.is_empty() { ":" } else { "," };
        out.push_str(&format!("{sign} forced by {}", page.names(&change.replace_paths, 5)));
    }
    out
}

/// Our own words as they are; words of a newer Terraform in a span.
fn plain_words(words: &str, page: &Page<'_>) -> String {
    let own = words.contains(' ') && words.chars().all(|c| c.is_ascii_alphanumeric() || " -,:'_".contains(c));
    if own { words.to_owned() } else { page.span(words) }
}

fn destroyed(plan: &Plan, page: &mut Page<'_>) {
    let mut all: Vec<&Change> = plan.changes.iter().filter(|change| change.risk() >= Risk::High).collect();
    if all.is_empty() {
        return;
    }
    all.sort_by(|a, b| (b.risk(), &a.action, &a.address).cmp(&(a.risk(), &b.action, &b.address)));
    let mut part = page.part(page.room() / 2);
    part.push("### Destroyed or replaced\n\n");
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for change in all {
        let deposed = change.deposed.as_ref().map(|key| format!(" (deposed object {})", part.span(key)));
        let top = if change.risk() == Risk::Top { " 🛑 rollback target" } else { "" };
        let line = format!(
            "- **{}** {}{}{top}{}\n",
            words_of(&change.action, &part),
            part.span(&change.address),
            deposed.unwrap_or_default(),
            because(change, &part)
        );
        if !left.is_empty() || part.room() < 2_000.min(page.room() / 8) || !part.push(&line) {
            *left.entry(&change.kind).or_default() += 1;
        }
    }
    if !left.is_empty() {
        let sum: usize = left.values().sum();
        let kinds: Vec<String> = left.iter().take(10).map(|(kind, n)| format!("{n} × {}", part.span(kind))).collect();
        let more = if left.len() > 10 { " and others" } else { "" };
        if !part.push(&format!("- **and {sum} more**: {}{more}\n", kinds.join(", "))) {
            part.push(&format!("- **and {sum} more**\n"));
        }
    }
    page.push(&format!("{}\n", part.text));
}

fn checks(plan: &Plan, page: &mut Page<'_>) {
    let failed = plan.checks.iter().filter(|check| check.status != "unknown");
    let mut part = page.part(page.room() / 4);
    let mut left = 0;
    for check in failed {
        if part.text.is_empty() {
            part.push("### Checks that did not pass\n\n");
        }
        let mut item = format!("- **{}** {}\n", plain_words(&check.status, &part), part.span(&check.address));
        // A message may quote any value.
        for message in check.messages.iter().filter(|_| !plan.values_hidden) {
            item.push_str(&format!("  - {}\n", part.message(message)));
        }
        left += usize::from(part.room() < 100 || !part.push(&item));
    }
    if left > 0 {
        part.push(&format!("- and {left} more\n"));
    }
    let unknown = plan.checks.len() - plan.checks.iter().filter(|check| check.status != "unknown").count();
    if unknown > 0 && !part.text.is_empty() {
        part.push(&format!("- {unknown} more can be judged only during the apply\n"));
    }
    if !part.text.is_empty() {
        page.push(&format!("{}\n", part.text));
    }
}

/// A list under a heading, of an eighth of the page at most.
fn listed<T>(page: &mut Page<'_>, title: &str, items: impl Iterator<Item = T>, said: impl Fn(T, &Page<'_>) -> String) {
    let mut part = page.part(page.room() / 8);
    let mut left = 0;
    for item in items {
        if part.text.is_empty() {
            part.push(&format!("### {title}\n\n"));
        }
        let line = format!("- {}\n", said(item, &part));
        left += usize::from(left > 0 || part.room() < 60 || !part.push(&line));
    }
    if left > 0 {
        part.push(&format!("- and {left} more\n"));
    }
    if !part.text.is_empty() {
        page.push(&format!("{}\n", part.text));
    }
}

fn footer(plan: &Plan, context: &Context, page: &Page<'_>) -> String {
    let mut out = String::from("---\n");
    if let Some(holds) = &context.holds {
        let others: Vec<String> = holds.iter().filter(|hold| !hold.concerns).map(|hold| hold.text.clone()).collect();
        match others.as_slice() {
            [] if holds.is_empty() => out.push_str("- nothing is held\n"),
            [] => {}
            others => out.push_str(&format!("- held, but not what is planned: {}\n", page.names(others, 5))),
        }
    }
    let mut facts = Vec::new();
    if !plan.digest.is_empty() {
        facts.push(format!("plan digest `{}`", plan.digest));
    }
    let mut fact = |name: &str, value: Option<&String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push(format!("{name} {}", page.span(value)));
        }
    };
    fact("commit", context.commit.as_ref());
    fact("root", context.root.as_ref());
    fact("Terraform", Some(&plan.terraform_version));
    if let Some(run) = &context.run {
        facts.push(link(run, page));
    }
    out.push_str(&format!("- {}\n", facts.join(" · ")));
    out
}

/// A link, if it is one; else what it says.
pub(crate) fn link(run: &str, page: &Page<'_>) -> String {
    let safe = run.starts_with("https://")
        && run.len() <= 500
        && run.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#@!$&+,;=%".contains(c));
    if safe { format!("[run]({run})") } else { format!("run {}", page.span(run)) }
}
