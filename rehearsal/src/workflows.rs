//! The repository's own workflow files, run on this machine by act in host mode
//! (<https://nektosact.com/usage/index.html>), in a copy that is changed as little as act needs.
//!
//! What it does not do: act enforces no `permissions` and knows no environments; a job gets a token's URL only if it asks
//! for `id-token: write`, and what its environment lets in is the trust policies' and the GitHub stand-in's business.

mod rewrite;
mod run;

use anyhow::{Context, Result};
use stand_ins::tools::output;
use std::fs;
use std::path::{Path, PathBuf};
use tokio::process::Command;

pub use rewrite::Rewrite;
pub use run::{Outcome, Request};

/// A copy of the repository that act can run.
#[derive(Debug)]
pub struct Workflows {
    /// The copy.
    pub folder: PathBuf,
    /// What was changed in it, for the report.
    pub rewrites: Vec<Rewrite>,
    /// What act keeps between runs, its tool cache included.
    cache: PathBuf,
}

impl Workflows {
    /// Copies what git knows of `workspace` to `<folder>/repository`, changes it for act, and commits it as the branch
    /// main of `repository` (`owner/name`).
    ///
    /// # Errors
    /// If git is missing, or a file is no workflow.
    pub async fn copy(workspace: &Path, folder: &Path, repository: &str) -> Result<Self> {
        let copy = folder.join("repository");
        fs::create_dir_all(&copy).with_context(|| format!("failed to create {}", copy.display()))?;
        let listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let files = output(git(workspace).args(listed)).await.context("git is needed: apt-get install git")?;
        for file in files.split('\0').filter(|file| !file.is_empty()) {
            let (from, to) = (workspace.join(file), copy.join(file));
            // A file that git still lists may be gone from the working tree.
            if from.is_file() {
                fs::create_dir_all(to.parent().unwrap_or(&copy))?;
                fs::copy(&from, &to).with_context(|| format!("failed to copy {}", from.display()))?;
            }
        }
        let rewrites = rewrite::all(&copy)?;
        output(git(&copy).args(["init", "--quiet", "--initial-branch=main"])).await?;
        output(git(&copy).args(["remote", "add", "origin", &format!("https://github.com/{repository}.git")])).await?;
        output(git(&copy).args(["add", "--all", "--force"])).await?;
        output(git(&copy).args(["commit", "--quiet", "--message", "A copy for act"])).await?;
        Ok(Self { folder: copy, rewrites, cache: folder.join("act") })
    }
}

/// git in a folder, whatever this machine's own configuration says.
fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder);
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "rehearsal").env(format!("GIT_{who}_EMAIL"), "rehearsal@localhost");
    }
    git
}
