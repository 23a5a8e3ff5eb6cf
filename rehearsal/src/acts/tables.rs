//! Everything that the service stores, read as the account's root user.

use crate::stage::Stage;
use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::Select;
use serde_json::Value;
use std::collections::BTreeMap;

/// Every item of the service's tables, as plain JSON, by table and key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tables(pub(super) BTreeMap<String, BTreeMap<String, Value>>);

/// The tables, and the attributes of their keys.
const KEYS: [(&str, &[&str]); 4] = [
    ("bronze", &["call_id", "position"]),
    ("silver", &["call_id"]),
    ("counter", &["client_id", "day"]),
    ("erased", &["call_hash"]),
];

impl Tables {
    pub(super) async fn read(stage: &Stage) -> Result<Self> {
        let mut tables = BTreeMap::new();
        for (stem, keys) in KEYS {
            let mut items = BTreeMap::new();
            let scan = client(stage).scan().table_name(stage.output(&["tables", stem])?);
            let mut pages = scan.consistent_read(true).into_paginator().items().send();
            while let Some(item) = pages.next().await {
                let item: Value = serde_dynamo::from_item(item.with_context(|| format!("failed to read {stem}"))?)?;
                let key: Vec<&str> = keys.iter().map(|key| item[key].as_str().unwrap_or_default()).collect();
                items.insert(key.join(" "), item);
            }
            tables.insert(stem.to_owned(), items);
        }
        Ok(Self(tables))
    }

    pub(super) fn of(&self, stem: &str) -> &BTreeMap<String, Value> {
        static NONE: BTreeMap<String, Value> = BTreeMap::new();
        self.0.get(stem).unwrap_or(&NONE)
    }

    /// The keys that differ between two readings, of all tables.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut different = Vec::new();
        for (stem, _) in KEYS {
            let (ours, theirs) = (self.of(stem), other.of(stem));
            let keys = ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(*key)));
            different.extend(keys.filter(|key| ours.get(*key) != theirs.get(*key)).map(|key| format!("{stem} {key}")));
        }
        different
    }
}

/// How many items a table has.
pub(super) async fn count(stage: &Stage, stem: &str) -> Result<usize> {
    let scan = client(stage).scan().table_name(stage.output(&["tables", stem])?).select(Select::Count);
    let mut pages = scan.consistent_read(true).into_paginator().send();
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += usize::try_from(page?.count()).unwrap_or(0);
    }
    Ok(count)
}

fn client(stage: &Stage) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&stage.sdk)
}
