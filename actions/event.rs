//! The event that started the workflow's run: the file that `GITHUB_EVENT_PATH` names
//! (<https://docs.github.com/en/webhooks/webhook-events-and-payloads>).

use std::{env, fs};

use anyhow::{Context, Result};
use serde::Deserialize;

/// What of an event matters here.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Event {
    /// The pull request that it is about.
    pub pull_request: Option<PullRequest>,
    /// The repository.
    pub repository: Option<Repository>,
}

/// A repository.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Repository {
    /// `owner/name`.
    pub full_name: String,
    /// Whether only some may see it.
    #[serde(default)]
    pub private: bool,
}

/// A pull request, as events and the API describe it.
#[derive(Clone, Debug, Deserialize)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// `open` or `closed`.
    #[serde(default)]
    pub state: String,
    /// When it was merged, if it was.
    #[serde(default)]
    pub merged_at: Option<String>,
    /// What it asks to merge.
    pub head: Side,
    /// Where to.
    pub base: Side,
}

/// One of a pull request's two sides.
#[derive(Clone, Debug, Deserialize)]
pub struct Side {
    /// The branch.
    #[serde(rename = "ref")]
    pub branch: String,
    /// Its commit.
    pub sha: String,
    /// Whose branch; none if that repository is gone.
    pub repo: Option<Repository>,
}

impl Event {
    /// The event of this run; an empty one outside of a workflow.
    ///
    /// # Errors
    /// If the file cannot be read, or is no event.
    pub fn read() -> Result<Self> {
        let Some(path) = env::var_os("GITHUB_EVENT_PATH").filter(|path| !path.is_empty()) else {
            return Ok(Self::default());
        };
        let text = fs::read(&path).with_context(|| format!("the event in {} cannot be read", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no event of GitHub's", path.display()))
    }

    /// Whether everybody may see the repository. One that the event does not describe is taken for such.
    #[must_use]
    pub fn is_public(&self) -> bool {
        !self.repository.as_ref().is_some_and(|repository| repository.private)
    }
}

impl PullRequest {
    /// Whether it comes from another repository, whose runs have tokens that only read.
    #[must_use]
    pub fn from_fork(&self) -> bool {
        match (&self.head.repo, &self.base.repo) {
            (Some(head), Some(base)) => head.full_name != base.full_name,
            _ => true,
        }
    }
}
