//! crane, which pushes an image to a registry without a Docker engine.

use super::install::{Tool, made_once, on_path, output};
use anyhow::{Context, Result};
use tokio::process::Command;

/// The version that is made where none is on PATH; its module sum is checked by Go against the checksum database.
const VERSION: &str = "v0.20.6";

/// The program `crane`.
///
/// # Errors
/// Says what to install where neither crane nor Go is on PATH, or what Go said.
pub async fn crane() -> Result<Tool> {
    if let Some(path) = on_path("crane") {
        let version = output(Command::new(&path).arg("version")).await?.trim().to_owned();
        return Ok(Tool { name: "crane", version, path, origin: "PATH".to_owned() });
    }
    let go = on_path("go").context("neither crane nor go is on PATH: apt-get install golang, or put crane there")?;
    let folder = made_once(&format!("crane-{VERSION}"), async |folder| {
        let mut install = Command::new(&go);
        install.args(["install", "-trimpath", "-ldflags=-s -w"]);
        install.arg(format!("github.com/google/go-containerregistry/cmd/crane@{VERSION}"));
        install.env("GOBIN", folder).env("CGO_ENABLED", "0").env("GOFLAGS", "-buildvcs=false");
        output(&mut install).await?;
        Ok(())
    })
    .await?;
    let path = folder.join("crane");
    Ok(Tool { name: "crane", version: VERSION.to_owned(), path, origin: "built with Go".to_owned() })
}
