//! What Lambda does between a DynamoDB stream and a function, and the emulator does not: partial batch responses, the
//! retry limit, bisecting, and the destination of what failed for good. A batch whose function fails is halved; one of
//! which it reports a record is cut at that record, and only the rest is tried again, whether bisecting is on or not.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>

use super::bytes;
use super::environment::Outcome;
use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_lambda::types::FunctionResponseType;
use bytes::Bytes;
use serde_json::{Value, json};
use std::time::Duration;

/// Lambda's own pauses between attempts are longer.
const PAUSE: Duration = Duration::from_millis(50);

/// The settings of an event source mapping that decide what happens on failure.
#[derive(Debug)]
pub(super) struct Mapping {
    /// Attempts after the first.
    retries: u32,
    bisect: bool,
    partial: bool,
    destination: Option<(SdkConfig, String)>,
    stream: String,
}

impl Mapping {
    /// The one mapping of this function to a stream.
    pub(super) async fn of(config: &SdkConfig, function: &str) -> Result<Self> {
        let client = aws_sdk_lambda::Client::new(config);
        let listed =
            client.list_event_source_mappings().send().await.context("failed to list event source mappings")?;
        let name = format!(":function:{function}:");
        let mapping = listed.event_source_mappings().iter().find(|mapping| {
            let arn = mapping.function_arn().unwrap_or_default();
            format!("{arn}:").contains(&name)
                && mapping.event_source_arn().is_some_and(|source| source.contains(":dynamodb:"))
        });
        let mapping = mapping.with_context(|| format!("{function} has no mapping to a DynamoDB stream"))?;
        let destination = mapping.destination_config().and_then(|set| set.on_failure()?.destination());
        Ok(Self {
            // -1 means for ever, which would hang a rehearsal.
            retries: mapping.maximum_retry_attempts().and_then(|set| set.try_into().ok()).unwrap_or(10),
            bisect: mapping.bisect_batch_on_function_error().unwrap_or(false),
            partial: mapping.function_response_types().contains(&FunctionResponseType::ReportBatchItemFailures),
            destination: destination.map(|arn| (config.clone(), arn.to_owned())),
            stream: mapping.event_source_arn().unwrap_or_default().to_owned(),
        })
    }
}

/// Delivers a batch as Lambda would; every record is done, or at the destination, when this returns.
pub(super) async fn deliver<F, A>(mapping: &Mapping, event: Value, invoke: F) -> Result<Outcome>
where
    F: Fn(Bytes) -> A,
    A: Future<Output = Result<Outcome>>,
{
    let records = event["Records"].as_array().cloned().unwrap_or_default();
    let mut batches = vec![(records, 0)];
    while let Some((mut batch, attempts)) = batches.pop() {
        let (failed_from, halved) = match invoke(bytes(&json!({"Records": batch}))).await {
            Ok(Ok(response)) if mapping.partial => (lowest_failure(&batch, &response), false),
            Ok(Ok(_)) => (None, false),
            // An error of the function, its end or its time-out fails the whole batch.
            Ok(Err(_)) | Err(_) => (Some(0), mapping.bisect),
        };
        let Some(failed_from) = failed_from else { continue };
        batch.drain(..failed_from);
        if halved && batch.len() > 1 {
            let second = batch.split_off(batch.len() / 2);
            batches.push((second, 0));
            batches.push((batch, 0));
        } else if attempts < mapping.retries {
            tokio::time::sleep(PAUSE * (attempts + 1)).await;
            batches.push((batch, attempts + 1));
        } else {
            discard(mapping, &batch).await?;
        }
    }
    Ok(Ok(Bytes::from_static(b"{\"batchItemFailures\":[]}")))
}

/// Where the failed part of a batch begins; all of it if the response names a record that is not in it.
fn lowest_failure(batch: &[Value], response: &[u8]) -> Option<usize> {
    let response: Value = serde_json::from_slice(response).unwrap_or_default();
    let failures = response["batchItemFailures"].as_array().filter(|failures| !failures.is_empty())?;
    let place = |failure: &Value| {
        batch.iter().position(|record| record["dynamodb"]["SequenceNumber"] == failure["itemIdentifier"])
    };
    Some(failures.iter().map(|failure| place(failure).unwrap_or(0)).min().unwrap_or(0))
}

/// Sends what Lambda sends about a batch that it gives up: where it stands in the stream, not the records.
async fn discard(mapping: &Mapping, batch: &[Value]) -> Result<()> {
    let Some((config, arn)) = &mapping.destination else { return Ok(()) };
    let queue = arn.rsplit(':').next().unwrap_or_default();
    let client = aws_sdk_sqs::Client::new(config);
    let url = client.get_queue_url().queue_name(queue).send().await?;
    let sequence = |record: Option<&Value>| record.map(|record| record["dynamodb"]["SequenceNumber"].clone());
    let message = json!({
        "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": mapping.retries + 1},
        "version": "1.0",
        "timestamp": jiff::Timestamp::now().to_string(),
        "DDBStreamBatchInfo": {
            "startSequenceNumber": sequence(batch.first()),
            "endSequenceNumber": sequence(batch.last()),
            "batchSize": batch.len(),
            "streamArn": mapping.stream,
        },
    });
    let send = client.send_message().set_queue_url(url.queue_url).message_body(message.to_string());
    send.send().await.with_context(|| format!("failed to send a failed batch to {queue}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn batch(numbers: &[u32]) -> Value {
        let records = numbers.iter().map(|number| json!({"dynamodb": {"SequenceNumber": number.to_string()}}));
        json!({"Records": records.collect::<Vec<_>>()})
    }

    fn mapping(bisect: bool) -> Mapping {
        Mapping { retries: 2, bisect, partial: true, destination: None, stream: String::new() }
    }

    /// How the function of these tests says that a record is bad.
    #[derive(Clone, Copy)]
    enum Says {
        Reports,
        Fails,
    }

    /// Delivers five records to a function that does not take those in `bad` and returns which it was given, call by call.
    async fn calls(mapping: Mapping, bad: &[&str], says: Says) -> Vec<Vec<String>> {
        let calls = RefCell::new(Vec::new());
        let done = deliver(&mapping, batch(&[1, 2, 3, 4, 5]), |event| {
            let event: Value = serde_json::from_slice(&event).expect("an event");
            let records = event["Records"].as_array().expect("records").iter();
            let numbers: Vec<String> = records
                .map(|record| record["dynamodb"]["SequenceNumber"].as_str().expect("number").to_owned())
                .collect();
            let failed = numbers.iter().filter(|number| bad.contains(&number.as_str()));
            let failed: Vec<Value> = failed.map(|number| json!({"itemIdentifier": number})).collect();
            calls.borrow_mut().push(numbers);
            async move {
                Ok(match says {
                    Says::Fails if !failed.is_empty() => Err(Bytes::from_static(b"{\"errorMessage\":\"broken\"}")),
                    Says::Fails | Says::Reports => Ok(bytes(&json!({"batchItemFailures": failed}))),
                })
            }
        });
        done.await.expect("delivered").expect("no error");
        calls.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_tried_again_from_its_lowest_failure_until_the_limit() {
        for bisect in [false, true] {
            let calls = calls(mapping(bisect), &["5", "3"], Says::Reports).await;
            let expected = [vec!["1", "2", "3", "4", "5"], vec!["3", "4", "5"], vec!["3", "4", "5"]];
            assert_eq!(calls, expected, "a reported record is no reason to halve: bisect {bisect}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bisecting_leaves_only_the_record_behind_on_which_the_function_fails() {
        let calls = calls(mapping(true), &["3"], Says::Fails).await;
        let alone = calls.iter().filter(|call| **call == ["3"]).count();
        assert_eq!(alone, 3, "one attempt and two retries: {calls:?}");
        assert!(calls.iter().any(|call| *call == ["4", "5"]), "the rest is delivered: {calls:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_bisecting_a_batch_on_which_the_function_fails_stays_whole() {
        let calls = calls(mapping(false), &["3"], Says::Fails).await;
        assert_eq!(calls, vec![["1", "2", "3", "4", "5"]; 3]);
    }
}
