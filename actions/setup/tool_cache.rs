//! The runner's tool cache: `<RUNNER_TOOL_CACHE>/<tool>/<version>-<digest>/<architecture>`. A folder there is whole: it is
//! made beside its place and moved there in one step, so that of two jobs at once one wins and the other finds it. The
//! digest that RELEASE names is in the path, so what other actions or an older RELEASE put there is not taken for it.

use std::{
    env::{self, consts},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{fetch, release_file::Tool, unpack};
use crate::failure::{Blame, Failure};

/// The cache of this runner.
#[derive(Debug)]
pub(super) struct ToolCache(PathBuf);

impl ToolCache {
    pub(super) fn of_runner() -> Result<Self> {
        let root = env::var_os("RUNNER_TOOL_CACHE").filter(|folder| !folder.is_empty());
        let root = root.context(
            "RUNNER_TOOL_CACHE is not set: only a GitHub runner has a tool cache; elsewhere install the tools yourself",
        )?;
        Ok(Self(root.into()))
    }

    /// Where the tool is, or will be.
    pub(super) fn folder(&self, tool: &Tool) -> PathBuf {
        // As the runner's own tools call them.
        let architecture = match consts::ARCH {
            "x86_64" => "X64",
            "aarch64" => "ARM64",
            other => other,
        };
        let bytes = tool.sha256.get(..16).unwrap_or(&tool.sha256);
        self.0.join(&tool.name).join(format!("{}-{bytes}", tool.version)).join(architecture)
    }

    /// Fetches the tool, checks it, and puts its program at `folder`.
    pub(super) async fn install(&self, tool: &Tool, folder: &Path) -> Result<(), Failure> {
        let parent = folder.parent().unwrap_or(&self.0);
        let made =
            fs::create_dir_all(parent).and_then(|()| tempfile::Builder::new().prefix(".new-").tempdir_in(parent));
        let scratch = made.with_context(|| format!("{} cannot be written", parent.display())).usage()?;
        let archive = scratch.path().join("archive");
        fetch::fetch(tool, &archive).await?;
        let program = unpack::program(tool, &archive).gate()?;
        let whole = scratch.path().join("whole");
        write_program(&whole.join(&tool.name), &program).usage()?;
        match fs::rename(&whole, folder) {
            // Somebody was faster, with the same bytes.
            Err(_) if folder.join(&tool.name).is_file() => Ok(()),
            moved => moved.with_context(|| format!("{} cannot be put into place", folder.display())).usage(),
        }
    }
}

/// Writes an executable in one step: nobody ever runs half of it, and one that runs is not written to.
pub(super) fn write_program(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a program is in a folder")?;
    let write = || {
        fs::create_dir_all(folder)?;
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        std::io::Write::write_all(&mut new, bytes)?;
        new.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
        new.persist(path).map_err(|error| error.error)
    };
    write().map(drop).with_context(|| format!("{} cannot be written", path.display()))
}
