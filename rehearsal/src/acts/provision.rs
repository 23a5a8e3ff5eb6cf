//! *provision*: the functions are packaged, released, and applied.

use super::deliver::{deliver, root};
use crate::misreported;
use crate::stage::Stage;
use crate::story::Checks;
use anyhow::{Context, Result};
use serde_json::json;

pub(crate) async fn provision(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let act = "provision";
    let artifacts =
        stage.bootstrap.as_ref().context("the act bootstrap was not played")?.text(&["artifacts_bucket"])?;
    let packages = stage.packages().await?;
    let repository = stage.repository.clone();
    let (id, variables) = deliver(stage, act, 1, &repository, &packages.folder).await?;
    stage.releases.push(id);

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
        misreported::verdict(&terraform.changes(act, &root(), &variables).await?)
    });
    Ok(())
}
