//! The tree that a change is compared with: a folder, or a commit of this repository as a worktree beside it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::process::Command;

/// The base, while it is needed.
#[derive(Debug)]
pub(super) struct BaseTree {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// What changed since, as `git diff` prints it; without git nothing is known.
    pub(super) diff: Option<String>,
    /// The paths that changed since, old and new ones.
    changed: Option<Vec<String>>,
    worktree: Option<TempDir>,
}

impl BaseTree {
    /// A folder that somebody made.
    pub(super) fn folder(folder: &Path) -> Result<Self> {
        ensure!(folder.is_dir(), "there is no folder {} to compare with", folder.display());
        Ok(Self { folder: folder.to_owned(), diff: None, changed: None, worktree: None })
    }

    /// A commit of the repository in the current folder.
    pub(super) async fn commit(commit: &str) -> Result<Self> {
        ensure!(!commit.starts_with('-'), "{commit:?} is no commit");
        let at = format!("{commit}^{{commit}}");
        let known = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &at]).await;
        let known = known.with_context(|| {
            format!("the base {commit} is not here; check out with `fetch-depth: 2`, or name another by the input base")
        })?;
        let own = tempfile::tempdir().context("no folder for the base can be made")?;
        let folder = own.path().join("base");
        let place = folder.display().to_string();
        git(&["worktree", "add", "--quiet", "--detach", &place, known.trim()])
            .await
            .context("the base cannot be checked out beside the head")?;
        let diff = git(&["diff", "--no-color", "--no-ext-diff", "--no-textconv", known.trim()]).await?;
        let changed = git(&["diff", "--name-only", "--no-renames", "-z", known.trim()]).await?;
        let changed = changed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
        Ok(Self { folder, diff: Some(diff), changed: Some(changed), worktree: Some(own) })
    }

    /// Whether clippy says of it what it says of the head: if all that has changed is what no compiler reads.
    pub(super) fn same_code(&self) -> bool {
        let harmless =
            |path: &String| path.ends_with(".tf") || path.ends_with(".tfvars") || path.starts_with(".github/");
        self.changed.as_ref().is_some_and(|changed| changed.iter().all(harmless))
    }

    /// Takes the worktree back; git would name it for ever.
    pub(super) async fn close(self) {
        if self.worktree.is_some() {
            let _ = git(&["worktree", "remove", "--force", &self.folder.display().to_string()]).await;
        }
    }
}

async fn git(arguments: &[&str]) -> Result<String> {
    let done = Command::new("git").args(arguments).output().await.context("git cannot be started; install it")?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "git {} failed: {}", arguments[0], said.trim());
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
