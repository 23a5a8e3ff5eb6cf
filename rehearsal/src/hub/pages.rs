//! The hub's pages as people read them.

use super::Hub;
use crate::github_page::{Conversation, Said, State};
use crate::stage::GITHUB_REPOSITORY;
use anyhow::{Result, anyhow};
use stand_ins::github::Issue;

/// Those of the pull requests and issues that are meant.
pub(super) fn conversations(hub: &Hub, meant: impl Fn(&Issue) -> bool) -> Result<Vec<Conversation>> {
    let repository = hub.github.repository(GITHUB_REPOSITORY)?;
    let jobs = hub.jobs.lock().map_err(|_| anyhow!("what became of the jobs was lost"))?;
    let conversation = |issue: &Issue| {
        let comments = repository.comments_of(issue.number).into_iter().map(|comment| Said {
            author: comment.user.login.clone(),
            body: comment.body.clone(),
            edited: comment.created_at != comment.updated_at,
            note: String::new(),
        });
        let merged = issue.pull.as_ref().is_some_and(|pull| pull.merged_at.is_some());
        let checks = jobs.get(&issue.number).into_iter().flatten();
        Conversation {
            title: issue.title.clone(),
            number: issue.number,
            author: issue.user.login.clone(),
            state: match (issue.open, merged) {
                (true, _) => State::Open,
                (false, true) => State::Merged,
                (false, false) => State::Closed,
            },
            body: Some(issue.body.clone().unwrap_or_default()),
            comments: comments.collect(),
            checks: checks.map(|(job, result)| (job.clone(), result == "success")).collect(),
        }
    };
    Ok(repository.issues.values().filter(|issue| meant(issue)).map(conversation).collect())
}
