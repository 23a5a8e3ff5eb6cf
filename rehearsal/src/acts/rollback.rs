//! *rollback*: a person starts the workflow, which takes a role by OIDC and moves production's aliases back. *after a rollback*:
//! the next merge, which is about something else, does not bring the bad bytes back, until a person frees them.

use super::live::{live, serving};
use super::merge::delivered;
use crate::hub::{Hub, told};
use crate::stage::{ENVIRONMENT, PRODUCTION, Stage};
use crate::story::Checks;
use anyhow::{Context, Result};
use lockgate::ledger::Ledger;
use serde_json::{Value, json};

const REASON: &str = "calls look wrong since the last release";

pub(crate) async fn rollback(stage: &Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let act = "rollback";
    let before = Ledger::new(&stage.sdk, PRODUCTION).live().await?;
    let (bad, good) = (before.release.context("nothing is live")?, before.previous.context("nothing was live before")?);
    let inputs = |environment: &str| json!({ "environment": environment, "release": "", "reason": REASON });

    let elsewhere = serving(stage, ENVIRONMENT).await?;
    let mut other = hub.dispatch("on-rollback.yml", inputs(ENVIRONMENT)).await?;
    // The job of one environment is given the role of the other.
    let bootstrap = stage.bootstrap.as_ref().context("the act bootstrap was not played")?;
    let mut roles: Value = serde_json::from_str(&bootstrap.json("roles")?)?;
    roles["rollback"][ENVIRONMENT] = roles["rollback"][PRODUCTION].clone();
    other.variables.push(("LOCKGATE_ROLES", roles.to_string()));
    let denied = hub.play(stage, act, &other, &[]).await?;
    let who = "repo:example/calls:environment:staging-rollback";
    let said = denied.log.iter().flat_map(|said| said.lines()).find(|line| line.contains(who)).unwrap_or_default();
    let detail = if said.is_empty() { told(&denied) } else { said.to_owned() };
    checks.that(
        "production's role denies the job of another environment, and says who asked",
        !denied.succeeded() && !said.is_empty(),
        detail,
    );
    let serve = (serving(stage, ENVIRONMENT).await?, serving(stage, PRODUCTION).await?);
    checks.equal("nothing moved in either", &serve, &(elsewhere, bad.clone()));

    let started = hub.dispatch("on-rollback.yml", inputs(PRODUCTION)).await?;
    let done = hub.play(stage, act, &started, &[]).await?;
    checks.that("the workflow rolls back, in a role that it took by OIDC", done.succeeded(), told(&done));
    live(stage, checks, PRODUCTION, &good).await?;
    let out = Ledger::new(&stage.sdk, PRODUCTION).release(&bad).await?;
    let kept = out.reason.as_deref() == Some(REASON);
    checks.that("the ledger keeps why", kept, format!("{bad}: {} {:?}", out.state, out.reason));
    Ok(())
}

/// *after a rollback*.
pub(crate) async fn after_rollback(stage: &Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let act = "after-rollback";
    let good = serving(stage, PRODUCTION).await?;
    let branch = hub.branch("words").await?;
    branch.clone.change("README.md", "gate by gate, and proves it", "gate after gate, and proves it")?;
    let pull = hub.open(&branch, "Other words").await?;
    let merged = hub.merge(&pull).await?;
    let done = hub.play(stage, act, &merged, &[]).await?;
    let failed = done.failed();
    let refused = failed.iter().all(|job| job.contains("production/") && job.ends_with("check")) && !failed.is_empty();
    checks.that("an unrelated merge is stopped before anything of it is applied to production", refused, told(&done));
    live(stage, checks, PRODUCTION, &good).await?;
    let said = hub.section(&pull, "deploy", PRODUCTION)?;
    let hold = said.split("hold/enrich/").nth(1).map(|rest| rest.chars().take_while(char::is_ascii_hexdigit).collect());
    let hold: String = hold.with_context(|| format!("the pull request does not say what is held: {said}"))?;
    checks.that("the pull request is told what is held, and why", said.contains(REASON), said);

    let hold = format!("hold/enrich/{hold}");
    let free = ["unlock", "--environment", PRODUCTION, "--hold", &hold, "--reason", "it was the network after all"];
    let freed = stage.lockgate.run(act, &hub.origin.folder, 1, &free).await?;
    checks.that("a person frees it, and says why", freed.code == 0, freed.said.trim().to_owned());
    let released = done.output_of("staging/", "promote", "release").context("staging has no release")?;
    let mut again = hub.failed_again(&merged, &done, &[("staging.release", released)])?;
    again.variables.push(("LOCKGATE_STRATEGY", "canary:10%/1s".to_owned()));
    let turn = async {
        hub.left_staging(again.run_id).await;
        checks.leaves_staging();
        Ok(())
    };
    let done = hub.play_and(stage, act, &again, &[PRODUCTION], turn).await?;
    checks.that("run again, it goes on", done.succeeded(), told(&done));
    let probed = done.log.iter().any(|said| said.contains("decided by probes"));
    checks.that("without traffic the probes decide", probed, "decided by probes");
    delivered(stage, hub, checks, &pull, &done, PRODUCTION).await?;
    Ok(())
}
