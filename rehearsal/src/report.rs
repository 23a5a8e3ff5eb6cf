//! The HTML report: what was played, what it found, where the time went.

use crate::acts;
use crate::api::Asked;
use crate::clock::{Kind, Span};
use crate::github_page;
use crate::hub::Hub;
use crate::stage::Stage;
use crate::story::{Act, Outcome, Played, Status};
use anyhow::{Context, Result};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::path::PathBuf;

/// Requests to the API that are shown; the rest is counted.
const SHOWN_REQUESTS: usize = 60;

/// Characters of an answer that are shown.
const SHOWN_ANSWER: usize = 600;

/// Writes `report.html` into the run's folder and returns its path.
///
/// # Errors
/// If it cannot be written.
pub fn write(stage: &Stage, outcome: &Outcome, asked: &[Asked], rejected: &[(String, String)]) -> Result<PathBuf> {
    let path = stage.file("report.html");
    let page = page(stage, outcome, asked, rejected);
    std::fs::write(&path, page.into_string()).with_context(|| format!("failed to write {}", path.display()))?;
    Ok(path)
}

fn page(stage: &Stage, outcome: &Outcome, asked: &[Asked], rejected: &[(String, String)]) -> Markup {
    let verdict = if outcome.passed() { "passed" } else { "failed" };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Lockgate rehearsal: " (verdict) }
                style { (PreEscaped(include_str!("report.css"))) (PreEscaped(github_page::CSS)) }
            }
            body {
                h1 { "Lockgate rehearsal " span class=(verdict) { (verdict) } }
                p {
                    (format!("{:.1} s", outcome.time.total)) " in all: Terraform " (format!("{:.1} s", outcome.time.terraform))
                    ", cargo " (format!("{:.1} s", outcome.time.cargo))
                    ", scanners " (format!("{:.1} s", outcome.time.scanners)) ", none of them "
                    (format!("{:.1} s", outcome.time.neither)) "."
                }
                h2 { "Acts" }
                @for act in &outcome.acts { (played(act)) }
                @if let Some(hub) = &stage.hub { (conversations(hub)) }
                h2 { "Timeline" }
                (timeline(&stage.clock.spans(), outcome.time.total))
                h2 { "Invocations" }
                (invocations(stage))
                h2 { "Answers of the API" }
                (answers(asked))
                h2 { "Rejected records" }
                (rejections(rejected))
                @if !stage.rewrites.is_empty() {
                    h2 { "Changed in the workflows for act" }
                    table {
                        tr { th { "file" } th { "change" } }
                        @for (file, what) in &stage.rewrites { tr { td { (file) } td { (what) } } }
                    }
                }
                h2 { "Tools" }
                table {
                    tr { th { "tool" } th { "version" } th { "from" } }
                    @for tool in &stage.tools { tr { td { (tool.name) } td { (tool.version) } td { (tool.origin) } } }
                }
            }
        }
    }
}

fn played(act: &Played) -> Markup {
    let about = Act::ALL.into_iter().find(|one| one.name() == act.name).map_or("", Act::about);
    let (class, word) = match act.status {
        Status::Passed => ("passed", "passed"),
        Status::Failed => ("failed", "failed"),
        Status::Skipped => ("skipped", "skipped"),
    };
    html! {
        details open[act.status == Status::Failed] {
            summary {
                span class=(class) { (word) } " " b { (act.name) } " " (about) " "
                span class="quiet" { (format!("{:.1} s, {} checks", act.seconds, act.checks.len())) }
            }
            table {
                @for check in &act.checks {
                    tr {
                        td { span class=(if check.ok { "passed" } else { "failed" }) { (if check.ok { "✓" } else { "✗" }) } }
                        td { (check.name) }
                        td class="detail" { (cut(&check.detail)) }
                    }
                }
            }
        }
    }
}

/// The pull requests and issues as GitHub would show them.
fn conversations(hub: &Hub) -> Markup {
    html! {
        h2 { "Pull requests and issues" }
        @match hub.conversations() {
            Ok(conversations) => @for conversation in &conversations {
                details {
                    summary { "#" (conversation.number) " " b { (conversation.title) } }
                    (github_page::page(conversation))
                }
            },
            Err(error) => p class="failed" { (format!("{error:#}")) },
        }
    }
}

/// A bar for everything that was measured, as a picture.
fn timeline(spans: &[Span], total: f64) -> Markup {
    const WIDTH: f64 = 1000.0;
    const ROW: f64 = 20.0;
    const LABEL: f64 = 300.0;
    let mut spans: Vec<&Span> = spans.iter().collect();
    spans.sort_by(|one, other| one.from.total_cmp(&other.from));
    let scale = (WIDTH - LABEL) / total.max(0.001);
    let height = ROW * (spans.len() as f64 + 1.0);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label="what ran when" {
            @for (row, span) in spans.iter().enumerate() {
                @let top = ROW * row as f64;
                @let class = match span.kind {
                    Kind::Terraform => "terraform", Kind::Cargo => "cargo", Kind::Scanner => "scanner", Kind::Tool => "tool", Kind::Step => "step",
                };
                text x="0" y=(top + 14.0) { (span.what) }
                rect class=(class) x=(LABEL + span.from * scale) y=(top + 3.0) height=(ROW - 6.0)
                    width=(((span.to - span.from) * scale).max(1.0)) {
                    title { (format!("{}: {:.1} s to {:.1} s", span.what, span.from, span.to)) }
                }
            }
        }
    }
}

fn invocations(stage: &Stage) -> Markup {
    let invoked = stage.host.invoked();
    let mut functions: Vec<&str> = invoked.iter().map(|one| one.function.as_str()).collect();
    functions.sort_unstable();
    functions.dedup();
    html! {
        table {
            tr { th { "function" } th { "invocations" } th { "cold" } th { "slowest cold" } th { "slowest warm" } th { "peak memory" } th { "errors" } }
            @for function in functions {
                @let runs: Vec<_> = invoked.iter().filter(|one| one.function == function).collect();
                @let slowest = |cold: bool| runs.iter().filter(|one| one.cold == cold).map(|one| one.milliseconds).fold(0.0, f64::max);
                tr {
                    td { (function) }
                    td { (runs.len()) }
                    td { (runs.iter().filter(|one| one.cold).count()) }
                    td { (format!("{:.0} ms", slowest(true))) }
                    td { (format!("{:.0} ms", slowest(false))) }
                    td { (format!("{:.1} MB", runs.iter().filter_map(|one| one.peak_memory).max().unwrap_or(0) as f64 / 1e6)) }
                    td { (runs.iter().filter(|one| one.error.is_some()).count()) }
                }
            }
        }
    }
}

fn answers(asked: &[Asked]) -> Markup {
    // One request of each kind first: a path without its query and with its ids left out.
    let kind = |asked: &Asked| {
        let path = asked.request.split('?').next().unwrap_or_default();
        let stem: Vec<&str> = path.split('/').take(2).collect();
        format!("{} {} {}", stem.join("/"), path.matches('/').count(), asked.status)
    };
    let mut seen = std::collections::BTreeSet::new();
    let (mut shown, rest): (Vec<&Asked>, Vec<&Asked>) = asked.iter().partition(|asked| seen.insert(kind(asked)));
    let more = SHOWN_REQUESTS.saturating_sub(shown.len()).min(rest.len());
    shown.extend(&rest[..more]);
    html! {
        p class="quiet" { (format!("{} of {} requests, one of each kind first", shown.len(), asked.len())) }
        @for asked in shown {
            details {
                summary { span class=(if asked.status < 400 { "passed" } else { "skipped" }) { (asked.status) } " " code { (asked.request) } }
                pre { (cut(&format!("{:#}", asked.body))) }
            }
        }
    }
}

fn rejections(rejected: &[(String, String)]) -> Markup {
    html! {
        @for (key, object) in rejected {
            details {
                summary { code { (key) } " " span class="quiet" { (object.lines().count()) " lines" } }
                table {
                    tr { th { "line" } th { "reason" } th { "bytes, in Base64" } }
                    @for line in object.lines() {
                        @let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
                        tr {
                            td { (line["line"]) }
                            td { (line["reason"].as_str().unwrap_or_default()) }
                            td class="detail" { (line["bytes"].as_str().unwrap_or_default().chars().take(80).collect::<String>()) }
                        }
                    }
                }
            }
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_ANSWER) {
        Some((end, _)) => format!("{} … ({} more bytes)", &text[..end], text.len() - end),
        None => text.to_owned(),
    }
}

/// The results as a table for a terminal.
#[must_use]
pub fn table(outcome: &Outcome) -> String {
    let mut lines = vec![format!("\n{:16} {:8} {:>8} {:>7}", "act", "status", "seconds", "checks")];
    for act in &outcome.acts {
        let status = match act.status {
            Status::Passed => "passed",
            Status::Failed => "FAILED",
            Status::Skipped => "skipped",
        };
        lines.push(format!("{:16} {status:8} {:8.1} {:7}", act.name, act.seconds, act.checks.len()));
        let wrong = act.checks.iter().filter(|check| !check.ok);
        lines.extend(wrong.map(|check| format!("                 {}: {}", check.name, cut(&check.detail))));
    }
    let time = &outcome.time;
    lines.push(format!(
        "\n{:.1} s: Terraform {:.1} s, cargo {:.1} s, scanners {:.1} s, none of them {:.1} s",
        time.total, time.terraform, time.cargo, time.scanners, time.neither
    ));
    lines.join("\n")
}

/// The rejected objects of the landing bucket, key and content, for the report; none before *provision* was played.
pub async fn rejected(stage: &Stage) -> Vec<(String, String)> {
    let objects = acts::rejected(stage).await.unwrap_or_default().into_iter();
    objects.map(|(key, object)| (key, String::from_utf8_lossy(&object).into_owned())).collect()
}
