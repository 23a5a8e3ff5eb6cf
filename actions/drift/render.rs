//! What people read of a report: in the environment's issue, the step's summary and the file. What Terraform cannot see
//! comes first, then what was changed outside, then what was not applied; when space ends, differences go first, then the
//! names of attributes, then addresses, and counts by type remain.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    advice,
    aliases::{AliasDrift, Found},
    report::{Attribute, Drifted, Report, What},
};
use crate::{
    markdown,
    page::{Page, fold},
    plan::comment::{Tier, link},
};

/// What a report says besides the drift.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The environment, such as `staging`.
    pub environment: String,
    /// The Terraform root, as the repository has it.
    pub root: String,
    /// The release whose variables the plans were made with: the one last applied.
    pub applied: Option<String>,
    /// The release that is live.
    pub live: Option<String>,
    /// The commit whose configuration was planned.
    pub commit: Option<String>,
    /// Where the run is to be seen: an `https` URL.
    pub run: Option<String>,
}

/// How many of what a report says.
struct Counts {
    changed: usize,
    deleted: usize,
    not_applied: usize,
    aliases: usize,
}

/// The counts in words, such as `2 changed outside of Terraform, 1 not applied`.
pub(super) fn words(report: &Report) -> String {
    let with_effect = || report.resources.iter().filter(|drifted| drifted.effect);
    let counts = Counts {
        changed: with_effect().filter(|drifted| drifted.what == What::Changed).count(),
        deleted: with_effect().filter(|drifted| drifted.what == What::Deleted).count(),
        not_applied: with_effect().filter(|drifted| matches!(drifted.what, What::NotApplied(_))).count(),
        aliases: report.aliases.len(),
    };
    let words: Vec<String> = [
        (counts.deleted, "deleted outside of Terraform"),
        (counts.changed, "changed outside of Terraform"),
        (counts.not_applied, "not applied"),
        (counts.aliases, "not as the ledger says"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{count} {words}"))
    .collect();
    if words.is_empty() { "No drift".to_owned() } else { words.join(", ") }
}

/// Fills a page with all of a report, as rich as there is space.
pub(super) fn fill(report: &Report, context: &Context, page: &mut Page<'_>) -> Tier {
    let footer = markdown::defuse(&footer(context, page));
    let kept = page.keep_free(&footer);
    let note = "Not everything fits here: 999999 of 999999 differences are left out. The run's summary shows more of them.\n\n";
    let kept_note = page.keep_free(note);
    page.push(&format!("## Drift in {}\n\n**{}.**\n\n", page.span(&context.environment), words(report)));
    if report.partial {
        page.push(
            "> [!WARNING]\n> Terraform could not plan everything: what is not listed here may have drifted too.\n\n",
        );
    }
    if !report.judged && report.resources.iter().any(|drifted| drifted.effect) {
        page.push("No full plan was made, so nobody knows what has an effect: all of it is listed.\n\n");
    }
    aliases(report, page);
    let outside: Vec<&Drifted> = with_effect(report).filter(|drifted| !not_applied(drifted)).collect();
    let behind: Vec<&Drifted> = with_effect(report).filter(|drifted| not_applied(drifted)).collect();
    // Of a full page, what is to be done keeps its place.
    let advice = advice::advice(report, context, page);
    let kept_advice = page.keep_free(&advice);
    let tier = table("Changed outside of Terraform", &outside, page, 2);
    let tier = tier.max(table("Configuration that was not applied", &behind, page, 1));
    page.give_back(kept_advice);
    page.push(&advice);
    let (mut left_out, mut all) = (0, 0);
    for (drifted, intro) in
        outside.iter().map(|one| (one, "recorded -> found")).chain(behind.iter().map(|one| (one, "is -> would be")))
    {
        let detail: String = counting(drifted).map(|attribute| &*attribute.detail).collect();
        if detail.is_empty() {
            continue;
        }
        all += 1;
        let summary = format!("{} {}: {intro}", page.code(&drifted.address), html_words(drifted, page));
        left_out += usize::from(!page.push(&fold(&summary.replace("->", "→"), &page.fence(&detail))));
    }
    without_effect(report, page);
    ignores(report, page);
    page.give_back(kept_note);
    if report.values_hidden {
        page.push("Values are not shown.\n\n");
    } else if left_out > 0 {
        page.push(&note.replacen("999999", &left_out.to_string(), 1).replacen("999999", &all.to_string(), 1));
    }
    page.give_back(kept);
    page.push(&footer);
    if left_out > 0 { tier.max(Tier::Attributes) } else { tier }
}

fn with_effect(report: &Report) -> impl Iterator<Item = &Drifted> {
    report.resources.iter().filter(|drifted| drifted.effect)
}

fn not_applied(drifted: &Drifted) -> bool {
    matches!(drifted.what, What::NotApplied(_))
}

fn counting(drifted: &Drifted) -> impl Iterator<Item = &Attribute> {
    drifted.attributes.iter().filter(|attribute| attribute.effect)
}

fn aliases(report: &Report, page: &mut Page<'_>) {
    let mut part = page.part(page.room() / 3);
    let mut left = 0;
    for drift in &report.aliases {
        if part.text.is_empty() {
            part.push("### Not as the ledger says\n\n");
        }
        let line = format!("- {}\n", alias(drift, &part));
        left += usize::from(left > 0 || part.room() < line.len() + 60 || !part.push(&line));
    }
    if left > 0 {
        part.push(&format!("- and {left} more\n"));
    }
    if !part.text.is_empty() {
        page.push(&format!("{}\n", part.text));
    }
}

fn alias(drift: &AliasDrift, page: &Page<'_>) -> String {
    let name = page.span(&format!("{}:{}", drift.function, drift.alias));
    let recorded = || drift.recorded.as_ref().map_or("nothing".to_owned(), |words| page.span(words));
    let is = || drift.is.as_ref().map_or("nothing".to_owned(), |words| page.span(words));
    match &drift.found {
        Found::Missing => format!("{name} **is missing**; the ledger says {}", recorded()),
        Found::Moved => {
            format!("{name} **was moved** by something else than Lockgate: {} instead of {}", is(), recorded())
        }
        Found::Weights => format!("{name} **has weights** that nobody moves: {} instead of {}", is(), recorded()),
        Found::LeftBehind { release, began } => format!(
            "{name} is **left in the middle of a promotion** to {} since {}: {}",
            page.span(release),
            time(*began),
            is()
        ),
        Found::Unrecorded(code) => format!(
            "{name} **runs code of no recorded release** in version {}: {}",
            page.span(&code.version),
            page.span(&code.identity)
        ),
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A row for each resource, or for each type when space ends: at most the `share`th part of it.
fn table(title: &str, all: &[&Drifted], page: &mut Page<'_>, share: usize) -> Tier {
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
            let (what, name) = (what(drifted, &part), part.span(&drifted.address));
            let deposed = drifted.deposed.as_ref().map(|_| " (deposed)").unwrap_or_default();
            let names: Vec<String> = counting(drifted).map(|attribute| attribute.path.clone()).collect();
            let row = match attributes {
                true => format!("| {what} | {name}{deposed} | {} |\n", part.names(&names, 8)),
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
        let row = format!("| {} | {} | {number} |\n", words_of(what, &part), part.span(kind));
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

fn what(drifted: &Drifted, page: &Page<'_>) -> String {
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

fn html_words(drifted: &Drifted, page: &Page<'_>) -> String {
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

fn without_effect(report: &Report, page: &mut Page<'_>) {
    let quiet = |drifted: &&Drifted| !drifted.effect || drifted.attributes.iter().any(|attribute| !attribute.effect);
    let all: Vec<&Drifted> = report.resources.iter().filter(quiet).collect();
    if all.is_empty() {
        return;
    }
    let title = format!("{} changed outside without effect", all.len());
    let mut part = page.part(page.room() / 6);
    let mut left = 0;
    for drifted in &all {
        let names: Vec<String> =
            drifted.attributes.iter().filter(|one| !one.effect).map(|one| one.path.clone()).collect();
        let line = match names.is_empty() {
            true => format!("- {}: {}\n", part.span(&drifted.address), what(drifted, &part)),
            false => format!("- {}: {}\n", part.span(&drifted.address), part.names(&names, 8)),
        };
        left += usize::from(left > 0 || part.room() < line.len() + 400 || !part.push(&line));
    }
    if left > 0 {
        part.push(&format!("- and {left} more\n"));
    }
    let intro = "Nothing that is configured, and nothing depends on it.\n\n";
    if left == all.len() || !page.push(&fold(&title, &format!("{intro}{}", part.text))) {
        page.push(&format!("{title}.\n\n"));
    }
}

fn ignores(report: &Report, page: &mut Page<'_>) {
    let place = |ignore: &super::Ignore, page: &Page<'_>| {
        format!("{} · {}", page.span(&ignore.address), page.span(&ignore.attribute))
    };
    let mut lines: Vec<String> = Vec::new();
    for hidden in &report.expired_ignores {
        let ignore = &hidden.ignore;
        lines.push(format!(
            "- **expired** on {}, hides nothing any more ({} would be hidden): {}, of {}: {}\n",
            ignore.expires,
            hidden.places,
            place(ignore, page),
            page.span(&ignore.owner),
            page.message(&ignore.reason)
        ));
    }
    for hidden in &report.ignored {
        let ignore = &hidden.ignore;
        lines.push(format!(
            "- hides {} until {}: {}, of {}: {}\n",
            hidden.places,
            ignore.expires,
            place(ignore, page),
            page.span(&ignore.owner),
            page.message(&ignore.reason)
        ));
    }
    for ignore in &report.unused_ignores {
        lines.push(format!(
            "- **finds nothing** to hide, remove it: {}, of {}\n",
            place(ignore, page),
            page.span(&ignore.owner)
        ));
    }
    if lines.is_empty() {
        return;
    }
    let mut part = page.part(page.room() / 2);
    let mut left = usize::from(!part.push("### Ignored by `drift.toml`\n\n"));
    for line in &lines {
        left += usize::from(left > 0 || part.room() < line.len() + 60 || !part.push(line));
    }
    if left > 0 {
        part.push(&format!("- and {left} more\n"));
    }
    page.push(&format!("{}\n", part.text));
}

fn footer(context: &Context, page: &Page<'_>) -> String {
    let mut facts = vec![format!("root {}", page.span(&context.root))];
    let named = [("planned as release", &context.applied), ("live", &context.live), ("commit", &context.commit)];
    for (name, value) in named {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            facts.push(format!("{name} {}", page.span(value)));
        }
    }
    facts.extend(context.run.as_ref().map(|run| link(run, page)));
    format!("---\n- {}\n", facts.join(" · "))
}
