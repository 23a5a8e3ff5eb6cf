//! The tables that `enrich` reads, and the one it deletes from.

use crate::Config;
use crate::error::{Error, told};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use call_model::{Counter, Position, SilverCall, call_hash, is_readable};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// The most keys that one BatchGetItem takes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
const MAX_KEYS: usize = 100;

/// How often keys are asked for that DynamoDB leaves unprocessed.
const ATTEMPTS: u32 = 6;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The tables, by one client.
#[derive(Debug, Clone)]
pub struct Tables {
    pub(crate) dynamodb: Client,
    pub(crate) bronze: String,
    pub(crate) silver: String,
    pub(crate) counter: String,
    pub(crate) erased: String,
}

/// What silver holds of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which delivery it is made of.
    pub position: Position,
    /// What it amounts to in the counters.
    pub counted: Counter,
}

/// A read that did not come to an end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// AWS refused or could not be reached.
    #[error("BatchGetItem failed: {}", told(.0.as_ref()))]
    Aws(#[from] Box<SdkError<BatchGetItemError>>),
    /// The table is too busy.
    #[error("BatchGetItem left keys unprocessed {ATTEMPTS} times; give the table more capacity")]
    Unprocessed,
}

impl Tables {
    /// The tables that the configuration names.
    #[must_use]
    pub fn new(dynamodb: Client, config: &Config) -> Self {
        Self {
            dynamodb,
            bronze: config.bronze_table.clone(),
            silver: config.silver_table.clone(),
            counter: config.counter_table.clone(),
            erased: config.erased_table.clone(),
        }
    }

    /// Reads a key of silver that does not exist.
    ///
    /// # Errors
    /// [`Error::Probe`] if the table does not answer.
    pub async fn probe(&self) -> Result<(), Error> {
        let read =
            self.dynamodb.get_item().table_name(&self.silver).key("call_id", text("lockgate probe")).send().await;
        read.map(drop).map_err(|error| Error::Probe { table: self.silver.clone(), reason: told(&error) })
    }

    /// What silver holds of these calls; the inner value is missing where this release cannot read the stored item.
    ///
    /// # Errors
    /// If not all could be read.
    pub async fn seen(&self, call_ids: Vec<String>) -> Result<HashMap<String, Option<Seen>>, ReadError> {
        let keys = call_ids.into_iter().map(|id| Item::from([("call_id".to_owned(), AttributeValue::S(id))]));
        let mut seen = HashMap::new();
        for item in self.batch_get(&self.silver, keys.collect()).await? {
            let Some(Ok(id)) = item.get("call_id").map(AttributeValue::as_s) else { continue };
            let id = id.clone();
            let call = serde_dynamo::from_item::<_, SilverCall>(item).ok();
            let call = call.filter(|call| is_readable(call.schema));
            seen.insert(id, call.map(|call| Seen { counted: Counter::of(&call), position: call.position }));
        }
        Ok(seen)
    }

    /// Which of these calls were erased.
    ///
    /// # Errors
    /// If not all could be read.
    pub async fn erased<'a>(&self, call_ids: &HashSet<&'a str>) -> Result<HashSet<&'a str>, ReadError> {
        let hashes: HashMap<String, &str> = call_ids.iter().map(|id| (call_hash(id), *id)).collect();
        let keys = hashes.keys().map(|hash| Item::from([("call_hash".to_owned(), text(hash))]));
        let found = self.batch_get(&self.erased, keys.collect()).await?;
        let hash = |item: &Item| item.get("call_hash").and_then(|hash| hash.as_s().ok()).cloned();
        Ok(found.iter().filter_map(hash).filter_map(|hash| hashes.get(&hash).copied()).collect())
    }

    /// Deletes a bronze item.
    ///
    /// # Errors
    /// If AWS refused or could not be reached.
    pub async fn forget(&self, call_id: &str, position: &Position) -> Result<(), SdkError<DeleteItemError>> {
        let delete = self.dynamodb.delete_item().table_name(&self.bronze);
        delete.key("call_id", text(call_id)).key("position", text(position.as_str())).send().await.map(drop)
    }

    async fn batch_get(&self, table: &str, keys: Vec<Item>) -> Result<Vec<Item>, ReadError> {
        let mut items = Vec::new();
        for keys in keys.chunks(MAX_KEYS) {
            let mut keys = keys.to_vec();
            let mut attempt = 0;
            while !keys.is_empty() {
                if attempt == ATTEMPTS {
                    return Err(ReadError::Unprocessed);
                }
                pause(attempt).await;
                attempt += 1;
                let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
                let wanted = wanted.map_err(|error| Box::new(SdkError::construction_failure(error)))?;
                let request = self.dynamodb.batch_get_item().request_items(table, wanted);
                let answer = request.send().await.map_err(Box::new)?;
                items.extend(answer.responses.unwrap_or_default().into_values().flatten());
                keys = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|rest| rest.keys).collect();
            }
        }
        Ok(items)
    }
}

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// Waits before this attempt, counted from 0: not at all before the first, then a random time up to 50 ms, doubled each
/// time. Those who met in a conflict must not meet again.
pub(crate) async fn pause(attempt: u32) {
    if attempt > 0 {
        let longest = Duration::from_millis(50) * 2_u32.pow(attempt.min(6) - 1);
        tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
    }
}
