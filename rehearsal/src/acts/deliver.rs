//! What the first apply of an environment by hand is about: a release is written, and its versions are recorded.

use super::bootstrap::variables;
use crate::repository::Repository;
use crate::stage::{ENVIRONMENT, Stage};
use anyhow::{Context, Result};
use lockgate::ledger::Ledger;
use lockgate::version::Versions;
use std::collections::BTreeMap;
use std::path::Path;

/// The root that is applied.
pub(super) fn root() -> String {
    format!("environments/{ENVIRONMENT}")
}

/// Releases these packages; returns the release's id and Terraform's variables for it.
pub(super) async fn release(
    stage: &Stage,
    act: &str,
    run: u64,
    repository: &Repository,
    packages: &Path,
) -> Result<(String, Vec<String>)> {
    let bootstrap = stage.bootstrap.clone().context("the act bootstrap was not played")?;
    let artifacts = bootstrap.text(&["artifacts_bucket"])?;
    let registry = stage.emulator.url.trim_start_matches("http://").to_owned();
    let folder = packages.display().to_string();
    let release = ["release", "--environment", ENVIRONMENT, "--packages", &folder];
    let release = [&release[..], &["--artifacts-bucket", &artifacts, "--registry", &registry]].concat();
    let ended = stage.lockgate.succeed(act, &repository.folder, run, &release).await?;
    let output = |name: &str| ended.outputs.get(name).cloned().with_context(|| format!("release gave no {name}"));
    let (id, file) = (output("release")?, output("tfvars")?);
    stage.teller.line(&format!("aws   released {id}"));

    let mut variables = variables();
    variables.push(format!("-var=artifacts_bucket={artifacts}"));
    variables.push(format!("-var-file={file}"));
    Ok((id, variables))
}

/// Records the versions that Terraform published and the hashes of their configurations, as `lockgate apply` does at
/// an apply's end: the next acts begin before this one has ended.
pub(super) async fn record(stage: &Stage, id: &str) -> Result<()> {
    let ledger = Ledger::new(&stage.sdk, ENVIRONMENT);
    let versions = Versions::new(&stage.sdk);
    let mut published = BTreeMap::new();
    for (stem, function) in ledger.release(id).await?.functions {
        let number = stage.output(&["functions", &stem, "version"])?;
        let version = versions.read(&function.function, &number).await?;
        let version = version.with_context(|| format!("{}:{number} is not there", function.function))?;
        published.insert(stem, (number, version.configuration));
    }
    ledger.record(id, &published).await
}
