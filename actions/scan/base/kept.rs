//! A worktree that stays, and that git does not know.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::git;
use crate::flock;

/// Held while the worktree is used. It ends with this value.
pub(super) type Lock = File;

/// Makes the worktree in a folder one of this commit. Another scan that uses it is waited for.
pub(super) async fn checkout(repository: &Path, folder: &Path, commit: &str) -> Result<(PathBuf, Lock)> {
    let tree = folder.join("checkout");
    fs::create_dir_all(&tree).with_context(|| format!("{} cannot be made for the base", tree.display()))?;
    let lock = lock(&folder.join("checkout.lock")).await?;
    let index = folder.join("checkout.index");
    if write(repository, &tree, &index, commit).await.is_err() {
        // A scan that was killed may have left half of it.
        let again = async {
            fs::remove_dir_all(&tree)?;
            fs::create_dir_all(&tree)?;
            let _ = fs::remove_file(folder.join("checkout.index.lock"));
            write(repository, &tree, &index, commit).await
        };
        again.await.with_context(|| format!("the base cannot be checked out; delete {}", folder.display()))?;
    }
    Ok((tree, lock))
}

/// Leaves files that have the commit's content as they are, writes the others, and removes what else is there.
async fn write(repository: &Path, tree: &Path, index: &Path, commit: &str) -> Result<()> {
    // Anew each time: an index that somebody left could call a file unchanged that is not.
    let _ = fs::remove_file(index);
    let variables = [("GIT_WORK_TREE", tree), ("GIT_INDEX_FILE", index)];
    let git = async |arguments: &[&str]| git(repository, arguments, &variables).await;
    git(&["read-tree", commit]).await?;
    // It fails where a file has another content, which is written next.
    let _ = git(&["update-index", "-q", "--refresh"]).await;
    git(&["checkout-index", "--all", "--force", "--quiet"]).await?;
    git(&["clean", "-ffdxq"]).await.map(drop)
}

async fn lock(path: &Path) -> Result<Lock> {
    let place = path.to_owned();
    let taken = tokio::task::spawn_blocking(move || flock::take(&place, "another scan that uses the base"));
    taken.await?.with_context(|| format!("the base cannot be locked by {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ran(repository: &Path, arguments: &[&str]) -> String {
        let who = ["-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false"];
        git(repository, &[&who, arguments].concat(), &[]).await.expect("git runs").trim().to_owned()
    }

    /// Commits files with this content, and no others.
    async fn commit(repository: &Path, files: &[(&str, &str)]) -> String {
        ran(repository, &["rm", "-rfq", "--ignore-unmatch", "."]).await;
        for (name, text) in files {
            fs::write(repository.join(name), text).expect("written");
        }
        ran(repository, &["add", "--all"]).await;
        ran(repository, &["commit", "--quiet", "--message", "x"]).await;
        ran(repository, &["rev-parse", "HEAD"]).await
    }

    fn changed(file: &Path) -> std::time::SystemTime {
        fs::metadata(file).and_then(|file| file.modified()).expect("it is there")
    }

    #[tokio::test]
    async fn only_what_is_another_is_written_and_nothing_else_stays() {
        let place = tempfile::tempdir().expect("a folder");
        let (repository, keep) = (place.path().join("repository"), place.path().join("keep"));
        fs::create_dir(&repository).expect("a folder");
        ran(&repository, &["init", "--quiet"]).await;
        let first = commit(&repository, &[("same", "1"), ("other", "1"), ("gone", "1")]).await;
        let second = commit(&repository, &[("same", "1"), ("other", "2"), ("new", "2")]).await;

        let (tree, lock) = checkout(&repository, &keep, &first).await.expect("a checkout");
        drop(lock);
        let before = changed(&tree.join("same"));
        fs::write(tree.join("generated"), "by a build script").expect("written");
        fs::write(tree.join("new"), "of somebody else").expect("written");
        let (tree, lock) = checkout(&repository, &keep, &second).await.expect("a checkout");
        let mut names: Vec<_> = fs::read_dir(&tree).expect("it").map(|it| it.expect("an entry").file_name()).collect();
        names.sort();
        assert_eq!(names, ["new", "other", "same"]);
        assert_eq!(fs::read_to_string(tree.join("other")).expect("it"), "2");
        assert_eq!(changed(&tree.join("same")), before, "cargo would compile it again");
        drop(lock);

        // Somebody else changed a file, and had the index not look at it.
        let index = keep.join("checkout.index");
        let variables = [("GIT_WORK_TREE", &*tree), ("GIT_INDEX_FILE", &*index)];
        git(&repository, &["update-index", "--skip-worktree", "same"], &variables).await.expect("git runs");
        fs::write(tree.join("same"), "bad").expect("written");
        let (tree, lock) = checkout(&repository, &keep, &second).await.expect("a checkout");
        assert_eq!(fs::read_to_string(tree.join("same")).expect("it"), "1");
        drop(lock);

        // A scan was killed while git wrote.
        fs::write(keep.join("checkout.index.lock"), "half").expect("written");
        let (tree, lock) = checkout(&repository, &keep, &first).await.expect("a checkout");
        assert_eq!(fs::read_to_string(tree.join("other")).expect("it"), "1");
        assert!(tree.join("gone").is_file() && !tree.join("new").exists());
        drop(lock);
    }
}
