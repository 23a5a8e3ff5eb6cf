//! Trivy, which looks for misconfiguration, secrets and vulnerabilities (<https://trivy.dev>).

use anyhow::{Context, Result};
use stand_ins::tools::{Tool, at_least, found_version, go_program, made_once, on_path, output};
use std::fs;
use tokio::process::Command;

/// The version that is made where none is on PATH, and the oldest that is taken from there.
const VERSION: &str = "v0.72.0";

/// Its module.
const MODULE: &str = "github.com/aquasecurity/trivy";

/// The program `trivy`.
///
/// # Errors
/// Says what to install where neither Trivy nor Go is on PATH, or what Go said.
pub async fn trivy() -> Result<Tool> {
    if let Some(path) = on_path("trivy") {
        let found = found_version(&output(Command::new(&path).arg("--version")).await?);
        if at_least(&found, VERSION) {
            return Ok(Tool { name: "trivy", version: found, path, origin: "PATH".to_owned() });
        }
    }
    let folder = made_once(&format!("trivy-{VERSION}"), async |folder| {
        // Its module replaces others, which `go install` refuses: it is built from a module of our own.
        let module = folder.join("module");
        fs::create_dir_all(&module)?;
        let go = async |arguments: &[&str]| -> Result<()> {
            let mut go = go_program()?;
            go.args(arguments).current_dir(&module).env("GOEXPERIMENT", "jsonv2").env("CGO_ENABLED", "0");
            output(&mut go).await.map(drop)
        };
        go(&["mod", "init", "made"]).await?;
        go(&["get", &format!("{MODULE}/cmd/trivy@{VERSION}")]).await?;
        let out = folder.join("trivy").display().to_string();
        go(&["build", "-trimpath", "-ldflags=-s -w", "-o", &out, &format!("{MODULE}/cmd/trivy")]).await?;
        fs::remove_dir_all(&module).context("failed to clear the module that Trivy was built from")
    })
    .await?;
    let path = folder.join("trivy");
    Ok(Tool { name: "trivy", version: VERSION.to_owned(), path, origin: "built with Go".to_owned() })
}
