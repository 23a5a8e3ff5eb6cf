//! A copy of the checkout as a repository of its own, with one commit for what is in the working tree: so that a release
//! has a tree, and a workflow something to run in, without touching the real one.

use anyhow::{Context, Result, ensure};
use stand_ins::tools::output;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The copy.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Its folder.
    pub folder: PathBuf,
}

impl Repository {
    /// Copies what git would take from `checkout`: tracked files as they are now, and new ones that are not ignored.
    /// Times of change are kept, so that cargo takes what it built from the checkout as built from the copy.
    ///
    /// # Errors
    /// If there is no git, the checkout is none of git's, or the copy cannot be written.
    pub async fn copy(checkout: &Path, folder: &Path) -> Result<Self> {
        let mut list = Command::new("git");
        list.arg("-C").arg(checkout).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = output(&mut list).await.context("git lists the files of a copy: apt-get install git")?;
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            let (from, to) = (checkout.join(path), folder.join(path));
            // A file may be deleted and not yet committed so.
            if from.is_file() {
                copy(&from, &to).with_context(|| format!("failed to copy {path}"))?;
            }
        }
        let repository = Self { folder: folder.to_owned() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]).await?;
        repository.commit("What is in the working tree").await?;
        Ok(repository)
    }

    /// Clones it into a folder, with this branch checked out.
    ///
    /// # Errors
    /// If git fails.
    pub async fn cloned(&self, folder: &Path, branch: &str) -> Result<Self> {
        let (from, to) = (self.folder.display().to_string(), folder.display().to_string());
        // Without links to its files: another one may give it commits meanwhile.
        self.git(&["clone", "--no-local", "--quiet", "--branch", branch, &from, &to]).await?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Replaces the only occurrence of `old` in a file, as a contributor's change would.
    ///
    /// # Errors
    /// If it does not occur exactly once: then the story needs another change.
    pub fn change(&self, path: &str, old: &str, new: &str) -> Result<()> {
        let file = self.folder.join(path);
        let text = fs::read_to_string(&file).with_context(|| format!("failed to read {path}"))?;
        let found = text.matches(old).count();
        ensure!(
            found == 1,
            "{path} holds {old:?} {found} times, not once: change the story in rehearsal/src/variant.rs"
        );
        fs::write(&file, text.replacen(old, new, 1)).with_context(|| format!("failed to write {path}"))
    }

    /// Commits everything.
    ///
    /// # Errors
    /// If git fails.
    pub async fn commit(&self, message: &str) -> Result<()> {
        self.git(&["add", "--all", "--force"]).await?;
        self.git(&["commit", "--quiet", "--no-verify", "--message", message]).await
    }

    /// The last commit.
    ///
    /// # Errors
    /// If git fails.
    pub async fn head(&self) -> Result<String> {
        self.commit_of("HEAD").await
    }

    /// The commit of a branch.
    ///
    /// # Errors
    /// If git fails.
    pub async fn commit_of(&self, name: &str) -> Result<String> {
        let mut git = Command::new("git");
        let commit = output(git.arg("-C").arg(&self.folder).args(["rev-parse", name])).await?;
        Ok(commit.trim().to_owned())
    }

    /// Runs git in it.
    ///
    /// # Errors
    /// If git fails: with what it said.
    pub async fn git(&self, arguments: &[&str]) -> Result<()> {
        let mut git = Command::new("git");
        git.arg("-C").arg(&self.folder);
        // Nothing of the person's own settings takes part.
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for setting in ["user.name=Rehearsal", "user.email=rehearsal@localhost", "commit.gpgsign=false"] {
            git.args(["-c", setting]);
        }
        output(git.args(arguments)).await.map(drop)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to)?;
    let changed = fs::metadata(from)?.modified()?;
    File::options().write(true).open(to)?.set_modified(changed)?;
    Ok(())
}
