//! Does on GitHub what [`decide`] says: <https://docs.github.com/en/rest/issues/issues>.
//!
//! Where an answer is lost, or an issue goes while it is written, it is looked and decided anew.

use std::time::Duration;

use anyhow::{Error, anyhow};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    decide::{Candidate, Closed, Step, about, decide},
    issue::{self, LABELS},
    render::Context,
    report::Report,
};
use crate::{
    failure::Failure,
    github::{GitHub, Refusal, pause},
    runner,
};

/// Beyond so many rounds somebody else changes the issues all the time.
const ROUNDS: u32 = 5;

/// The first pause after a lost answer.
const PAUSE: Duration = Duration::from_millis(250);

/// What became of the issue.
pub(super) struct Told {
    /// What was done, or would be.
    pub(super) steps: Vec<Step>,
    /// The issue that tells the drift.
    pub(super) issue: Option<u64>,
}

/// An issue, as far as it matters.
#[derive(Debug, Deserialize)]
struct Issue {
    number: u64,
    state: String,
    #[serde(default)]
    state_reason: Option<String>,
    #[serde(default)]
    body: Option<String>,
    user: Option<User>,
    /// Lists leave it out.
    #[serde(default)]
    closed_by: Option<User>,
    /// In GitHub's API pull requests are issues, too.
    #[serde(default)]
    pull_request: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
    id: u64,
}

#[derive(Debug, Deserialize)]
struct Comment {
    body: Option<String>,
    user: Option<User>,
}

/// How a step ended.
enum Done {
    /// It is done; this issue tells the drift.
    Issue(Option<u64>),
    /// Nobody knows, or there is no such issue any more.
    LookAgain(Refusal),
}

/// Brings the environment's issue up to date. None where the repository has no issues.
pub(super) async fn tell(
    github: &GitHub,
    report: &Report,
    context: &Context,
    dry_run: bool,
) -> Result<Option<Told>, Failure> {
    match rounds(github, report, context, dry_run).await {
        Ok(told) => Ok(Some(told)),
        Err(refusal) if refusal.status == Some(410) => {
            runner::warning(
                "no issue was written: this repository has none; switch issues on in its settings. The step's summary \
                 says everything",
            );
            Ok(None)
        }
        Err(refusal) => Err(refused(refusal)),
    }
}

async fn rounds(github: &GitHub, report: &Report, context: &Context, dry_run: bool) -> Result<Told, Refusal> {
    let (mut unheard, mut last) = (None, None);
    for round in 1..=ROUNDS {
        let (candidates, us) = candidates(github, report, context).await?;
        let mut steps = decide(report, context, &candidates, us);
        let done = if dry_run { Done::Issue(None) } else { each(github, &steps).await? };
        let issue = match done {
            Done::Issue(issue) => issue,
            Done::LookAgain(refusal) => {
                last = Some(refusal);
                unheard = steps.into_iter().find(|step| matches!(step, Step::Open { .. })).or(unheard);
                sleep(pause(PAUSE, round)).await;
                continue;
            }
        };
        // It was opened although nobody heard so.
        if let (Some(Step::Nothing(Some(_))), Some(opened)) = (steps.first(), unheard) {
            steps[0] = opened;
        }
        return Ok(Told { steps, issue });
    }
    Err(last.unwrap_or_else(|| Refusal { status: None, message: "nothing was asked".to_owned() }))
}

/// The issues of our own author, and the author's id.
async fn candidates(github: &GitHub, report: &Report, context: &Context) -> Result<(Vec<Candidate>, u64), Refusal> {
    // NOTE: `creator` finds no apps.
    let labelled = github.list(&format!("/issues?state=all&labels={}", LABELS[0])).await?;
    let mut ours = of_ours(labelled, github, context);
    if ours.iter().all(|issue| issue.state == "closed") {
        // Somebody may have taken the label away, and not every token may give one.
        ours.extend(of_ours(github.list("/issues?state=open").await?, github, context));
    }
    let us = ours.first().and_then(|issue| issue.user.as_ref()).map_or(0, |user| user.id);
    let mut all = Vec::new();
    for mut issue in ours {
        let refused = issue.state == "closed" && issue.state_reason.as_deref() == Some("not_planned");
        if refused && report.drifted() {
            match github.get::<Issue>(&format!("/issues/{}", issue.number)).await {
                Err(refusal) if is_gone(&refusal) => continue,
                found => issue.closed_by = found?.closed_by,
            }
        }
        all.push(Candidate {
            number: issue.number,
            open: issue.state == "open",
            state_reason: issue.state_reason,
            author: us,
            body: issue.body.unwrap_or_default(),
            closed_by: issue.closed_by.map(|user| user.id),
        });
    }
    Ok((all, us))
}

fn of_ours(issues: Vec<Issue>, github: &GitHub, context: &Context) -> Vec<Issue> {
    let subject = issue::subject(&context.environment);
    let ours = |issue: &Issue| {
        issue.pull_request.is_none()
            && issue.user.as_ref().is_some_and(|user| user.login == github.author)
            && about(issue.body.as_deref().unwrap_or_default()).as_ref() == Some(&subject)
    };
    issues.into_iter().filter(ours).collect()
}

async fn each(github: &GitHub, steps: &[Step]) -> Result<Done, Refusal> {
    let mut first = None;
    for step in steps {
        match one(github, step).await? {
            Done::Issue(issue) => first = first.or(issue),
            again => return Ok(again),
        }
    }
    Ok(Done::Issue(first))
}

async fn one(github: &GitHub, step: &Step) -> Result<Done, Refusal> {
    let (number, change, said) = match step {
        Step::Nothing(number) => return Ok(Done::Issue(*number)),
        Step::LeaveClosed { number, body: None, .. } => return Ok(Done::Issue(Some(*number))),
        Step::Open { title, body, labels } => return open(github, title, body, labels).await,
        Step::CloseWith { number, comment, why } => return close(github, *number, comment, *why).await,
        Step::Update { number, body } => (*number, json!({ "body": body }), None),
        Step::Reopen { number, comment, body } => (*number, json!({ "body": body, "state": "open" }), Some(comment)),
        Step::LeaveClosed { number, note, body: Some(body) } => (*number, json!({ "body": body }), Some(note)),
    };
    match github.patch::<Value>(&format!("/issues/{number}"), &change).await {
        Err(refusal) if is_gone(&refusal) => return Ok(Done::LookAgain(refusal)),
        done => done?,
    };
    if let Some(said) = said {
        comment(github, number, said).await?;
    }
    Ok(Done::Issue(Some(number)))
}

async fn open(github: &GitHub, title: &str, body: &str, labels: &[String]) -> Result<Done, Refusal> {
    let new = json!({ "title": title, "body": body, "labels": labels });
    match github.post::<Issue>("/issues", &new).await {
        Ok(issue) => Ok(Done::Issue(Some(issue.number))),
        Err(refusal) if is_lost(&refusal) => Ok(Done::LookAgain(refusal)),
        Err(refusal) => Err(refusal),
    }
}

async fn close(github: &GitHub, number: u64, said: &str, why: Closed) -> Result<Done, Refusal> {
    // First: once it is closed, nobody would say why any more.
    match comment(github, number, said).await {
        Err(refusal) if is_gone(&refusal) => return Ok(Done::LookAgain(refusal)),
        done => done?,
    }
    let route = format!("/issues/{number}");
    let change = |reason: &str| json!({ "state": "closed", "state_reason": reason });
    match github.patch::<Value>(&route, &change(why.reason())).await {
        // An older Enterprise Server knows no duplicates.
        Err(refusal) if refusal.status == Some(422) && why == Closed::Duplicate => {
            github.patch::<Value>(&route, &change("not_planned")).await?;
        }
        Err(refusal) if is_gone(&refusal) => return Ok(Done::LookAgain(refusal)),
        done => drop(done?),
    }
    Ok(Done::Issue(None))
}

/// Comments once, even where an answer is lost.
async fn comment(github: &GitHub, number: u64, text: &str) -> Result<(), Refusal> {
    let route = format!("/issues/{number}/comments");
    for round in 1..ROUNDS {
        match github.post::<Value>(&route, &json!({ "body": text })).await {
            Err(refusal) if is_lost(&refusal) => sleep(pause(PAUSE, round)).await,
            Err(refusal) if refusal.status == Some(403) && refusal.message.contains("locked") => {
                runner::warning(format_args!("issue #{number} is locked, so nothing was said there"));
                return Ok(());
            }
            done => return done.map(drop),
        }
        let comments: Vec<Comment> = github.list(&route).await?;
        let mut ours = comments.iter().rev();
        let last = ours.find(|comment| comment.user.as_ref().is_some_and(|user| user.login == github.author));
        if last.is_some_and(|last| last.body.as_deref().is_some_and(|body| body.trim() == text.trim())) {
            return Ok(());
        }
    }
    github.post::<Value>(&route, &json!({ "body": text })).await.map(drop)
}

/// Whether nobody knows what came of it.
fn is_lost(refusal: &Refusal) -> bool {
    refusal.status.is_none_or(|status| status >= 500)
}

/// Whether there is no such issue: it was deleted or moved to another repository.
fn is_gone(refusal: &Refusal) -> bool {
    matches!(refusal.status, Some(404 | 410))
}

fn refused(refusal: Refusal) -> Failure {
    let what = "the environment's issue cannot be brought up to date";
    let limited = refusal.message.contains("rate limit");
    let advice = match refusal.status {
        Some(401) => "the token is no longer good; run the job again",
        Some(403 | 404) if !limited => "give the job `permissions: issues: write`",
        Some(422) => "this is a fault of lockgate; please report it",
        _ => "run the job again",
    };
    let is_right = matches!(refusal.status, Some(401 | 403 | 404)) && !limited;
    let error: Error = anyhow!(refusal).context(format!("{what}; {advice}"));
    if is_right { Failure::Usage(error) } else { Failure::World(error) }
}
