use crate::wire::{Fault, faulty};
use crate::world::{World, bad, deliver, event, item};
use call_model::{BronzeItem, SCHEMA};
use enrich::Enrich;
use enrich::handler::Answer;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn a_to_b_to_a_is_three_deliveries_and_ends_with_the_last() {
    let world = World::new().await;
    let a = item("call", 1, "acme", 1, 60);
    let b = item("call", 2, "acme", 1, 700);
    let a_again = item("call", 3, "acme", 1, 60);
    for delivered in [&a, &b, &a_again] {
        let (failed, metrics) = world.deliver(std::slice::from_ref(delivered)).await;
        assert_eq!((failed, metrics.handled), (vec![], 1));
        world.assert_holds(&[delivered]).await;
    }
}

#[tokio::test]
async fn an_earlier_delivery_that_comes_late_changes_nothing() {
    let world = World::new().await;
    let later = item("call", 9, "acme", 1, 60);
    world.deliver(std::slice::from_ref(&later)).await;
    let (failed, metrics) = world.deliver(&[item("call", 8, "other", 2, 1)]).await;
    assert_eq!((failed, metrics.handled), (vec![], 1));
    world.assert_holds(&[&later]).await;
}

#[tokio::test]
async fn a_duplicate_batch_counts_once() {
    let world = World::new().await;
    let items: Vec<_> = (0..30).map(|n| item(&format!("call-{n}"), 1, &format!("client-{}", n % 3), 1, n)).collect();
    for _ in 0..3 {
        assert_eq!(world.deliver(&items).await.0, Vec::<String>::new());
        world.assert_holds(&items.iter().collect::<Vec<_>>()).await;
    }
}

#[tokio::test]
async fn of_one_batch_the_highest_position_of_a_call_is_written() {
    let world = World::new().await;
    let items = [2, 4, 1, 3].map(|position| item("call", position, "acme", position, 60 * position));
    let (failed, metrics) = world.deliver(&items).await;
    assert_eq!((failed, metrics.handled), (vec![], 4));
    world.assert_holds(&[&items[1]]).await;
}

#[tokio::test]
async fn a_call_that_changes_client_and_day_takes_its_counts_along() {
    let world = World::new().await;
    let stays = item("stays", 1, "acme", 1, 10);
    world.deliver(&[stays.clone(), item("moves", 1, "acme", 1, 60)]).await;
    let moved = item("moves", 2, "other", 2, 61);
    world.deliver(std::slice::from_ref(&moved)).await;
    world.assert_holds(&[&stays, &moved]).await;
}

#[tokio::test]
async fn a_record_as_large_as_bronze_takes_becomes_a_call() {
    let world = World::new().await;
    let mut large = item("call", 1, "acme", 1, 60);
    let room = call_model::MAX_RECORD_BYTES - large.record.len();
    large.record = large.record.replace("a secret note", &"n".repeat(room + "a secret note".len()));
    assert_eq!(large.record.len(), call_model::MAX_RECORD_BYTES);
    assert_eq!(world.deliver(std::slice::from_ref(&large)).await.0, Vec::<String>::new());
    world.assert_holds(&[&large]).await;
}

#[tokio::test]
async fn what_has_expired_is_not_counted_again() {
    let world = World::new().await;
    let expired = BronzeItem { expires_at: Some(1_000_000_000), ..item("old", 1, "acme", 1, 60) };
    let kept = BronzeItem { expires_at: Some(9_000_000_000), ..item("new", 1, "acme", 1, 60) };
    assert_eq!(world.deliver(&[expired, kept.clone()]).await.0, Vec::<String>::new());
    world.assert_holds(&[&kept]).await;
}

/// What the runbook tells people to do with calls that are missing in silver.
#[tokio::test]
async fn an_item_that_was_touched_is_enriched_again_in_its_old_place() {
    let world = World::new().await;
    let (lost, corrected) = (item("lost", 1, "acme", 1, 60), item("corrected", 2, "acme", 1, 60));
    world.deliver(std::slice::from_ref(&corrected)).await;
    let mut touched: Value =
        serde_json::from_str(event(&[lost.clone(), item("corrected", 1, "acme", 2, 1)]).get()).expect("an event");
    for record in touched["Records"].as_array_mut().expect("records") {
        record["eventName"] = json!("MODIFY");
        record["dynamodb"]["NewImage"]["touched_at"] = json!({"S": "2026-11-21T09:00:00Z"});
    }
    let touched = RawValue::from_string(touched.to_string()).expect("JSON");
    let (answer, _) = world.enrich().handle(&touched).await.expect("an answer");
    assert_eq!(answer, Answer::Batch(enrich::handler::BatchAnswer::default()));
    world.assert_holds(&[&lost, &corrected]).await;
}

#[tokio::test]
async fn what_the_next_release_wrote_is_replaced_and_its_counts_taken_back() {
    let world = World::new().await;
    let mut first = item("call", 1, "acme", 1, 60);
    first.record = first.record.replace("resolved", "handed over");
    world.deliver(std::slice::from_ref(&first)).await;
    let mut stored = json!(world.silver().await["call"]);
    (stored["outcome"], stored["schema"], stored["mood"]) = (json!("handed_over"), json!(SCHEMA + 1), json!("fine"));
    world.put(&world.config.silver_table, &stored).await;
    let later = item("call", 2, "other", 2, 61);
    let (failed, metrics) = world.deliver(std::slice::from_ref(&later)).await;
    assert_eq!((failed, metrics.handled), (vec![], 1));
    world.assert_holds(&[&later]).await;
}

#[tokio::test]
async fn every_counter_says_which_schema_it_has() {
    let world = World::new().await;
    world.deliver(&[item("a", 1, "acme", 1, 60), item("b", 1, "other", 1, 60)]).await;
    let stored: Vec<Value> = world.all(&world.config.counter_table).await;
    assert_eq!(
        stored.iter().map(|counter| counter["schema"].clone()).collect::<Vec<_>>(),
        [json!(SCHEMA), json!(SCHEMA)]
    );
}

#[tokio::test]
async fn two_thousand_calls_need_few_requests() {
    let world = World::new().await;
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let sdk = faulty(&world.sdk, move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        Fault::None
    });
    let items: Vec<_> =
        (0..2_000).map(|n| item(&format!("call-{n}"), 1, &format!("client-{}", n % 20), n % 10 + 1, n)).collect();
    let (failed, metrics) = deliver(&Enrich::new(world.config.clone(), &sdk), &items).await;
    assert_eq!((failed, metrics.handled), (vec![], 2_000));
    world.assert_holds(&items.iter().collect::<Vec<_>>()).await;
    let requests = requests.load(Ordering::Relaxed);
    assert!(requests <= 70, "{requests} requests");
}

#[tokio::test]
async fn the_fixtures_are_answered() {
    let world = World::new().await;
    let answer = async |fixture: &str| {
        let payload = RawValue::from_string(fixture.to_owned()).expect("JSON");
        let (answer, metrics) = world.enrich().handle(&payload).await.expect("an answer");
        (serde_json::to_value(&answer).expect("plain data"), metrics)
    };
    let (inserted, metrics) = answer(include_str!("../../events/insert.json")).await;
    assert_eq!(inserted, serde_json::json!({"batchItemFailures": []}));
    assert_eq!(metrics.map(|metrics| (metrics.handled, metrics.rejected, metrics.failed)), Some((1, 0, 0)));
    let calls = world.silver().await;
    assert_eq!(calls["call-1"].phone.as_deref(), Some("+493012345678"));
    let (removed, metrics) = answer(include_str!("../../events/remove.json")).await;
    assert_eq!(removed, serde_json::json!({"batchItemFailures": []}));
    assert_eq!(metrics.map(|metrics| metrics.handled), Some(0));
    assert_eq!(world.silver().await, calls);
    let (probed, metrics) = answer(include_str!("../../events/probe.json")).await;
    let read = [&world.config.silver_table];
    let expected = serde_json::json!({"lockgate": "ok", "function": "enrich-test", "version": "7", "read": read});
    assert_eq!((probed, metrics), (expected, None));
}

#[tokio::test]
async fn an_empty_event_needs_no_aws() {
    let world = World::new().await;
    let sdk = faulty(&world.sdk, |operation, _| panic!("{operation} was called"));
    let (failed, metrics) = deliver(&Enrich::new(world.config.clone(), &sdk), &[]).await;
    assert_eq!((failed, metrics.handled), (vec![], 0));
}

#[tokio::test]
async fn what_is_no_stream_event_fails_the_invocation() {
    let world = World::new().await;
    for payload in ["{}", "[]", r#"{"Records":[{"s3":{}}]}"#, r#"{"Records":[{"dynamodb":{"Keys":{}}}]}"#] {
        let payload = RawValue::from_string(payload.to_owned()).expect("JSON");
        let error = world.enrich().handle(&payload).await.expect_err("not ours");
        assert_eq!(lambda_runtime::Diagnostic::from(error).error_type, "Enrich.Event");
    }
}

#[tokio::test]
async fn a_probe_fails_where_silver_cannot_be_read() {
    let mut world = World::new().await;
    world.config.silver_table = "no-such-table".to_owned();
    let probe = RawValue::from_string(r#"{"lockgate":"probe"}"#.to_owned()).expect("JSON");
    let error = world.enrich().handle(&probe).await.expect_err("no table");
    assert!(error.to_string().contains("no-such-table"), "{error}");
    assert_eq!(lambda_runtime::Diagnostic::from(error).error_type, "Enrich.Probe");
}

#[tokio::test]
async fn a_good_record_is_written_though_a_later_one_of_the_call_is_bad() {
    let world = World::new().await;
    let good = item("call", 1, "acme", 1, 60);
    let (failed, metrics) = world.deliver(&[good.clone(), bad("call", 2)]).await;
    assert_eq!((failed, metrics.handled, metrics.rejected), (vec![], 1, 1));
    world.assert_holds(&[&good]).await;
    let answer = Answer::Batch(enrich::handler::BatchAnswer::default());
    assert_eq!(serde_json::to_string(&answer).expect("plain data"), r#"{"batchItemFailures":[]}"#);
}
