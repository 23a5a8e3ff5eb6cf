//! Debian's docker-registry, unpacked from its package where it is not installed.

use super::install::{Tool, made_once, on_path, output};
use super::version::at_least;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use tokio::process::Command;

/// What helps where neither way works.
const INSTALL: &str = "docker-registry 2.8 or 3 is not on PATH: apt-get install docker-registry";

/// The oldest of each major version whose settings and log are understood.
const OLDEST: [&str; 2] = ["2.8.0", "3.0.0"];

/// The program `docker-registry`.
///
/// # Errors
/// Says what to install where it is neither on PATH nor to be had by `apt-get download`.
pub async fn docker_registry() -> Result<Tool> {
    let name = "docker-registry";
    if let Some(path) = on_path(name) {
        let version = version(&path).await?;
        if accepted(&version) {
            return Ok(Tool { name: "docker-registry", version, path, origin: "PATH".to_owned() });
        }
    }
    on_path("apt-get").context(INSTALL)?;
    let folder = made_once(name, async |folder| {
        let mut download = Command::new("apt-get");
        output(download.args(["download", "--quiet", name]).current_dir(folder)).await.context(INSTALL)?;
        for entry in std::fs::read_dir(folder)? {
            let package = entry?.path();
            if package.extension().is_some_and(|extension| extension == "deb") {
                output(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(folder)).await?;
                std::fs::remove_file(package)?;
            }
        }
        Ok(())
    })
    .await?;
    let path = folder.join("usr/bin").join(name);
    let version = version(&path).await?;
    ensure!(accepted(&version), "Debian's package has version {version}; {INSTALL}");
    Ok(Tool { name: "docker-registry", version, path, origin: "unpacked from Debian's package".to_owned() })
}

async fn version(program: &Path) -> Result<String> {
    let said = output(Command::new(program).arg("--version")).await?;
    // The last word; those before are names and paths.
    Ok(said.split_whitespace().last().unwrap_or_default().trim_start_matches('v').to_owned())
}

fn accepted(version: &str) -> bool {
    OLDEST.iter().any(|oldest| at_least(version, oldest))
}
