//! Writes records to bronze: in groups, several at a time, without those of erased calls.

use crate::Error;
use crate::tables::{MAX_KEYS, Tables};
use call_model::{BronzeItem, call_hash};
use lambda_runtime::tracing::{self, Instrument, Span};
use std::collections::HashSet;
use tokio::task::{JoinError, JoinSet};

/// How many groups are written at a time. With [`GROUP_BYTES`] it bounds what waits in memory.
const IN_FLIGHT: usize = 8;

/// A group with so many bytes of records takes no more of them.
const GROUP_BYTES: usize = 1024 * 1024;

/// The records of one file on their way to bronze. Dropping it gives up those that are not written yet.
#[derive(Debug)]
pub struct Bronze {
    tables: Tables,
    group: Vec<BronzeItem>,
    bytes: usize,
    writes: JoinSet<Result<Written, Error>>,
    written: Written,
}

/// What became of records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// How many are in bronze.
    pub stored: u64,
    /// How many were dropped because their call was erased.
    pub erased: u64,
}

impl Bronze {
    /// Nothing on its way yet.
    #[must_use]
    pub fn new(tables: Tables) -> Self {
        Self { tables, group: Vec::new(), bytes: 0, writes: JoinSet::new(), written: Written::default() }
    }

    /// Takes a record; waits while too many are on their way.
    ///
    /// # Errors
    /// If one on its way before it failed.
    pub async fn add(&mut self, item: BronzeItem) -> Result<(), Error> {
        self.bytes += item.record.len();
        self.group.push(item);
        // One tombstone is looked for per record.
        if self.group.len() == MAX_KEYS || self.bytes >= GROUP_BYTES { self.send().await } else { Ok(()) }
    }

    /// Waits until all are written.
    ///
    /// # Errors
    /// If one could not be.
    pub async fn finish(mut self) -> Result<Written, Error> {
        if !self.group.is_empty() {
            self.send().await?;
        }
        while let Some(done) = self.writes.join_next().await {
            self.count(done)?;
        }
        Ok(self.written)
    }

    async fn send(&mut self) -> Result<(), Error> {
        while self.writes.len() >= IN_FLIGHT
            && let Some(done) = self.writes.join_next().await
        {
            self.count(done)?;
        }
        self.bytes = 0;
        let group = std::mem::take(&mut self.group);
        // Its log lines name the request only in the request's span.
        self.writes.spawn(write(self.tables.clone(), group).instrument(Span::current()));
        Ok(())
    }

    fn count(&mut self, done: Result<Result<Written, Error>, JoinError>) -> Result<(), Error> {
        let broken =
            |error: JoinError| Error::DynamoDb { doing: "write a group".to_owned(), reason: error.to_string() };
        let Written { stored, erased } = done.map_err(broken)??;
        self.written.stored += stored;
        self.written.erased += erased;
        Ok(())
    }
}

async fn write(tables: Tables, mut group: Vec<BronzeItem>) -> Result<Written, Error> {
    let hashes: HashSet<String> = group.iter().map(|item| call_hash(&item.call_id)).collect();
    let gone = tables.erased(hashes).await?;
    let all = group.len();
    if !gone.is_empty() {
        tracing::info!(call_hashes = ?gone, "dropping records of erased calls");
        group.retain(|item| !gone.contains(&call_hash(&item.call_id)));
    }
    tables.store(&group).await?;
    Ok(Written { stored: group.len() as u64, erased: (all - group.len()) as u64 })
}
