//! The runner's tool cache, filled with the rehearsal's own tools: `actions/setup` then finds there what it would fetch on a
//! hosted runner, where it checks the digest that is in the path.

use super::{Rewrite, Workflows};
use crate::tools::Tool;
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// The platform of `actions/RELEASE`, and what the runner calls its architecture.
const PLATFORM: (&str, &str) = match cfg!(target_arch = "aarch64") {
    true => ("aarch64-linux", "ARM64"),
    false => ("x86_64-linux", "X64"),
};

impl Workflows {
    /// Where the cache is.
    pub(super) fn tool_cache(&self) -> PathBuf {
        // act puts it there, whatever it is told.
        self.cache.join("act/tool_cache")
    }

    /// Puts a tool where `actions/setup` looks for it, whatever its own version is.
    ///
    /// # Errors
    /// If `actions/RELEASE` does not name it, or the cache cannot be written.
    pub fn put_tool(&mut self, tool: &Tool) -> Result<()> {
        let release = fs::read_to_string(self.folder.join("actions/RELEASE")).context("failed to read RELEASE")?;
        let line = release.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let mut lines = line.filter(|line| line.len() == 5 && line[0] == tool.name && line[2] == PLATFORM.0);
        let line = lines.next().with_context(|| format!("actions/RELEASE has no {} for {}", tool.name, PLATFORM.0))?;
        let version = format!("{}-{}", line[1], line[4].get(..16).unwrap_or(line[4]));
        let folder = self.tool_cache().join(tool.name).join(version).join(PLATFORM.1);
        fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
        let place = folder.join(tool.name);
        if !place.exists() {
            symlink(&tool.path, &place).with_context(|| format!("failed to write {}", place.display()))?;
        }
        let what = format!("the tool cache holds {} {} ({})", tool.name, tool.version, tool.origin);
        self.rewrites.push(Rewrite { file: "(the runner)".to_owned(), what });
        Ok(())
    }
}
