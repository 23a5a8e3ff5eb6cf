//! *replay*: every event that S3 sent is delivered again, in another order.

use super::Answers;
use super::tables::Tables;
use crate::api::Api;
use crate::stage::{ENVIRONMENT, Stage};
use crate::story::Checks;
use anyhow::{Context, Result};
use std::time::{Duration, Instant};

/// The order of the second delivery.
const SEED: u64 = 7;

/// How long no function may have run before the deliveries count as done.
const QUIET: Duration = Duration::from_millis(1500);

pub(crate) async fn replay(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let landed = stage.landed.clone().context("the act calls was not played")?;
    let api_id = stage.output(&["api_id"])?;
    let api = Api::user(&stage.emulator, &stage.sdk, &api_id, "replayer", &["execute-api:Invoke"]).await?;
    let before = Tables::read(stage).await?;
    let answers = stage.answers.clone().context("the act calls compared no answers")?;
    let rejected = super::rejected(stage).await?;

    let mut events = stage.host.events(&format!("ingest-{ENVIRONMENT}"));
    fastrand::Rng::with_seed(SEED).shuffle(&mut events);
    let mut failed = Vec::new();
    for event in &events {
        if let Err(error) = stage.invoke("ingest", event).await {
            failed.push(format!("{error:#}"));
        }
    }
    checks.that("every event is taken a second time", failed.is_empty(), format!("{} events {failed:?}", events.len()));
    wait_until_quiet(stage).await;

    let different = before.differences(&Tables::read(stage).await?);
    let items: usize = before.0.values().map(std::collections::BTreeMap::len).sum();
    let detail = if different.is_empty() { format!("{items} items compared") } else { format!("{different:?}") };
    checks.that("bronze, silver and counters are equal item by item", different.is_empty(), detail);
    let again = Answers::ask(&api, &landed).await?;
    let detail = format!("{} rows and calls compared", again.len());
    checks.that("every list, single call and sum that calls asked for is answered as before", answers == again, detail);
    let again = super::rejected(stage).await?;
    checks.that("rejected objects are the same, byte by byte", rejected == again, format!("{} objects", again.len()));
    Ok(())
}

/// A stream has no end that could be awaited: what is written last is delivered within a poll of a second.
async fn wait_until_quiet(stage: &Stage) {
    let mut runs = stage.host.invoked().len();
    let mut since = Instant::now();
    while since.elapsed() < QUIET {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = stage.host.invoked().len();
        if now != runs {
            (runs, since) = (now, Instant::now());
        }
    }
}
