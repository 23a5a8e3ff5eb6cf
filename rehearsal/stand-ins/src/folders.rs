//! Where the rehearsal keeps what it makes: nothing outside cargo's target folder changes.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The checkout that is rehearsed or tested: the one that cargo runs this program for, whichever checkout it was built in
/// (two of them may share a target folder).
///
/// # Errors
/// If the program runs neither by cargo nor in a checkout.
pub fn workspace() -> Result<PathBuf> {
    let start =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(std::env::current_dir, |folder| Ok(folder.into()))?;
    let found = start.ancestors().find(|folder| folder.join("lockgate.toml").is_file());
    found.map(Path::to_owned).with_context(|| {
        format!("failed to find lockgate.toml in {} or above; run this in a checkout of Lockgate", start.display())
    })
}

/// Cargo's target folder: the one this program was built into, whatever `CARGO_TARGET_DIR` says by now.
///
/// # Errors
/// If the running program was moved out of it.
pub fn target() -> Result<PathBuf> {
    let program = std::env::current_exe().context("failed to find the running program")?;
    let found = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file() || folder.ends_with("target"));
    found.map(Path::to_owned).with_context(|| {
        format!("failed to find cargo's target folder above {}; run it by `cargo rehearse`", program.display())
    })
}

/// Everything of the rehearsal: `<target>/rehearsal`.
///
/// # Errors
/// As [`target`].
pub fn rehearsal() -> Result<PathBuf> {
    Ok(target()?.join("rehearsal"))
}

/// Tools that were made, kept between runs: `<target>/rehearsal/tools`.
///
/// # Errors
/// As [`target`].
pub fn tools() -> Result<PathBuf> {
    Ok(rehearsal()?.join("tools"))
}
