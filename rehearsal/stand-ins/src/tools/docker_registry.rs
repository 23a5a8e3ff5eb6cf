//! Debian's docker-registry, unpacked from its package where it is not installed.

use super::install::{Tool, made_once, on_path, output};
use anyhow::{Context, Result};
use tokio::process::Command;

/// What helps where neither way works.
const INSTALL: &str = "docker-registry is not on PATH: apt-get install docker-registry";

/// The program `docker-registry`.
///
/// # Errors
/// Says what to install where it is neither on PATH nor to be had by `apt-get download`.
pub async fn docker_registry() -> Result<Tool> {
    let name = "docker-registry";
    let (path, origin) = match on_path(name) {
        Some(path) => (path, "PATH"),
        None => {
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
            (folder.join("usr/bin").join(name), "unpacked from Debian's package")
        }
    };
    let said = output(Command::new(&path).arg("--version")).await?;
    let version = said.split_whitespace().last().unwrap_or_default().trim_start_matches('v').to_owned();
    Ok(Tool { name: "docker-registry", version, path, origin: origin.to_owned() })
}
