//! *drift*: somebody changes staging by hand; the schedule opens an issue about it, which closes while `drift.toml` accepts it
//! and when it is mended, and opens again when the acceptance ends.

use crate::hub::{Hub, told};
use crate::repository::Repository;
use crate::stage::{ENVIRONMENT, GITHUB_REPOSITORY, Stage};
use crate::story::Checks;
use crate::workflows::Outcome;
use anyhow::{Context, Result};
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use stand_ins::github::Issue;
use std::fs;

const ACT: &str = "drift";
const IGNORES: &str = "drift.toml";

/// What somebody sets by hand, in seconds.
const BY_HAND: &str = "345600";

pub(crate) async fn drift(stage: &Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let configured = retention(stage, None).await?;
    retention(stage, Some(BY_HAND)).await?;
    let (done, issue) = look(stage, hub).await?;
    let opened = issue.clone().context("there is no issue")?;
    let body = opened.body.clone().unwrap_or_default();
    checks.that("the schedule's run succeeds: drift is a report", done.succeeded(), told(&done));
    let names = opened.open && body.contains("aws_sqs_queue.ingest_failed") && body.contains(BY_HAND);
    checks.that(
        "a change by hand opens an issue that names it",
        names,
        format!("#{} {}\n{body}", opened.number, opened.title),
    );

    // As `lockgate drift` takes it.
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
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

    retention(stage, Some(&configured)).await?;
    let (_, issue) = look(stage, hub).await?;
    checks.equal("set back, it closes", &state(issue.as_ref(), &opened), &"closed");
    Ok(())
}

/// What the schedule starts, for staging alone; and the issue about it.
async fn look(stage: &Stage, hub: &Hub) -> Result<(Outcome, Option<Issue>)> {
    let mut started = hub.scheduled(".github/workflows/on-schedule.yml").await?;
    started.only = Some("drift");
    started.matrix = Some(("environment", ENVIRONMENT));
    let done = hub.play(stage, ACT, &started, &[]).await?;
    let repository = hub.github.repository(GITHUB_REPOSITORY)?;
    let about = |issue: &&Issue| {
        issue.pull.is_none() && issue.body.as_deref().unwrap_or_default().contains("lockgate:drift of=staging")
    };
    let issue = repository.issues.values().rfind(about).cloned();
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
        "[[ignore]]\naddress = \"module.service.aws_sqs_queue.ingest_failed\"\nattribute = \"message_retention_seconds\"\nreason = \"the auditors are here\"\n\
         owner = \"calls team\"\nexpires = {until}\nenvironment = \"{ENVIRONMENT}\"\n"
    );
    let write = |main: &Repository| {
        fs::write(main.folder.join(IGNORES), text).with_context(|| format!("failed to write {IGNORES}"))
    };
    hub.change_main("Keep failed files another time for a while", write).await.map(drop)
}

/// For how long staging's queue of failed files keeps them, in seconds, as text; set by hand if it is given.
async fn retention(stage: &Stage, seconds: Option<&str>) -> Result<String> {
    let sqs = aws_sdk_sqs::Client::new(&stage.sdk);
    let (queue, name) = (stage.output(&["queues", "ingest"])?, QueueAttributeName::MessageRetentionPeriod);
    if let Some(seconds) = seconds {
        let set = sqs.set_queue_attributes().queue_url(&queue).attributes(name.clone(), seconds);
        set.send().await.with_context(|| format!("failed to change {queue}"))?;
    }
    let now = sqs.get_queue_attributes().queue_url(&queue).attribute_names(name.clone()).send().await;
    let now = now.with_context(|| format!("failed to read {queue}"))?;
    now.attributes().and_then(|all| all.get(&name)).cloned().context("it keeps messages for some time")
}
