//! *calls*: files land, and the HTTP API answers.

use super::answers::{Answers, filters};
use super::policies;
use super::tables::{PATIENCE, Quiet, Tables, count};
use crate::api::Api;
use crate::generator::{Landed, Rejected, files};
use crate::stage::{ENVIRONMENT, Stage};
use crate::story::Checks;
use ::http::Method;
use anyhow::{Context, Result, bail};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::QueueAttributeName;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The generator's seed: the same files in every rehearsal.
const SEED: u64 = 20_261_121;

pub(crate) async fn calls(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    if let Some(action) = &stage.without {
        policies::take_away(stage, action).await?;
    }
    let landed = files(SEED);
    let s3 = aws_sdk_s3::Client::new(&stage.sdk);
    let bucket = stage.output(&["landing_bucket"])?;
    for file in &landed.files {
        let put = s3.put_object().bucket(&bucket).key(&file.key).body(ByteStream::from(file.body.clone()));
        put.send().await.with_context(|| format!("failed to land {}", file.key))?;
    }
    let bytes: usize = landed.files.iter().map(|file| file.body.len()).sum();
    stage.teller.line(&format!("aws   landed {} files, {bytes} bytes", landed.files.len()));
    wait_for_silver(stage, &landed).await?;

    let bronze = count(stage, "bronze").await?;
    checks.equal("the bronze table has an item for every record", &bronze, &landed.bronze);
    rejected(stage, checks, &landed).await?;
    dead_letters(stage, checks, &landed).await?;
    stage.answers = Some(answers(stage, checks, &landed).await?);
    access(stage, checks).await?;
    logs(stage, checks, &landed).await?;
    stage.landed = Some(landed);
    Ok(())
}

/// Looks for what callers said, and for their numbers, in all that the functions printed.
async fn logs(stage: &Stage, checks: &mut Checks, landed: &Landed) -> Result<()> {
    let printed = stage.host.printed().await?.join("\n");
    let private: BTreeSet<String> = landed.calls.values().flat_map(|call| call.private()).collect();
    let found = found_in(&printed, &private);
    let detail = format!("{} of {} in {} bytes {:?}", found.len(), private.len(), printed.len(), found.first());
    checks.that("no note and no phone number is in a log", found.is_empty() && !printed.is_empty(), detail);
    Ok(())
}

/// Those of `texts` that occur in `printed`: it is read once for each length that they have, which for thousands of them is
/// much faster than once for each.
fn found_in<'a>(printed: &str, texts: &'a BTreeSet<String>) -> BTreeSet<&'a str> {
    let beginnings: BTreeSet<u8> = texts.iter().filter_map(|text| text.bytes().next()).collect();
    let lengths: BTreeSet<usize> = texts.iter().map(String::len).filter(|length| *length > 0).collect();
    let windows = lengths.into_iter().flat_map(|length| printed.as_bytes().windows(length));
    let begun = windows.filter(|window| beginnings.contains(&window[0]));
    begun.filter_map(|window| Some(texts.get(std::str::from_utf8(window).ok()?)?.as_str())).collect()
}

/// Waits until every call that has to come of the files is in the silver table, in its last version.
async fn wait_for_silver(stage: &Stage, landed: &Landed) -> Result<()> {
    let mut quiet = Quiet::from_now_on();
    let function = format!("ingest-{ENVIRONMENT}");
    loop {
        let silver = count(stage, "silver").await?;
        stage.teller.now(&format!("{silver} of {} calls are in the silver table", landed.calls.len()));
        if silver == landed.calls.len() && stage.host.events(&function).len() >= landed.files.len() {
            let silver = Tables::read(stage).await?;
            let last = |id: &str, answer: &Value| silver.of("silver").get(id).is_some_and(|item| matches(item, answer));
            if landed.calls.values().all(|call| last(&call.call_id, &call.answer())) {
                return Ok(());
            }
        }
        let quiet = quiet.lasts(stage);
        if quiet > PATIENCE || given_up(stage).await? {
            let broken =
                stage.host.invoked().into_iter().filter_map(|one| Some(format!("{}: {}", one.function, one.error?)));
            let broken: BTreeSet<String> = broken.collect();
            bail!(
                "{silver} of {} calls are in the silver table, and no function has run for {} s; invocations that failed: \
                 {broken:?}; what the functions printed is in {}",
                landed.calls.len(),
                quiet.as_secs(),
                stage.file("functions.log").display(),
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Whether an event of S3 failed until Lambda gave it up.
async fn given_up(stage: &Stage) -> Result<bool> {
    let sqs = aws_sdk_sqs::Client::new(&stage.sdk);
    let waiting = QueueAttributeName::ApproximateNumberOfMessages;
    let asked =
        sqs.get_queue_attributes().queue_url(stage.output(&["queues", "ingest"])?).attribute_names(waiting.clone());
    let answer = asked.send().await?;
    Ok(answer.attributes().and_then(|attributes| attributes.get(&waiting)).is_some_and(|count| count != "0"))
}

/// Whether the service's answer is the expected one; `position` and `expires_at` are decided by the delivery.
fn matches(found: &Value, expected: &Value) -> bool {
    let mut found = found.clone();
    if let Some(fields) = found.as_object_mut() {
        fields.remove("position");
        fields.remove("expires_at");
    }
    found == *expected
}

/// Compares every rejected object with what had to be rejected.
async fn rejected(stage: &Stage, checks: &mut Checks, landed: &Landed) -> Result<()> {
    let mut objects = super::rejected(stage).await?;
    let (mut wrong, mut lines_seen) = (Vec::new(), 0);
    for file in &landed.files {
        let key = format!("rejected/{}", file.key);
        let found = lines(&objects.remove(&key).unwrap_or_default())?;
        lines_seen += found.len();
        let bytes: Vec<u8> = found.values().flatten().copied().collect();
        let right = match &file.rejected {
            Rejected::Lines(expected) => found == *expected,
            Rejected::Whole => bytes == file.body,
            Rejected::Something => !found.is_empty(),
        };
        if !right {
            wrong.push(format!("{key}: {} lines, {} bytes", found.len(), bytes.len()));
        }
    }
    wrong.extend(objects.keys().map(|key| format!("{key} is of no file that was landed")));
    checks.that(
        "what is rejected keeps its line and every byte, and nothing else is rejected",
        wrong.is_empty(),
        if wrong.is_empty() { format!("{lines_seen} rejected records") } else { wrong.join("; ") },
    );
    Ok(())
}

/// A rejected object: bytes by line, parts of one record put together.
fn lines(object: &[u8]) -> Result<BTreeMap<u64, Vec<u8>>> {
    let mut lines: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for line in object.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line: Value = serde_json::from_slice(line).context("a rejected object is not NDJSON")?;
        let number = line["line"].as_u64().context("a rejected record has no line")?;
        let bytes = BASE64_STANDARD.decode(line["bytes"].as_str().unwrap_or_default())?;
        lines.entry(number).or_default().extend(bytes);
    }
    Ok(lines)
}

/// Reads the queue of records that `enrich` gave up.
async fn dead_letters(stage: &Stage, checks: &mut Checks, landed: &Landed) -> Result<()> {
    let sqs = aws_sdk_sqs::Client::new(&stage.sdk);
    let url = stage.output(&["queues", "enrich"])?;
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let began = Instant::now();
    while found.len() < landed.dead_letters.len() && began.elapsed() < PATIENCE {
        let receive = sqs.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(1);
        let received = receive.send().await?;
        for message in received.messages() {
            let letter: Value = serde_json::from_str(message.body().unwrap_or_default()).unwrap_or_default();
            let text = |name: &str| letter[name].as_str().unwrap_or("nothing").to_owned();
            found.insert(text("call_id"), text("cause"));
        }
    }
    let right = found.keys().eq(landed.dead_letters.iter()) && found.values().all(|cause| cause != "nothing");
    checks.that("what cannot be enriched lies in the dead letter queue with its cause", right, format!("{found:?}"));
    Ok(())
}

/// Compares every list, a sample of single calls, and all sums with what was landed.
async fn answers(stage: &Stage, checks: &mut Checks, landed: &Landed) -> Result<Answers> {
    let api_id = stage.output(&["api_id"])?;
    let api = Api::user(&stage.emulator, &stage.sdk, &api_id, "reader", &["execute-api:Invoke"]).await?;
    let answers = Answers::ask(&api, landed).await?;
    let right = |found: &Value| {
        let known = found["call_id"].as_str().and_then(|id| landed.calls.get(id));
        known.is_some_and(|call| matches(found, &call.answer()))
    };

    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (filter, count) in filters(landed) {
        let rows = &answers.lists[&filter];
        compared += rows.len();
        wrong.extend(rows.iter().filter(|row| !right(row)).map(|row| format!("{filter}: {row}")));
        if rows.len() != count {
            wrong.push(format!("{filter}: {} calls, not {count}", rows.len()));
        }
    }
    verdict(checks, "every list, by client and by day, answers exactly the calls that were landed", compared, &wrong);

    let single = answers.single.iter();
    let single = single.filter(|(id, found)| found["call_id"] != json!(id) || !right(found));
    let wrong: Vec<_> = single.map(|(_, found)| found.to_string()).collect();
    verdict(checks, "single calls are answered as they were landed", answers.single.len(), &wrong);

    let expected = landed.counters();
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for row in answers.sums.values().flatten() {
        compared += 1;
        let key = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        if !expected.get(&(key("client_id"), key("day"))).is_some_and(|counter| json!(counter) == *row) {
            wrong.push(row.to_string());
        }
    }
    if compared != 2 * expected.len() {
        wrong.push(format!("{compared} rows, not {}", 2 * expected.len()));
    }
    verdict(checks, "the sums by client and by day are those of the calls that were landed", compared, &wrong);
    checks.asked.extend(api.asked());
    Ok(answers)
}

fn verdict(checks: &mut Checks, name: &str, compared: usize, wrong: &[String]) {
    let seen = match wrong.first() {
        None => format!("{compared} compared"),
        Some(first) => format!("{} of {compared} wrong, such as {first}", wrong.len()),
    };
    checks.that(name, wrong.is_empty(), seen);
}

/// Who may ask, and what a wrong question is answered.
async fn access(stage: &Stage, checks: &mut Checks) -> Result<()> {
    let api_id = stage.output(&["api_id"])?;
    let nobody = Api::anonymous(&stage.emulator, &api_id);
    let stranger =
        Api::user(&stage.emulator, &stage.sdk, &api_id, "stranger", &["execute-api:ManageConnections"]).await?;
    let reader = Api::user(&stage.emulator, &stage.sdk, &api_id, "questioner", &["execute-api:Invoke"]).await?;
    for (who, api, path, expected) in [
        ("nobody", &nobody, "/health", 200),
        ("nobody", &nobody, "/calls/call-00001", 403),
        ("nobody", &nobody, "/openapi.json", 403),
        ("a user without the right", &stranger, "/calls/call-00001", 403),
        ("a user with the right", &reader, "/ready", 200),
        ("a user with the right", &reader, "/openapi.json", 200),
        ("a user with the right", &reader, "/calls", 400),
        ("a user with the right", &reader, "/calls/no-such-call", 404),
        ("a user with the right", &reader, "/nothing", 404),
    ] {
        let answer = api.ask(Method::GET, path, None).await?;
        checks.equal(&format!("{who} asks GET {path}"), &answer.status, &expected);
    }
    for api in [&nobody, &stranger, &reader] {
        checks.asked.extend(api.asked());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_at_the_start_within_and_at_the_end() {
        let texts = ["hung up", "493012", "0301", "ü 7", "nowhere"].map(str::to_owned).into();
        let found = found_in("hung up ü 7 +49301234 0301", &texts);
        assert_eq!(found, ["hung up", "493012", "0301", "ü 7"].into());
        assert!(found_in("", &texts).is_empty());
    }
}
