//! Tables, a bucket and the API on top, one set for each test.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use axum::Router;
use axum::body::Body;
use call_model::position::Delivery;
use call_model::{
    BronzeItem, Counter, Direction, DurationBand, Erased, Outcome, Position, SCHEMA, SilverCall, call_hash,
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use query::{App, Config, listen};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;
use tower::ServiceExt;
use uuid::Uuid;

pub(crate) struct World {
    pub(crate) app: App,
    router: Router,
    sdk: SdkConfig,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

/// A configuration that names tables and a bucket of this name.
pub(crate) fn config(name: &str) -> Config {
    Config {
        bronze_table: format!("bronze_{name}"),
        silver_table: format!("silver_{name}"),
        counter_table: format!("counter_{name}"),
        erased_table: format!("erased_{name}"),
        landing_bucket: format!("landing-{name}"),
        landing_retention_days: 30,
        function: "query-test".to_owned(),
        version: "7".to_owned(),
        listen: None,
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let sdk = stand_ins::emulator::shared().await.config().await;
        let config = config(&Uuid::now_v7().simple().to_string());
        let app = App::new(config, &sdk);
        let router = listen::router(&app, None).expect("nobody to trust");
        let world = Self { app, router, sdk };
        let config = world.app.config.clone();
        world.table(&config.bronze_table, &["call_id", "position"], &[]).await;
        let indexes = [("by_client", ["client_id", "started_at"]), ("by_day", ["day", "started_at"])];
        world.table(&config.silver_table, &["call_id"], &indexes).await;
        world.table(&config.counter_table, &["client_id", "day"], &[("by_day", ["day", "client_id"])]).await;
        world.table(&config.erased_table, &["call_hash"], &[]).await;
        let here = BucketLocationConstraint::from(stand_ins::emulator::REGION);
        let here = CreateBucketConfiguration::builder().location_constraint(here).build();
        let create = world.app.s3.create_bucket().bucket(&config.landing_bucket).create_bucket_configuration(here);
        create.send().await.expect("a bucket");
        world
    }

    pub(crate) fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    async fn table(&self, name: &str, keys: &[&str], indexes: &[(&str, [&str; 2])]) {
        let mut attributes: Vec<&str> = keys.to_vec();
        attributes.extend(indexes.iter().flat_map(|(_, keys)| keys));
        attributes.sort_unstable();
        attributes.dedup();
        let mut create = self.app.dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        for attribute in attributes {
            let kind = ScalarAttributeType::S;
            let definition = AttributeDefinition::builder().attribute_name(attribute).attribute_type(kind).build();
            create = create.attribute_definitions(definition.expect("name and type"));
        }
        for (name, keys) in indexes {
            let all = Projection::builder().projection_type(ProjectionType::All).build();
            let index = GlobalSecondaryIndex::builder().index_name(*name).projection(all);
            let index = index.set_key_schema(Some(key_schema(keys))).build().expect("name and keys");
            create = create.global_secondary_indexes(index);
        }
        create.set_key_schema(Some(key_schema(keys))).send().await.expect("a table");
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send("GET", uri, &[], "").await
    }

    /// The JSON of a 200.
    pub(crate) async fn ok(&self, uri: &str) -> Value {
        let answer = self.get(uri).await;
        assert_eq!(answer.status, StatusCode::OK, "{uri}: {}", answer.json);
        answer.json
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        send(&self.router, method, uri, headers, body).await
    }

    /// Every row of every page, and how many pages there were.
    pub(crate) async fn walk(&self, uri: &str, rows: &str) -> (Vec<Value>, usize) {
        let (mut all, mut pages, mut page) = (Vec::new(), 0, String::new());
        loop {
            let mut answer = self.ok(&format!("{uri}{page}")).await;
            all.append(answer[rows].as_array_mut().expect("rows"));
            pages += 1;
            match answer["next"].as_str() {
                Some(token) => page = format!("&page={token}"),
                None => return (all, pages),
            }
        }
    }

    pub(crate) async fn put(&self, table: &str, item: &impl Serialize) {
        let item: HashMap<String, AttributeValue> = serde_dynamo::to_item(item).expect("an item");
        let put = self.app.dynamodb.put_item().table_name(table).set_item(Some(item));
        put.send().await.expect("stored");
    }

    /// Stores a call and counts it, as `enrich` does.
    pub(crate) async fn enrich(&self, call: &SilverCall) {
        self.put(&self.app.config.silver_table, call).await;
        let counted = Counter::of(call);
        let mut update = self.app.dynamodb.update_item().table_name(&self.app.config.counter_table);
        update = update.key("client_id", s(&counted.client_id)).key("day", s(&counted.day));
        let mut adds = Vec::new();
        for (name, sum) in Counter::SUMS.iter().zip(counted.sums()) {
            adds.push(format!("#{name} :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), *name)
                .expression_attribute_values(format!(":{name}"), AttributeValue::N(sum.to_string()));
        }
        update.update_expression(format!("ADD {}", adds.join(","))).send().await.expect("counted");
    }

    /// Stores a record as it was received, as `ingest` does.
    pub(crate) async fn ingest(&self, call_id: &str, position: &Position) {
        let item = BronzeItem {
            call_id: call_id.to_owned(),
            position: position.clone(),
            record: "{}".to_owned(),
            schema: SCHEMA,
            expires_at: None,
        };
        self.put(&self.app.config.bronze_table, &item).await;
    }

    pub(crate) async fn tombstone(&self, call_id: &str) -> Option<Erased> {
        let get = self.app.dynamodb.get_item().table_name(&self.app.config.erased_table);
        let answer = get.key("call_hash", s(&call_hash(call_id))).send().await.expect("read");
        answer.item.map(|item| serde_dynamo::from_item(item).expect("a tombstone"))
    }

    pub(crate) async fn records(&self, call_id: &str) -> usize {
        let query = self.app.dynamodb.query().table_name(&self.app.config.bronze_table);
        let query = query.key_condition_expression("call_id = :id").expression_attribute_values(":id", s(call_id));
        query.send().await.expect("read").items().len()
    }
}

fn key_schema(keys: &[&str]) -> Vec<KeySchemaElement> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let element =
        |(name, kind): (&&str, KeyType)| KeySchemaElement::builder().attribute_name(*name).key_type(kind).build();
    keys.iter().zip(kinds).map(|key| element(key).expect("name and kind")).collect()
}

/// One request to a router, and its answer, which is always JSON.
pub(crate) async fn send(
    router: &Router,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).expect("a request");
    let Ok(response) = router.clone().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("in memory").to_bytes();
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, json }
}

pub(crate) fn s(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// The position of the n-th delivery.
pub(crate) fn position(n: i64) -> Position {
    Delivery::new(1_700_000_000 + n, "calls/file.ndjson", "0A").expect("a short key").line(1)
}

/// A call of this client that began at this time.
pub(crate) fn call(call_id: &str, client_id: &str, started_at: &str) -> SilverCall {
    SilverCall {
        call_id: call_id.to_owned(),
        client_id: client_id.to_owned(),
        agent_id: "agent".to_owned(),
        started_at: started_at.to_owned(),
        day: started_at[..10].to_owned(),
        duration_seconds: 90,
        direction: Direction::Inbound,
        phone: Some("+4930123456".to_owned()),
        country: Some("DE".to_owned()),
        local_hour: Some(10),
        weekday: "saturday".to_owned(),
        topic: "billing".to_owned(),
        outcome: Outcome::Resolved,
        notes: "\u{1F600} said \"thanks\"".to_owned(),
        duration_band: DurationBand::Medium,
        sla_breach: true,
        position: position(1),
        schema: SCHEMA,
        expires_at: None,
    }
}
