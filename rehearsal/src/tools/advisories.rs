//! The advisory database that cargo-audit looks into (<https://github.com/RustSec/advisory-db>).

use anyhow::{Context, Result};
use stand_ins::folders;
use stand_ins::tools::{Tool, made_once, output};
use std::path::PathBuf;
use std::time::Duration;
use tokio::process::Command;

/// Where it is kept.
const ORIGIN: &str = "https://github.com/RustSec/advisory-db";

/// It is small; what takes longer does not arrive.
const LONGEST: Duration = Duration::from_secs(60);

/// The database: the folder that `LOCKGATE_ADVISORY_DB` names, else fetched once, else a few advisories of our own.
///
/// # Errors
/// If the checkout cannot be found.
pub async fn advisories() -> Result<Tool> {
    let tool = |path: PathBuf, origin: &str| Tool {
        name: "advisory-db",
        version: "as it is".to_owned(),
        path,
        origin: origin.to_owned(),
    };
    if let Some(folder) = std::env::var_os("LOCKGATE_ADVISORY_DB").filter(|folder| !folder.is_empty()) {
        return Ok(tool(folder.into(), "LOCKGATE_ADVISORY_DB"));
    }
    let fetched = made_once("advisory-db", async |folder| {
        let mut clone = Command::new("git");
        clone.args(["clone", "--quiet", "--depth", "1", ORIGIN]).arg(folder).env("GIT_TERMINAL_PROMPT", "0");
        tokio::time::timeout(LONGEST, output(&mut clone)).await.context("it took too long")??;
        Ok(())
    });
    match fetched.await {
        Ok(folder) => Ok(tool(folder, "fetched")),
        Err(_) => {
            let own = folders::workspace()?.join("rehearsal/advisory-db");
            Ok(tool(own, "a single advisory of our own, because no other database is within reach"))
        }
    }
}
