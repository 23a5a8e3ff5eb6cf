//! An AWS that leaves things undone: nothing is lost, nothing is asked for ever.

use crate::fake::{self, Answers, Object};
use crate::world::{config, event, raw};
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use ingest::handler::{Answer, Counts};
use ingest::{Error, Ingest};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

async fn take_in(lines: usize, answers: Arc<Answers>) -> Result<Answer, Error> {
    let text: String = (0..lines).map(|number| format!("{{\"call_id\":\"c{number}\"}}\n")).collect();
    let url = fake::serve(Object { piece: text.into(), times: 1 }, answers).await;
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::from_keys("test", "test", None))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await;
    Ingest::new(config("bronze", "erased"), &sdk).invoke(&raw(&event("bucket", "calls/file", None))).await
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
    let answer = take_in(6, Arc::new(answers)).await.expect("taken in");
    assert_eq!(answer, Answer::Counts(Counts { stored: 5, rejected: 0, erased: 1 }));
    let expected: BTreeSet<String> = (1..6).map(|number| format!("c{number}")).collect();
    assert_eq!(*written.lock().expect("no panic"), expected);
    assert_eq!(reads.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_stays_unprocessed_fails_the_invocation() {
    let answers = |operation: &str, body: &[u8]| {
        let request: Value = serde_json::from_slice(body).expect("JSON");
        match operation {
            "BatchGetItem" => json!({"Responses": {}, "UnprocessedKeys": {}}).to_string(),
            _ => json!({"UnprocessedItems": request["RequestItems"]}).to_string(),
        }
    };
    let error = take_in(3, Arc::new(answers)).await.expect_err("nothing is ever written");
    assert!(matches!(error, Error::Unprocessed { left: 3, .. }), "{error}");
    assert_eq!(lambda_runtime::Diagnostic::from(error).error_type, "Unprocessed");
}
