//! *drift*: somebody changes staging by hand; the schedule opens an issue about it, which closes while `drift.toml` accepts it
//! and when it is mended, and opens again when the acceptance ends.

use crate::hub::{Hub, told};
use crate::stage::{ENVIRONMENT, GITHUB_REPOSITORY, Stage};
use crate::story::Checks;
use crate::workflows::Outcome;
use anyhow::{Context, Result};
use jiff::Zoned;
use jiff::civil::Date;
use stand_ins::github::Issue;
use std::fs;

const ACT: &str = "drift";
const IGNORES: &str = "drift.toml";

/// By hand, in seconds; and as it is configured.
const BY_HAND: i32 = 61;

pub(crate) async fn drift(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    Hub::with(stage, async |stage, hub| play(stage, hub, checks).await).await
}

async fn play(stage: &mut Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let configured = timeout(stage, None).await?;
    timeout(stage, Some(BY_HAND)).await?;
    let (done, issue) = look(stage, hub).await?;
    let opened = issue.clone().context("there is no issue")?;
    let body = opened.body.clone().unwrap_or_default();
    checks.that("the schedule's run succeeds: drift is a report", done.succeeded(), told(&done));
    let names = opened.open && body.contains("aws_lambda_function") && body.contains(&BY_HAND.to_string());
    checks.that(
        "a change by hand opens an issue that names it",
        names,
        format!("#{} {}\n{body}", opened.number, opened.title),
    );

    let today = Zoned::now().date();
    accept(hub, today.tomorrow()?).await?;
    let (_, issue) = look(stage, hub).await?;
    checks.equal("while drift.toml accepts it, the issue is closed", &state(issue.as_ref(), &opened), &"closed");

    accept(hub, today.yesterday()?).await?;
    let (_, issue) = look(stage, hub).await?;
    let says = issue.as_ref().and_then(|issue| issue.body.clone()).is_some_and(|body| body.contains("expired"));
    checks.equal("once that has expired, the same issue is open again", &state(issue.as_ref(), &opened), &"open");
    checks.that(
        "and says that it expired",
        says,
        issue.as_ref().and_then(|issue| issue.body.clone()).unwrap_or_default(),
    );

    timeout(stage, Some(configured)).await?;
    let (_, issue) = look(stage, hub).await?;
    checks.equal("set back, it closes", &state(issue.as_ref(), &opened), &"closed");
    hub.judge(checks);
    Ok(())
}

/// What the schedule starts, for staging alone; and the issue about it.
async fn look(stage: &Stage, hub: &Hub) -> Result<(Outcome, Option<Issue>)> {
    let mut started = hub.scheduled(".github/workflows/on-schedule.yml");
    started.only = Some("drift");
    started.matrix = Some(("environment", ENVIRONMENT));
    let done = hub.play(stage, ACT, &started, &[]).await?;
    let repository = hub.github.repository(GITHUB_REPOSITORY)?;
    let about = |issue: &&Issue| {
        issue.pull.is_none() && issue.body.as_deref().unwrap_or_default().contains("lockgate:drift of=staging")
    };
    let issue = repository.issues.values().find(about).cloned();
    Ok((done, issue))
}

/// How the issue that was opened first is now; another one would be one too many.
fn state(now: Option<&Issue>, opened: &Issue) -> &'static str {
    match now {
        Some(now) if now.number != opened.number => "another one",
        Some(now) if now.open => "open",
        Some(_) => "closed",
        None => "gone",
    }
}

/// Writes `drift.toml` to main. (That this starts a deployment as well, earlier acts have shown.)
async fn accept(hub: &Hub, until: Date) -> Result<()> {
    let text = format!(
        "[[ignore]]\naddress = \"module.service.module.ingest.*\"\nattribute = \"timeout\"\nreason = \"the operator tries longer files\"\n\
         owner = \"calls team\"\nexpires = {until}\nenvironment = \"{ENVIRONMENT}\"\n"
    );
    hub.repository.git(&["switch", "--quiet", "main"]).await?;
    fs::write(hub.repository.folder.join(IGNORES), text).with_context(|| format!("failed to write {IGNORES}"))?;
    hub.repository.commit("Accept a longer timeout for a while").await?;
    hub.github.push(
        GITHUB_REPOSITORY,
        &hub.repository.head().await?,
        "Accept a longer timeout for a while",
        crate::hub::MAINTAINER,
    )?;
    hub.started().map(drop)
}

/// The timeout of staging's ingest, set by hand if it is given.
async fn timeout(stage: &Stage, seconds: Option<i32>) -> Result<i32> {
    let lambda = aws_sdk_lambda::Client::new(&stage.sdk);
    let name = format!("ingest-{ENVIRONMENT}");
    if let Some(seconds) = seconds {
        let update = lambda.update_function_configuration().function_name(&name).timeout(seconds);
        update.send().await.with_context(|| format!("failed to change {name}"))?;
    }
    let now = lambda.get_function_configuration().function_name(&name).send().await;
    now.with_context(|| format!("failed to read {name}"))?.timeout().context("it has a timeout")
}
