//! *canary*: a change of the code reaches production by a canary, under traffic. *bad release*: one that fails a share of its
//! records passes staging's smoke test, and is taken back in production.

use super::live::{live, serving};
use super::merge::delivered;
use super::traffic::Traffic;
use crate::host::Invoked;
use crate::hub::{Hub, Started, told};
use crate::stage::{ENVIRONMENT, GITHUB_REPOSITORY, PRODUCTION, Stage};
use crate::story::Checks;
use crate::variant;
use crate::workflows::Outcome;
use anyhow::{Context, Result};
use lockgate::ledger::{Ledger, State};

pub(crate) async fn canary(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    Hub::with(stage, async |stage, hub| good(stage, hub, checks).await).await
}

async fn good(stage: &mut Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let (act, branch) = ("canary", "better-log");
    hub.branch(branch).await?;
    variant::good(&hub.repository)?;
    hub.repository.commit("A better log line").await?;
    let pull = hub.open(branch, "A better log line").await?;
    // It is merged before anybody planned it: so nobody reviewed a plan, and staging asks.
    let mut merged = hub.merge(&pull).await?;
    merged.variables.push(("LOCKGATE_STRATEGY", "canary:50%/8s".to_owned()));
    let (before, landing) = (stage.host.invoked().len(), landing(stage).await?);
    let (done, landed) = under_traffic(stage, hub, act, &merged, &landing, &["staging-approval", PRODUCTION]).await?;
    checks.that("the canary passes under traffic", done.succeeded(), told(&done));
    delivered(stage, hub, checks, &pull, &done, PRODUCTION).await?;
    let (old, new) = shares(&stage.host.invoked()[before..]);
    let detail = format!("{old} old, {new} new, {landed} files");
    checks.that("both versions of enrich got a part of it", old > 0 && new > 0, detail);
    hub.judge(checks);
    Ok(())
}

/// *bad release*.
pub(crate) async fn bad_release(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    Hub::with(stage, async |stage, hub| bad(stage, hub, checks).await).await
}

async fn bad(stage: &mut Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let (act, branch) = ("bad-release", "innocent");
    let good = serving(stage, PRODUCTION).await?;
    hub.branch(branch).await?;
    variant::bad(&hub.repository)?;
    hub.repository.commit("An innocent change").await?;
    let pull = hub.open(branch, "An innocent change").await?;
    let mut merged = hub.merge(&pull).await?;
    merged.variables.push(("LOCKGATE_STRATEGY", "canary:50%/60s".to_owned()));
    let (before, landing) = (stage.host.invoked().len(), landing(stage).await?);
    let (done, _) = under_traffic(stage, hub, act, &merged, &landing, &["staging-approval", PRODUCTION]).await?;
    let failed = done.failed();
    let red = failed.iter().all(|job| job.contains("promote")) && !failed.is_empty();
    checks.that("the run is red, and only for its promotion in production", red, told(&done));
    let name = format!("enrich-{PRODUCTION}");
    let id = done.output("release", "release").context("the run made no release")?;
    live(stage, checks, ENVIRONMENT, id).await?;
    live(stage, checks, PRODUCTION, &good).await?;
    let release = Ledger::new(&stage.sdk, PRODUCTION).release(id).await?;
    checks.equal("the ledger calls it failed", &release.state, &State::Failed);

    let version = release.functions["enrich"].version.clone().context("enrich has no version")?;
    let invoked = stage.host.invoked();
    let errors = invoked[before..].iter().filter(|one| one.function == name && one.error.is_some()).count();
    let failed = failed_records(&stage.host.printed().await?, &name, &version);
    let said = hub.section(&pull, "deploy", PRODUCTION)?;
    checks.that(
        "its Failed rises while Lambda's own Errors stays 0",
        errors == 0 && failed > 0,
        format!("{errors} Errors, {failed} records Failed"),
    );
    let seen = said.contains("⛔ Taken back in `production`") && said.contains("enrich is bad") && said.contains(&good);
    checks.that("the merged pull request says what was seen, and what serves", seen, said);
    let deployments = hub.github.repository(GITHUB_REPOSITORY)?.deployments;
    let last = deployments.values().rfind(|it| it.environment == PRODUCTION).context("GitHub has no deployment")?;
    let state = last.statuses.last().map(|status| status.state.clone()).unwrap_or_default();
    checks.equal("the deployment on GitHub is a failure", &state, &"failure".to_owned());
    hub.judge(checks);
    Ok(())
}

/// The bucket in which production's calls land.
async fn landing(stage: &Stage) -> Result<String> {
    stage.state_of(PRODUCTION).await?.text(&["landing_bucket"])
}

/// Plays a run; calls land in production from the moment its promotion begins there.
async fn under_traffic(
    stage: &Stage,
    hub: &Hub,
    act: &str,
    started: &Started,
    bucket: &str,
    approvals: &[&str],
) -> Result<(Outcome, usize)> {
    let traffic = async {
        hub.gates.entered(GITHUB_REPOSITORY, started.run_id, &format!("{PRODUCTION}-promote")).await;
        Traffic::start(stage, act, bucket)
    };
    let playing = hub.play(stage, act, started, approvals);
    tokio::pin!(playing, traffic);
    tokio::select! {
        done = &mut playing => Ok((done?, 0)),
        traffic = &mut traffic => {
            let done = playing.await;
            let landed = traffic.stop().await?;
            Ok((done?, landed))
        }
    }
}

/// How many invocations of production's enrich its last two versions had.
fn shares(invoked: &[Invoked]) -> (usize, usize) {
    let ours = invoked.iter().filter(|one| one.function == format!("enrich-{PRODUCTION}"));
    let mut of: std::collections::BTreeMap<u64, usize> = std::collections::BTreeMap::new();
    ours.filter_map(|one| one.version.parse().ok()).for_each(|version| *of.entry(version).or_default() += 1);
    let mut newest = of.into_values().rev();
    let new = newest.next().unwrap_or(0);
    (newest.next().unwrap_or(0), new)
}

/// How many records a version of a function said that it failed on, in its own metrics.
fn failed_records(printed: &[String], function: &str, version: &str) -> u64 {
    let lines = printed.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let ours = lines.filter(|line| line["FunctionName"] == function && line["FunctionVersion"] == version);
    ours.filter_map(|line| line["Failed"].as_u64()).sum()
}
