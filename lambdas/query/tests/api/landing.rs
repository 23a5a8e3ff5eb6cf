//! `POST /calls`, and what is said of tables that are not there.

use crate::world::World;
use http::StatusCode;
use query::{App, health, land};
use std::sync::Arc;

async fn objects(world: &World) -> Vec<String> {
    let listed = world.app.s3.list_objects_v2().bucket(&world.app.config.landing_bucket).send().await.expect("listed");
    listed.contents().iter().map(|object| object.key().expect("a key").to_owned()).collect()
}

#[tokio::test]
async fn calls_land_byte_for_byte() {
    let world = World::new().await;
    for (media_type, body, ending) in [
        ("application/json", " {\"call_id\": \"1\", \"notes\":\"grüß\"}\n", ".json"),
        ("application/json; charset=utf-8", "[]", ".json"),
        ("application/x-ndjson", "{\"call_id\":\"1\"}\n{broken\n", ".ndjson"),
    ] {
        let answer = world.send("POST", "/calls", &[("content-type", media_type)], body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.json);
        let key = answer.json["key"].as_str().expect("a key");
        let today = jiff::Timestamp::now().strftime("calls/api/%Y/").to_string();
        assert!(key.starts_with(&today) && key.ends_with(ending), "{key}");
        let object = world.app.s3.get_object().bucket(&world.app.config.landing_bucket).key(key).send().await;
        let stored = object.expect("it landed").body.collect().await.expect("read").into_bytes();
        assert_eq!(stored, body);
    }
    assert_eq!(objects(&world).await.len(), 3);
}

#[tokio::test]
async fn what_cannot_be_calls_does_not_land() {
    let world = World::new().await;
    let json = [("content-type", "application/json")];
    let gzip = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let large = "[".to_owned() + &" ".repeat(land::MAX_BODY_BYTES) + "]";
    for (headers, body, status) in [
        (&json[..], "", StatusCode::BAD_REQUEST),
        (&json, "{\"call_id\":", StatusCode::BAD_REQUEST),
        (&json, "7", StatusCode::BAD_REQUEST),
        (&json, &large, StatusCode::PAYLOAD_TOO_LARGE),
        (&gzip, "{}", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (&[("content-type", "text/csv")], "a,b", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (&[], "{}", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let answer = world.send("POST", "/calls", headers, body.to_owned()).await;
        assert_eq!(answer.status, status, "{}", answer.json);
        assert_eq!(answer.json["status"], status.as_u16());
    }
    let full = "[".to_owned() + &" ".repeat(land::MAX_BODY_BYTES - 2) + "]";
    assert_eq!(world.send("POST", "/calls", &json, full).await.status, StatusCode::ACCEPTED);
    assert_eq!(objects(&world).await.len(), 1);
}

#[tokio::test]
async fn readiness_and_probe_name_the_table_that_is_missing() {
    let world = World::new().await;
    assert_eq!(world.ok("/ready").await["status"], "ok");
    let config = world.app.config.clone();
    let probed = health::probe(&world.app).await.expect("all tables answer");
    let tables = [&config.bronze_table, &config.silver_table, &config.counter_table, &config.erased_table];
    assert_eq!(probed.read, tables.map(Clone::clone));

    world.app.dynamodb.delete_table().table_name(&config.counter_table).send().await.expect("deleted");
    let answer = world.get("/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json["detail"], "these tables do not answer: counter");
    assert_eq!(answer.headers["retry-after"], "1");
    assert!(health::probe(&world.app).await.expect_err("not all answer").to_string().contains("read counter;"));
    assert_eq!(world.ok("/health").await["status"], "ok");
}

#[tokio::test]
async fn of_a_failure_only_the_log_learns_the_cause() {
    let world = World::new().await;
    let mut config = query::Config::clone(&world.app.config);
    config.silver_table = "silver_nowhere".to_owned();
    let app = App { config: Arc::new(config), ..world.app.clone() };
    let router = query::listen::router(&app, None).expect("nobody to trust");
    let answer = crate::world::send(&router, "GET", "/calls/1", &[], "").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let text = answer.json.to_string();
    assert!(!text.contains("silver") && !text.contains("Exception"), "{text}");
}
