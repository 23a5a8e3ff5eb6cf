//! Packages as `lockgate package` makes them.

use crate::clock::{Clock, Kind};
use crate::tell::Teller;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;
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
    /// By the function's name; what a package is, `lockgate release` reads itself.
    pub functions: BTreeMap<String, IgnoredAny>,
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

/// The target folder of all that is built in the rehearsal. Not the one that the rehearsal lies in: of what lies in a target
/// folder, as act's copies would, cargo remembers the place, which is another one in each job, and builds everything anew.
///
/// # Errors
/// As [`folders::rehearsal`].
pub fn target() -> Result<PathBuf> {
    Ok(folders::rehearsal()?.join("cargo"))
}

/// Builds `lockgate` and packages all functions of the checkout into `<folder>/packages`, meanwhile.
#[must_use]
pub fn begin(folder: &Path, clock: Clock, teller: Teller) -> JoinHandle<Result<Packages>> {
    let folder = folder.to_owned();
    tokio::spawn(async move {
        build(&clock).await?;
        let (checkout, out) = (folders::workspace()?, folder.join("packages"));
        let made = package(&checkout, &out, &folder, &clock).await?;
        teller.line(&format!("cargo packaged {}", made.functions.keys().cloned().collect::<Vec<_>>().join(", ")));
        Ok(made)
    })
}

/// Builds the program `lockgate`, with what it shares with this one as it was built for this one.
async fn build(clock: &Clock) -> Result<()> {
    let mut build = Command::new("cargo");
    build.args(["build", "--quiet", "--locked", "--package", "rehearsal", "--package", "lockgate"]);
    build.args(["--bin", "lockgate"]).current_dir(folders::workspace()?);
    build.arg("--target-dir").arg(folders::target()?);
    // `cargo run` describes this package to this process in these. A build script that watches one of them, as ring's
    // does, would run again, and all that stands on it be built again, in every rehearsal.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            build.env_remove(name);
        }
    }
    clock.measure(Kind::Cargo, "provision", "build lockgate", output(&mut build)).await.map(drop)
}

/// Packages all functions of the repository in `root` into `out`.
async fn package(root: &Path, out: &Path, folder: &Path, clock: &Clock) -> Result<Packages> {
    let log = folder.join("package.log");
    let file = std::fs::File::create(&log)?;
    let mut package = Command::new(folders::target()?.join("debug/lockgate"));
    package.arg("package").arg("--out").arg(out).current_dir(root).kill_on_drop(true);
    package.env("CARGO_TARGET_DIR", target()?);
    package.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let status = clock.measure(Kind::Cargo, "provision", "lockgate package", package.status()).await?;
    ensure!(status.success(), "lockgate package ended with {status}; see {}", log.display());
    let text = std::fs::read_to_string(out.join("packages.json")).context("failed to read packages.json")?;
    let packages: Packages = serde_json::from_str(&text).context("failed to read packages.json")?;
    Ok(Packages { folder: out.to_owned(), ..packages })
}
