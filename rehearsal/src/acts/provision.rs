//! *provision*: the functions are packaged, released, and applied.

use super::deliver::{record, release, root};
use crate::misreported;
use crate::packages::stems;
use crate::stage::{ENVIRONMENT, Settled, Stage};
use crate::story::Checks;
use crate::terraform::Outputs;
use anyhow::{Context, Result, ensure};
use lockgate::alias::Aliases;
use serde_json::{Map, json};
use std::collections::BTreeMap;
use tokio::sync::watch;

/// The provider asks for a minute whether a bucket's life cycle is settled, and no act needs it.
const SETTLES: &str = "aws_s3_bucket_lifecycle_configuration";

pub(crate) async fn provision(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let act = "provision";
    let artifacts =
        stage.bootstrap.as_ref().context("the act bootstrap was not played")?.text(&["artifacts_bucket"])?;
    let packages = stage.packages().await?;
    let repository = stage.repository.clone();
    let (id, variables) = release(stage, act, 1, &repository, &packages.folder).await?;
    let made = stage.terraform.apply_but(act, &root(), &variables, &[SETTLES]).await?;
    let early = outputs(stage, &made.ids).await?;
    stage.service = Some(early.clone());
    record(stage, &id).await?;

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

    let (tell, settled) = watch::channel(Settled::Applying);
    stage.settled = Some(settled);
    let told = tell.clone();
    let ended = async move {
        let outputs = made.outputs.await.context("the apply's task ended");
        let _ = told.send(Settled::Applied);
        let outputs = outputs??;
        ensure!(early.is_part_of(&outputs), "what was used meanwhile are not its outputs: {early:?}, {outputs:?}");
        Ok((true, format!("{} resources", made.ids.len())))
    };
    if stage.without.is_some() {
        // A right is taken away next, which a plan would want to give back.
        checks.later("the apply ends well", ended);
        return Ok(());
    }
    let terraform = stage.terraform.clone();
    checks.later(
        "the apply ends well, and a plan after it changes nothing but what the emulator misreports",
        async move {
            ended.await?;
            let changes = terraform.changes(act, &root(), &variables).await;
            let _ = tell.send(Settled::Planned);
            misreported::verdict(&changes?)
        },
    );
    Ok(())
}

/// What the acts need of Terraform's outputs, by the ids that it told so far and the aliases that it made.
async fn outputs(stage: &Stage, ids: &BTreeMap<String, String>) -> Result<Outputs> {
    let id = |address: &str| {
        let id = ids.get(&format!("module.service.{address}"));
        id.cloned().with_context(|| format!("Terraform told no id of {address}"))
    };
    let mut functions = Map::new();
    let aliases = Aliases::new(&stage.sdk);
    for stem in stems()? {
        let alias = aliases.read(&format!("{stem}-{ENVIRONMENT}"), "live").await?;
        functions.insert(stem, json!({ "version": alias.version }));
    }
    let mut tables = Map::new();
    for stem in ["bronze", "silver", "counter", "erased"] {
        tables.insert(stem.to_owned(), id(&format!("aws_dynamodb_table.{stem}"))?.into());
    }
    let values = json!({
        "api_id": id("aws_apigatewayv2_api.query")?,
        "landing_bucket": id("module.landing.aws_s3_bucket.this")?,
        "queues": {"ingest": id("aws_sqs_queue.ingest_failed")?, "enrich": id("aws_sqs_queue.enrich_failed")?},
        "functions": functions,
        "tables": tables,
    });
    Ok(Outputs::of(values.as_object().context("an object")?))
}
