//! Trivy, which looks for misconfiguration, secrets and vulnerabilities (<https://trivy.dev>).

use anyhow::{Context, Result};
use stand_ins::tools::{Tool, go_program, made_once, on_path_since, output};
use std::fs;

/// The version that is made where none is on PATH, and the oldest that is taken from there.
const VERSION: &str = "v0.72.0";

/// Its module.
const MODULE: &str = "github.com/aquasecurity/trivy";

/// The program `trivy`.
///
/// # Errors
/// Says what to install where neither Trivy nor Go is on PATH, or what Go said.
pub async fn trivy() -> Result<Tool> {
    if let Some(tool) = on_path_since("trivy", VERSION, &["--version"]).await? {
        return Ok(tool);
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
