//! The OpenAPI document against what the API really does.

use crate::world::{Answer, World, call, position};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Method, path as documented, path as asked for, headers and body of one request.
type Ask = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

/// Each operation at its best and at its worst.
const ASKED: [Ask; 17] = [
    ("get", "/calls", "/calls?client_id=acme&limit=1", &[], ""),
    ("get", "/calls", "/calls?day=2026-03-01", &[], ""),
    ("get", "/calls", "/calls", &[], ""),
    ("post", "/calls", "/calls", JSON, "{\"call_id\":\"1\"}"),
    ("post", "/calls", "/calls", JSON, "{"),
    ("post", "/calls", "/calls", &[], "{}"),
    ("get", "/calls/{id}", "/calls/one", &[], ""),
    ("get", "/calls/{id}", "/calls/bare", &[], ""),
    ("get", "/calls/{id}", "/calls/none", &[], ""),
    ("delete", "/calls/{id}", "/calls/one", &[], ""),
    ("delete", "/calls/{id}", "/calls/none", &[], ""),
    ("get", "/stats", "/stats?client_id=acme&limit=1", &[], ""),
    ("get", "/stats", "/stats?day=today", &[], ""),
    ("get", "/health", "/health", &[], ""),
    ("get", "/ready", "/ready", &[], ""),
    ("get", "/openapi.json", "/openapi.json", &[], ""),
    ("get", "/openapi.json", "/openapi.json?version=2", &[], ""),
];

/// What the document says about an answer has to be true, and to be all there is.
fn check(document: &Value, (method, path, uri, ..): &Ask, answer: &Answer) -> Result<(), String> {
    let responses = &document["paths"][path][method]["responses"];
    let status = answer.status.as_u16().to_string();
    let range = format!("{}XX", &status[..1]);
    let response =
        responses.get(&status).or_else(|| responses.get(&range)).ok_or(format!("{status} is undocumented"))?;
    let media_type = answer.headers["content-type"].to_str().map_err(|error| error.to_string())?;
    let content = response["content"].get(media_type).ok_or(format!("{media_type} is undocumented"))?;
    let mut schema = content["schema"].clone();
    schema["components"] = document["components"].clone();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    for component in schema["components"]["schemas"].as_object_mut().expect("schemas").values_mut() {
        if component.get("properties").is_some() {
            component["additionalProperties"] = json!(false);
        }
    }
    let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
    let wrong: Vec<String> = validator.iter_errors(&answer.json).map(|error| error.to_string()).collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("{uri}: {wrong:?} in {}", answer.json)) }
}

async fn filled() -> World {
    let world = World::new().await;
    world.enrich(&call("one", "acme", "2026-03-01T00:00:00Z")).await;
    world.enrich(&call("two", "acme", "2026-03-02T00:00:00Z")).await;
    let mut bare = call("bare", "acme", "2026-03-03T00:00:00Z");
    (bare.phone, bare.country, bare.local_hour, bare.expires_at) = (None, None, None, Some(1_800_000_000));
    world.enrich(&bare).await;
    world.ingest("one", &position(1)).await;
    world
}

fn operations(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = document["paths"].as_object().expect("paths");
    let methods =
        |item: &Value| item.as_object().expect("an item").keys().map(|method| method.to_uppercase()).collect();
    paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

#[tokio::test]
async fn every_answer_is_as_described() {
    let world = filled().await;
    let document = world.ok("/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut done: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut refused = BTreeSet::new();
    for ask in ASKED {
        let (method, path, uri, headers, body) = ask;
        let answer = world.send(method.to_uppercase().as_str(), uri, headers, body).await;
        check(&document, &ask, &answer).expect("the document is right");
        if answer.status.is_success() {
            done.entry(path.to_owned()).or_default().insert(method.to_uppercase());
        } else {
            refused.insert(answer.status.as_u16());
        }
    }
    assert_eq!(done, operations(&document), "each operation is seen succeeding");
    assert_eq!(refused, [400, 404, 415].into());

    world.app.dynamodb.delete_table().table_name(&world.app.config.silver_table).send().await.expect("deleted");
    for (path, uri) in [("/ready", "/ready"), ("/calls", "/calls?client_id=a"), ("/calls/{id}", "/calls/a")] {
        let answer = world.get(uri).await;
        assert!(answer.status.is_server_error());
        check(&document, &("get", path, uri, &[], ""), &answer).expect("the document is right");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_as_described_is_noticed() {
    let world = filled().await;
    let document = world.ok("/openapi.json").await;
    let ask: Ask = ("get", "/calls/{id}", "/calls/one", &[], "");
    let good = world.get("/calls/one").await;
    check(&document, &ask, &good).expect("as described");
    for (field, value) in [("direction", json!("sideways")), ("duration_seconds", json!(-1)), ("more", json!(1))] {
        let mut answer = world.get("/calls/one").await;
        answer.json[field] = value;
        check(&document, &ask, &answer).expect_err(field);
    }
    let mut answer = world.get("/calls/one").await;
    answer.json.as_object_mut().expect("a call").remove("call_id");
    check(&document, &ask, &answer).expect_err("call_id");
}

#[tokio::test]
async fn the_document_and_the_router_have_the_same_routes() {
    let world = World::new().await;
    let documented = operations(&world.ok("/openapi.json").await);
    for (path, methods) in &documented {
        let uri = path.replace("{id}", "one");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let answer = world.send(method, &uri, &[], "").await;
            if methods.contains(method) {
                assert_ne!(answer.status, http::StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                continue;
            }
            assert_eq!(answer.status, http::StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.json["status"], 405);
            let allow = answer.headers["allow"].to_str().expect("ASCII");
            let allowed: BTreeSet<String> =
                allow.split(',').filter(|method| *method != "HEAD").map(str::to_owned).collect();
            assert_eq!(&allowed, methods, "{path}");
        }
    }
    // The router lists its paths in its debug form and nowhere else; two of them are its own way to say 404.
    let debug = format!("{:?}", query::openapi::routes().0);
    let paths =
        debug.split('"').filter(|part| part.len() > 1 && part.starts_with('/') && !part.contains("axum_fallback"));
    let routed: BTreeSet<String> = paths.map(|path| path.replace("{*", "{")).collect();
    assert_eq!(world.get("/").await.status, http::StatusCode::NOT_FOUND);
    assert_eq!(routed, documented.into_keys().collect());
}
