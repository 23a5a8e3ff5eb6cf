//! `GET /calls` and `GET /calls/{id}`.

use crate::world::{World, call};
use call_model::SilverCall;
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// 60 calls of two clients on three days, some at the same second.
async fn filled() -> (World, Vec<SilverCall>) {
    let world = World::new().await;
    let mut calls = Vec::new();
    for n in 0..60 {
        let client = if n % 3 == 0 { "acme & sons" } else { "other" };
        let started_at = format!("2026-03-{:02}T{:02}:00:00Z", 1 + n % 3 / 2 + n / 30, n % 4);
        let mut call = call(&format!("call/{n} ü"), client, &started_at);
        call.phone = (n % 2 == 0).then(|| "+4930123456".to_owned());
        world.enrich(&call).await;
        calls.push(call);
    }
    (world, calls)
}

/// The listed calls have to be exactly these, in the order of time.
fn assert_listed<'a>(listed: &[Value], expected: impl Iterator<Item = &'a SilverCall>, what: &str) {
    let times: Vec<_> = listed.iter().map(|call| call["started_at"].as_str().expect("a time")).collect();
    assert!(times.is_sorted(), "{what}: {times:?}");
    let by_id = |calls: Vec<Value>| -> BTreeMap<String, Value> {
        calls.into_iter().map(|call| (call["call_id"].to_string(), call)).collect()
    };
    let expected: Vec<Value> = expected.map(|call| serde_json::to_value(call).expect("JSON")).collect();
    assert!(!expected.is_empty(), "{what}: nothing to compare with");
    assert_eq!(listed.len(), expected.len(), "{what}");
    assert_eq!(by_id(listed.to_vec()), by_id(expected), "{what}");
}

#[tokio::test]
async fn pages_of_every_size_together_are_all_calls() {
    let (world, calls) = filled().await;
    for limit in [1, 7, 20, 100] {
        let (listed, pages) = world.walk(&format!("/calls?client_id=acme%20%26%20sons&limit={limit}"), "calls").await;
        assert_listed(&listed, calls.iter().filter(|call| call.client_id == "acme & sons"), "by client");
        assert_eq!(pages, listed.len().div_ceil(limit), "no page is empty");
        let (listed, pages) = world.walk(&format!("/calls?day=2026-03-02&limit={limit}"), "calls").await;
        assert_listed(&listed, calls.iter().filter(|call| call.day == "2026-03-02"), "by day");
        assert_eq!(pages, listed.len().div_ceil(limit), "no page is empty");
    }
}

#[tokio::test]
async fn both_ends_of_a_range_belong_to_it() {
    let (world, calls) = filled().await;
    for (range, from, to) in [
        ("from=2026-03-02T01:00:00Z", "2026-03-02T01:00:00Z", "9"),
        ("to=2026-03-02T01:00:00Z", "0", "2026-03-02T01:00:00Z"),
        ("from=2026-03-01T02:00:00%2B01:00&to=2026-03-01T01:00:00.9Z", "2026-03-01T01:00:00Z", "2026-03-01T01:00:00Z"),
        ("from=2026-03-01T00:59:59.5Z&to=2026-03-02T00:00:00Z", "2026-03-01T01:00:00Z", "2026-03-02T00:00:00Z"),
    ] {
        let inside = |call: &&SilverCall| *from <= *call.started_at && *call.started_at <= *to;
        let (listed, _) = world.walk(&format!("/calls?client_id=other&limit=3&{range}"), "calls").await;
        assert_listed(&listed, calls.iter().filter(|call| call.client_id == "other").filter(inside), range);
    }
    let (listed, pages) = world.walk("/calls?day=2026-03-01&from=2030-01-01T00:00:00Z", "calls").await;
    assert_eq!((listed.len(), pages), (0, 1));
}

#[tokio::test]
async fn a_page_token_serves_its_own_query_only() {
    let (world, _) = filled().await;
    let own = "/calls?client_id=other&from=2026-03-01T00:00:00Z&limit=2";
    let token = world.ok(own).await["next"].as_str().expect("more follow").to_owned();
    world.ok(&format!("{own}&page={token}")).await;
    // How many rows a page has is not part of the query.
    world.ok(&format!("/calls?client_id=other&from=2026-03-01T00:00:00Z&limit=5&page={token}")).await;
    for other in [
        "/calls?client_id=other",
        "/calls?client_id=acme%20%26%20sons&from=2026-03-01T00:00:00Z",
        "/calls?day=2026-03-01&from=2026-03-01T00:00:00Z",
        "/calls?client_id=other&from=2026-03-01T00:00:01Z",
        "/calls?client_id=other&from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z",
        "/stats?client_id=other",
        "/stats?client_id=other&from=2026-03-01",
    ] {
        let refused = world.get(&format!("{other}&page={token}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{other}");
        assert!(refused.json["detail"].as_str().expect("a detail").contains("`page`"), "{other}: {}", refused.json);
    }
    for garbage in ["x", "AAAA", "%00", &"A".repeat(5000)] {
        assert_eq!(world.get(&format!("{own}&page={garbage}")).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let world = World::new().await;
    let long = "x".repeat(257);
    for (query, named) in [
        ("/calls", "exactly one"),
        ("/calls?client_id=a&day=2026-03-01", "exactly one"),
        ("/calls?client_id=", "client_id"),
        (&format!("/calls?client_id={long}"), "client_id"),
        ("/calls?day=today", "day"),
        ("/calls?client_id=a&limit=0", "limit"),
        ("/calls?client_id=a&limit=101", "limit"),
        ("/calls?client_id=a&limit=-1", "limit"),
        ("/calls?client_id=a&client_id=b", "client_id"),
        ("/calls?client_id=a&from=2026-03-01", "from"),
        ("/calls?client_id=a&from=2026-03-01T00:00:00+01:00", "%2B"),
        ("/calls?client_id=a&from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "later"),
        ("/calls?client_id=a&agent_id=b", "agent_id"),
        ("/stats", "exactly one"),
        ("/stats?client_id=a&day=2026-03-01", "exactly one"),
        ("/stats?day=2026-03-01&from=2026-03-01", "from"),
        ("/stats?client_id=a&from=2026-03-01T00:00:00Z", "from"),
        ("/stats?client_id=a&from=2026-03-02&to=2026-03-01", "later"),
        ("/stats?client_id=a&limit=1001", "limit"),
        ("/calls/a?fields=notes", "fields"),
        ("/ready?deep=1", "deep"),
        (&format!("/calls/{long}"), "256"),
    ] {
        let refused = world.get(query).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(refused.headers["content-type"], "application/problem+json");
        let detail = refused.json["detail"].as_str().expect("a detail");
        assert!(detail.contains(named), "{query}: {detail}");
    }
}

#[tokio::test]
async fn what_the_next_release_wrote_is_listed_and_what_nobody_can_read_is_left_out() {
    let world = World::new().await;
    let table = &world.app.config.silver_table;
    let ids = ["0", "1", "2", "3", "4"];
    for id in ids {
        let mut item = json!(call(id, "acme", &format!("2026-03-01T0{id}:00:00Z")));
        match id {
            "1" => (item["outcome"], item["schema"], item["mood"]) = (json!("handed_over"), json!(2), json!("fine")),
            "2" => item["schema"] = json!(3),
            "3" => item["duration_seconds"] = json!("long"),
            _ => {}
        }
        world.put(table, &item).await;
    }
    for limit in [1, 2, 100] {
        let (listed, _) = world.walk(&format!("/calls?client_id=acme&limit={limit}"), "calls").await;
        let seen: Vec<_> = listed.iter().map(|call| (call["call_id"].as_str(), call["outcome"].as_str())).collect();
        let (known, other) = (Some("resolved"), Some("unknown"));
        assert_eq!(seen, [(Some("0"), known), (Some("1"), other), (Some("4"), known)], "pages of {limit}");
    }
    for (id, status) in ids.iter().zip([200, 200, 500, 500, 200]) {
        assert_eq!(world.get(&format!("/calls/{id}")).await.status.as_u16(), status, "{id}");
    }
    let counter = &world.app.config.counter_table;
    for (day, schema) in [("2026-03-01", json!(2)), ("2026-03-02", json!(3)), ("2026-03-03", Value::Null)] {
        let mut row = json!({"client_id": "acme", "day": day, "calls": 1});
        if !schema.is_null() {
            row["schema"] = schema;
        }
        world.put(counter, &row).await;
    }
    let stats = world.ok("/stats?client_id=acme").await;
    let days: Vec<_> = stats["rows"].as_array().expect("rows").iter().map(|row| row["day"].as_str()).collect();
    assert_eq!(days, [Some("2026-03-01"), Some("2026-03-03")]);
}

#[tokio::test]
async fn what_has_expired_is_not_answered_even_if_it_still_stands_there() {
    let world = World::new().await;
    let now = jiff::Timestamp::now().as_second();
    for (id, expires_at) in [("gone", Some(now - 60)), ("soon", Some(now + 3600)), ("never", None)] {
        let call = SilverCall { expires_at, ..call(id, "acme", "2026-03-01T00:00:00Z") };
        world.enrich(&call).await;
    }
    for list in ["/calls?client_id=acme", "/calls?day=2026-03-01"] {
        let (listed, _) = world.walk(&format!("{list}&limit=1"), "calls").await;
        let mut ids: Vec<_> = listed.iter().filter_map(|call| call["call_id"].as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, ["never", "soon"], "{list}");
    }
    for (id, status) in [("gone", 404), ("soon", 200), ("never", 200)] {
        assert_eq!(world.get(&format!("/calls/{id}")).await.status.as_u16(), status, "{id}");
    }
    // What stands there can be erased, and is taken back from the counters.
    assert_eq!(world.send("DELETE", "/calls/gone", &[], "").await.status, StatusCode::ACCEPTED);
    assert_eq!(world.ok("/stats?client_id=acme").await["page_total"]["calls"], 2);
}

#[tokio::test]
async fn a_call_is_found_by_every_id_it_may_have() {
    let world = World::new().await;
    for (call_id, path) in [
        ("plain", "/calls/plain"),
        ("a b/c", "/calls/a%20b%2Fc"),
        ("a b/d", "/calls/a%20b/d"),
        ("100%", "/calls/100%25"),
        ("ü?#", "/calls/%C3%BC%3F%23"),
        ("..", "/calls/%2E%2E"),
    ] {
        let call = call(call_id, "acme", "2026-03-01T00:00:00Z");
        world.enrich(&call).await;
        assert_eq!(world.ok(path).await, serde_json::to_value(&call).expect("JSON"), "{call_id}");
    }
    for (path, status) in [
        ("/calls/none", StatusCode::NOT_FOUND),
        ("/calls/", StatusCode::NOT_FOUND),
        ("/calls/%FF", StatusCode::BAD_REQUEST),
        ("/call", StatusCode::NOT_FOUND),
        ("/", StatusCode::NOT_FOUND),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.json["status"], status.as_u16(), "{path}");
        assert!(!answer.json["request_id"].as_str().expect("an id").is_empty());
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
}
