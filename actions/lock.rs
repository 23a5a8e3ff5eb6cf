//! The locks of an environment, two items of its ledger: `lock/apply` for whoever runs Terraform, `lock/alias` for whoever
//! moves aliases. A lock has an owner and a lease; when the lease has run out, the next one takes it over.
//!
//! A lease alone stops nobody who stalled and wakes up late: see [`crate::alias`] for the fence.

use std::{fmt, time::Duration};

use anyhow::{Context, Result};
use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    aws,
    ledger::{Ledger, conflict, item},
    runner,
};

/// What the keys of locks begin with.
pub const PREFIX: &str = "lock/";

/// Which lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Name {
    /// Terraform's apply.
    Apply,
    /// Moving aliases.
    Alias,
}

impl Name {
    /// Its key.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Apply => "lock/apply",
            Self::Alias => "lock/alias",
        }
    }
}

/// A lock as it lies in the ledger.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lock {
    /// `lock/apply` or `lock/alias`.
    pub id: String,
    /// Who holds it: a run's URL, or a person's machine.
    pub owner: String,
    /// What for, such as `promote r17-0a1b2c3d4e5f`.
    pub purpose: String,
    /// Different each time it is taken.
    pub token: String,
    /// When it was taken.
    pub since: Timestamp,
    /// When the lease runs out, in milliseconds since 1970.
    pub until: i64,
}

impl Lock {
    /// Whether its lease has run out.
    #[must_use]
    pub fn stale(&self) -> bool {
        self.until < Timestamp::now().as_millisecond()
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = Timestamp::from_millisecond(self.until).map(|until| format!("{until:.0}")).unwrap_or_default();
        write!(f, "{} since {:.0} for `{}`, leased until {until}", self.owner, self.since, self.purpose)
    }
}

/// The lock is somebody else's by now: whoever gets this must not write any more.
#[derive(Debug)]
pub struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock was lost to another run, which decides from here on; nothing more is changed by this one")
    }
}

impl std::error::Error for Lost {}

/// A lock that this process holds.
#[derive(Debug)]
pub struct Held {
    lock: Lock,
    lease: Duration,
}

/// What came of an attempt to take a lock.
#[derive(Debug)]
pub enum Taken {
    /// It is ours; it was left behind by this one, if any.
    Ours(Held, Option<Lock>),
    /// Somebody holds it.
    Theirs(Lock),
}

impl Held {
    /// Takes the lock if it is free or its lease has run out.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn take(ledger: &Ledger, name: Name, owner: &str, purpose: &str, lease: Duration) -> Result<Taken> {
        Self::put(ledger, new(name, owner, purpose, lease)?, lease, None).await
    }

    /// Takes the lock from whoever holds it with `token`.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn take_over(
        ledger: &Ledger,
        name: Name,
        owner: &str,
        purpose: &str,
        lease: Duration,
        token: &str,
    ) -> Result<Taken> {
        Self::put(ledger, new(name, owner, purpose, lease)?, lease, Some(token)).await
    }

    async fn put(ledger: &Ledger, lock: Lock, lease: Duration, over: Option<&str>) -> Result<Taken> {
        let free = "attribute_not_exists(id) OR #until < :now";
        let condition = if over.is_some() { format!("{free} OR #token = :token") } else { free.to_owned() };
        let mut put = ledger
            .client()
            .put_item()
            .table_name(ledger.table())
            .set_item(Some(item(&lock.id, &lock)?))
            .condition_expression(condition)
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":now", AttributeValue::N(Timestamp::now().as_millisecond().to_string()))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(token) = over {
            put = put.expression_attribute_names("#token", "token");
            put = put.expression_attribute_values(":token", AttributeValue::S(token.to_owned()));
        }
        let read = |item| serde_dynamo::from_item::<_, Lock>(item).ok();
        let error = match conflict::write(async || put.clone().send().await).await {
            Ok(done) => return Ok(Taken::Ours(Self { lock, lease }, done.attributes.and_then(read))),
            Err(error) => error,
        };
        // The item as it was when the condition failed.
        let theirs = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => failed.item.clone().and_then(read),
            _ => return Err(ledger.failed("write", &aws::explain(&error))),
        };
        match theirs {
            // A retried request may have been the first one's doing.
            Some(ours) if ours.token == lock.token => Ok(Taken::Ours(Self { lock, lease }, None)),
            Some(theirs) => Ok(Taken::Theirs(theirs)),
            None => Err(ledger.failed("write", "its lock is not as this version of lockgate writes it")),
        }
    }

    /// Takes the lock, and waits so long for somebody else's: after two leases it has run out, or its owner lives.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn wait(
        ledger: &Ledger,
        name: Name,
        owner: &str,
        purpose: &str,
        (lease, patience): (Duration, Duration),
    ) -> Result<Taken> {
        let began = Instant::now();
        loop {
            match Self::take(ledger, name, owner, purpose, lease).await? {
                Taken::Theirs(lock) if began.elapsed() < patience => {
                    let left = u64::try_from(lock.until - Timestamp::now().as_millisecond()).unwrap_or(0) + 1;
                    runner::say(format_args!("waiting for the lock: {lock}"));
                    let patience = patience.saturating_sub(began.elapsed());
                    tokio::time::sleep(Duration::from_millis(left).min(lease).min(patience)).await;
                }
                Taken::Ours(held, Some(before)) => {
                    runner::warning(format_args!("took the lock over from {before}: its lease had run out"));
                    return Ok(Taken::Ours(held, Some(before)));
                }
                taken => return Ok(taken),
            }
        }
    }

    /// Its key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.lock.id
    }

    /// What tells this holding from every other.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.lock.token
    }

    /// How often it has to be renewed at least.
    #[must_use]
    pub fn heartbeat(&self) -> Duration {
        self.lease / 3
    }

    /// Makes sure that the lock is still ours, and that it stays so for a whole lease.
    ///
    /// # Errors
    /// [`Lost`] if it is not; else if the ledger cannot be written.
    pub async fn renew(&self, ledger: &Ledger) -> Result<()> {
        let update = ledger
            .client()
            .update_item()
            .table_name(ledger.table())
            .key("id", AttributeValue::S(self.lock.id.clone()))
            .update_expression("SET #until = :until")
            .condition_expression("#token = :token")
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#token", "token")
            .expression_attribute_values(":until", AttributeValue::N(until(self.lease).to_string()))
            .expression_attribute_values(":token", AttributeValue::S(self.lock.token.clone()));
        match conflict::write(async || update.clone().send().await).await {
            Ok(_) => Ok(()),
            Err(error) if aws::is(&error, "ConditionalCheckFailedException") => Err(Lost.into()),
            Err(error) => Err(ledger.failed("write", &aws::explain(&error))),
        }
    }

    /// Whether the lock is still ours.
    pub(crate) async fn still(&self, ledger: &Ledger) -> Result<bool> {
        Ok(ledger.get::<Lock>(&self.lock.id).await?.is_some_and(|lock| lock.token == self.lock.token))
    }

    /// Gives it back; one that was lost stays with its new owner. Where that fails, its lease ends it: what was done
    /// under the lock is done all the same.
    pub async fn give_back(self, ledger: &Ledger) {
        if let Err(error) = remove(ledger, &self.lock).await {
            let seconds = self.lease.as_secs();
            runner::warning(format_args!(
                "{} was not given back, its lease ends in {seconds} s: {error:#}",
                self.lock.id
            ));
        }
    }
}

/// Removes a lock as it was seen. Returns whether it was still there.
///
/// # Errors
/// If the ledger cannot be written.
pub async fn remove(ledger: &Ledger, lock: &Lock) -> Result<bool> {
    let delete = ledger
        .client()
        .delete_item()
        .table_name(ledger.table())
        .key("id", AttributeValue::S(lock.id.clone()))
        .condition_expression("#token = :token")
        .expression_attribute_names("#token", "token")
        .expression_attribute_values(":token", AttributeValue::S(lock.token.clone()));
    match conflict::write(async || delete.clone().send().await).await {
        Ok(_) => Ok(true),
        Err(error) if aws::is(&error, "ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(ledger.failed("write", &aws::explain(&error))),
    }
}

fn new(name: Name, owner: &str, purpose: &str, lease: Duration) -> Result<Lock> {
    let random =
        [getrandom::u64(), getrandom::u64()].map(|random| random.context("no random number for a lock's token"));
    let [one, other] = random;
    Ok(Lock {
        id: name.id().to_owned(),
        owner: owner.to_owned(),
        purpose: purpose.to_owned(),
        token: format!("{:016x}{:016x}", one?, other?),
        since: Timestamp::now(),
        until: until(lease),
    })
}

fn until(lease: Duration) -> i64 {
    Timestamp::now().as_millisecond().saturating_add(i64::try_from(lease.as_millis()).unwrap_or(i64::MAX))
}
