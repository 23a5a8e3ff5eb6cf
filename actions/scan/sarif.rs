//! One [SARIF 2.1.0](https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html) file for code scanning, with a run of
//! its own for each scanner, within [GitHub's limits](https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning).
//! A finding stands in the run of its first source; the others are named in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use super::{
    comment::{tools, what},
    finding::{Finding, Kind, Tool},
    gate::{Assessment, Verdict},
    link::uri,
    sarif_json::*,
    severity::Severity,
    suppressions::Judged,
    text::{capped, sentences},
};

/// GitHub takes 25,000 results of a run and keeps 5,000, not surely the worst: we send the worst 5,000.
pub const RESULTS: usize = 5_000;
/// GitHub takes no more tags of a rule.
const TAGS: usize = 20;

/// Writes the file. `category` tells several uploads of one commit apart, such as one for each part of a repository; it may
/// be empty.
///
/// A scanner that looked at all it should has a run, if only an empty one, so that alerts of what is gone are closed. One that
/// did not, and may not, has none, so that they are not: GitHub takes what a run lacks for fixed.
///
/// # Errors
/// Those of the writer.
pub fn write(assessment: &Assessment, category: &str, out: impl Write) -> io::Result<()> {
    let category: String =
        category.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(100).collect();
    let mut by_tool: BTreeMap<Tool, Vec<(&Finding, Verdict)>> = BTreeMap::new();
    let gaps = assessment.head.not_scanned.iter().zip(&assessment.allowed);
    let torn: BTreeSet<Tool> = gaps.filter(|(_, allowed)| !**allowed).map(|(gap, _)| gap.tool).collect();
    let whole = assessment.head.ran.keys().filter(|tool| !torn.contains(tool));
    by_tool.extend(whole.map(|tool| (*tool, Vec::new())));
    for (finding, verdict) in assessment.judged() {
        let tool = finding.sources.iter().map(|source| source.tool).find(|tool| by_tool.contains_key(tool));
        if let Some(found) = tool.and_then(|tool| by_tool.get_mut(&tool))
            && found.len() < RESULTS
        {
            found.push((finding, verdict));
        }
    }
    let runs = by_tool.iter().map(|(tool, found)| run(*tool, found, assessment, &category)).collect();
    let schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
    serde_json::to_writer(out, &Log { schema, version: "2.1.0", runs }).map_err(io::Error::from)
}

fn run<'a>(tool: Tool, found: &[(&'a Finding, Verdict)], assessment: &'a Assessment, category: &str) -> Run<'a> {
    let mut rules: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for (finding, _) in found {
        rules.entry(&finding.id).or_default().push(finding);
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(at, id)| (*id, at)).collect();
    let results = found.iter().map(|(finding, verdict)| {
        let suppressed = verdict.suppressed.and_then(|at| assessment.suppressions.get(at));
        entry(finding, *verdict, index.get(finding.id.as_str()).copied().unwrap_or_default(), suppressed)
    });
    let results = results.collect();
    let rules = rules.into_iter().map(|(id, found)| rule(id, &found)).collect();
    let gaps = assessment.head.not_scanned.iter().filter(|gap| gap.tool == tool);
    let notifications: Vec<Notification> = gaps
        .map(|gap| Notification { level: "error", message: text(&format!("{} was not scanned", gap.name())) })
        .collect();
    let separator = if category.is_empty() { "" } else { "/" };
    let version = assessment.head.ran.get(&tool).and_then(|ran| ran.version.as_deref());
    Run {
        tool: Wrapped { driver: Driver { name: tool.name(), information_uri: tool.url(), version, rules } },
        automation_details: Id { id: format!("lockgate/{tool}/{category}{separator}") },
        column_kind: "utf16CodeUnits",
        invocations: [Invocation {
            execution_successful: notifications.is_empty(),
            tool_execution_notifications: notifications,
        }],
        results,
    }
}

fn rule<'a>(id: &'a str, found: &[&'a Finding]) -> Rule<'a> {
    let worst = found.iter().map(|finding| finding.severity).fold(Severity::Unknown, Severity::worst);
    let score = found.iter().map(|finding| finding.score.unwrap_or(0)).max().filter(|score| *score > 0);
    let first = found.first();
    let kind = first.map_or(Kind::Notice, |finding| finding.kind);
    // NOTE: GitHub takes 0.0 for no severity; a lint is no matter of security.
    let tenths = score.unwrap_or(worst.tenths());
    let security = (kind != Kind::Lint).then(|| format!("{}.{}", tenths / 10, tenths % 10));
    let mut tags = vec![kind.part().name()];
    tags.extend(security.is_some().then_some("security"));
    let mut others: Vec<&'static str> = found.iter().flat_map(|finding| tools(finding)).collect();
    others.sort_unstable();
    others.dedup();
    tags.extend(others);
    tags.truncate(TAGS);
    Rule {
        id,
        short_description: text(&capped(first.map_or(id, |finding| what(finding)), 200)),
        help_uri: first.and_then(|finding| finding.url.as_deref()),
        default_configuration: Level { level: level(worst) },
        properties: Properties { tags, security_severity: security },
    }
}

fn entry<'a>(finding: &'a Finding, verdict: Verdict, rule: usize, suppressed: Option<&'a Judged>) -> Entry<'a> {
    let place = &finding.place;
    let (first, last) = place.lines.unwrap_or((1, 1));
    let suppression = suppressed.map(|judged| Suppression {
        kind: "external",
        status: "accepted",
        justification: &judged.entry.reason,
    });
    let mut said = what(finding).to_owned();
    if let Some(package) = &finding.package {
        said = format!("{} {}: {said}", package.name, package.version);
        if let Some(fixed) = &package.fixed {
            said.push_str(&format!(" (fixed in {fixed})"));
        }
    }
    if !finding.message.is_empty() && finding.message != finding.title && !finding.title.is_empty() {
        said = sentences([said.as_str(), &finding.message]);
    }
    let sources: Vec<String> =
        finding.sources.iter().map(|source| format!("{} {}", source.tool, source.rule)).collect();
    if tools(finding).count() > 1 {
        said.push_str(&format!(" (found by {})", tools(finding).collect::<Vec<_>>().join(", ")));
    }
    Entry {
        rule_id: &finding.id,
        rule_index: rule,
        level: level(finding.severity),
        message: text(&said),
        locations: [Location {
            physical_location: Physical {
                artifact_location: Artifact { uri: uri(&place.path) },
                region: Region {
                    start_line: first,
                    start_column: place.columns.map(|(from, _)| from),
                    end_line: last,
                    end_column: place.columns.map(|(_, to)| to),
                },
            },
            logical_locations: finding
                .resource
                .as_deref()
                .map(|name| [Logical { fully_qualified_name: name, kind: "resource" }]),
        }],
        partial_fingerprints: Fingerprints {
            line: format!("{}:1", finding.fingerprint.get(..16).unwrap_or_default()),
            own: &finding.fingerprint,
        },
        suppressions: suppression.into_iter().collect(),
        properties: Sources { severity: finding.severity.name(), new: verdict.new, sources, aliases: &finding.aliases },
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium | Severity::Unknown => "warning",
        Severity::Low => "note",
    }
}

/// A plain message of SARIF (3.11.5 and 3.11.6): brackets would make links of it.
fn text(said: &str) -> Text {
    let mut text = String::with_capacity(said.len());
    for c in said.chars() {
        match c {
            '[' | ']' | '\\' => text.extend(['\\', c]),
            '\n' | '\t' => text.push(c),
            c if crate::markdown::hostile(c) => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
    Text { text }
}
