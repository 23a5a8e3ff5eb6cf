//! *bootstrap*: what Terraform itself and every delivery stand on.

use super::trust::trust;
use crate::misreported;
use crate::stage::{ENVIRONMENT, GITHUB_REPOSITORY, Stage};
use crate::story::Checks;
use anyhow::{Context, Result};
use stand_ins::emulator;
use std::fs;

const ROOT: &str = "bootstrap";

pub(crate) async fn bootstrap(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let act = "bootstrap";
    let folder = stage.terraform.root(ROOT);
    let mut variables = variables();
    variables.push(format!("-var=github_repository={GITHUB_REPOSITORY}"));

    // The bucket for the state is not there yet: the first apply keeps its state in a file.
    let overriding = folder.join("backend_override.tf");
    fs::write(&overriding, "terraform {\n  backend \"local\" {}\n}\n").context("failed to write the override")?;
    stage.terraform.run(act, ROOT, &["init"]).await?;
    stage.terraform.accept(&stage.folder, ROOT)?;
    let outputs = stage.terraform.apply(act, ROOT, &variables).await?;

    fs::remove_file(&overriding)?;
    let mut init = vec!["init".to_owned(), "-migrate-state".to_owned(), "-force-copy".to_owned()];
    let key = "terraform/bootstrap/terraform.tfstate";
    let (state_bucket, lock_table) = (outputs.text(&["state_bucket"])?, outputs.text(&["lock_table"])?);
    init.extend(backend(&state_bucket, &lock_table, key));
    // The environment's root can be initialised as soon as the bucket is there.
    let environment = format!("environments/{ENVIRONMENT}");
    let mut next = vec!["init".to_owned()];
    next.extend(backend(&state_bucket, &lock_table, &format!("terraform/{environment}/terraform.tfstate")));
    tokio::try_join!(stage.terraform.run(act, ROOT, &init), stage.terraform.run("provision", &environment, &next))?;

    let s3 = aws_sdk_s3::Client::new(&stage.sdk);
    let state =
        s3.get_object().bucket(&state_bucket).key(key).send().await.context("the state is not in its bucket")?;
    let size = state.content_length().unwrap_or(0);
    checks.that("Terraform's own state lies in the bucket it made", size > 1000, format!("{key}, {size} bytes"));
    let versioning = s3.get_bucket_versioning().bucket(&state_bucket).send().await?;
    checks.equal(
        "the state bucket keeps old versions",
        &versioning.status().map(ToString::to_string),
        &Some("Enabled".into()),
    );
    trust(stage, checks, &outputs.json("roles")?).await?;
    let terraform = stage.terraform.clone();
    checks.later("a plan after the move changes nothing", async move {
        misreported::verdict(&terraform.changes(act, ROOT, &variables).await?)
    });
    stage.bootstrap = Some(outputs);
    Ok(())
}

/// Terraform's variables that every root shares.
pub(super) fn variables() -> Vec<String> {
    vec![
        format!("-var=account_id={}", emulator::ACCOUNT),
        format!("-var=region={}", emulator::REGION),
        "-var=s3_use_path_style=true".to_owned(),
    ]
}

/// Where a root keeps its state, as `-backend-config` arguments.
fn backend(bucket: &str, lock_table: &str, key: &str) -> Vec<String> {
    [
        format!("bucket={bucket}"),
        format!("key={key}"),
        format!("region={}", emulator::REGION),
        format!("dynamodb_table={lock_table}"),
        "use_lockfile=true".to_owned(),
        "use_path_style=true".to_owned(),
        "encrypt=true".to_owned(),
    ]
    .map(|setting| format!("-backend-config={setting}"))
    .to_vec()
}
