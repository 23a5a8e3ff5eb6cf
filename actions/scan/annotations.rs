//! The few findings that GitHub shows in the changed files themselves. Who prints them escapes them
//! ([format](https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-an-error-message)).

use super::{
    finding::Finding,
    gate::{Assessment, Verdict},
    text::capped,
};
use crate::markdown;

/// GitHub shows ten annotations of a level and step; more are dropped.
pub const MOST: usize = 10;

/// How loud it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It stops the change.
    Error,
    /// It does not.
    Warning,
}

/// One annotation, of plain text on one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// How loud it is.
    pub level: Level,
    /// A file of the repository.
    pub path: String,
    /// First and last line.
    pub lines: Option<(u32, u32)>,
    /// Id and severity.
    pub title: String,
    /// What it is.
    pub message: String,
}

/// At most ten: of what is new (on the schedule: of what stops it), not suppressed and in a file of the repository, the worst.
#[must_use]
pub fn annotations(assessment: &Assessment) -> Vec<Annotation> {
    let mut shown: Vec<(&Finding, Verdict)> = assessment
        .judged()
        .filter(|(finding, verdict)| {
            finding.place.inside && verdict.suppressed.is_none() && (verdict.new || verdict.blocking)
        })
        .collect();
    shown.sort_by_key(|(_, verdict)| !verdict.blocking);
    shown.truncate(MOST);
    shown.into_iter().map(|(finding, verdict)| annotation(finding, verdict)).collect()
}

fn annotation(finding: &Finding, verdict: Verdict) -> Annotation {
    let level = if verdict.blocking { Level::Error } else { Level::Warning };
    let tools: Vec<&str> = super::comment::tools(finding).collect();
    let title = markdown::plain(&format!("{} ({}, {})", finding.id, finding.severity, tools.join(", ")));
    let package = finding.package.as_ref().map(|package| format!("{} {}: ", package.name, package.version));
    let message = format!("{}{}", package.unwrap_or_default(), super::comment::what(finding));
    let message = markdown::plain(&capped(&message, 1_000));
    Annotation { level, path: finding.place.path.clone(), lines: finding.place.lines, title, message }
}
