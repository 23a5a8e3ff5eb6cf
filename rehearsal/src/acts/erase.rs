//! *erase*: a call is erased, and its file delivered again.

use super::tables::{Tables, arrives};
use crate::api::Api;
use crate::stage::{ENVIRONMENT, Stage};
use crate::story::Checks;
use ::http::Method;
use anyhow::{Context, Result};
use aws_sdk_s3::primitives::ByteStream;
use call_model::{Counter, call_hash};
use serde_json::json;

/// A call that tells when what was landed with it is done.
const MARKER: &str = "after-the-erasure";

pub(crate) async fn erase(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let landed = stage.landed.clone().context("the act calls was not played")?;
    let call = landed.calls.get("call-00001").context("the generator made no first call")?;
    let file = landed.files.first().context("the generator made no file")?;
    let api_id = stage.output(&["api_id"])?;
    let api = Api::user(&stage.emulator, &stage.sdk, &api_id, "eraser", &["execute-api:Invoke"]).await?;
    let path = format!("/calls/{}", call.call_id);
    let counter = |tables: &Tables| -> Option<Counter> {
        let item = tables.of("counter").get(&format!("{} {}", call.client_id, call.day()))?;
        serde_json::from_value(item.clone()).ok()
    };
    let before = counter(&Tables::read(stage).await?).context("the call is not counted")?;

    let answer = api.ask(Method::DELETE, &path, None).await?;
    checks.that(
        "an erasure is accepted and says until when files remain",
        answer.status == 202,
        answer.body.to_string(),
    );
    let erased = Tables::read(stage).await?;
    let traces = |tables: &Tables| {
        let bronze = tables.of("bronze").values().filter(|item| item["call_id"] == json!(call.call_id)).count();
        bronze + usize::from(tables.of("silver").contains_key(&call.call_id))
    };
    checks.equal("nothing of the call is left in bronze and silver", &traces(&erased), &0);
    let tombstone = erased.of("erased").get(&call_hash(&call.call_id)).map(ToString::to_string);
    let silent = tombstone.as_ref().is_some_and(|text| !text.contains(&call.call_id));
    checks.that("a tombstone stands that does not name the call", silent, tombstone.unwrap_or_default());
    let after = counter(&erased).context("the counter is gone")?;
    checks.equal("its client's counter has one call less", &after.calls, &(before.calls - 1));
    let status = api.ask(Method::GET, &path, None).await?.status;
    checks.equal("the API does not find it any more", &status, &404);

    // Once as S3 repeats an event, once as a sender lands the same file anew, beside a call that tells when it is done.
    let events = stage.host.events(&format!("ingest-{ENVIRONMENT}"));
    let first = events.iter().find(|event| event["Records"][0]["s3"]["object"]["key"] == json!(file.key));
    stage.invoke("ingest", first.context("the file's own event was not recorded")?).await?;
    let mut marker = call.record(&mut fastrand::Rng::with_seed(1));
    marker["call_id"] = json!(MARKER);
    let body = [&file.body[..], b"\n", marker.to_string().as_bytes()].concat();
    let s3 = aws_sdk_s3::Client::new(&stage.sdk);
    let put = s3.put_object().bucket(stage.output(&["landing_bucket"])?).key("calls/again.ndjson");
    put.body(ByteStream::from(body)).send().await.context("failed to land the file again")?;
    let arrived = arrives(stage, MARKER).await?;
    checks.that("the file is delivered again: a new call beside it arrives", arrived, MARKER);
    let again = Tables::read(stage).await?;
    checks.equal("the erased call stays gone", &traces(&again), &0);
    let counted = counter(&again).context("the counter is gone")?;
    checks.equal("the counters agree: only the new call is counted", &counted.calls, &before.calls);
    checks.asked.extend(api.asked());
    Ok(())
}
