//! ministack, the emulated AWS: a Python package, installed with all it needs by digest.

use super::install::{Tool, made_once, on_path};
use super::pip::pip_install;
use anyhow::{Context, Result};

/// The version everything here was tried with.
const VERSION: &str = "1.5.33";

/// Every package with its digests, as pip reads it.
const REQUIREMENTS: &str = include_str!("../emulator/requirements.txt");

/// The folder that holds ministack and its dependencies, for `PYTHONPATH`.
///
/// # Errors
/// Says which package to install where Python or pip is missing, or what pip said.
pub async fn ministack() -> Result<Tool> {
    let python = on_path("python3").context("python3 is not on PATH: apt-get install python3 python3-pip")?;
    // A folder of another name than before what it holds changed.
    let path = made_once(&format!("ministack-{VERSION}-cbor2"), async |folder| {
        pip_install(&python, REQUIREMENTS, folder).await
    })
    .await?;
    Ok(Tool { name: "ministack", version: VERSION.to_owned(), path, origin: "PyPI, by digest".to_owned() })
}
