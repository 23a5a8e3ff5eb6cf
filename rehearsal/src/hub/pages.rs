//! The hub's pages as people read them.

use super::Hub;
use crate::github_page::{Conversation, Said, State};
use crate::stage::GITHUB_REPOSITORY;
use anyhow::Result;
use stand_ins::github::Issue;

/// Those of the pull requests and issues that are meant.
pub(super) fn conversations(hub: &Hub, meant: impl Fn(&Issue) -> bool) -> Result<Vec<Conversation>> {
    let repository = hub.github.repository(GITHUB_REPOSITORY)?;
    let runs = hub.played();
    let conversation = |issue: &Issue| {
        let comments = repository.comments_of(issue.number).into_iter().map(|comment| Said {
            author: comment.user.login.clone(),
            body: comment.body.clone(),
            earlier: comment.edits.clone(),
        });
        let merged = issue.pull.as_ref().is_some_and(|pull| pull.merged_at.is_some());
        let last = runs.iter().rfind(|run| run.shown_on == Some(issue.number));
        let checks = last.into_iter().flat_map(|run| &run.jobs);
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
