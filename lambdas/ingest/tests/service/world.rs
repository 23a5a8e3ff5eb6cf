//! A bucket and tables in the emulated AWS, and what a test does with them.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use call_model::{BronzeItem, Erased, Position, SCHEMA, call_hash};
use ingest::handler::Answer;
use ingest::{Config, Error, Ingest};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

/// One test's own bucket and tables.
pub(crate) struct World {
    pub(crate) ingest: Ingest,
    pub(crate) bucket: String,
    config: Config,
    dynamodb: aws_sdk_dynamodb::Client,
    s3: aws_sdk_s3::Client,
}

/// One line of a rejected object.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) line: u64,
    pub(crate) part: Option<u32>,
    pub(crate) reason: String,
    pub(crate) version_id: String,
    #[serde(deserialize_with = "base64")]
    pub(crate) bytes: Vec<u8>,
}

impl World {
    /// `name` has to be unique over all tests.
    pub(crate) async fn new(name: &str) -> Self {
        let sdk = stand_ins::emulator::shared().await.config().await;
        let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
        let s3 = aws_sdk_s3::Client::new(&sdk);
        let config = config(&format!("bronze_call_{name}"), &format!("erased_call_{name}"));
        make_table(&dynamodb, &config.bronze_table, &["call_id", "position"]).await;
        make_table(&dynamodb, &config.erased_table, &["call_hash"]).await;
        let bucket = format!("landing-{name}");
        let place =
            CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuCentral1).build();
        s3.create_bucket().bucket(&bucket).create_bucket_configuration(place).send().await.expect("a new bucket");
        let versioned = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        s3.put_bucket_versioning().bucket(&bucket).versioning_configuration(versioned).send().await.expect("versioned");
        Self { ingest: Ingest::new(config.clone(), &sdk), bucket, config, dynamodb, s3 }
    }

    /// Lands an object; the event that S3 would send.
    pub(crate) async fn land(&self, key: &str, bytes: impl Into<Vec<u8>>) -> Value {
        let body = ByteStream::from(bytes.into());
        let put = self.s3.put_object().bucket(&self.bucket).key(key).body(body).send().await.expect("landed");
        event(&self.bucket, key, put.version_id())
    }

    /// Removes a version of an object for good.
    pub(crate) async fn remove(&self, key: &str, version_id: &str) {
        let delete = self.s3.delete_object().bucket(&self.bucket).key(key).version_id(version_id);
        delete.send().await.expect("removed");
    }

    /// Delivers an event: what was stored, rejected and erased.
    pub(crate) async fn deliver(&self, event: &Value) -> Result<(u64, u64, u64), Error> {
        match self.ingest.invoke(&raw(event)).await? {
            Answer::Counts(counts) => Ok((counts.stored, counts.rejected, counts.erased)),
            Answer::Probe(answer) => panic!("taken for a probe: {answer:?}"),
        }
    }

    /// Lands an object and delivers its event.
    pub(crate) async fn take_in(&self, key: &str, bytes: impl Into<Vec<u8>>) -> (u64, u64, u64) {
        let event = self.land(key, bytes).await;
        self.deliver(&event).await.expect("taken in")
    }

    /// Bronze, in the order of its keys.
    pub(crate) async fn bronze(&self) -> Vec<BronzeItem> {
        let pages = self.dynamodb.scan().table_name(&self.config.bronze_table).into_paginator().items().send();
        let items = pages.collect::<Result<Vec<_>, _>>().await.expect("scanned");
        let mut items: Vec<BronzeItem> = serde_dynamo::from_items(items).expect("items of bronze");
        items.sort_by(|a, b| (&a.position, &a.call_id).cmp(&(&b.position, &b.call_id)));
        items
    }

    /// The records in bronze, in the order of their positions.
    pub(crate) async fn records(&self) -> Vec<String> {
        self.bronze().await.into_iter().map(|item| item.record).collect()
    }

    /// What was rejected of this key; none if there is no object.
    pub(crate) async fn rejected(&self, key: &str) -> Option<Vec<Line>> {
        let get = self.s3.get_object().bucket(&self.bucket).key(format!("rejected/{key}")).send().await;
        let object = match get {
            Ok(object) => object,
            Err(error) => {
                assert!(error.as_service_error().is_some_and(|error| error.is_no_such_key()), "{error:?}");
                return None;
            }
        };
        assert_eq!(object.content_type(), Some("application/x-ndjson"));
        let text = object.body.collect().await.expect("read").to_vec();
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Some(lines.map(|line| serde_json::from_slice(line).expect("one JSON line")).collect())
    }

    /// Leaves a tombstone.
    pub(crate) async fn erase(&self, call_id: &str) {
        let position = Position::from("000000000001!x!0!1".to_owned());
        let erased = Erased {
            call_hash: call_hash(call_id),
            position,
            erased_at: "2026-01-15T09:30:00Z".to_owned(),
            schema: SCHEMA,
        };
        let item: std::collections::HashMap<String, AttributeValue> = serde_dynamo::to_item(erased).expect("an item");
        let put = self.dynamodb.put_item().table_name(&self.config.erased_table).set_item(Some(item));
        put.send().await.expect("erased");
    }
}

/// A configuration with these tables that keeps records for ten days.
pub(crate) fn config(bronze: &str, erased: &str) -> Config {
    Config {
        bronze_table: bronze.to_owned(),
        erased_table: erased.to_owned(),
        retention_days: 10,
        function: "ingest-staging".to_owned(),
        version: "7".to_owned(),
    }
}

/// The event that S3 sends about an object.
pub(crate) fn event(bucket: &str, key: &str, version_id: Option<&str>) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("../../events/put.json")).expect("a fixture");
    let s3 = &mut event["Records"][0]["s3"];
    let encoded = percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC).to_string();
    s3["bucket"]["name"] = json!(bucket);
    s3["object"]["key"] = json!(encoded.replace("%2F", "/").replace("%20", "+"));
    s3["object"]["versionId"] = json!(version_id);
    event
}

pub(crate) fn raw(event: &Value) -> Box<RawValue> {
    to_raw_value(event).expect("plain data")
}

async fn make_table(dynamodb: &aws_sdk_dynamodb::Client, name: &str, keys: &[&str]) {
    let mut create = dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (key, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        let attribute = AttributeDefinition::builder().attribute_name(*key).attribute_type(ScalarAttributeType::S);
        let schema = KeySchemaElement::builder().attribute_name(*key).key_type(kind);
        create = create.attribute_definitions(attribute.build().expect("complete"));
        create = create.key_schema(schema.build().expect("complete"));
    }
    create.send().await.expect("a new table");
}

fn base64<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Vec<u8>, D::Error> {
    STANDARD.decode(String::deserialize(value)?).map_err(serde::de::Error::custom)
}
