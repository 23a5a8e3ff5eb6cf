//! tfsec, which looks for mistakes in Terraform (<https://github.com/aquasecurity/tfsec>).

use anyhow::Result;
use stand_ins::tools::{Tool, go_tool};

/// The version that is made where none is on PATH, and the oldest that is taken from there.
const VERSION: &str = "v1.28.14";

/// The program `tfsec`.
///
/// # Errors
/// Says what to install where neither tfsec nor Go is on PATH, or what Go said.
pub async fn tfsec() -> Result<Tool> {
    go_tool("tfsec", "github.com/aquasecurity/tfsec/cmd/tfsec", VERSION, "--version").await
}
