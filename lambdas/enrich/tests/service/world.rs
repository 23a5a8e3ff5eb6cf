//! Tables and a queue of one test's own, what it delivers, and what then stands in them.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use call_model::metrics::Metrics;
use call_model::{BronzeItem, Counter, Position, SCHEMA, SilverCall, call_hash};
use enrich::config::{Config, Rules};
use enrich::dead_letter::DeadLetter;
use enrich::handler::Answer;
use enrich::{Enrich, clean};
use phonenumber::country::DE;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use stand_ins::emulator;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) struct World {
    pub(crate) sdk: SdkConfig,
    pub(crate) config: Config,
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
}

impl World {
    pub(crate) async fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("enrich-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let sdk = emulator::shared().await.config().await;
        let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
        let sqs = aws_sdk_sqs::Client::new(&sdk);
        let queue = sqs.create_queue().queue_name(&name).send().await.expect("a queue");
        let table = |stem: &str| format!("{name}-{stem}");
        let config = Config {
            bronze_table: table("bronze"),
            silver_table: table("silver"),
            counter_table: table("counter"),
            erased_table: table("erased"),
            dead_letter_queue_url: queue.queue_url.expect("its URL"),
            rules: Rules { sla_seconds: 600, default_country: DE },
            function: "enrich-test".to_owned(),
            version: "7".to_owned(),
        };
        let world = Self { sdk, config, dynamodb, sqs };
        world.table(&world.config.bronze_table, &["call_id", "position"]).await;
        world.table(&world.config.silver_table, &["call_id"]).await;
        world.table(&world.config.counter_table, &["client_id", "day"]).await;
        world.table(&world.config.erased_table, &["call_hash"]).await;
        world
    }

    async fn table(&self, name: &str, keys: &[&str]) {
        let mut create = self.dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        for (key, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
            let schema = KeySchemaElement::builder().attribute_name(*key).key_type(kind).build();
            let attribute =
                AttributeDefinition::builder().attribute_name(*key).attribute_type(ScalarAttributeType::S).build();
            create = create.key_schema(schema.expect("complete")).attribute_definitions(attribute.expect("complete"));
        }
        create.send().await.expect("a table");
    }

    pub(crate) fn enrich(&self) -> Enrich {
        Enrich::new(self.config.clone(), &self.sdk)
    }

    /// Stores the items in bronze and delivers them as one batch.
    pub(crate) async fn deliver(&self, items: &[BronzeItem]) -> (Vec<String>, Metrics) {
        self.store(items).await;
        deliver(&self.enrich(), items).await
    }

    pub(crate) async fn store(&self, items: &[BronzeItem]) {
        for item in items {
            self.put(&self.config.bronze_table, item).await;
        }
    }

    pub(crate) async fn put(&self, table: &str, item: &impl serde::Serialize) {
        let item = serde_dynamo::to_item(item).expect("plain data");
        self.dynamodb.put_item().table_name(table).set_item(Some(item)).send().await.expect("stored");
    }

    /// Leaves the tombstone that an erasure leaves.
    pub(crate) async fn erase(&self, call_id: &str) {
        let tombstone = json!({"call_hash": call_hash(call_id), "position": "p", "erased_at": "", "schema": SCHEMA});
        self.put(&self.config.erased_table, &tombstone).await;
    }

    pub(crate) async fn bronze(&self) -> Vec<BronzeItem> {
        self.all(&self.config.bronze_table).await
    }

    pub(crate) async fn silver(&self) -> BTreeMap<String, SilverCall> {
        let calls: Vec<SilverCall> = self.all(&self.config.silver_table).await;
        calls.into_iter().map(|call| (call.call_id.clone(), call)).collect()
    }

    /// The counters that count anything.
    pub(crate) async fn counters(&self) -> BTreeMap<(String, String), Counter> {
        let counters: Vec<Counter> = self.all(&self.config.counter_table).await;
        let counting = counters.into_iter().filter(|counter| !counter.is_zero());
        counting.map(|counter| ((counter.client_id.clone(), counter.day.clone()), counter)).collect()
    }

    /// Silver holds exactly these versions, and the counters count them once.
    pub(crate) async fn assert_holds(&self, items: &[&BronzeItem]) {
        let expected: BTreeMap<String, SilverCall> = items
            .iter()
            .map(|item| (item.call_id.clone(), clean::clean(item, &self.config.rules).expect("a good record")))
            .collect();
        assert_eq!(self.silver().await, expected);
        let mut counters: BTreeMap<(String, String), Counter> = BTreeMap::new();
        for call in expected.values() {
            let counter = counters.entry((call.client_id.clone(), call.day.clone()));
            counter.or_insert_with(|| Counter::new(&call.client_id, &call.day)).add(&Counter::of(call), 1);
        }
        assert_eq!(self.counters().await, counters);
    }

    pub(crate) async fn all<T: for<'de> serde::Deserialize<'de>>(&self, table: &str) -> Vec<T> {
        let pages = self.dynamodb.scan().table_name(table).consistent_read(true).into_paginator().items().send();
        let items = pages.collect::<Result<Vec<_>, _>>().await.expect("a readable table");
        serde_dynamo::from_items(items).expect("items of the model")
    }

    /// Takes all dead letters off the queue; text and parsed.
    pub(crate) async fn dead_letters(&self) -> Vec<(String, DeadLetter)> {
        let mut letters = Vec::new();
        loop {
            let queue = &self.config.dead_letter_queue_url;
            let received = self.sqs.receive_message().queue_url(queue).max_number_of_messages(10).send();
            let messages = received.await.expect("messages").messages.unwrap_or_default();
            if messages.is_empty() {
                return letters;
            }
            for message in messages {
                let handle = message.receipt_handle.expect("a handle");
                self.sqs.delete_message().queue_url(queue).receipt_handle(handle).send().await.expect("deleted");
                let body = message.body.expect("a body");
                letters.push((body.clone(), serde_json::from_str(&body).expect("a dead letter")));
            }
        }
    }
}

/// Delivers as one batch; the sequence numbers answered as failed, and the counts.
pub(crate) async fn deliver(enrich: &Enrich, items: &[BronzeItem]) -> (Vec<String>, Metrics) {
    let (answer, metrics) = enrich.handle(&event(items)).await.expect("a stream event");
    let Answer::Batch(answer) = answer else { panic!("a stream event was answered as a probe") };
    let failures = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    (failures, metrics.expect("a batch has counts"))
}

/// A stream event as Lambda delivers it; the item's place in the slice is its sequence number.
pub(crate) fn event(items: &[BronzeItem]) -> Box<RawValue> {
    let records: Vec<Value> = items
        .iter()
        .enumerate()
        .map(|(number, item)| {
            let mut image = json!({
                "call_id": {"S": item.call_id}, "position": {"S": item.position}, "record": {"S": item.record},
                "schema": {"N": item.schema.to_string()},
            });
            if let Some(at) = item.expires_at {
                image["expires_at"] = json!({"N": at.to_string()});
            }
            json!({
                "eventID": number.to_string(), "eventName": "INSERT", "eventVersion": "1.1",
                "eventSource": "aws:dynamodb", "awsRegion": "eu-central-1",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1_770_000_000, "SequenceNumber": number.to_string(),
                    "Keys": {"call_id": image["call_id"], "position": image["position"]}, "NewImage": image,
                    "SizeBytes": 100, "StreamViewType": "NEW_IMAGE",
                },
            })
        })
        .collect();
    to_raw_value(&json!({ "Records": records })).expect("plain data")
}

/// A record of this call at this place in the order of deliveries.
pub(crate) fn item(call_id: &str, position: u32, client_id: &str, day: u32, seconds: u32) -> BronzeItem {
    let record = json!({
        "call_id": call_id, "client_id": client_id, "started_at": format!("2026-03-{day:02}T12:00:00Z"),
        "duration_seconds": seconds, "direction": if seconds.is_multiple_of(2) { "inbound" } else { "outbound" },
        "outcome": "resolved", "phone": "+49 30 12345678", "notes": "a secret note",
    });
    BronzeItem {
        call_id: call_id.to_owned(),
        position: Position::from(format!("{position:06}")),
        record: record.to_string(),
        schema: SCHEMA,
        expires_at: None,
    }
}

/// A record that can never be enriched.
pub(crate) fn bad(call_id: &str, position: u32) -> BronzeItem {
    BronzeItem { record: r#"{"notes":"a secret note"}"#.to_owned(), ..item(call_id, position, "", 1, 1) }
}
