//! The two tables: bronze, which is only written, and the tombstones, which are only read.

use crate::{Config, Error};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, PutRequest, WriteRequest};
use call_model::{BronzeItem, call_hash};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// The most keys that one BatchGetItem takes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
pub const MAX_KEYS: usize = 100;

/// The most items that one BatchWriteItem takes, together at most 16 MB: more than as many of the largest items.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
const MAX_WRITES: usize = 25;

/// How often DynamoDB is asked for what it leaves unprocessed, before Lambda tries the whole file again.
const ATTEMPTS: u32 = 8;

/// The tables, by one client.
#[derive(Debug, Clone)]
pub struct Tables {
    dynamodb: Client,
    bronze: String,
    erased: String,
}

impl Tables {
    /// The tables that the configuration names.
    #[must_use]
    pub fn new(dynamodb: Client, config: &Config) -> Self {
        Self { dynamodb, bronze: config.bronze_table.clone(), erased: config.erased_table.clone() }
    }

    /// Reads a tombstone that does not exist: the hash of a `call_id` that no record can have.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn probe(&self) -> Result<(), Error> {
        self.erased(HashSet::from([call_hash("")])).await.map(drop)
    }

    /// Which of these hashes of `call_id`s have a tombstone; at most [`MAX_KEYS`] can be asked for.
    ///
    /// # Errors
    /// If not all could be read.
    pub async fn erased(&self, hashes: HashSet<String>) -> Result<HashSet<String>, Error> {
        let failed = |error: &SdkError<_>| Error::dynamodb(format!("read {}", self.erased), error);
        let key = |hash| HashMap::from([("call_hash".to_owned(), AttributeValue::S(hash))]);
        let mut keys: Vec<_> = hashes.into_iter().map(key).collect();
        let mut found = HashSet::new();
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let wanted = wanted.map_err(|error| failed(&SdkError::construction_failure(error)))?;
            let answer = self.dynamodb.batch_get_item().request_items(&self.erased, wanted).send().await;
            let answer = answer.map_err(|error| failed(&error))?;
            let items = answer.responses.unwrap_or_default().into_values().flatten();
            found.extend(items.filter_map(|mut item| match item.remove("call_hash") {
                Some(AttributeValue::S(hash)) => Some(hash),
                _ => None,
            }));
            keys = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|rest| rest.keys).collect();
            if keys.is_empty() {
                return Ok(found);
            }
        }
        Err(Error::Unprocessed { table: self.erased.clone(), left: keys.len(), attempts: ATTEMPTS })
    }

    /// Writes items, all of different positions: BatchWriteItem refuses one key twice.
    ///
    /// # Errors
    /// If not all could be written. Which ones were does not matter: writing them again changes nothing.
    pub async fn store(&self, items: &[BronzeItem]) -> Result<(), Error> {
        for items in items.chunks(MAX_WRITES) {
            let requests: Result<Vec<_>, _> = items.iter().map(put).collect();
            let requests = requests.map_err(|error| self.not_written(&SdkError::construction_failure(error)))?;
            self.write(requests).await?;
        }
        Ok(())
    }

    async fn write(&self, mut requests: Vec<WriteRequest>) -> Result<(), Error> {
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let answer = self.dynamodb.batch_write_item().request_items(&self.bronze, requests).send().await;
            let answer = answer.map_err(|error| self.not_written(&error))?;
            requests = answer.unprocessed_items.unwrap_or_default().into_values().flatten().collect();
            if requests.is_empty() {
                return Ok(());
            }
        }
        Err(Error::Unprocessed { table: self.bronze.clone(), left: requests.len(), attempts: ATTEMPTS })
    }

    fn not_written(
        &self,
        error: &SdkError<aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemError>,
    ) -> Error {
        Error::dynamodb(format!("write to {}", self.bronze), error)
    }
}

/// The request that writes an item.
///
/// # Errors
/// None for any item there is; the types cannot say so.
pub fn put(item: &BronzeItem) -> Result<WriteRequest, Box<dyn std::error::Error + Send + Sync>> {
    let put = PutRequest::builder().set_item(Some(serde_dynamo::to_item(item)?)).build()?;
    Ok(WriteRequest::builder().put_request(put).build())
}

/// Waits before this attempt, counted from 0: not at all before the first, then a random time up to 50 ms, doubled each
/// time up to 2 s, so that those who met do not meet again.
async fn pause(attempt: u32) {
    if attempt > 0 {
        let longest = (Duration::from_millis(50) * 2_u32.pow(attempt.min(8) - 1)).min(Duration::from_secs(2));
        tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
    }
}
