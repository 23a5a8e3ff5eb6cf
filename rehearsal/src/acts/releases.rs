//! The acts in which releases are promoted, taken back and refused.

use super::deliver::deliver;
use super::traffic::Traffic;
use crate::host::Invoked;
use crate::lockgate::Ended;
use crate::stage::{ENVIRONMENT, Stage};
use crate::story::Checks;
use crate::variant;
use anyhow::{Context, Result};
use lockgate::ledger::{Ledger, State};

/// *release one*: the first promotion adopts the aliases that Terraform made.
pub(crate) async fn release_one(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let id = stage.releases.first().cloned().context("the act provision was not played")?;
    let ended = promote(stage, "release-one", 1, &id, &["--strategy", "all-at-once"]).await?;
    checks.that("the first release is promoted all at once", ended.code == 0, last(&ended));
    live(stage, checks, &id).await?;
    let status =
        stage.lockgate.run("release-one", &stage.repository.folder, 1, &["status", "--environment", ENVIRONMENT]);
    let status = status.await?;
    checks.that("status says what is live", status.code == 0 && status.said.contains(&id), first(&status));
    Ok(())
}

/// *release two*: a canary under traffic.
pub(crate) async fn release_two(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let act = "release-two";
    variant::good(&stage.repository)?;
    let id = build(stage, act, 2, "a better log line").await?;
    let before = stage.host.invoked().len();
    let traffic = Traffic::start(stage, act).await?;
    let canary = ["--strategy", "canary:50%/8s", "--min-samples", "20"];
    let ended = promote(stage, act, 2, &id, &canary).await?;
    let landed = traffic.stop().await?;
    checks.that("the canary passes under traffic", ended.code == 0, last(&ended));
    live(stage, checks, &id).await?;
    let (old, new) = shares(&stage.host.invoked()[before..], "enrich", "1", "2");
    checks.that(
        "both versions of enrich got a part of it",
        old > 0 && new > 0,
        format!("{old} old, {new} new, {landed} files"),
    );
    Ok(())
}

/// *bad release*: an `enrich` that fails a share of its records is taken back.
pub(crate) async fn bad_release(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let act = "bad-release";
    let good = serving(stage).await?;
    variant::bad(&stage.repository)?;
    let id = build(stage, act, 3, "an innocent change").await?;
    let before = stage.host.invoked().len();
    let traffic = Traffic::start(stage, act).await?;
    let canary = ["--strategy", "canary:50%/60s", "--min-samples", "20"];
    let ended = promote(stage, act, 3, &id, &canary).await?;
    traffic.stop().await?;
    checks.that("the canary is taken back", ended.code == 1 && ended.said.contains("was taken back"), last(&ended));
    let name = format!("enrich-{ENVIRONMENT}");
    let errors =
        stage.host.invoked()[before..].iter().filter(|one| one.function == name && one.error.is_some()).count();
    let failed = failed(&stage.host.printed().await?, &name, "3");
    let told = errors == 0 && failed > 0 && ended.said.to_lowercase().contains("failed");
    let detail = format!("{errors} Errors, {failed} records Failed");
    checks.that("its Failed rises while Lambda's own Errors stays 0", told, detail);
    live(stage, checks, &good).await?;
    let state = Ledger::new(&stage.sdk, ENVIRONMENT).release(&id).await?.state;
    checks.equal("the ledger calls it failed", &state, &State::Failed);
    Ok(())
}

/// *again*: an unrelated release that contains the same bad bytes is refused.
pub(crate) async fn again(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let act = "again";
    let good = serving(stage).await?;
    stage.repository.change("README.md", "# Lockgate\n", "# Lockgate, the service\n")?;
    let id = build(stage, act, 4, "the README alone").await?;
    let ended = promote(stage, act, 4, &id, &["--strategy", "all-at-once"]).await?;
    let refused = ended.code == 1 && ended.said.contains("judged bad") && ended.said.contains("hold/enrich/");
    checks.that("a release with the same bad bytes is refused, and told why", refused, last(&ended));
    live(stage, checks, &good).await
}

/// *quiet release*: nobody calls, so probes decide.
pub(crate) async fn quiet_release(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let act = "quiet-release";
    variant::mended(&stage.repository)?;
    let id = build(stage, act, 5, "mend enrich").await?;
    let ended = promote(stage, act, 5, &id, &["--strategy", "canary:10%/1s"]).await?;
    checks.that(
        "without traffic the probes decide",
        ended.code == 0 && ended.said.contains("decided by probes"),
        last(&ended),
    );
    live(stage, checks, &id).await
}

/// Commits what was changed, packages it, and delivers it up to where it waits for its promotion.
async fn build(stage: &mut Stage, act: &str, run: u64, message: &str) -> Result<String> {
    stage.repository.commit(message).await?;
    let out = stage.file(&format!("packages-{run}"));
    let repository = stage.repository.clone();
    crate::packages::package(&repository.folder, &out, &stage.file("package.log"), act, &stage.clock).await?;
    let id = deliver(stage, act, run, &repository, &out).await?;
    stage.releases.push(id.clone());
    Ok(id)
}

async fn promote(stage: &Stage, act: &str, run: u64, id: &str, how: &[&str]) -> Result<Ended> {
    let promote = [&["promote", "--environment", ENVIRONMENT, "--release", id][..], how].concat();
    stage.lockgate.run(act, &stage.repository.folder, run, &promote).await
}

async fn serving(stage: &Stage) -> Result<String> {
    let live = Ledger::new(&stage.sdk, ENVIRONMENT).live().await?;
    live.release.context("nothing is live")
}

/// Checks that this release serves everything, by the ledger and by every alias.
pub(super) async fn live(stage: &Stage, checks: &mut Checks, id: &str) -> Result<()> {
    let ledger = Ledger::new(&stage.sdk, ENVIRONMENT);
    let (live, release) = (ledger.live().await?, ledger.release(id).await?);
    let aliases = lockgate::alias::Aliases::new(&stage.sdk);
    let (mut right, mut shown) = (live.release.as_deref() == Some(id) && live.moving.is_none(), Vec::new());
    for function in release.functions.values() {
        let alias = aliases.read(&function.function, &function.alias).await?;
        right &= Some(&alias.version) == function.version.as_ref() && alias.weights.is_empty();
        shown.push(format!("{} {}", function.function, alias.shown()));
    }
    checks.that(
        "this release serves everything, by the ledger and by every alias",
        right,
        format!("{id}: {}", shown.join("; ")),
    );
    Ok(())
}

/// How many invocations of a function two versions had.
fn shares(invoked: &[Invoked], stem: &str, old: &str, new: &str) -> (usize, usize) {
    let of = |version: &str| {
        let ours = |one: &&Invoked| one.function == format!("{stem}-{ENVIRONMENT}") && one.version == version;
        invoked.iter().filter(ours).count()
    };
    (of(old), of(new))
}

/// How many records a version of a function said that it failed on, in its own metrics.
fn failed(printed: &[String], function: &str, version: &str) -> u64 {
    let lines = printed.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let ours = lines.filter(|line| line["FunctionName"] == function && line["FunctionVersion"] == version);
    ours.filter_map(|line| line["Failed"].as_u64()).sum()
}

/// The last lines that a command printed, for a check's detail.
fn last(ended: &Ended) -> String {
    let lines: Vec<_> = ended.said.lines().filter(|line| !line.is_empty() && !line.starts_with("::")).collect();
    lines[lines.len().saturating_sub(3)..].join(" | ")
}

fn first(ended: &Ended) -> String {
    ended.said.lines().next().unwrap_or_default().to_owned()
}
