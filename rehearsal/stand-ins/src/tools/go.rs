//! Programs that are built from their Go modules.

use super::install::{Tool, made_once, on_path, on_path_since, output};
use crate::folders;
use anyhow::{Context, Result};
use std::path::Path;
use tokio::process::Command;

/// A program from PATH if it is new enough, else built from its Go module; Go checks the module's sum.
///
/// # Errors
/// Says what to install where neither it nor Go is on PATH, or what Go said.
pub async fn go_tool(name: &'static str, package: &str, version: &str, version_argument: &str) -> Result<Tool> {
    if let Some(tool) = on_path_since(name, version, &[version_argument]).await? {
        return Ok(tool);
    }
    let folder = made_once(&format!("{name}-{version}"), async |folder| {
        let mut install =
            go_program().with_context(|| format!("{name} {version} is not on PATH and is built with Go"))?;
        install.args(["install", "-trimpath", "-ldflags=-s -w"]).arg(format!("{package}@{version}"));
        install.env("GOBIN", folder).env("CGO_ENABLED", "0");
        output(&mut install).await?;
        Ok(())
    })
    .await?;
    let path = folder.join(name);
    Ok(Tool { name, version: version.to_owned(), path, origin: "built with Go".to_owned() })
}

/// Go, keeping what it fetches and compiles below the target folder.
///
/// # Errors
/// If it is not on PATH: with how to get it.
pub fn go_program() -> Result<Command> {
    let go = on_path("go").context("go is not on PATH: apt-get install golang")?;
    let mut go = Command::new(go);
    keep_inside(&mut go, &folders::tools()?);
    Ok(go)
}

/// Lets Go keep what it fetches and compiles in `tools`, so that nothing outside changes; but where the person has said
/// where to, which may be all that a closed network has, it stays so.
fn keep_inside(go: &mut Command, tools: &Path) {
    for (name, folder) in [("GOMODCACHE", "go-modules"), ("GOCACHE", "go-build")] {
        if std::env::var_os(name).is_none() {
            go.env(name, tools.join(folder));
        }
    }
    // Modules that Go keeps write-protected could not be cleared with the target folder. What comes later wins.
    let flags = std::env::var("GOFLAGS").unwrap_or_default();
    go.env("GOFLAGS", format!("{flags} -buildvcs=false -modcacherw").trim_start());
}
