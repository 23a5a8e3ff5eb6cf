//! Images that were built of a commit, as `lockgate package` writes them: OCI image layouts.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::process::Command;

use super::report::{NotScanned, Report};
use crate::{package::Package, release, runner};

/// An image.
#[derive(Debug)]
pub(super) struct Image {
    /// What findings in it are known by: the function's name.
    pub(super) name: String,
    /// The layout's folder, from the root of the file system.
    pub(super) layout: PathBuf,
}

/// The images among the packages in a folder.
///
/// # Errors
/// If there is no such folder, or `lockgate package` did not fill it.
pub(super) fn packaged(folder: &Path) -> Result<Vec<Image>> {
    let folder = folder.canonicalize().with_context(|| format!("there is no folder {}", folder.display()))?;
    let packages = release::packages(&folder)?.functions.into_iter();
    let image = |(name, package)| match package {
        Package::Image { path, .. } => Some(Image { name, layout: folder.join(path) }),
        Package::Zip { .. } => None,
    };
    Ok(packages.filter_map(image).collect())
}

/// Whether anything was found in one of these images.
pub(super) fn found_in(images: &[Image], reports: &[Result<Report, NotScanned>]) -> bool {
    let in_image = |path: &str| {
        images
            .iter()
            .any(|image| path.strip_prefix(&image.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    let findings = reports.iter().flatten().flat_map(|report| &report.findings);
    findings.into_iter().any(|finding| !finding.place.inside && in_image(&finding.place.path))
}

/// Builds the images of the tree in `folder`, to see what they have; cargo compiles into `target`. They go with the folder
/// that is returned.
///
/// # Errors
/// If they cannot be built: with what to look at.
pub(super) async fn build(folder: &Path, target: &Path) -> Result<(TempDir, Vec<Image>)> {
    let out = tempfile::tempdir().context("no folder for the images can be made")?;
    let program = std::env::current_exe().context("this program's own path cannot be read")?;
    let mut command = Command::new(program);
    command.args(["package", "--out"]).arg(out.path().join("packages")).current_dir(folder);
    command.env("CARGO_TARGET_DIR", target).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    runner::hide_tokens(command.as_std_mut());
    // It is no step of its own: its outputs are not this step's.
    for file in ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(file);
    }
    let status = command.status().await.context("lockgate package cannot be started")?;
    ensure!(status.success(), "lockgate package ended with {status}; the log says why");
    let images = packaged(&out.path().join("packages"))?;
    Ok((out, images))
}
