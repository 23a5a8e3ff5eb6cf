//! Everything that the service stores, read as the account's root user.

use crate::stage::Stage;
use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long no function may run before what is awaited is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// Since when no function has run, as far as it was looked.
pub(super) struct Quiet {
    runs: usize,
    since: Instant,
}

impl Quiet {
    pub(super) fn from_now_on() -> Self {
        Self { runs: 0, since: Instant::now() }
    }

    /// How long it has lasted.
    pub(super) fn lasts(&mut self, stage: &Stage) -> Duration {
        let runs = stage.host.invoked().len();
        if runs != self.runs {
            *self = Self { runs, since: Instant::now() };
        }
        self.since.elapsed()
    }
}

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

    /// All of it but what belongs to this call, which is the only one of a client of the same name.
    pub(super) fn without(mut self, call_id: &str) -> Self {
        for items in self.0.values_mut() {
            items.retain(|key, _| key.split(' ').next() != Some(call_id));
        }
        self
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

/// Waits until a call is in the silver table, for as long as functions run; whether it came. What was written into bronze before
/// it is enriched by then, too: the emulator's stream is read by one reader, in order.
pub(super) async fn arrives(stage: &Stage, call_id: &str) -> Result<bool> {
    let mut quiet = Quiet::from_now_on();
    let key = AttributeValue::S(call_id.to_owned());
    let get = client(stage).get_item().table_name(stage.output(&["tables", "silver"])?).key("call_id", key);
    let get = get.consistent_read(true);
    loop {
        let arrived = get.clone().send().await.context("failed to read silver")?.item.is_some();
        if arrived || quiet.lasts(stage) > PATIENCE {
            return Ok(arrived);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn client(stage: &Stage) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&stage.sdk)
}
