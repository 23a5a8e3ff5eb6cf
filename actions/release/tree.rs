//! The tree that is released, as git names it.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, ensure};

/// Where the bytes come from.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Source {
    pub(super) commit: String,
    pub(super) tree: String,
}

impl Source {
    /// The commit that is checked out in `root`, and its tree.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let commit = git(root, &["rev-parse", "--verify", "HEAD^{commit}"])?;
        let tree = git(root, &["rev-parse", "--verify", "HEAD^{tree}"])?;
        ensure!(tree.len() >= 40 && tree.bytes().all(|c| c.is_ascii_hexdigit()), "git named the tree {tree:?}");
        // A release is named after its tree: it must not hold anything else.
        let changed = git(root, &["status", "--porcelain", "--untracked-files=no"])?;
        ensure!(changed.is_empty(), "the tree has changes that are not committed; commit them first:\n{changed}");
        Ok(Self { commit, tree })
    }
}

fn git(root: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(arguments);
    let done = command.output().context("git cannot be started; a release needs to know its commit")?;
    ensure!(
        done.status.success(),
        "git {} failed: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&done.stderr).trim_end()
    );
    Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned())
}
