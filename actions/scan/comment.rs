//! What a reviewer reads: one comment on the pull request, or the step's summary. What was not scanned and what is new come
//! first; what was known before is folded away, and is the first to go when space ends.

use std::collections::BTreeMap;

use super::{
    finding::{Finding, Tool},
    gate::{Assessment, Outcome, Verdict},
    link::Links,
    lists,
    severity::Severity,
};
use crate::{
    markdown,
    page::{LEAST, Measure, Page},
    scrub::Scrubber,
    sticky::marker,
};

pub use crate::page::{COMMENT, SUMMARY};

/// What a comment says besides the findings.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Where files are to be seen.
    pub links: Links,
    /// Where the run is to be seen: its URL.
    pub run: Option<String>,
    /// Values that must not be seen, such as tokens of the job: a scanner may have printed one as it fell over.
    pub secrets: Vec<String>,
}

/// The comment, of at most `most` UTF-16 units, see [`COMMENT`]; less than 4,000 is taken as 4,000. Besides it, how many
/// findings that it should list had no space.
#[must_use]
pub fn comment(assessment: &Assessment, context: &Context, most: usize) -> (String, usize) {
    render(assessment, context, most, Measure::Utf16)
}

/// The step's summary, of at most `most` bytes, see [`SUMMARY`].
#[must_use]
pub fn summary(assessment: &Assessment, context: &Context, most: usize) -> (String, usize) {
    render(assessment, context, most, Measure::Bytes)
}

fn render(assessment: &Assessment, context: &Context, most: usize, measure: Measure) -> (String, usize) {
    let scrubber = Scrubber::knowing(&context.secrets);
    let mut page = Page::new(most.max(LEAST), measure, &scrubber);
    let footer = markdown::defuse(&footer(assessment, context, &page));
    let kept = page.keep_free(&footer);

    if measure == Measure::Utf16 {
        page.push(&format!("{}\n", marker::line("scan", ".")));
    }
    let outcome = assessment.outcome();
    page.push(&headline(assessment, &outcome));
    let kept_table = page.keep_free(&table(assessment));
    let mut left = lists::not_scanned(assessment, &mut page);
    lists::reasons(&outcome, &mut page);
    page.give_back(kept_table);
    page.push(&table(assessment));
    left += lists::new(assessment, &context.links, &mut page);
    lists::suppressions(assessment, &mut page);
    lists::inline(assessment, &context.links, &mut page);
    lists::notes(assessment, &mut page);
    match outcome.fixed {
        0 => {}
        1 => drop(page.push("This change removes one finding.\n\n")),
        n => drop(page.push(&format!("This change removes {n} findings.\n\n"))),
    }
    left += lists::known(assessment, &context.links, &mut page);
    lists::suppressed(assessment, &context.links, &mut page);
    page.give_back(kept);
    page.push(&footer);
    (page.text, left)
}

fn headline(assessment: &Assessment, outcome: &Outcome) -> String {
    let not_scanned = !assessment.head.not_scanned.is_empty();
    let mut said = Vec::new();
    match (outcome.blocking, outcome.new) {
        (0, 0) if outcome.total == 0 && not_scanned => said.push("nothing found in what was scanned".to_owned()),
        (0, 0) if outcome.total == 0 => said.push("nothing found".to_owned()),
        (0, 0) => said.push("nothing new".to_owned()),
        (0, new) => said.push(format!("{new} new, none of them stops this")),
        (blocking, _) if assessment.policy.everything => said.push(format!("{blocking} too severe")),
        (blocking, new) => said.push(format!("{new} new, {blocking} of them too severe")),
    }
    let gaps = assessment.head.not_scanned.len();
    if gaps > 0 {
        said.push(format!("{gaps} not scanned"));
    }
    if outcome.expired > 0 {
        said.push(format!("{} expired", outcome.expired));
    }
    let sign = match (outcome.passed(), not_scanned) {
        (false, _) => "❌",
        (true, true) => "⚠️",
        (true, false) => "✅",
    };
    format!("## {sign} Scan: {}\n\n", said.join(", "))
}

/// Findings by scanner and severity. A finding of two scanners counts in both rows, and once in the sum.
fn table(assessment: &Assessment) -> String {
    let mut rows: BTreeMap<Option<Tool>, BTreeMap<Severity, (usize, usize)>> = BTreeMap::new();
    let ran = assessment.head.ran.keys().chain(assessment.head.not_scanned.iter().map(|gap| &gap.tool));
    rows.extend(ran.map(|tool| (Some(*tool), BTreeMap::new())));
    rows.entry(None).or_default();
    let mut several = false;
    for (finding, verdict) in assessment.judged() {
        let mut tools: Vec<Tool> = finding.sources.iter().map(|source| source.tool).collect();
        tools.dedup();
        several |= tools.len() > 1;
        for row in tools.into_iter().map(Some).chain([None]) {
            let (new, all) = rows.entry(row).or_default().entry(finding.severity).or_default();
            *new += usize::from(verdict.new);
            *all += 1;
        }
    }
    let mut out = String::from("|");
    for name in [""].into_iter().chain(Severity::ALL.map(Severity::name)) {
        out.push_str(&format!(" {name} |"));
    }
    out.push_str(&format!("\n|---|{}\n", "--:|".repeat(Severity::ALL.len())));
    let sum = rows.remove(&None);
    for (tool, counts) in rows.into_iter().chain(sum.map(|sum| (None, sum))) {
        let scanned = tool.is_none_or(|tool| assessment.head.ran.contains_key(&tool));
        let name = tool.map_or("**all**", Tool::name);
        out.push_str(&format!("| {name} |"));
        for severity in Severity::ALL {
            let cell = match counts.get(&severity) {
                None if scanned => "0".to_owned(),
                None => "not scanned".to_owned(),
                Some((0, all)) => all.to_string(),
                Some((new, all)) => format!("{all} (**{new} new**)"),
            };
            out.push_str(&format!(" {cell} |"));
        }
        out.push('\n');
    }
    let note =
        if several { "\nWhat several scanners found counts in the row of each and once in the sum.\n" } else { "" };
    format!("{out}{note}\n")
}

/// The scanners that found it, each once.
pub(super) fn tools(finding: &Finding) -> impl Iterator<Item = &'static str> {
    let mut tools: Vec<&str> = finding.sources.iter().map(|source| source.tool.name()).collect();
    tools.dedup();
    tools.into_iter()
}

/// What it is, in the scanner's words.
pub(super) fn what(finding: &Finding) -> &str {
    match (finding.title.is_empty(), finding.message.is_empty()) {
        (false, _) => &finding.title,
        (true, false) => finding.message.lines().next().unwrap_or_default(),
        (true, true) => finding.kind.name(),
    }
}

/// A finding in a line or two: `- **high** AWS-0107: what, at where, found by whom`.
pub(super) fn line(finding: &Finding, verdict: Verdict, links: &Links, page: &Page<'_>, whole: bool) -> String {
    let place = match finding.place.lines {
        Some((first, _)) => format!("{}:{first}", finding.place.path),
        None => finding.place.path.clone(),
    };
    let place = match links.of(&finding.place) {
        Some(url) => format!("[{}]({url})", page.span(&place)),
        None => page.span(&place),
    };
    let id = match &finding.url {
        Some(url) => format!("[{}]({url})", page.span(&finding.id)),
        None => page.span(&finding.id),
    };
    let block = if verdict.blocking { "🛑 " } else { "" };
    let mut out = format!("- {block}**{}** {id} {} in {place}", finding.severity, page.span(what(finding)));
    if let Some(package) = &finding.package {
        out.push_str(&format!(" · {}", page.span(format!("{} {}", package.name, package.version).trim())));
        if let Some(fixed) = &package.fixed {
            out.push_str(&format!(" · fixed in {}", page.span(fixed)));
        }
    }
    if let Some(resource) = &finding.resource {
        out.push_str(&format!(" · {}", page.span(resource)));
    }
    out.push_str(&format!(" · {}\n", tools(finding).collect::<Vec<_>>().join(", ")));
    if whole && !finding.message.is_empty() && finding.message != finding.title {
        // A heading of its own would be none in here.
        let text = finding.message.trim_start_matches(['#', ' ']);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        out.push_str(&format!("  {}\n", page.message(&super::text::capped(&text, 300))));
    }
    out
}

fn footer(assessment: &Assessment, context: &Context, page: &Page<'_>) -> String {
    let mut facts = Vec::new();
    if !context.links.commit.is_empty() {
        facts.push(format!("commit {}", page.span(&context.links.commit)));
    }
    facts.extend(assessment.head.ran.iter().map(|(tool, ran)| match &ran.version {
        Some(version) => format!("{tool} {}", page.span(version)),
        None => tool.to_string(),
    }));
    if assessment.base_not_scanned.is_none() && !assessment.policy.everything {
        facts.push("compared with nothing, so everything is new".to_owned());
    }
    if let Some(run) = &context.run {
        let safe = (run.starts_with("https://") || run.starts_with("http://"))
            && run.len() <= 500
            && run.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#&=%".contains(c));
        facts.push(if safe { format!("[run]({run})") } else { format!("run {}", page.span(run)) });
    }
    format!("---\n{}\n", facts.join(" · "))
}
