//! The HTML report: what was played, what it found, where the time went. It loads nothing from elsewhere.

mod acts;
mod aliases;
mod answers;
mod checkout;
mod conversations;
mod deployments;
mod invocations;
mod runs;
mod timeline;

use crate::api::Asked;
use crate::clock::Split;
use crate::github_page;
use crate::stage::Stage;
use crate::story::{Outcome, Played, Status};
use anyhow::{Context, Result};
use checkout::Checkout;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use stand_ins::emulator::AliasMove;
use stand_ins::folders;
use std::path::PathBuf;

/// Characters of an answer that are shown.
const SHOWN_ANSWER: usize = 600;

/// What the report asks of the running parts before it is written.
#[derive(Debug)]
pub struct Gathered {
    /// The rejected objects of the landing bucket, key and content; none before *provision* was played.
    rejected: Vec<(String, String)>,
    /// Where aliases pointed, oldest first.
    aliases: Result<Vec<AliasMove>>,
}

/// Asks the running parts for what the report shows of them.
pub async fn gather(stage: &Stage) -> Gathered {
    let objects = crate::acts::rejected(stage).await.unwrap_or_default().into_iter();
    Gathered {
        rejected: objects.map(|(key, object)| (key, String::from_utf8_lossy(&object).into_owned())).collect(),
        aliases: stage.emulator.aliases().await,
    }
}

/// Writes `report.html` into the run's folder and returns its path.
///
/// # Errors
/// If it cannot be written.
pub fn write(stage: &Stage, outcome: &Outcome, asked: &[Asked], gathered: &Gathered) -> Result<PathBuf> {
    let path = stage.file("report.html");
    let checkout = Checkout::seen_from(&stage.folder, &folders::workspace()?);
    let page = page(outcome, &sections(stage, outcome, asked, gathered, &checkout));
    std::fs::write(&path, page.into_string()).with_context(|| format!("failed to write {}", path.display()))?;
    Ok(path)
}

/// A heading and what is below it.
type Section = (&'static str, Markup);

fn sections(
    stage: &Stage,
    outcome: &Outcome,
    asked: &[Asked],
    gathered: &Gathered,
    checkout: &Checkout,
) -> Vec<Section> {
    let (hub, spans) = (stage.hub.as_ref(), stage.clock.spans());
    let runs = hub.map(|hub| hub.played()).unwrap_or_default();
    let rewrites = stage.rewrites.iter().map(|(file, what)| [file.as_str(), what]);
    let tools = stage.tools.iter().map(|tool| [tool.name, &tool.version, &tool.origin]);
    vec![
        ("Acts", acts::acts(&outcome.acts, &runs, checkout)),
        ("Runs", runs::runs(&runs, checkout)),
        ("Pull requests", hub.map(|hub| conversations::pages(hub.pulls())).unwrap_or_default()),
        ("Issues", hub.map(|hub| conversations::pages(hub.issues())).unwrap_or_default()),
        (
            "Deployments",
            hub.map(|hub| deployments::section(hub.deployments(), stage.clock.began())).unwrap_or_default(),
        ),
        ("Aliases", aliases::section(&gathered.aliases, &stage.clock, outcome.time.total)),
        ("Times", times(&outcome.acts)),
        ("Timeline", timeline::timeline(&spans, outcome.time.total)),
        ("Invocations", invocations::invocations(stage)),
        ("Answers of the API", answers::answers(asked)),
        ("Rejected records", answers::rejections(&gathered.rejected)),
        ("Changed in the workflows for act", table_of(["file", "change"], rewrites)),
        ("Tools", table_of(["tool", "version", "from"], tools)),
    ]
}

/// The page: a section that has nothing has no heading.
fn page(outcome: &Outcome, sections: &[Section]) -> Markup {
    let verdict = if outcome.passed() { "passed" } else { "failed" };
    let sections: Vec<&Section> = sections.iter().filter(|(_, content)| !content.0.is_empty()).collect();
    let place = |title: &str| title.to_lowercase().replace(' ', "-");
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
                    (format!("{:.1} s", outcome.time.total)) " in all: " (outcome.time.shown()) "."
                }
                nav { @for (title, _) in &sections { a href={ "#" (place(title)) } { (title) } " " } }
                @for (title, content) in &sections {
                    h2 id=(place(title)) { (title) }
                    (content)
                }
            }
        }
    }
}

/// Where the time of each act went.
fn times(acts: &[Played]) -> Markup {
    let rows: Vec<[String; 6]> = acts
        .iter()
        .map(|act| {
            let Split { total, terraform, cargo, scanners, neither } = act.time;
            let [total, terraform, cargo, scanners, neither] =
                [total, terraform, cargo, scanners, neither].map(|seconds| format!("{seconds:.1}"));
            [act.name.to_owned(), total, terraform, cargo, scanners, neither]
        })
        .collect();
    let heads = ["act", "seconds", "Terraform", "cargo", "scanners", "none of them"];
    table_of(heads, rows.iter().map(|row| row.each_ref().map(String::as_str)))
}

/// A table; nothing without rows.
fn table_of<'t, const COLUMNS: usize>(
    heads: [&str; COLUMNS],
    rows: impl Iterator<Item = [&'t str; COLUMNS]>,
) -> Markup {
    let mut rows = rows.peekable();
    html! {
        @if rows.peek().is_some() {
            table {
                tr { @for head in heads { th { (head) } } }
                @for row in rows { tr { @for cell in row { td { (cell) } } } }
            }
        }
    }
}

/// A word on the ground that says how something ended.
fn badge(ok: bool, word: &str) -> Markup {
    html! { span class=(if ok { "passed" } else { "failed" }) { (word) } }
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
    let mut lines = vec![format!(
        "\n{:16} {:8} {:>8} {:>9} {:>8} {:>8} {:>8} {:>7}",
        "act", "status", "seconds", "Terraform", "cargo", "scanners", "none", "checks"
    )];
    for act in &outcome.acts {
        let status = match act.status {
            Status::Passed => "passed",
            Status::Failed => "FAILED",
            Status::Skipped => "skipped",
        };
        let Split { total, terraform, cargo, scanners, neither } = act.time;
        lines.push(format!(
            "{:16} {status:8} {total:8.1} {terraform:9.1} {cargo:8.1} {scanners:8.1} {neither:8.1} {:7}",
            act.name,
            act.checks.len()
        ));
        let wrong = act.checks.iter().filter(|check| !check.ok);
        lines.extend(wrong.map(|check| format!("                 {}: {}", check.name, cut(&check.detail))));
    }
    lines.push(format!("\n{:.1} s: {}", outcome.time.total, outcome.time.shown()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn what_is_empty_has_no_heading() {
        let outcome = Outcome { acts: Vec::new(), time: Clock::default().split() };
        let checkout = Checkout::seen_from("/run".as_ref(), "/checkout".as_ref());
        let nothing = [
            ("Acts", acts::acts(&[], &[], &checkout)),
            ("Runs", runs::runs(&[], &checkout)),
            ("Issues", conversations::pages(Ok(Vec::new()))),
            ("Deployments", deployments::section(Ok(Vec::new()), jiff::Timestamp::now())),
            ("Aliases", aliases::section(&Ok(Vec::new()), &Clock::default(), 1.0)),
            ("Times", times(&[])),
            ("Timeline", timeline::timeline(&[], 1.0)),
            ("Answers of the API", answers::answers(&[])),
            ("Rejected records", answers::rejections(&[])),
            ("Tools", table_of(["tool"], std::iter::empty())),
        ];
        let page = page(&outcome, &nothing).into_string();
        assert!(!page.contains("<h2") && !page.contains("href"), "{page}");
    }

    #[test]
    fn a_section_is_found_from_the_top() {
        let outcome = Outcome { acts: Vec::new(), time: Clock::default().split() };
        let page = page(&outcome, &[("Pull requests", html! { "one" })]).into_string();
        assert!(page.contains("<a href=\"#pull-requests\">Pull requests</a>"), "{page}");
        assert!(page.contains("<h2 id=\"pull-requests\">Pull requests</h2>one"), "{page}");
    }
}
