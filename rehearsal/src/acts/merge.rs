//! *merge*: a reviewed pull request is merged, and reaches staging by itself and production after one approval. *moved ground*:
//! another change was merged in between, so that a plan is no longer the reviewed one: staging waits for a person, too.

use super::live::{live, serving};
use crate::hub::{Hub, Pull, Started, told};
use crate::stage::{ENVIRONMENT, GITHUB_REPOSITORY, PRODUCTION, Stage};
use crate::story::Checks;
use crate::workflows::{Outcome, Step};
use anyhow::{Context, Result};
use lockgate::ledger::Ledger;
use std::pin::pin;

/// The pull request of the act *pull-request*.
pub(super) const REVIEWED: &str = "longer-logs";

/// One that nobody has to wait for.
const DOCUMENTED: &str = "spelling";

pub(crate) async fn merge(stage: &Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let act = "merge";
    let doctor = ["doctor", "--repository", GITHUB_REPOSITORY, "--api-url", &hub.github.url];
    let token = hub.github.user_token(crate::hub::MAINTAINER);
    let found = stage.lockgate.run(act, &hub.origin.folder, 1, &[&doctor[..], &["--token", &token]].concat()).await?;
    let last = found.said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    checks.that("the doctor finds the repository's settings as the trust needs them", found.code == 0, last.to_owned());
    let mut open = Vec::new();
    for environment in hub.github.repository(GITHUB_REPOSITORY)?.environments.into_keys() {
        for git_ref in ["refs/heads/mine", "refs/pull/7/merge"] {
            if hub.lets_in(&environment, git_ref).await? {
                open.push(format!("{environment} lets in {git_ref}"));
            }
        }
    }
    checks.that("no GitHub environment lets in another branch than main", open.is_empty(), open.join(", "));

    let reviewed = hub.pull(REVIEWED)?;
    let merged = hub.merge(&reviewed).await?;
    checks.equal("the merge starts one workflow", &merged.workflow, &".github/workflows/on-main.yml".to_owned());
    let began = stage.clock.elapsed();
    let done = through_staging(stage, hub, checks, (act, &merged), &[PRODUCTION], &reviewed).await?;
    let seconds = (stage.clock.elapsed() - began).as_secs_f64();
    let detail = format!("{seconds:.1} s from the merge to production at 100 %; {}", told(&done));
    checks.that("every job succeeds, after one approval of production", done.succeeded(), detail);
    let built = |step: &&Step| step.job.contains("production/") && step.name.ends_with("/package");
    let built: Vec<&str> = done.steps.iter().filter(built).map(|step| step.job.as_str()).collect();
    checks.that("production gets what staging has: nothing is built for it", built.is_empty(), format!("{built:?}"));
    for environment in [ENVIRONMENT, PRODUCTION] {
        let digest = done.output_of(&format!("{environment}/"), "check", "digest").unwrap_or_default();
        let comment = hub.section(&reviewed, "plan", &format!("terraform/environments/{environment}"))?;
        let equal = !digest.is_empty() && comment.contains(&format!("plan digest `{digest}`"));
        checks.that(&format!("{environment} gets the plan that was reviewed, by its digest"), equal, digest.to_owned());
    }
    delivered(stage, hub, checks, &reviewed, &done, PRODUCTION).await?;
    let reviews = hub.gates.reviews();
    let of_run: Vec<_> = reviews.iter().filter(|review| review.run == merged.run_id).collect();
    checks.equal("one person was asked, once", &of_run.len(), &1);
    Ok(())
}

/// *moved ground*.
pub(crate) async fn moved_ground(stage: &Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let act = "moved-ground";
    // A change of words, merged while an earlier run still delivers: GitHub lets it wait, and the next merge overtakes it.
    let branch = hub.branch(DOCUMENTED).await?;
    branch.clone.change("README.md", "# Lockgate\n", "# Lockgate, the service\n")?;
    let documented = hub.open(&branch, "Say what it is").await?;
    let earlier = hub.next_run();
    hub.queue("deploy-staging", earlier).await?;
    let overtaken = hub.merge(&documented).await?;
    let mut first = pin!(hub.play(stage, act, &overtaken, &[]));
    hub.queued("deploy-staging", overtaken.run_id, first.as_mut()).await?;

    let beside = hub.pull(super::pull_request::BESIDE)?;
    let merged = hub.merge(&beside).await?;
    let run = merged.run_id;
    let later = async {
        let approvals = ["staging-approval", PRODUCTION];
        let mut playing = pin!(through_staging(stage, hub, checks, (act, &merged), &approvals, &beside));
        hub.queued("deploy-staging", run, playing.as_mut()).await?;
        hub.leave("deploy-staging", earlier).await?;
        playing.await
    };
    let (first, done) = tokio::try_join!(first, later)?;
    let nothing = first.output("release", "release").is_none() && !first.succeeded();
    checks.that("a merge that was overtaken while it waited delivers nothing itself", nothing, told(&first));

    checks.that("the next one goes on after somebody approved what differs", done.succeeded(), told(&done));
    let reviewed = done.output_of("staging/", "check", "reviewed").unwrap_or_default().to_owned();
    checks.equal("its plan of staging is not the reviewed one", &reviewed, &"differs".to_owned());
    let asked: Vec<String> =
        hub.gates.reviews().into_iter().filter(|review| review.run == run).map(|it| it.environment).collect();
    checks.equal(
        "so staging waited for a person, too",
        &asked,
        &vec!["staging-approval".to_owned(), PRODUCTION.to_owned()],
    );
    let shown =
        hub.history(&beside, "deploy", ENVIRONMENT).into_iter().find(|text| text.contains("not the reviewed one"));
    let shown = shown.context("the pull request was not told what differs")?;
    let told_which = shown.contains("slow") && shown.contains("reviewed with other values") && shown.contains("60");
    checks.that("the pull request was shown what differs", told_which, shown);
    delivered(stage, hub, checks, &beside, &done, PRODUCTION).await?;
    for environment in [ENVIRONMENT, PRODUCTION] {
        let carried = hub.section(&documented, "deploy", environment)?;
        let with = carried.contains(&format!("Live in `{environment}` with #{}", beside.number));
        checks.that(&format!("the overtaken one is told what carried it to {environment}"), with, carried);
    }
    Ok(())
}

/// Plays a run, and looks at staging before its turn in production comes: from then on, others are delivered to staging.
async fn through_staging(
    stage: &Stage,
    hub: &Hub,
    checks: &mut Checks,
    (act, started): (&str, &Started),
    approvals: &[&str],
    pull: &Pull,
) -> Result<Outcome> {
    let mut seen = None;
    let looking = async {
        hub.left_staging(started.run_id).await;
        let id = serving(stage, ENVIRONMENT).await?;
        serves(stage, hub, checks, pull, &id, ENVIRONMENT).await?;
        checks.leaves_staging();
        seen = Some(id);
        Ok(())
    };
    let done = hub.play_and(stage, act, started, approvals, looking).await?;
    checks.equal("what it released is what served staging", &seen.as_deref(), &done.output("release", "release"));
    Ok(done)
}

/// Checks that a run's release serves an environment, and that the pull request and the deployment say so.
pub(super) async fn delivered(
    stage: &Stage,
    hub: &Hub,
    checks: &mut Checks,
    pull: &Pull,
    done: &Outcome,
    environment: &str,
) -> Result<()> {
    let id = done.output("release", "release").context("the run made no release")?;
    serves(stage, hub, checks, pull, id, environment).await
}

/// The same of a release by its id.
async fn serves(stage: &Stage, hub: &Hub, checks: &mut Checks, pull: &Pull, id: &str, environment: &str) -> Result<()> {
    live(stage, checks, environment, id).await?;
    let release = Ledger::new(&stage.sdk, environment).release(id).await?;
    let said = hub.section(pull, "deploy", environment)?;
    let all = release.functions.values().all(|function| {
        said.contains(&function.code)
            && function.version.as_ref().is_some_and(|version| said.contains(&format!("`{version}`")))
    });
    let back = release.previous.is_none() || said.contains("[Roll back](");
    checks.that(
        &format!("the merged pull request says so, with versions, digests and the way back from {environment}"),
        said.contains(&format!("## ✅ Live in `{environment}`")) && all && back,
        said,
    );
    let last = hub.deployment(environment, id)?;
    let states: Vec<&str> = last.statuses.iter().map(|status| status.state.as_str()).collect();
    let ended = states.last() == Some(&"success") && states.contains(&"in_progress");
    checks.that(&format!("so does the deployment of {environment} on GitHub"), ended, states.join(", "));
    Ok(())
}
