//! The repository's own workflow files, run on this machine by act in host mode
//! (<https://nektosact.com/usage/index.html>), in a copy that is changed as little as act needs.
//!
//! What it does not do: act enforces no `permissions`, knows neither environments nor concurrency groups, and waits for
//! nobody. So a job gets a token's URL only if it asks for `id-token: write`; one that names an environment asks the GitHub
//! stand-in first whether it may begin; and one with a concurrency group waits there for its turn, if it calls a workflow.
//! The groups of whole workflows are not played; where one is, the report says so.

mod again;
mod gates;
mod rewrite;
mod run;
mod tool_cache;

use crate::repository::Repository;
use anyhow::Result;
use stand_ins::folders;
use std::path::{Path, PathBuf};

pub(crate) use again::failed_alone;
pub use gates::Gated;
pub use rewrite::{Rewrite, Tokens};
pub use run::{Outcome, Request, Step, pairs};

/// A copy of the repository that act can run.
#[derive(Debug)]
pub struct Workflows {
    /// The copy. Its files have the times that those of every checkout get (see [`rewrite`]).
    pub folder: PathBuf,
    /// What was changed in it, for the report.
    pub rewrites: Vec<Rewrite>,
    /// What act keeps between runs, its tool cache included.
    cache: PathBuf,
}

impl Workflows {
    /// Copies `workspace` to `<folder>/repository`, changes it for act, and commits it as the branch main of `repository`
    /// (`owner/name`); `tokens` makes the jobs' tokens for the API.
    ///
    /// # Errors
    /// As [`Repository::copy`], or if a file is no workflow.
    pub async fn copy(workspace: &Path, folder: &Path, repository: &str, tokens: Tokens<'_>) -> Result<Self> {
        let copy = Repository::copy(workspace, &folder.join("repository")).await?;
        let places = folders::rehearsal()?.join("checkouts");
        let rewrites = rewrite::all(rewrite::Folders { copy: &copy.folder, places: &places }, tokens)?;
        copy.commit("Changed for act").await?;
        copy.git(&["remote", "add", "origin", &format!("https://github.com/{repository}.git")]).await?;
        Ok(Self { folder: copy.folder, rewrites, cache: folder.join("act") })
    }
}
