//! actionlint, which checks workflow files (<https://github.com/rhysd/actionlint>).

use anyhow::Result;
use stand_ins::tools::{Tool, go_tool};

/// The version that is made where none is on PATH, and the oldest that is taken from there.
const VERSION: &str = "v1.7.12";

/// The program `actionlint`.
///
/// # Errors
/// Says what to install where neither actionlint nor Go is on PATH, or what Go said.
pub async fn actionlint() -> Result<Tool> {
    go_tool("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", VERSION, "-version").await
}
