//! An AWS that leaves things undone: nothing is lost, nothing is asked for ever.

use crate::fake::{self, Answers, Object};
use crate::world::{config, event, raw};
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use call_model::metrics::Metrics;
use ingest::handler::{Answer, Counts};
use ingest::{Error, Ingest};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

async fn take_in(lines: usize, answers: Arc<Answers>) -> (Result<Answer, Error>, Metrics) {
    let text: String = (0..lines).map(|number| format!("{{\"call_id\":\"c{number}\"}}\n")).collect();
    take_in_file(Object { piece: text.into(), times: 1 }, answers).await
}

async fn take_in_file(object: Object, answers: Arc<Answers>) -> (Result<Answer, Error>, Metrics) {
    let url = fake::serve(object, answers).await;
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::from_keys("test", "test", None))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await;
    let ingest = Ingest::new(config("bronze", "erased"), &sdk);
    let (result, metrics) = ingest.handle(&raw(&event("bucket", "calls/file", None))).await;
    (result, metrics.expect("an event has counts"))
}

#[tokio::test]
async fn what_is_left_unprocessed_is_asked_for_again() {
    let written = Arc::new(Mutex::new(BTreeSet::new()));
    let reads = Arc::new(AtomicUsize::new(0));
    let answers = {
        let (written, reads) = (written.clone(), reads.clone());
        move |operation: &str, body: &[u8]| {
            let request: Value = serde_json::from_slice(body).expect("JSON");
            if operation == "BatchGetItem" {
                // The first time, none is looked up; after that the first of them turns out to be erased.
                let wanted = request["RequestItems"]["erased"].clone();
                assert_eq!(wanted["ConsistentRead"], true);
                if reads.fetch_add(1, Ordering::Relaxed) == 0 {
                    return json!({"Responses": {}, "UnprocessedKeys": {"erased": wanted}}).to_string();
                }
                let hash = json!({"call_hash": {"S": call_model::call_hash("c0")}});
                return json!({"Responses": {"erased": [hash]}, "UnprocessedKeys": {}}).to_string();
            }
            assert_eq!(operation, "BatchWriteItem");
            let wanted = request["RequestItems"]["bronze"].as_array().expect("items");
            assert!(wanted.len() <= 25, "{} items in one request", wanted.len());
            // Only the first is written each time.
            let id = wanted[0]["PutRequest"]["Item"]["call_id"]["S"].as_str().expect("an id").to_owned();
            assert!(written.lock().expect("no panic").insert(id), "written twice");
            let left = &wanted[1..];
            let left = if left.is_empty() { json!({}) } else { json!({"bronze": left}) };
            json!({"UnprocessedItems": left}).to_string()
        }
    };
    let (answer, metrics) = take_in(6, Arc::new(answers)).await;
    assert_eq!((metrics.handled, metrics.failed), (5, 0));
    assert_eq!(answer.expect("taken in"), Answer::Counts(Counts { stored: 5, rejected: 0, erased: 1 }));
    let expected: BTreeSet<String> = (1..6).map(|number| format!("c{number}")).collect();
    assert_eq!(*written.lock().expect("no panic"), expected);
    assert_eq!(reads.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_stays_unprocessed_fails_the_invocation_and_all_its_records() {
    let answers = |operation: &str, body: &[u8]| {
        let request: Value = serde_json::from_slice(body).expect("JSON");
        match operation {
            "BatchGetItem" => json!({"Responses": {}, "UnprocessedKeys": {}}).to_string(),
            _ => json!({"UnprocessedItems": request["RequestItems"]}).to_string(),
        }
    };
    let (result, metrics) = take_in(3, Arc::new(answers)).await;
    assert_eq!((metrics.handled, metrics.failed), (0, 3));
    let error = result.expect_err("nothing is ever written");
    assert!(matches!(error, Error::Unprocessed { left: 3, .. }), "{error}");
    assert_eq!(lambda_runtime::Diagnostic::from(error).error_type, "Unprocessed");
}

#[tokio::test]
async fn what_is_rejected_may_be_large_although_s3_wants_to_know_check_sums_beforehand() {
    let line = "no call ".repeat(125_000) + "\n";
    let never = |operation: &str, _: &[u8]| panic!("{operation} for nothing");
    let (answer, metrics) = take_in_file(Object { piece: line.into(), times: 8 }, Arc::new(never)).await;
    assert_eq!(answer.expect("taken in"), Answer::Counts(Counts { stored: 0, rejected: 8, erased: 0 }));
    assert_eq!((metrics.rejected, metrics.failed), (8, 0));
}
