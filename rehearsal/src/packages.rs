//! Packages as `lockgate package` makes them.

use crate::clock::{Clock, Kind};
use crate::tell::Teller;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use stand_ins::folders;
use stand_ins::tools::output;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;
use tokio::task::JoinHandle;

/// What `lockgate package` writes beside the packages.
#[derive(Debug, Clone, Deserialize)]
pub struct Packages {
    /// The folder they are in.
    #[serde(skip)]
    pub folder: PathBuf,
    /// By the function's name.
    pub functions: BTreeMap<String, Package>,
}

/// One package.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "package", rename_all = "lowercase")]
pub enum Package {
    /// A zip file, with its SHA-256 in hex.
    Zip {
        /// Relative to the folder.
        path: PathBuf,
        /// Of the file.
        sha256: String,
        /// In bytes.
        size: u64,
    },
    /// An OCI image layout, with the manifest's digest.
    Image {
        /// Relative to the folder.
        path: PathBuf,
        /// `sha256:<hex>`.
        digest: String,
        /// Of all blobs, in bytes.
        size: u64,
    },
}

/// The names of the functions in `lockgate.toml`.
///
/// # Errors
/// If it cannot be read.
pub fn stems() -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Delivered {
        function: BTreeMap<String, toml::Value>,
    }
    let path = folders::workspace()?.join("lockgate.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    let delivered: Delivered = toml::from_str(&text).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(delivered.function.into_keys().collect())
}

/// Builds `lockgate` and packages all functions into `<folder>/packages`, meanwhile.
#[must_use]
pub fn begin(folder: &Path, clock: Clock, teller: Teller) -> JoinHandle<Result<Packages>> {
    let folder = folder.to_owned();
    tokio::spawn(async move {
        let made = package(&folder, &clock).await?;
        teller.line(&format!("cargo packaged {}", made.functions.keys().cloned().collect::<Vec<_>>().join(", ")));
        Ok(made)
    })
}

async fn package(folder: &Path, clock: &Clock) -> Result<Packages> {
    let workspace = folders::workspace()?;
    let mut build = Command::new("cargo");
    build.args(["build", "--quiet", "--locked", "--package", "lockgate"]).current_dir(&workspace);
    build.arg("--target-dir").arg(folders::target()?);
    clock.measure(Kind::Cargo, "provision", "build lockgate", output(&mut build)).await?;
    let out = folder.join("packages");
    let log = std::fs::File::create(folder.join("package.log"))?;
    let mut package = Command::new(folders::target()?.join("debug/lockgate"));
    package.arg("package").arg("--out").arg(&out).current_dir(&workspace).kill_on_drop(true);
    package.env("CARGO_TARGET_DIR", folders::target()?);
    package.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let status = clock.measure(Kind::Cargo, "provision", "lockgate package", package.status()).await?;
    ensure!(status.success(), "lockgate package ended with {status}; see {}", folder.join("package.log").display());
    let text = std::fs::read_to_string(out.join("packages.json")).context("failed to read packages.json")?;
    let packages: Packages = serde_json::from_str(&text).context("failed to read packages.json")?;
    Ok(Packages { folder: out, ..packages })
}
