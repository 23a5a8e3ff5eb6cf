//! What comes from PyPI, by digest.

use super::install::output;
use crate::folders;
use anyhow::{Context, Result};
use std::path::Path;
use tokio::process::Command;

/// Installs what `requirements` names, and nothing else, into `folder`: every file has to have a digest that stands there.
///
/// # Errors
/// What pip said, or which package to install where there is no pip.
pub async fn pip_install(python: &Path, requirements: &str, folder: &Path) -> Result<()> {
    let file = folder.join("requirements.txt");
    std::fs::write(&file, requirements).with_context(|| format!("failed to write {}", file.display()))?;
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]);
    pip.arg("--target").arg(folder).arg("--requirement").arg(&file);
    // Nothing outside changes, but where the person has said where pip keeps what it fetched.
    if std::env::var_os("PIP_CACHE_DIR").is_none() {
        pip.env("PIP_CACHE_DIR", folders::tools()?.join("pip"));
    }
    output(&mut pip).await.context("pip is part of the package python3-pip: apt-get install python3-pip").map(drop)
}
