//! *rollback*: a person starts the workflow, which takes a role by OIDC and moves the aliases back.

use super::releases::live;
use crate::api::Api;
use crate::stage::{ENVIRONMENT, GITHUB_REPOSITORY, Stage};
use crate::story::Checks;
use crate::workflows::{self, Outcome, Request, Workflows};
use ::http::Method;
use anyhow::{Context, Result};
use lockgate::ledger::Ledger;
use serde_json::json;
use stand_ins::emulator::REGION;
use stand_ins::folders;
use stand_ins::oidc::{GITHUB, Issuer, Job};
use std::path::Path;

const WORKFLOW: &str = ".github/workflows/on-rollback.yml";

pub(crate) async fn rollback(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let before = Ledger::new(&stage.sdk, ENVIRONMENT).live().await?;
    let (bad, good) = (before.release.context("nothing is live")?, before.previous.context("nothing was live before")?);
    let act = stage.act().await?;
    let folder = stage.file("github");
    let workflows = Workflows::copy(&stage.repository.folder, &folder, GITHUB_REPOSITORY, &|_| None).await?;
    stage.note_rewrites(&workflows);
    let issuer = Issuer::start_as(Some(GITHUB))?;
    let reason = "calls look wrong since the last release";

    let denied = start(stage, &workflows, &act.path, &issuer, 6, "production", reason).await?;
    let log = denied.log.join("\n");
    let told = !denied.succeeded() && log.contains("repo:example/calls:environment:production-rollback");
    checks.that(
        "for another environment, the role denies the same workflow, and says who asked",
        told,
        failure(&denied),
    );
    checks.equal("nothing moved", &Ledger::new(&stage.sdk, ENVIRONMENT).live().await?.release, &Some(bad.clone()));

    let done = start(stage, &workflows, &act.path, &issuer, 7, ENVIRONMENT, reason).await?;
    let detail = if done.succeeded() { format!("{:?}", done.jobs) } else { failure(&done) };
    checks.that("the workflow rolls back, in a role that it took by OIDC", done.succeeded(), detail);
    live(stage, checks, &good).await?;
    let out = Ledger::new(&stage.sdk, ENVIRONMENT).release(&bad).await?;
    checks.that(
        "the ledger keeps why",
        out.reason.as_deref() == Some(reason),
        format!("{bad}: {} {:?}", out.state, out.reason),
    );

    let api = Api::user(&stage.emulator, &stage.sdk, &stage.output(&["api_id"])?, "operator", &["execute-api:Invoke"])
        .await?;
    let answer = api.ask(Method::GET, "/calls/release-two-00000-0", None).await?;
    checks.that("what a newer release wrote is still read", answer.status == 200, answer.body.to_string());
    Ok(())
}

/// Starts the workflow as a person would, and waits for its end.
async fn start(
    stage: &Stage,
    workflows: &Workflows,
    act: &Path,
    issuer: &Issuer,
    run_id: u64,
    environment: &str,
    reason: &str,
) -> Result<Outcome> {
    let (owner, repository) = GITHUB_REPOSITORY.split_once('/').context("owner and name")?;
    let job = Job {
        owner: owner.to_owned(),
        repository: repository.to_owned(),
        event: "workflow_dispatch".to_owned(),
        run_id,
        workflow: WORKFLOW.to_owned(),
        ..Job::default()
    };
    // The role is that of the story's environment, whatever the dispatch asks for.
    let role =
        stage.bootstrap.as_ref().context("the act bootstrap was not played")?.text(&["rollback_roles", ENVIRONMENT])?;
    let program = folders::target()?.join("debug/lockgate").display().to_string();
    let request = Request {
        workflow: WORKFLOW.to_owned(),
        event: "workflow_dispatch".to_owned(),
        payload: json!({"inputs": {"environment": environment, "release": "", "reason": reason}}),
        run_id,
        vars: workflows::pairs(&[("LOCKGATE_ROLLBACK_ROLE", role.as_str()), ("AWS_REGION", REGION)]),
        env: workflows::pairs(&[
            ("AWS_ENDPOINT_URL", stage.emulator.url.as_str()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("LOCKGATE_FROM", &program),
        ]),
        oidc: Some(issuer.grant(job)?),
        path: Vec::new(),
    };
    let what = format!("act {WORKFLOW} ({environment})");
    let done = stage.clock.measure(crate::clock::Kind::Step, "rollback", &what, workflows.run(act, &request)).await?;
    std::fs::write(stage.file(&format!("act-{run_id}.log")), done.log.join("\n"))?;
    Ok(done)
}

/// What the log says of a failure: its annotations, or how it ended.
fn failure(outcome: &Outcome) -> String {
    let lines = outcome.log.iter().flat_map(|said| said.lines());
    let told = lines.filter(|line| line.contains("repo:example/calls") || line.contains("cannot be"));
    let told: Vec<_> = told.take(4).collect();
    format!("{:?} {}", outcome.jobs, told.join(" | "))
}
