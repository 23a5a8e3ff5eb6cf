//! The tree that a change is compared with: a folder, or a commit of this repository as a worktree beside it.
//!
//! Where what is compiled of it is kept outside of the checkout, the worktree is kept with it: git writes only the files that
//! have another content, so that by their times cargo compiles only what has changed since the last base.

mod kept;

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
    checkout: Checkout,
}

/// What ends with the use of a base.
#[derive(Debug)]
enum Checkout {
    /// Nothing: somebody else made it.
    Given,
    /// A worktree that git knows.
    Own { repository: PathBuf, _folder: TempDir },
    /// It stays; another scan waits as long as this is held.
    Kept { _lock: kept::Lock },
}

impl BaseTree {
    /// A folder that somebody made.
    pub(super) fn folder(folder: &Path) -> Result<Self> {
        ensure!(folder.is_dir(), "there is no folder {} to compare with", folder.display());
        Ok(Self { folder: folder.to_owned(), diff: None, changed: None, checkout: Checkout::Given })
    }

    /// A commit of a repository, by a path in it; its worktree stays in `keep`, if there is such a folder.
    pub(super) async fn commit(repository: &Path, commit: &str, keep: Option<&Path>) -> Result<Self> {
        ensure!(!commit.starts_with('-'), "{commit:?} is no commit");
        let at = format!("{commit}^{{commit}}");
        let git = async |arguments: &[&str]| git(repository, arguments, &[]).await;
        let known = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &at]).await;
        let known = known.with_context(|| {
            format!("the base {commit} is not here; check out with `fetch-depth: 2`, or name another by the input base")
        })?;
        let (folder, checkout) = match keep {
            Some(keep) => {
                let (folder, lock) = kept::checkout(repository, keep, known.trim()).await?;
                (folder, Checkout::Kept { _lock: lock })
            }
            None => {
                let own = tempfile::tempdir().context("no folder for the base can be made")?;
                let folder = own.path().join("base");
                let place = folder.display().to_string();
                let add = git(&["worktree", "add", "--quiet", "--detach", &place, known.trim()]).await;
                add.context("the base cannot be checked out beside the head")?;
                (folder, Checkout::Own { repository: repository.to_owned(), _folder: own })
            }
        };
        let diff = git(&["diff", "--no-color", "--no-ext-diff", "--no-textconv", known.trim()]).await?;
        let changed = git(&["diff", "--name-only", "--no-renames", "-z", known.trim()]).await?;
        let changed = changed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
        Ok(Self { folder, diff: Some(diff), changed: Some(changed), checkout })
    }

    /// Whether clippy says of it what it says of the head: if all that has changed is what no compiler reads.
    pub(super) fn same_code(&self) -> bool {
        let harmless =
            |path: &String| path.ends_with(".tf") || path.ends_with(".tfvars") || path.starts_with(".github/");
        self.changed.as_ref().is_some_and(|changed| changed.iter().all(harmless))
    }

    /// Takes its own worktree back; git would name it for ever.
    pub(super) async fn close(self) {
        if let Checkout::Own { repository, .. } = &self.checkout {
            let _ = git(repository, &["worktree", "remove", "--force", &self.folder.display().to_string()], &[]).await;
        }
    }
}

/// Runs git in a repository, with variables by which it works on another tree.
async fn git(repository: &Path, arguments: &[&str], variables: &[(&str, &Path)]) -> Result<String> {
    let mut command = Command::new("git");
    // In a hook, git names its own repository, tree and index.
    for own in ["GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(own);
    }
    command.args(arguments).current_dir(repository).envs(variables.iter().copied());
    let done = command.output().await.context("git cannot be started; install it")?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "git {} failed: {}", arguments[0], said.trim());
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
