//! *provision*: the functions are packaged, pushed, and applied.

use super::bootstrap::variables;
use crate::misreported;
use crate::packages::{Package, Packages};
use crate::stage::{ENVIRONMENT, Stage};
use crate::story::Checks;
use anyhow::{Context, Result};
use aws_sdk_s3::primitives::ByteStream;
use serde_json::json;
use stand_ins::tools::output;
use std::fs;
use tokio::process::Command;

pub(crate) async fn provision(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let act = "provision";
    let root = format!("environments/{ENVIRONMENT}");
    let bootstrap = stage.bootstrap.clone().context("the act bootstrap was not played")?;
    let artifacts = bootstrap.text(&["artifacts_bucket"])?;
    let packages = stage.packages().await?;
    let mut variables = variables();
    variables.push(format!("-var=artifacts_bucket={artifacts}"));
    variables.extend(hand_in(stage, &packages, &artifacts).await?);
    let mut apply = vec!["apply".to_owned(), "-auto-approve".to_owned()];
    apply.extend_from_slice(&variables);
    stage.terraform.run(act, &root, &apply).await?;
    stage.service = Some(stage.terraform.outputs(act, &root).await?);

    let (config, url) = (stage.sdk.clone(), stage.emulator.url.clone());
    stage.host.serves(crate::host::Account { config, url, artifacts_bucket: artifacts });
    for stem in packages.functions.keys() {
        let answer = stage.invoke(stem, &json!({"lockgate": "probe"})).await;
        let (ok, detail) = match answer {
            Ok(answer) => (answer["lockgate"] == "ok" && answer["version"] == "1", answer.to_string()),
            Err(error) => (false, format!("{error:#}")),
        };
        checks.that(&format!("{stem} answers its probe as version 1, from its own bytes"), ok, detail);
    }

    let terraform = stage.terraform.clone();
    checks.later("a plan after apply changes nothing but what the emulator misreports", async move {
        misreported::verdict(&terraform.changes(act, &root, &variables).await?)
    });
    Ok(())
}

/// Uploads zips by their hash and pushes images by their digest; returns Terraform's variables for them.
async fn hand_in(stage: &Stage, packages: &Packages, artifacts: &str) -> Result<Vec<String>> {
    let registry = stage.emulator.url.trim_start_matches("http://");
    let docker = stage.folder.join("docker");
    sign_in(stage, registry, &docker).await?;
    let mut variables = Vec::new();
    for (stem, package) in &packages.functions {
        match package {
            Package::Zip { path, sha256, size } => {
                let key = format!("functions/{stem}/{sha256}.zip");
                let body = ByteStream::from_path(packages.folder.join(path)).await?;
                let s3 = aws_sdk_s3::Client::new(&stage.sdk);
                s3.put_object()
                    .bucket(artifacts)
                    .key(&key)
                    .body(body)
                    .send()
                    .await
                    .context("failed to upload a zip")?;
                variables.push(format!("-var={stem}_zip={}", json!({"key": key, "sha256": sha256})));
                stage.teller.line(&format!("aws   uploaded {key}, {size} bytes"));
            }
            Package::Image { path, digest, size } => {
                let tag = digest.replace(':', "-");
                let mut push = Command::new(&stage.crane);
                push.arg("push").arg("--insecure").arg(packages.folder.join(path));
                push.arg(format!("{registry}/{stem}:{tag}")).env("DOCKER_CONFIG", &docker);
                output(&mut push).await.with_context(|| format!("failed to push {stem}"))?;
                variables.push(format!("-var={stem}_image={digest}"));
                stage.teller.line(&format!("aws   pushed {stem}@{digest}, {size} bytes"));
            }
        }
    }
    Ok(variables)
}

/// Writes the registry's credentials where crane reads them.
async fn sign_in(stage: &Stage, registry: &str, docker: &std::path::Path) -> Result<()> {
    let answer = aws_sdk_ecr::Client::new(&stage.sdk).get_authorization_token().send().await?;
    let token = answer.authorization_data().first().and_then(|data| data.authorization_token());
    let auths = json!({"auths": {registry: {"auth": token.context("ECR gave no authorization token")?}}});
    fs::create_dir_all(docker)?;
    fs::write(docker.join("config.json"), auths.to_string()).context("failed to write the registry's credentials")
}
