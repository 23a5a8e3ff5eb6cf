//! cargo-audit, which compares a lock file with the advisory database (<https://github.com/rustsec/rustsec>).

use anyhow::{Context, Result};
use stand_ins::tools::{Tool, made_once, on_path_since, output};
use tokio::process::Command;

/// The version that is made where none is on PATH, and the oldest that is taken from there.
const VERSION: &str = "0.22.2";

/// The program `cargo-audit`.
///
/// # Errors
/// What cargo said, where it cannot be built.
pub async fn cargo_audit() -> Result<Tool> {
    if let Some(tool) = on_path_since("cargo-audit", VERSION, &["audit", "--version"]).await? {
        return Ok(tool);
    }
    let folder = made_once(&format!("cargo-audit-{VERSION}"), async |folder| {
        let mut install = Command::new("cargo");
        install.args(["install", "--quiet", "--locked", "cargo-audit", "--version", VERSION, "--root"]).arg(folder);
        install.arg("--target-dir").arg(folder.join("build")).env_remove("CARGO_TARGET_DIR");
        // Another toolchain may be the default of the folder that this is started in; any will do.
        install.current_dir(folder);
        output(&mut install).await.context("cargo-audit is built by cargo")?;
        std::fs::remove_dir_all(folder.join("build")).context("failed to clear what cargo-audit was built of")
    })
    .await?;
    let path = folder.join("bin/cargo-audit");
    Ok(Tool { name: "cargo-audit", version: VERSION.to_owned(), path, origin: "built with cargo".to_owned() })
}
