//! What becomes of an environment's one issue. It is known by its marker and its author, never by its title: anybody can
//! write either, but not as us.

use super::{
    digest, issue,
    render::{self, Context},
    report::Report,
};
use crate::{
    page::{COMMENT, Measure, Page},
    plan::comment::link,
    sticky::marker,
};

/// An issue that may be ours, as GitHub's API gives it
/// ([issues](https://docs.github.com/rest/issues/issues#list-repository-issues)), open or closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub number: u64,
    /// Whether it is open.
    pub open: bool,
    /// `completed`, `not_planned`, `duplicate`, `reopened`, or nothing.
    pub state_reason: Option<String>,
    /// The numeric id of the user who opened it: logins can be taken over.
    pub author: u64,
    /// Its text.
    pub body: String,
    /// The numeric id of the user who closed it, if GitHub says so.
    pub closed_by: Option<u64>,
}

/// Why an issue is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The drift is gone.
    Completed,
    /// Another issue says the same.
    Duplicate,
}

impl Closed {
    /// As GitHub's API takes it, in `state_reason`.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Duplicate => "duplicate",
        }
    }
}

/// What is done to issues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: there is no drift and no issue, or the issue of this number says all of it.
    Nothing(Option<u64>),
    /// Opens one.
    #[expect(missing_docs, reason = "the names say it")]
    Open { title: String, body: String, labels: Vec<String> },
    /// Writes its text anew.
    #[expect(missing_docs, reason = "the names say it")]
    Update { number: u64, body: String },
    /// Comments on it and closes it.
    #[expect(missing_docs, reason = "the names say it")]
    CloseWith { number: u64, comment: String, why: Closed },
    /// Writes its text anew, reopens it and comments on it.
    #[expect(missing_docs, reason = "the names say it")]
    Reopen { number: u64, comment: String, body: String },
    /// Leaves it closed: a person said that nothing is planned.
    LeaveClosed {
        /// Which.
        number: u64,
        /// To be said in the summary; and, if there is a `body`, in a comment.
        note: String,
        /// Its text anew, if the drift is another one than it tells: so the comment is made once.
        body: Option<String>,
    },
}

impl Step {
    /// In words, for the summary and the log. Markdown, nothing of it untrusted.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Nothing(None) => "No issue is open, and none is needed.".to_owned(),
            Self::Nothing(Some(number)) => format!("Issue #{number} stays as it is."),
            Self::Open { .. } => "A new issue tells the drift.".to_owned(),
            Self::Update { number, .. } => format!("Issue #{number} is written anew: the drift is another one."),
            Self::CloseWith { number, why: Closed::Completed, .. } => {
                format!("Issue #{number} is closed: the drift is gone.")
            }
            Self::CloseWith { number, why: Closed::Duplicate, .. } => {
                format!("Issue #{number} is closed as a duplicate.")
            }
            Self::Reopen { number, .. } => format!("Issue #{number} is reopened: the drift is back."),
            Self::LeaveClosed { note, .. } => note.clone(),
        }
    }
}

/// What is to be done, in this order; never nothing at all. `us` is the id of the user we write as. A plan that failed has
/// no report, and changes nothing.
#[must_use]
pub fn decide(report: &Report, context: &Context, candidates: &[Candidate], us: u64) -> Vec<Step> {
    let subject = issue::subject(&context.environment);
    let mut ours: Vec<&Candidate> =
        candidates.iter().filter(|one| one.author == us && about(&one.body).as_ref() == Some(&subject)).collect();
    ours.sort_by_key(|one| one.number);
    ours.dedup_by_key(|one| one.number);
    let Some(kept) = ours.iter().find(|one| one.open).or_else(|| refused(&ours, us)).or_else(|| ours.first()) else {
        return vec![if report.drifted() { open(report, context) } else { Step::Nothing(None) }];
    };
    let mut steps = vec![keep(kept, report, context, us)];
    for other in ours.iter().filter(|one| one.open && one.number != kept.number) {
        steps.push(Step::CloseWith {
            number: other.number,
            comment: format!("#{} is about the same environment and older: it goes on there.", kept.number),
            why: Closed::Duplicate,
        });
    }
    steps
}

/// The environment that an issue is about: that of the first marker in it. People may write above it.
pub(super) fn about(body: &str) -> Option<String> {
    body.lines().find_map(|line| marker::parse("drift", line))
}

/// The issue of which a person said that nothing is planned.
fn refused<'c>(ours: &'c [&'c Candidate], us: u64) -> Option<&'c &'c Candidate> {
    ours.iter().find(|one| !one.open && by_a_person(one, us))
}

fn by_a_person(issue: &Candidate, us: u64) -> bool {
    issue.state_reason.as_deref() == Some("not_planned") && issue.closed_by != Some(us)
}

fn open(report: &Report, context: &Context) -> Step {
    Step::Open {
        title: issue::title(&context.environment),
        body: issue::body(report, context).0,
        labels: issue::LABELS.map(str::to_owned).to_vec(),
    }
}

fn keep(kept: &Candidate, report: &Report, context: &Context, us: u64) -> Step {
    let number = kept.number;
    let known = digest::kept(&kept.body) == Some(&report.digest);
    let body = || issue::body(report, context).0;
    match (kept.open, report.drifted()) {
        (true, true) if known => Step::Nothing(Some(number)),
        (true, true) => Step::Update { number, body: body() },
        // What could not be planned may have drifted: nobody knows that it is gone.
        (true, false) if report.partial => Step::Nothing(Some(number)),
        (true, false) => Step::CloseWith {
            number,
            comment: comment(
                "The drift is gone: the plan finds nothing, and every alias is where the ledger says.",
                report,
                context,
            ),
            why: Closed::Completed,
        },
        (false, false) => Step::Nothing(None),
        (false, true) if by_a_person(kept, us) => Step::LeaveClosed {
            number,
            note: if known {
                format!("There is drift, and issue #{number}, closed as not planned, tells it.")
            } else {
                format!(
                    "The drift is another one than when this was closed as not planned. Issue #{number} tells what it is \
                     now and stays closed; whoever wants to hear of it reopens it."
                )
            },
            body: (!known).then(body),
        },
        (false, true) => Step::Reopen {
            number,
            comment: comment(&format!("The drift is back: {}.", lower(&render::words(report))), report, context),
            body: body(),
        },
    }
}

fn lower(words: &str) -> String {
    words.chars().take(1).flat_map(char::to_lowercase).chain(words.chars().skip(1)).collect()
}

/// A comment, with the commit and the run.
fn comment(text: &str, report: &Report, context: &Context) -> String {
    let mut page = Page::new(COMMENT, Measure::Utf16, &report.scrubber);
    let commit = context.commit.as_ref().map(|commit| format!("commit {}", page.span(commit)));
    let run = context.run.as_ref().map(|run| link(run, &page));
    let facts: Vec<String> = commit.into_iter().chain(run).collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(" · ")) };
    page.push(&format!("{text}{facts}\n"));
    page.text
}
