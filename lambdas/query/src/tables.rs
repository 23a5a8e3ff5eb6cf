//! How the tables are read: one page of a Query, and whether they answer at all.

use crate::app::App;
use crate::problem::Problem;
use aws_sdk_dynamodb::types::AttributeValue;
use call_model::{call_hash, is_readable};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::time::Duration;

/// An item as DynamoDB gives it.
pub type Item = HashMap<String, AttributeValue>;

/// A range of one partition of a table or an index, in the order of its sort key.
#[derive(Debug, Clone, Copy)]
pub struct Range<'a> {
    /// The table.
    pub table: &'a str,
    /// An index of it, or the table itself.
    pub index: Option<&'a str>,
    /// Name and value of the partition key.
    pub partition: (&'a str, &'a str),
    /// Name of the sort key.
    pub sort: &'a str,
    /// Its first and last value; the whole partition without.
    pub between: Option<(&'a str, &'a str)>,
    /// The other key attributes that DynamoDB wants to start from: an index's place includes the table's key.
    pub more_keys: &'a [&'a str],
    /// Which rows of it are listed.
    pub listed: Listed<'a>,
}

/// What a row has to be to be listed.
#[derive(Debug, Clone, Copy)]
pub enum Listed<'a> {
    /// This number in it is above 0.
    Positive(&'a str),
    /// It has not expired: DynamoDB takes days to delete what has.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html>
    Unexpired,
}

/// What an item holds, if it is one that this release can read.
#[must_use]
pub fn read<T: DeserializeOwned>(item: Item) -> Option<T> {
    let readable = match item.get("schema") {
        // Counters did not always say.
        None => true,
        Some(schema) => schema.as_n().is_ok_and(|schema| schema.parse().is_ok_and(is_readable)),
    };
    // The error is dropped because it may repeat what stands in the item.
    if readable { serde_dynamo::from_item(item).ok() } else { None }
}

/// Rows, and the sort keys of the last one if more may follow.
pub type Rows<T> = (Vec<T>, Option<Vec<String>>);

/// How many Queries one answer may cost while none of them finds a row.
const MAX_EMPTY_QUERIES: usize = 8;

impl Range<'_> {
    /// One page: at most `limit` rows after `start`. It may be shorter although more rows follow, because DynamoDB reads
    /// 1 MB at a time; only without keys in the answer it is the last.
    ///
    /// # Errors
    /// A 400 if `start` is no place in this range, a 5xx if DynamoDB does not answer.
    pub async fn page<T: DeserializeOwned>(
        &self,
        app: &App,
        limit: u32,
        start: Option<Vec<String>>,
    ) -> Result<Rows<T>, Problem> {
        let limit = limit as usize;
        let mut start = start.map(|keys| self.start(keys)).transpose()?;
        let mut items: Vec<Item> = Vec::new();
        for _ in 0..MAX_EMPTY_QUERIES {
            // One more than asked for: whether it is there tells whether another page follows.
            let answer = self.query(app, limit + 1, start.take()).await?;
            items = answer.0;
            start = answer.1;
            if !items.is_empty() || start.is_none() {
                break;
            }
        }
        let next = if items.len() > limit {
            items.truncate(limit);
            items.last().map(|last| self.keys(last))
        } else {
            start.as_ref().map(|key| self.keys(key))
        };
        let all = items.len();
        let rows: Vec<T> = items.into_iter().filter_map(read).collect();
        if rows.len() < all {
            let unreadable = all - rows.len();
            tracing::error!(table = self.table, unreadable, "left rows out of a page that this release cannot read");
        }
        Ok((rows, next))
    }

    async fn query(&self, app: &App, limit: usize, start: Option<Item>) -> Result<(Vec<Item>, Option<Item>), Problem> {
        let (partition, value) = self.partition;
        let mut query = app
            .dynamodb
            .query()
            .table_name(self.table)
            .set_index_name(self.index.map(str::to_owned))
            .expression_attribute_names("#partition", partition)
            .expression_attribute_values(":partition", text(value))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start);
        query = match self.between {
            None => query.key_condition_expression("#partition = :partition"),
            Some((first, last)) => query
                .key_condition_expression("#partition = :partition AND #sort BETWEEN :first AND :last")
                .expression_attribute_names("#sort", self.sort)
                .expression_attribute_values(":first", text(first))
                .expression_attribute_values(":last", text(last)),
        };
        let (filter, name, above) = match self.listed {
            Listed::Positive(name) => ("#number > :above", name, 0),
            Listed::Unexpired => {
                ("attribute_not_exists(#number) OR #number > :above", "expires_at", Timestamp::now().as_second())
            }
        };
        query = query
            .filter_expression(filter)
            .expression_attribute_names("#number", name)
            .expression_attribute_values(":above", AttributeValue::N(above.to_string()));
        let answer = query.send().await?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    fn start(&self, keys: Vec<String>) -> Result<Item, Problem> {
        let inside = |key: &str| self.between.is_none_or(|(first, last)| first <= key && key <= last);
        if keys.len() != 1 + self.more_keys.len() || !inside(&keys[0]) {
            return Err(Problem::bad_request("`page` is no place in this query"));
        }
        let names = std::iter::once(self.sort).chain(self.more_keys.iter().copied());
        let mut item: Item = names.zip(keys).map(|(name, key)| (name.to_owned(), AttributeValue::S(key))).collect();
        item.insert(self.partition.0.to_owned(), text(self.partition.1));
        Ok(item)
    }

    fn keys(&self, item: &Item) -> Vec<String> {
        let names = std::iter::once(self.sort).chain(self.more_keys.iter().copied());
        names.map(|name| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()).collect()
    }
}

/// A string as an attribute.
#[must_use]
pub fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// A table that does not answer is told of after this long.
const PATIENCE: Duration = Duration::from_secs(3);

/// The names of the tables that do not answer, in the design's words: `bronze`, `silver`, `counter`, `erased`.
///
/// Each is read for one key, be there an item or not. Only permissions that the routes need anyway are used.
pub async fn silent(app: &App) -> Vec<&'static str> {
    let config = &app.config;
    let get = |table: &str, key: &str, value: &str| {
        let request = app.dynamodb.get_item().table_name(table).key(key, text(value));
        async move { request.send().await.map(drop).map_err(Problem::from) }
    };
    let query = |table: &str, key: &str| {
        let request = app
            .dynamodb
            .query()
            .table_name(table)
            .key_condition_expression("#key = :value")
            .expression_attribute_names("#key", key)
            .expression_attribute_values(":value", text(NOBODY))
            .limit(1);
        async move { request.send().await.map(drop).map_err(Problem::from) }
    };
    let (bronze, silver, counter, erased) = tokio::join!(
        patient(query(&config.bronze_table, "call_id")),
        patient(get(&config.silver_table, "call_id", NOBODY)),
        patient(query(&config.counter_table, "client_id")),
        patient(get(&config.erased_table, "call_hash", &call_hash(NOBODY))),
    );
    let answers = [("bronze", bronze), ("silver", silver), ("counter", counter), ("erased", erased)];
    let mut silent = Vec::new();
    for (table, answer) in answers {
        if let Err(problem) = answer {
            tracing::warn!(table, cause = problem.cause(), "table does not answer");
            silent.push(table);
        }
    }
    silent
}

/// The key that is read.
const NOBODY: &str = "ready";

async fn patient(answer: impl Future<Output = Result<(), Problem>>) -> Result<(), Problem> {
    let late = |_| Err(Problem::unavailable("no answer", format!("no answer within {} s", PATIENCE.as_secs())));
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(late)
}
