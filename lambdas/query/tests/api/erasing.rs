//! `DELETE /calls/{id}`.

use crate::world::{World, call, position, s};
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem, Update};
use call_model::{Counter, Direction, call_hash};
use http::StatusCode;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::json;

#[tokio::test]
async fn a_call_is_erased_everywhere_and_may_be_erased_again() {
    let world = World::new().await;
    let path = "/calls/secret%2Fcall";
    let erased = call("secret/call", "acme", "2026-03-01T00:00:00Z");
    let mut kept = call("kept", "acme", "2026-03-01T00:00:00Z");
    kept.direction = Direction::Outbound;
    for call in [&erased, &kept] {
        world.enrich(call).await;
    }
    // More than one batch of records, the newest not enriched yet.
    for n in 1..=60 {
        world.ingest("secret/call", &position(n)).await;
    }
    world.ingest("kept", &position(1)).await;

    let answer = world.send("DELETE", path, &[], "").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    assert_eq!(answer.json["call_id"], "secret/call");
    let erased_at: Timestamp = answer.json["erased_at"].as_str().expect("a time").parse().expect("RFC 3339");
    let expires = erased_at.to_zoned(TimeZone::UTC).date().saturating_add(30.days());
    assert!(answer.json["landing_expires"].as_str().expect("a day") > expires.to_string().as_str());

    assert_eq!(world.get(path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.records("secret/call").await, 0);
    assert_eq!(world.tombstone("secret/call").await.expect("a tombstone").position, position(60));
    let stats = world.ok("/stats?client_id=acme").await;
    assert_eq!(stats["rows"], json!([Counter::of(&kept)]));
    let listed = world.ok("/calls?client_id=acme").await;
    assert_eq!(listed["calls"], json!([kept]));
    assert_eq!(world.records("kept").await, 1);

    // A record that was on its way is swept up by the next request; nothing is counted twice.
    world.ingest("secret/call", &position(70)).await;
    let again = world.send("DELETE", path, &[], "").await;
    assert_eq!((again.status, &again.json), (StatusCode::ACCEPTED, &answer.json));
    assert_eq!(world.records("secret/call").await, 0);
    assert_eq!(world.ok("/stats?client_id=acme").await, stats);
}

#[tokio::test]
async fn the_last_call_of_a_day_leaves_no_row() {
    let world = World::new().await;
    world.enrich(&call("only", "acme", "2026-03-01T00:00:00Z")).await;
    assert_eq!(world.send("DELETE", "/calls/only", &[], "").await.status, StatusCode::ACCEPTED);
    assert_eq!(world.ok("/stats?client_id=acme").await["rows"], json!([]));
    assert_eq!(world.ok("/stats?day=2026-03-01").await["rows"], json!([]));
}

#[tokio::test]
async fn a_call_that_is_not_enriched_yet_is_erased() {
    let world = World::new().await;
    world.ingest("early", &position(3)).await;
    assert_eq!(world.send("DELETE", "/calls/early", &[], "").await.status, StatusCode::ACCEPTED);
    assert_eq!(world.records("early").await, 0);
    assert_eq!(world.tombstone("early").await.expect("a tombstone").position, position(3));
}

#[tokio::test]
async fn what_was_never_known_cannot_be_erased() {
    let world = World::new().await;
    assert_eq!(world.send("DELETE", "/calls/none", &[], "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.tombstone("none").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erasures_at_the_same_time_count_once() {
    let world = World::new().await;
    let (gone, kept) = (call("gone", "acme", "2026-03-01T00:00:00Z"), call("kept", "acme", "2026-03-01T00:00:00Z"));
    world.enrich(&gone).await;
    world.enrich(&kept).await;
    let erase = || world.send("DELETE", "/calls/gone", &[], "");
    let (a, b, c, d) = tokio::join!(erase(), erase(), erase(), erase());
    for answer in [a, b, c, d] {
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
    }
    assert_eq!(world.ok("/stats?client_id=acme").await["rows"], json!([Counter::of(&kept)]));
}

/// Writes the n-th version of a call as `enrich` does; false once there is a tombstone.
async fn rewrite(world: &World, n: i64) -> bool {
    let mut newer = call("busy", "acme", "2026-03-01T00:00:00Z");
    newer.position = position(n);
    newer.duration_seconds = 10 * n.unsigned_abs();
    let config = &world.app.config;
    let put = Put::builder()
        .table_name(&config.silver_table)
        .set_item(Some(serde_dynamo::to_item(&newer).expect("an item")))
        .condition_expression("#position = :seen")
        .expression_attribute_names("#position", "position")
        .expression_attribute_values(":seen", s(position(n - 1).as_str()));
    let count = Update::builder()
        .table_name(&config.counter_table)
        .key("client_id", s("acme"))
        .key("day", s("2026-03-01"))
        .update_expression("ADD duration_seconds :more")
        .expression_attribute_values(":more", AttributeValue::N("10".to_owned()));
    let alive = ConditionCheck::builder()
        .table_name(&config.erased_table)
        .key("call_hash", s(&call_hash("busy")))
        .condition_expression("attribute_not_exists(call_hash)");
    let writes = vec![
        TransactWriteItem::builder().put(put.build().expect("put")).build(),
        TransactWriteItem::builder().update(count.build().expect("update")).build(),
        TransactWriteItem::builder().condition_check(alive.build().expect("check")).build(),
    ];
    world.app.dynamodb.transact_write_items().set_transact_items(Some(writes)).send().await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_being_enriched_is_erased_whole() {
    let world = World::new().await;
    let mut first = call("busy", "acme", "2026-03-01T00:00:00Z");
    (first.position, first.duration_seconds) = (position(1), 10);
    world.enrich(&first).await;
    let enriching = async {
        let mut n = 2;
        while n < 500 && rewrite(&world, n).await {
            n += 1;
        }
        n
    };
    let erasing = async {
        for _ in 0..20 {
            let answer = world.send("DELETE", "/calls/busy", &[], "").await;
            if answer.status == StatusCode::ACCEPTED {
                return answer;
            }
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.json);
            assert_eq!(answer.headers["retry-after"], "1");
        }
        panic!("the call could not be erased");
    };
    let (versions, _) = tokio::join!(enriching, erasing);
    assert!(versions < 500, "enriching went on after the erasure");
    assert_eq!(world.get("/calls/busy").await.status, StatusCode::NOT_FOUND);
    let counter = world.app.dynamodb.get_item().table_name(&world.app.config.counter_table);
    let counter = counter.key("client_id", s("acme")).key("day", s("2026-03-01")).send().await.expect("read");
    let counter: Counter = serde_dynamo::from_item(counter.item.expect("a counter")).expect("numbers");
    assert!(counter.is_zero(), "{counter:?}");
    let tombstone = world.tombstone("busy").await.expect("a tombstone");
    assert_eq!(tombstone.position, position(versions - 1), "the last version that was written");
}
