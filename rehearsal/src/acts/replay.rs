//! *replay*: every event that S3 sent is delivered again, in another order.

use super::Answers;
use super::tables::{Tables, arrives};
use crate::api::Api;
use crate::stage::{ENVIRONMENT, Stage};
use crate::story::Checks;
use anyhow::{Context, Result};
use aws_sdk_s3::primitives::ByteStream;
use serde_json::json;

/// The order of the second delivery.
const SEED: u64 = 7;

/// A call, and its client, that is landed after the second delivery: when it is enriched, so is all before it.
const MARKER: &str = "after-the-replay";

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
    let marker = json!({
        "call_id": MARKER, "client_id": MARKER, "agent_id": "agent-1", "started_at": "2026-01-15T09:30:00Z",
        "duration_seconds": 60, "direction": "inbound", "topic": "invoice", "outcome": "resolved", "notes": "",
    });
    let s3 = aws_sdk_s3::Client::new(&stage.sdk);
    let put = s3.put_object().bucket(stage.output(&["landing_bucket"])?).key(format!("calls/{MARKER}.json"));
    put.body(ByteStream::from(marker.to_string().into_bytes())).send().await.context("failed to land a call")?;
    checks.that("a call that is landed after them arrives", arrives(stage, MARKER).await?, MARKER);

    let different = before.differences(&Tables::read(stage).await?.without(MARKER));
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
