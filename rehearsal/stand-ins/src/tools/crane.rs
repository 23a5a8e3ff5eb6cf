//! crane, which pushes an image to a registry without a Docker engine.

use super::go::go_tool;
use super::install::Tool;
use anyhow::Result;

/// The version that is made where none is on PATH, and the oldest that is taken from there.
const VERSION: &str = "v0.20.6";

/// The program `crane`.
///
/// # Errors
/// Says what to install where neither crane nor Go is on PATH, or what Go said.
pub async fn crane() -> Result<Tool> {
    go_tool("crane", "github.com/google/go-containerregistry/cmd/crane", VERSION, "version").await
}
