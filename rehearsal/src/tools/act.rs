//! act, which runs GitHub's workflows on this machine (<https://nektosact.com>).

use anyhow::{Context, Result};
use stand_ins::tools::{Tool, made_once, on_path, output};
use std::path::PathBuf;
use tokio::process::Command;

/// The version that is made where none is on PATH, and the oldest that is taken from there.
const VERSION: &str = "v0.2.89";

/// The program `act`.
///
/// # Errors
/// Says what to install where neither act nor Go is on PATH, or what Go said.
pub async fn act() -> Result<Tool> {
    go_tool("act", "github.com/nektos/act", VERSION, "--version").await
}

/// A program from PATH if it is new enough, else built from its Go module; Go checks the module's sum.
pub(super) async fn go_tool(name: &'static str, package: &str, version: &str, version_argument: &str) -> Result<Tool> {
    if let Some(path) = on_path(name) {
        let found = found_version(&output(Command::new(&path).arg(version_argument)).await?);
        if at_least(&found, version) {
            return Ok(Tool { name, version: found, path, origin: "PATH".to_owned() });
        }
    }
    let go = on_path("go").with_context(|| {
        format!("neither {name} {version} nor go is on PATH: apt-get install golang, or put {name} there")
    })?;
    let folder = made_once(&format!("{name}-{version}"), async |folder| {
        let mut install = Command::new(&go);
        install.args(["install", "-trimpath", "-ldflags=-s -w"]).arg(format!("{package}@{version}"));
        install.env("GOBIN", folder).env("CGO_ENABLED", "0").env("GOFLAGS", "-buildvcs=false");
        output(&mut install).await?;
        Ok(())
    })
    .await?;
    let path: PathBuf = folder.join(name);
    Ok(Tool { name, version: version.to_owned(), path, origin: "built with Go".to_owned() })
}

/// The first word of what a program says of itself that looks like a version.
pub(super) fn found_version(said: &str) -> String {
    let looks =
        |word: &&str| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    said.split_whitespace().find(looks).unwrap_or("unknown").to_owned()
}

/// Whether `found` is `wanted` or newer, of the same major version.
pub(super) fn at_least(found: &str, wanted: &str) -> bool {
    let numbers = |version: &str| -> Vec<u32> {
        let parts = version.trim_start_matches('v').split(['.', '-', '+']);
        parts.map_while(|part| part.parse().ok()).collect()
    };
    let (found, wanted) = (numbers(found), numbers(wanted));
    found.first() == wanted.first() && found >= wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_or_of_another_kind_is_not_taken_from_path() {
        assert_eq!(found_version("act version 0.2.89\n"), "0.2.89");
        assert!(at_least("0.2.89", VERSION) && at_least("v0.3.0", VERSION));
        assert!(!at_least("0.2.9", VERSION) && !at_least("1.0.0", VERSION) && !at_least("unknown", VERSION));
    }
}
