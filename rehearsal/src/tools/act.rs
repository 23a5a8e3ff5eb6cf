//! act, which runs GitHub's workflows on this machine (<https://nektosact.com>).

use anyhow::Result;
use stand_ins::tools::{Tool, go_tool};

/// The version that is made where none is on PATH, and the oldest that is taken from there.
const VERSION: &str = "v0.2.89";

/// The program `act`.
///
/// # Errors
/// Says what to install where neither act nor Go is on PATH, or what Go said.
pub async fn act() -> Result<Tool> {
    go_tool("act", "github.com/nektos/act", VERSION, "--version").await
}
