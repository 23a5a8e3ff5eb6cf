//! The tree that a change is compared with: a folder, or a commit of this repository as a worktree beside it.

use std::{
    collections::BTreeSet,
    fs::{self, File, Metadata},
    path::{Path, PathBuf},
};

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
        let changed: Vec<String> = changed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
        let all = git(&["ls-files", "-z", "--full-name", ":/"]).await?;
        let moved: BTreeSet<&str> = changed.iter().map(String::as_str).collect();
        let all = all.split('\0').filter(|path| !path.is_empty() && !moved.contains(path));
        keep_times(Path::new(git(&["rev-parse", "--show-toplevel"]).await?.trim_end()), &folder, all);
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

/// Gives files that have not changed the times of the head's: where a target folder is kept, cargo then compiles of the base
/// only what has.
fn keep_times<'p>(head: &Path, base: &Path, paths: impl Iterator<Item = &'p str>) {
    for path in paths {
        let time = fs::symlink_metadata(head.join(path)).ok().filter(Metadata::is_file);
        let time = time.and_then(|file| file.modified().ok());
        // A file that keeps the time at which it was checked out is compiled, which is never wrong.
        if let (Some(time), Ok(file)) = (time, File::options().write(true).open(base.join(path))) {
            let _ = file.set_modified(time);
        }
    }
}

async fn git(arguments: &[&str]) -> Result<String> {
    let done = Command::new("git").args(arguments).output().await.context("git cannot be started; install it")?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "git {} failed: {}", arguments[0], said.trim());
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn files_of_the_base_that_have_not_changed_are_as_old_as_the_heads() {
        let (head, base) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for folder in [head.path(), base.path()] {
            for name in ["same", "other"] {
                fs::write(folder.join(name), name).expect("written");
            }
        }
        for name in ["same", "other"] {
            let file = File::options().write(true).open(head.path().join(name)).expect("there");
            file.set_modified(old).expect("ours");
        }
        keep_times(head.path(), base.path(), ["same", "gone"].into_iter());
        let time = |name: &str| fs::metadata(base.path().join(name)).and_then(|file| file.modified()).expect("a time");
        assert_eq!(time("same"), old);
        assert!(time("other") > old, "cargo has to see that it changed");
    }
}
