//! The one comment of an action on a pull request, with a section for each subject.
//!
//! GitHub changes a comment whatever it was in between, so two jobs may overwrite each other. Each therefore writes, reads
//! again, and goes on until what it reads is one comment with its section in it; where others are known to write, or the
//! comment is new, it looks once more after a moment. Duplicates melt into the oldest comment.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Error, Result, anyhow};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::marker;
use crate::{
    event::PullRequest,
    github::{GitHub, Refusal, pause},
    runner,
};

/// Beyond so many rounds somebody else rewrites the comment all the time.
const ROUNDS: u32 = 16;

/// Which comment, and how long its writers leave each other.
#[derive(Clone, Copy, Debug)]
pub struct Sticky<'a> {
    /// The action, as its marker names it.
    pub action: &'a str,
    /// What the section is about, such as a root's folder.
    pub subject: &'a str,
    /// How long all sections may be together, in UTF-16 units.
    pub most: usize,
    /// After how long it is looked once more, where others may write.
    pub settle: Duration,
}

/// How an attempt to comment ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The comment says it now.
    Written {
        /// The comment, for people.
        url: String,
    },
    /// The comment said so already.
    Unchanged {
        /// The comment, for people.
        url: String,
    },
    /// Nobody decides any more: the pull request is closed.
    Closed,
    /// The conversation is locked.
    Locked,
    /// The pull request comes from a fork, and this run's token may only read.
    Fork,
}

impl Ending {
    /// Says in the run's log where the comment on this pull request is, or why there is none.
    pub(crate) fn say(&self, number: u64) {
        match self {
            Self::Written { url } => runner::say(format_args!("written to {url}")),
            Self::Unchanged { url } => runner::say(format_args!("{url} says so already")),
            other => runner::warning(other.told(number).unwrap_or_default()),
        }
    }

    /// What to tell where it is no comment, and what to do.
    #[must_use]
    pub fn told(&self, number: u64) -> Option<String> {
        let why = match self {
            Self::Written { .. } | Self::Unchanged { .. } => return None,
            Self::Closed => format!("pull request #{number} is closed"),
            Self::Locked => format!("the conversation of #{number} is locked; unlock it to have comments again"),
            Self::Fork => format!("#{number} comes from a fork, whose runs may not comment"),
        };
        Some(format!("no comment was written: {why}. The step's summary says everything"))
    }
}

/// An issue comment, as far as it matters: <https://docs.github.com/en/rest/issues/comments>
#[derive(Debug, Deserialize)]
struct Comment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    user: Option<User>,
    html_url: String,
    updated_at: String,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

impl Comment {
    fn body(&self) -> &str {
        self.body.as_deref().unwrap_or_default()
    }
}

/// Writes the section, as `render` makes it for the room that it is given, into the one comment on a pull request.
///
/// # Errors
/// If GitHub refuses, or cannot be reached.
pub async fn write(
    github: &GitHub,
    number: u64,
    sticky: Sticky<'_>,
    render: impl Fn(usize) -> String,
) -> Result<Ending> {
    write_where(github, number, sticky, render, |pull| pull.state != "closed").await
}

/// The same for what became of a change: on a pull request that was merged, too.
///
/// # Errors
/// As [`write()`].
pub async fn write_on_merged(
    github: &GitHub,
    number: u64,
    sticky: Sticky<'_>,
    render: impl Fn(usize) -> String,
) -> Result<Ending> {
    write_where(github, number, sticky, render, |pull| pull.state != "closed" || pull.merged_at.is_some()).await
}

async fn write_where(
    github: &GitHub,
    number: u64,
    sticky: Sticky<'_>,
    render: impl Fn(usize) -> String,
    is_wanted: fn(&PullRequest) -> bool,
) -> Result<Ending> {
    let pull: PullRequest =
        github.get(&format!("/pulls/{number}")).await.map_err(|refusal| refused(refusal, number, "read"))?;
    if !is_wanted(&pull) {
        return Ok(Ending::Closed);
    }
    match upsert(github, number, sticky, render).await {
        Ok(ending) => Ok(ending),
        Err(refusal) if refusal.status == Some(403) && refusal.message.contains("locked") => Ok(Ending::Locked),
        Err(refusal) if refusal.status == Some(403) && pull.from_fork() => Ok(Ending::Fork),
        Err(refusal) => Err(refused(refusal, number, "commented on")),
    }
}

fn refused(refusal: Refusal, number: u64, what: &str) -> Error {
    let advice = match refusal.status {
        Some(401) => "the token is no longer good; run the job again",
        Some(403) => "give the job `permissions: pull-requests: write`",
        Some(404) => "give the job `permissions: pull-requests: write`, or correct the number",
        Some(422) => "this is a fault of lockgate; please report it",
        _ => "run the job again",
    };
    Error::new(refusal).context(format!("pull request #{number} cannot be {what}; {advice}"))
}

async fn upsert(
    github: &GitHub,
    number: u64,
    sticky: Sticky<'_>,
    render: impl Fn(usize) -> String,
) -> Result<Ending, Refusal> {
    let route = format!("/issues/{number}/comments");
    let (mut changed, mut settled) = (false, false);
    for round in 1..=ROUNDS {
        let mut ours = self::ours(github, &route, sticky.action).await?;
        let (mut body, mut others) = wanted(&ours, sticky, &render);
        if changed && ours.first().is_some_and(|first| first.body() != body || ours.len() > 1) {
            // Somebody else writes, too: in step, two would go on for ever. What they write meanwhile is kept.
            settled = false;
            sleep(pause(sticky.settle / 4, round.min(3))).await;
            ours = self::ours(github, &route, sticky.action).await?;
            (body, others) = wanted(&ours, sticky, &render);
        }
        let Some(first) = ours.first() else {
            changed = true;
            // Where the answer is lost, the next look tells whether it is there.
            match github.post::<Value>(&route, &json!({ "body": body })).await {
                Err(refusal) if refusal.status.is_some_and(|status| status < 500) => return Err(refusal),
                Err(_) => sleep(pause(Duration::from_millis(250), round)).await,
                Ok(_) => {}
            }
            continue;
        };
        if first.body() == body && ours.len() == 1 {
            // NOTE: another job may have read the comment before our section was in it, and write after this look.
            if settled || !(others || changed) {
                let url = first.html_url.clone();
                return Ok(if changed { Ending::Written { url } } else { Ending::Unchanged { url } });
            }
            settled = true;
            sleep(sticky.settle).await;
            continue;
        }
        settled = false;
        if first.body() != body {
            changed = true;
            let done = github.patch::<Value>(&format!("/issues/comments/{}", first.id), &json!({ "body": body })).await;
            match done {
                // Somebody deleted it since we looked.
                Err(refusal) if refusal.status != Some(404) => return Err(refusal),
                _ => {}
            }
        } else {
            // Only what the first comment says already is deleted.
            for other in &ours[1..] {
                changed = true;
                github.delete(&format!("/issues/comments/{}", other.id)).await?;
            }
        }
    }
    // Jobs that all want more room than there is take folds from each other: what counts is that each has its section.
    let ours = self::ours(github, &route, sticky.action).await?;
    let has_section = |comment: &&Comment| {
        marker::sections(sticky.action, comment.body()).iter().any(|(subject, _)| subject == sticky.subject)
    };
    match ours.iter().find(has_section) {
        Some(comment) => Ok(Ending::Written { url: comment.html_url.clone() }),
        None => Err(Refusal {
            status: None,
            message: format!("the comment was rewritten by others {ROUNDS} times in a row"),
        }),
    }
}

/// The comments of our own author that begin with a marker of the action, the oldest first.
async fn ours(github: &GitHub, route: &str, action: &str) -> Result<Vec<Comment>, Refusal> {
    let mut comments: Vec<Comment> = github.list(route).await?;
    comments.retain(|comment| {
        comment.user.as_ref().is_some_and(|user| user.login == github.author)
            && comment.body().lines().next().is_some_and(|line| marker::parse(action, line).is_some())
    });
    comments.sort_by_key(|comment| comment.id);
    Ok(comments)
}

/// What the one comment should say, and whether others have sections in it.
///
/// Each section has a fair share of the room, and what the others leave of theirs. Where that does not do, because another
/// was there first and took all, the longest over its share lose their folds; their own jobs write them anew within it.
fn wanted(ours: &[Comment], sticky: Sticky<'_>, render: &impl Fn(usize) -> String) -> (String, bool) {
    // Of a section that stands in several comments the one that was written last.
    let mut order: Vec<&Comment> = ours.iter().collect();
    order.sort_by(|one, other| one.updated_at.cmp(&other.updated_at));
    let mut others: BTreeMap<String, String> = BTreeMap::new();
    for comment in order {
        for (subject, section) in marker::sections(sticky.action, comment.body()) {
            if subject != sticky.subject {
                others.insert(subject, section.trim_end().to_owned());
            }
        }
    }
    let length = |text: &str| text.encode_utf16().count() + 2;
    let fair = sticky.most / (others.len() + 1);
    let left: usize = others.values().map(|other| fair.saturating_sub(length(other))).sum();
    let section = render((fair + left).saturating_sub(4));
    let mut total = length(&section) + others.values().map(|other| length(other)).sum::<usize>();
    let mut longest: Vec<&mut String> = others.values_mut().filter(|other| length(other) > fair).collect();
    longest.sort_by_key(|other| std::cmp::Reverse(other.len()));
    for other in longest {
        if total > sticky.most {
            let slim = marker::without_folds(sticky.action, other);
            total = total + length(&slim) - length(other);
            *other = slim;
        }
    }
    let body = others
        .iter()
        .fold(String::new(), |body, (subject, other)| marker::with_section(sticky.action, &body, subject, other));
    (marker::with_section(sticky.action, &body, sticky.subject, &section), !others.is_empty())
}

/// What the comment of an action on a pull request says about a subject: its section of the oldest such comment of our author's,
/// none if there is none.
///
/// # Errors
/// If GitHub refuses, or cannot be reached.
pub async fn section(github: &GitHub, number: u64, action: &str, subject: &str) -> Result<Option<String>> {
    let ours = ours(github, &format!("/issues/{number}/comments"), action).await;
    let ours = ours.map_err(|refusal| refused(refusal, number, "read"))?;
    let sections = ours.iter().flat_map(|comment| marker::sections(action, comment.body()));
    let found = sections.into_iter().find(|(other, _)| other == subject);
    Ok(found.map(|(_, section)| section.to_owned()))
}

/// The pull request that a commit came by: the one that was merged, else the only open one.
/// <https://docs.github.com/en/rest/commits/commits#list-pull-requests-associated-with-a-commit>
///
/// # Errors
/// If GitHub refuses, or cannot be reached.
pub async fn pull_request_of(github: &GitHub, commit: &str) -> Result<Option<u64>> {
    let found = pull_requests_of(github, commit).await?;
    let merged = found.iter().find(|pull| pull.merged_at.is_some());
    let only = found.first().filter(|_| found.len() == 1);
    Ok(merged.or(only).map(|pull| pull.number))
}

/// The pull request by which a commit was merged into this branch.
///
/// # Errors
/// As [`pull_request_of`].
pub async fn merged_by(github: &GitHub, commit: &str, branch: &str) -> Result<Option<u64>> {
    let found = pull_requests_of(github, commit).await?;
    let merged = found.iter().find(|pull| pull.merged_at.is_some() && pull.base.branch == branch);
    Ok(merged.map(|pull| pull.number))
}

async fn pull_requests_of(github: &GitHub, commit: &str) -> Result<Vec<PullRequest>> {
    if commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(anyhow!("{commit:?} is no commit; it has 40 hexadecimal digits"));
    }
    github
        .list(&format!("/commits/{commit}/pulls"))
        .await
        .with_context(|| format!("the pull requests of {commit} cannot be read; give the job `pull-requests: read`"))
}
