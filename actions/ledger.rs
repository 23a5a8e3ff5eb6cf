//! The ledger, the DynamoDB table `lockgate_releases_<environment>`: which releases there are, which one is live, what
//! moves now, and which code is held. Every write is conditioned on the lock that its writer holds (see [`crate::lock`]).
//!
//! | `id` | item |
//! |---|---|
//! | `r<run id>-<tree>` | a [`Release`] |
//! | `live` | [`Live`]: what serves, what served before, what moves |
//! | `hold/<function>/<identity>` | a [`Hold`] |
//! | `lock/alias`, `lock/apply` | a [`crate::lock::Lock`] |
//! | `freed/<lock>/<token>` | why a person freed a lock: [`Freed`] with its owner and purpose |

pub(crate) mod conflict;
mod items;

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ConditionCheck, KeysAndAttributes, Put, TransactWriteItem},
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use self::items::HOLDS;
pub use self::items::{Action, AliasMove, Freed, Function, Hold, Live, Moving, Release, SCHEMA, State};
use crate::{aws, lock};

/// The key of [`Live`].
const LIVE: &str = "live";

/// What the keys of releases begin with, and no others.
const RELEASES: &str = "r";

/// DynamoDB takes this many keys in one read.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
const KEYS: usize = 100;

/// One environment's ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    client: Client,
    table: String,
}

impl Ledger {
    /// The ledger of `environment`.
    #[must_use]
    pub fn new(config: &aws_config::SdkConfig, environment: &str) -> Self {
        Self { client: Client::new(config), table: format!("lockgate_releases_{environment}") }
    }

    /// The table's name.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The release `id`.
    ///
    /// # Errors
    /// If there is none, or the ledger cannot be read.
    pub async fn release(&self, id: &str) -> Result<Release> {
        let release = self.get(id).await?;
        release.with_context(|| format!("there is no release `{id}` in {}; `lockgate release` makes them", self.table))
    }

    /// What is live and what moves.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn live(&self) -> Result<Live> {
        Ok(self.get(LIVE).await?.unwrap_or_default())
    }

    /// Writes a release that is not there yet. Returns whether it was new.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn create(&self, release: &Release) -> Result<bool> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item(&release.id, release)?));
        let put = put.condition_expression("attribute_not_exists(id)");
        match conflict::write(async || put.clone().send().await).await {
            Ok(_) => Ok(true),
            Err(error) if aws::is(&error, "ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(self.failed("write", &aws::explain(&error))),
        }
    }

    /// Records what Terraform published for a release: each function's version and the hash of its configuration. A
    /// release that was applied before may be applied again; one that is live or moves keeps its versions, but that it was
    /// applied is recorded all the same.
    ///
    /// # Errors
    /// If the release is not in the ledger or has moved on, or the ledger cannot be written.
    pub async fn record(&self, id: &str, versions: &BTreeMap<String, (String, String)>) -> Result<()> {
        let mut release = self.release(id).await?;
        for (stem, (version, configuration)) in versions {
            let function = release.functions.get_mut(stem);
            let function = function.with_context(|| format!("release {id} has no function `{stem}`"))?;
            function.version = Some(version.clone());
            function.configuration = Some(configuration.clone());
        }
        let now = Timestamp::now();
        release.applied_at = Some(now);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item(id, &release)?));
        let put =
            put.condition_expression("#state IN (:building, :failed)").expression_attribute_names("#state", "state");
        let put = put.expression_attribute_values(":building", AttributeValue::S("building".into()));
        let put = put.expression_attribute_values(":failed", AttributeValue::S("failed".into()));
        match conflict::write(async || put.clone().send().await).await {
            Ok(_) => Ok(()),
            Err(error) if aws::is(&error, "ConditionalCheckFailedException") => {
                self.applied(id, now).await?;
                bail!("release {id} is {}: its versions stay as they were recorded", release.state)
            }
            Err(error) => Err(self.failed("write", &aws::explain(&error))),
        }
    }

    /// Notes that a release was applied, and nothing else of it.
    async fn applied(&self, id: &str, at: Timestamp) -> Result<()> {
        let update = self.client.update_item().table_name(&self.table).key("id", AttributeValue::S(id.to_owned()));
        let update = update.update_expression("SET applied_at = :at").condition_expression("attribute_exists(id)");
        let update = update.expression_attribute_values(":at", AttributeValue::S(at.to_string()));
        let done = conflict::write(async || update.clone().send().await).await;
        done.map(drop).map_err(|error| self.failed("write", &aws::explain(&error)))
    }

    /// The holds in force on functions of this release.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn holds_on(&self, release: &Release) -> Result<Vec<Hold>> {
        let keys: Vec<String> = release.functions.iter().filter_map(|(stem, function)| function.hold(stem)).collect();
        let mut holds = Vec::new();
        for keys in keys.chunks(KEYS) {
            let mut keys: Vec<_> =
                keys.iter().map(|key| [("id".to_owned(), AttributeValue::S(key.clone()))].into()).collect();
            while !keys.is_empty() {
                let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build()?;
                let answer = self.client.batch_get_item().request_items(&self.table, wanted).send().await;
                let answer = answer.map_err(|error| self.failed("read", &aws::explain(&error)))?;
                for found in answer.responses.unwrap_or_default().into_values().flatten() {
                    holds.push(self.parse(found)?);
                }
                let left = answer.unprocessed_keys.unwrap_or_default().remove(&self.table);
                keys = left.map(|left| left.keys).unwrap_or_default();
            }
        }
        holds.retain(|hold: &Hold| hold.freed.is_none());
        holds.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(holds)
    }

    /// Everything but releases: what a person looks at. Reads the whole table, which holds a few items a day.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn holds_and_locks(&self) -> Result<(Vec<Hold>, Vec<lock::Lock>)> {
        let (mut holds, mut locks) = (Vec::new(), Vec::new());
        let scan = self.client.scan().table_name(&self.table).consistent_read(true);
        let scan = scan.filter_expression("begins_with(id, :hold) OR begins_with(id, :lock)");
        let scan = scan.expression_attribute_values(":hold", AttributeValue::S(HOLDS.into()));
        let scan = scan.expression_attribute_values(":lock", AttributeValue::S(lock::PREFIX.into()));
        let mut pages = scan.into_paginator().items().send();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| self.failed("read", &aws::explain(&error)))?;
            if found.get("id").and_then(|id| id.as_s().ok()).is_some_and(|id| id.starts_with(HOLDS)) {
                holds.push(self.parse(found)?);
            } else {
                locks.push(self.parse(found)?);
            }
        }
        holds.sort_by(|one: &Hold, other| one.id.cmp(&other.id));
        locks.sort_by(|one: &lock::Lock, other| one.id.cmp(&other.id));
        Ok((holds, locks))
    }

    /// All releases, the one that was applied last first; those that never were come at the end. Reads the whole table.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn releases(&self) -> Result<Vec<Release>> {
        let scan = self.client.scan().table_name(&self.table).consistent_read(true);
        let scan = scan.filter_expression("begins_with(id, :release)");
        let scan = scan.expression_attribute_values(":release", AttributeValue::S(RELEASES.into()));
        let mut pages = scan.into_paginator().items().send();
        let mut releases: Vec<Release> = Vec::new();
        while let Some(found) = pages.next().await {
            releases.push(self.parse(found.map_err(|error| self.failed("read", &aws::explain(&error)))?)?);
        }
        releases.sort_by_key(|release| std::cmp::Reverse(release.applied()));
        Ok(releases)
    }

    /// The release that was applied last: what Terraform's state is about, whatever is live.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn applied_last(&self) -> Result<Option<Release>> {
        Ok(self.releases().await?.into_iter().next().filter(|release| release.applied().is_some()))
    }

    /// Frees a hold for a reason; returns it as it was. One that is free already stays as it is.
    ///
    /// # Errors
    /// If there is no such hold, or the ledger cannot be written.
    pub async fn free(&self, id: &str, freed: Freed) -> Result<Hold> {
        let id = if id.starts_with(HOLDS) { id.to_owned() } else { format!("{HOLDS}{id}") };
        let hold: Option<Hold> = self.get(&id).await?;
        let hold =
            hold.with_context(|| format!("there is no hold `{id}` in {}; `lockgate status` lists them", self.table))?;
        if hold.freed.is_none() {
            let now = Hold { freed: Some(freed), ..hold.clone() };
            let put = self.client.put_item().table_name(&self.table).set_item(Some(item(&id, &now)?));
            let put = put.condition_expression("attribute_exists(id)");
            let done = conflict::write(async || put.clone().send().await).await;
            done.map_err(|error| self.failed("write", &aws::explain(&error)))?;
        }
        Ok(hold)
    }

    /// Keeps why a lock was freed by hand, as an item of its own.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn note(&self, lock: &lock::Lock, freed: &Freed) -> Result<()> {
        let id = format!("freed/{}/{}", lock.id, lock.token);
        let mut note = item(&id, freed)?;
        note.insert("owner".to_owned(), AttributeValue::S(lock.owner.clone()));
        note.insert("purpose".to_owned(), AttributeValue::S(lock.purpose.clone()));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(note)).send().await;
        put.map(drop).map_err(|error| self.failed("write", &aws::explain(&error)))
    }

    /// Writes all of `change`, or nothing where the lock is no longer held.
    ///
    /// # Errors
    /// [`lock::Lost`] in the chain if the lock was lost; else if the ledger cannot be written.
    pub async fn write(&self, held: &lock::Held, change: Change<'_>) -> Result<()> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .key("id", AttributeValue::S(held.id().to_owned()))
            .condition_expression("#token = :token")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":token", AttributeValue::S(held.token().to_owned()))
            .build()?;
        let mut writes = vec![TransactWriteItem::builder().condition_check(check).build()];
        let mut put = |id: &str, item| -> Result<()> {
            let put = Put::builder().table_name(&self.table).set_item(Some(item)).build();
            let put = put.with_context(|| format!("{id} cannot be written"))?;
            writes.push(TransactWriteItem::builder().put(put).build());
            Ok(())
        };
        put(LIVE, item(LIVE, change.live)?)?;
        for release in change.releases {
            put(&release.id, item(&release.id, release)?)?;
        }
        for hold in change.holds {
            put(&hold.id, item(&hold.id, hold)?)?;
        }
        let write = self.client.transact_write_items().set_transact_items(Some(writes));
        match conflict::transact(async || write.clone().send().await).await {
            Ok(_) => Ok(()),
            Err(error) if aws::is(&error, "TransactionCanceledException") => {
                let reasons = aws::explain(&error);
                if held.still(self).await? { Err(self.failed("write", &reasons)) } else { Err(lock::Lost.into()) }
            }
            Err(error) => Err(self.failed("write", &aws::explain(&error))),
        }
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, id: &str) -> Result<Option<T>> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = get.key("id", AttributeValue::S(id.to_owned())).send().await;
        let answer = answer.map_err(|error| self.failed("read", &aws::explain(&error)))?;
        answer.item.map(|found| self.parse(found)).transpose()
    }

    fn parse<T: DeserializeOwned>(&self, found: Item) -> Result<T> {
        let id = found.get("id").and_then(|id| id.as_s().ok()).cloned().unwrap_or_default();
        serde_dynamo::from_item(found).with_context(|| {
            format!(
                "item `{id}` of {} is not as this version of lockgate writes it; use the version that did",
                self.table
            )
        })
    }

    pub(crate) fn failed(&self, what: &str, why: &str) -> anyhow::Error {
        anyhow!(
            "the ledger {} cannot be {}: {why}; terraform/bootstrap makes the table, and the role needs its rights",
            self.table,
            if what == "read" { "read" } else { "written" }
        )
    }
}

/// What [`Ledger::write`] writes in one transaction.
#[derive(Debug)]
pub struct Change<'a> {
    /// The pointer, always.
    pub live: &'a Live,
    /// Releases that change.
    pub releases: &'a [Release],
    /// Holds that are new.
    pub holds: &'a [Hold],
}

pub(crate) type Item = std::collections::HashMap<String, AttributeValue>;

pub(crate) fn item<T: Serialize>(id: &str, value: &T) -> Result<Item> {
    let mut item: Item = serde_dynamo::to_item(value).with_context(|| format!("{id} cannot be written down"))?;
    item.insert("id".to_owned(), AttributeValue::S(id.to_owned()));
    Ok(item)
}
