//! What the HTTP API answers to every question of the story, and what lies in the landing bucket beside the calls: asked
//! once by *calls*, which compares it with what was landed, and again by *replay*, which expects the same.

use crate::api::Api;
use crate::generator::Landed;
use crate::stage::Stage;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;

/// Calls that are asked for one by one; all are compared in lists.
const SINGLE: usize = 25;

/// Answers by their question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answers {
    /// The calls of each client and each day.
    pub(super) lists: BTreeMap<String, Vec<Value>>,
    /// A sample of single calls, by id.
    pub(super) single: BTreeMap<String, Value>,
    /// The sums of each client and each day.
    pub(super) sums: BTreeMap<String, Vec<Value>>,
}

impl Answers {
    /// Asks everything.
    pub(super) async fn ask(api: &Api, landed: &Landed) -> Result<Self> {
        let mut answers = Self { lists: BTreeMap::new(), single: BTreeMap::new(), sums: BTreeMap::new() };
        for filter in filters(landed).into_keys() {
            let (lists, sums) = (format!("/calls?{filter}&limit=100"), format!("/stats?{filter}&limit=100"));
            answers.lists.insert(filter.clone(), api.all(&lists, "calls").await?);
            answers.sums.insert(filter, api.all(&sums, "rows").await?);
        }
        for id in landed.calls.keys().step_by((landed.calls.len() / SINGLE).max(1)) {
            answers.single.insert(id.clone(), api.get(&format!("/calls/{id}")).await?);
        }
        Ok(answers)
    }

    /// How many rows and calls they hold.
    pub(super) fn len(&self) -> usize {
        let rows = self.lists.values().chain(self.sums.values()).map(Vec::len);
        rows.sum::<usize>() + self.single.len()
    }
}

/// Everything that lists and sums are asked by, and how many calls each has to list.
pub(super) fn filters(landed: &Landed) -> BTreeMap<String, usize> {
    let mut filters = BTreeMap::new();
    for call in landed.calls.values() {
        for filter in [format!("client_id={}", call.client_id), format!("day={}", call.day())] {
            *filters.entry(filter).or_default() += 1;
        }
    }
    filters
}

/// The rejected objects of the landing bucket, by key.
pub(crate) async fn rejected(stage: &Stage) -> Result<BTreeMap<String, Vec<u8>>> {
    let bucket = stage.output(&["landing_bucket"])?;
    let s3 = aws_sdk_s3::Client::new(&stage.sdk);
    let listed = s3.list_objects_v2().bucket(&bucket).prefix("rejected/").send().await;
    let listed = listed.context("failed to list what was rejected")?;
    let mut objects = BTreeMap::new();
    for key in listed.contents().iter().filter_map(|object| object.key()) {
        let object = s3.get_object().bucket(&bucket).key(key).send().await;
        let object = object.with_context(|| format!("failed to get {key}"))?;
        objects.insert(key.to_owned(), object.body.collect().await?.to_vec());
    }
    Ok(objects)
}
