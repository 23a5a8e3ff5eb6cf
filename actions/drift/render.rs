//! What people read of a report: in the environment's issue, the step's summary and the file. What Terraform cannot see
//! comes first, then what was changed outside, then what was not applied; when space ends, differences go first, then the
//! names of attributes, then addresses, and counts by type remain.

use jiff::Timestamp;

use super::{
    advice,
    aliases::{AliasDrift, Found},
    asides,
    report::{Attribute, Drifted, Report, What},
    table::{html_words, table},
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

/// The counts in words, such as `2 changed outside of Terraform, 1 not applied`.
pub(super) fn words(report: &Report) -> String {
    let count = |wanted: fn(&What) -> bool| with_effect(report).filter(|drifted| wanted(&drifted.what)).count();
    let mut aliases: Vec<_> = report.aliases.iter().map(|drift| (&drift.function, &drift.alias)).collect();
    aliases.sort_unstable();
    aliases.dedup();
    let plural = if aliases.len() == 1 { "alias" } else { "aliases" };
    let words: Vec<String> = [
        (count(|what| *what == What::Deleted), "deleted outside of Terraform".to_owned()),
        (count(|what| *what == What::Changed), "changed outside of Terraform".to_owned()),
        (count(|what| matches!(what, What::NotApplied(_))), "not applied".to_owned()),
        (aliases.len(), format!("{plural} not as the ledger says")),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{count} {words}"))
    .collect();
    if words.is_empty() { "No drift".to_owned() } else { words.join(", ") }
}

/// Fills a page with all of a report, as rich as there is space. `elsewhere` says where there is more.
pub(super) fn fill(report: &Report, context: &Context, page: &mut Page<'_>, elsewhere: &str) -> Tier {
    let footer = markdown::defuse(&footer(context, page));
    let kept = page.keep_free(&footer);
    let note = |left_out: usize, all: usize| {
        format!("Not everything fits here: {left_out} of {all} differences are left out.{elsewhere}\n\n")
    };
    let kept_note = page.keep_free(&note(999_999, 999_999));
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
    let mut outside: Vec<&Drifted> = with_effect(report).filter(|drifted| !not_applied(drifted)).collect();
    // What is gone is the worst.
    outside.sort_by_key(|drifted| drifted.what != What::Deleted);
    let behind: Vec<&Drifted> = with_effect(report).filter(|drifted| not_applied(drifted)).collect();
    // Of a full page, what is to be done keeps its place.
    let advice = advice::advice(report, context, page);
    let kept_advice = page.keep_free(&advice);
    let tier = table("Changed outside of Terraform", &outside, page, 2);
    let tier = tier.max(table("Configuration that was not applied", &behind, page, 1));
    page.give_back(kept_advice);
    page.push(&advice);
    let (mut left_out, mut all) = (0, 0);
    for drifted in outside.iter().chain(&behind) {
        let size: usize = counting(drifted).map(|attribute| attribute.detail.len()).sum();
        all += usize::from(size > 0);
        // NOTE: a UTF-16 unit has three bytes at most. What cannot fit is not even put together.
        let fits = size / 3 <= page.room() && (size == 0 || page.push(&difference(drifted, page)));
        left_out += usize::from(!fits);
    }
    asides::without_effect(report, page);
    asides::ignores(report, page);
    page.give_back(kept_note);
    if report.values_hidden {
        page.push("Values are not shown.\n\n");
    } else if left_out > 0 {
        page.push(&note(left_out, all));
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

/// The attributes that count.
pub(super) fn counting(drifted: &Drifted) -> impl Iterator<Item = &Attribute> {
    drifted.attributes.iter().filter(|attribute| attribute.effect)
}

fn difference(drifted: &Drifted, page: &Page<'_>) -> String {
    let detail: String = counting(drifted).map(|attribute| &*attribute.detail).collect();
    let sides = if not_applied(drifted) { "is → would be" } else { "recorded → found" };
    let summary = format!("{} {}: {sides}", page.code(&drifted.address), html_words(drifted, page));
    fold(&summary, &page.fence(&detail))
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
