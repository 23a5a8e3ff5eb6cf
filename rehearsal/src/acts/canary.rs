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
use stand_ins::emulator::AliasMove;

pub(crate) async fn canary(stage: &Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let act = "canary";
    let branch = hub.branch("better-log").await?;
    variant::good(&branch.clone)?;
    let pull = hub.open(&branch, "A better log line").await?;
    // It is merged before anybody planned it: so nobody reviewed a plan, and staging asks.
    let mut merged = hub.merge(&pull).await?;
    merged.variables.push(("LOCKGATE_STRATEGY", "canary:50%/8s".to_owned()));
    let (done, seen) = under_traffic(stage, hub, checks, (act, &merged)).await?;
    checks.that("the canary passes under traffic", done.succeeded(), told(&done));
    delivered(stage, hub, checks, &pull, &done, PRODUCTION).await?;
    let function = format!("enrich-{PRODUCTION}");
    let moves: Vec<AliasMove> =
        stage.emulator.aliases().await?.into_iter().filter(|it| it.function == function).collect();
    let halved = moves.iter().rposition(|it| it.weights.values().any(|part| *part == 0.5));
    let halved = halved.context("production's alias of enrich never had half of its weight on another version")?;
    let until = moves.get(halved + 1).map_or(f64::INFINITY, |next| next.at);
    let (old, new) = shares(&stage.host.invoked()[seen.invoked..], &moves[halved], until);
    let detail = format!("{old} old, {new} new, {} files", seen.landed);
    checks.that("while its alias had two versions, both of enrich got a part of it", old > 0 && new > 0, detail);
    Ok(())
}

/// *bad release*.
pub(crate) async fn bad_release(stage: &Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let act = "bad-release";
    let branch = hub.branch("innocent").await?;
    variant::bad(&branch.clone)?;
    let pull = hub.open(&branch, "An innocent change").await?;
    let mut merged = hub.merge(&pull).await?;
    merged.variables.push(("LOCKGATE_STRATEGY", "canary:50%/60s".to_owned()));
    let (done, seen) = under_traffic(stage, hub, checks, (act, &merged)).await?;
    let failed = done.failed();
    let red = failed.iter().all(|job| job.contains("production/") && job.ends_with("promote")) && !failed.is_empty();
    checks.that("the run is red, and only for its promotion in production", red, told(&done));
    let name = format!("enrich-{PRODUCTION}");
    let finished = |(job, result): (&String, &String)| {
        job.contains("production/") && job.ends_with("/finish") && result == "success"
    };
    checks.that("its last job looks whether something was left behind", done.jobs.iter().any(finished), told(&done));
    let id = done.output("release", "release").context("the run made no release")?;
    live(stage, checks, ENVIRONMENT, id).await?;
    let good = seen.served;
    live(stage, checks, PRODUCTION, &good).await?;
    let release = Ledger::new(&stage.sdk, PRODUCTION).release(id).await?;
    checks.equal("the ledger calls it failed", &release.state, &State::Failed);

    let version = release.functions["enrich"].version.clone().context("enrich has no version")?;
    let invoked = stage.host.invoked();
    let errors = invoked[seen.invoked..].iter().filter(|one| one.function == name && one.error.is_some()).count();
    let failed = failed_records(&stage.host.printed().await?, &name, &version);
    let said = hub.section(&pull, "deploy", PRODUCTION)?;
    checks.that(
        "its Failed rises while Lambda's own Errors stays 0",
        errors == 0 && failed > 0,
        format!("{errors} Errors, {failed} records Failed"),
    );
    let seen = said.contains("⛔ Taken back in `production`") && said.contains("enrich is bad") && said.contains(&good);
    checks.that("the merged pull request says what was seen, and what serves", seen, said);
    let last = hub.deployment(PRODUCTION, id)?;
    let state = last.statuses.last().map(|status| status.state.clone()).unwrap_or_default();
    checks.equal("the deployment on GitHub is a failure", &state, &"failure".to_owned());
    Ok(())
}

/// What was there when a promotion in production began, and what landed until its end.
#[derive(Debug, Default)]
struct Seen {
    served: String,
    invoked: usize,
    landed: usize,
}

/// Plays a run that two people approve; calls land in production from the moment its promotion begins there.
async fn under_traffic(
    stage: &Stage,
    hub: &Hub,
    checks: &Checks,
    (act, started): (&str, &Started),
) -> Result<(Outcome, Seen)> {
    let (mut seen, mut traffic) = (Seen::default(), None);
    let landing = async {
        hub.left_staging(started.run_id).await;
        checks.leaves_staging();
        hub.gates.entered(GITHUB_REPOSITORY, started.run_id, &format!("{PRODUCTION}-promote")).await;
        let bucket = stage.state_of(PRODUCTION).await?.text(&["landing_bucket"])?;
        (seen.served, seen.invoked) = (serving(stage, PRODUCTION).await?, stage.host.invoked().len());
        traffic = Some(Traffic::start(stage, act, &bucket));
        Ok(())
    };
    let done = hub.play_and(stage, act, started, &["staging-approval", PRODUCTION], landing).await?;
    let traffic = traffic.with_context(|| format!("production's promotion never began: {}", told(&done)))?;
    seen.landed = traffic.stop().await?;
    Ok((done, seen))
}

/// How many invocations an alias's main version and its other one had from a move of it until a time, in seconds since 1970.
fn shares(invoked: &[Invoked], from: &AliasMove, until: f64) -> (usize, usize) {
    let at = |one: &&Invoked| one.at.as_duration().as_secs_f64();
    let ours = invoked.iter().filter(|one| one.function == from.function && at(one) >= from.at && at(one) < until);
    let (old, new): (Vec<&Invoked>, Vec<&Invoked>) = ours.partition(|one| one.version == from.version);
    (old.len(), new.iter().filter(|one| from.weights.contains_key(&one.version)).count())
}

/// How many records a version of a function said that it failed on, in its own metrics.
fn failed_records(printed: &[String], function: &str, version: &str) -> u64 {
    let lines = printed.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let ours = lines.filter(|line| line["FunctionName"] == function && line["FunctionVersion"] == version);
    ours.filter_map(|line| line["Failed"].as_u64()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_before_or_after_two_versions_had_traffic_counts_for_neither() {
        let one = |version: &str, second: i64| Invoked {
            function: "enrich-production".into(),
            version: version.into(),
            qualifier: "live".into(),
            at: jiff::Timestamp::from_second(second).expect("a time"),
            milliseconds: 1.0,
            cold: false,
            peak_memory: None,
            error: None,
        };
        let from = AliasMove {
            at: 100.0,
            function: "enrich-production".into(),
            alias: "live".into(),
            version: "3".into(),
            weights: [("4".to_owned(), 0.5)].into(),
        };
        let invoked = [one("3", 99), one("3", 100), one("4", 101), one("4", 109), one("4", 110), one("5", 105)];
        assert_eq!(shares(&invoked, &from, 110.0), (1, 2));
        assert_eq!(shares(&[], &from, 110.0), (0, 0));
    }
}
