//! `DELETE /calls/{id}`: erasure.
//!
//! 1. One transaction takes the silver item and what it counts for back and leaves a tombstone. From then on `ingest` and
//!    `enrich` store nothing about the call. If `enrich` was faster, the tombstone is set before the next try.
//! 2. The records as received are deleted, also those that were on their way during step 1.
//! 3. Files in the landing bucket expire by themselves; the answer says when.
//!
//! Every step may be repeated: a request that ends half-way is completed by the next one.

use crate::app::App;
use crate::calls;
use crate::params::{CallId, Nothing, Params};
use crate::problem::{Problem, chain};
use crate::tables::{Item, text};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, DeleteRequest, Put, TransactWriteItem, Update, WriteRequest};
use axum::Json;
use axum::extract::State;
use call_model::{Counter, Erased, Position, SCHEMA, SilverCall, call_hash};
use http::StatusCode;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;
use std::time::Duration;

/// What an erasure answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Erasure {
    /// Which call.
    call_id: String,
    /// When it was erased first, RFC 3339 in UTC.
    #[schema(format = DateTime)]
    erased_at: String,
    /// The day, `YYYY-MM-DD` in UTC, at whose end every landed file that may name the call is gone, its old versions too.
    #[schema(format = Date)]
    landing_expires: String,
}

/// How often the transaction is tried while `enrich` works on the same call.
const ATTEMPTS: u32 = 6;

/// DynamoDB takes this many writes at a time.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
const BATCH: usize = 25;

/// Days that S3 adds to a file's retention: it rounds up to midnight when the file expires, and again when the old version
/// that is left does; the retention is both together.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>
const LIFE_CYCLE_DAYS: u32 = 2;

/// Erases one call for good.
///
/// Nothing about it is stored again, whatever is delivered later. Erasing it twice is fine.
#[utoipa::path(delete, path = "/calls/{*id}", operation_id = "erase_call",
    params(("id" = String, Path, description = "Its `call_id`, percent-encoded", min_length = 1, max_length = 256)),
    responses(
        (status = 202, description = "It is erased; landed files expire", body = Erasure),
        (status = 404, description = "Nothing is known of such a call", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed, or is busy with this call", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn erase(
    State(app): State<App>,
    Params(Nothing {}): Params<Nothing>,
    CallId(call_id): CallId,
) -> Result<(StatusCode, Json<Erasure>), Problem> {
    let now = Timestamp::now();
    let erased_at = bury(&app, &call_id, now).await?;
    let deleted = delete_records(&app, &call_id).await?;
    // By its hash: logs outlast the call.
    tracing::info!(call_hash = call_hash(&call_id), deleted, "erased");
    let days = app.config.landing_retention_days.saturating_add(LIFE_CYCLE_DAYS);
    let today = now.to_zoned(TimeZone::UTC).date();
    let landing_expires = today.saturating_add(i64::from(days).days()).to_string();
    Ok((StatusCode::ACCEPTED, Json(Erasure { call_id, erased_at, landing_expires })))
}

/// What is stored about a call.
struct Known {
    silver: Option<SilverCall>,
    newest_record: Option<Position>,
    tombstone: Option<Erased>,
}

impl Known {
    async fn read(app: &App, call_id: &str) -> Result<Self, Problem> {
        let (silver, (records, _)) = tokio::try_join!(calls::read(app, call_id), records(app, call_id, 1, None))?;
        // Last: what another erasure has just removed is seen to be gone only when its tombstone stands.
        let tombstone = tombstone(app, call_id).await?;
        let newest_record =
            records.first().and_then(|key| key.get("position")?.as_s().ok().cloned().map(Position::from));
        Ok(Self { silver, newest_record, tombstone })
    }

    fn position(&self) -> Option<Position> {
        let silver = self.silver.as_ref().map(|call| call.position.clone());
        let tombstone = self.tombstone.as_ref().map(|tombstone| tombstone.position.clone());
        silver.max(self.newest_record.clone()).max(tombstone)
    }
}

/// Step 1: makes sure that a tombstone stands and no silver item does; answers when it was set.
async fn bury(app: &App, call_id: &str, now: Timestamp) -> Result<String, Problem> {
    let mut cause = String::new();
    for attempt in 0..ATTEMPTS {
        let known = Known::read(app, call_id).await?;
        let Some(position) = known.position() else {
            return Err(Problem::not_found("there is no such call"));
        };
        let erased_at = match &known.tombstone {
            Some(tombstone) => tombstone.erased_at.clone(),
            None => now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        };
        if known.tombstone.is_some() && known.silver.is_none() {
            return Ok(erased_at);
        }
        let tombstone = Erased { call_hash: call_hash(call_id), position, erased_at, schema: SCHEMA };
        let writes = transaction(app, call_id, known.silver.as_ref(), &tombstone)?;
        match app.dynamodb.transact_write_items().set_transact_items(Some(writes)).send().await {
            Ok(_) => return Ok(tombstone.erased_at),
            Err(error) if error.as_service_error().is_some_and(is_race) => {
                cause = chain(&error);
                // A call that is delivered again and again would win every race: the tombstone alone ends that.
                stop_enriching(app, &tombstone).await?;
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(pause(attempt)).await;
    }
    Err(Problem::unavailable("the call is being changed right now; erase it again", cause))
}

/// Sets the tombstone by itself, unless there is one.
async fn stop_enriching(app: &App, tombstone: &Erased) -> Result<(), Problem> {
    let put = app.dynamodb.put_item().table_name(&app.config.erased_table).set_item(Some(item(tombstone)?));
    match put.condition_expression("attribute_not_exists(call_hash)").send().await {
        Err(error) if !error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
            Err(error.into())
        }
        _ => Ok(()),
    }
}

fn item(tombstone: &Erased) -> Result<Item, Problem> {
    serde_dynamo::to_item(tombstone).map_err(|error| Problem::internal(error.to_string()))
}

fn is_race(error: &TransactWriteItemsError) -> bool {
    use TransactWriteItemsError::{TransactionCanceledException, TransactionInProgressException};
    matches!(error, TransactionCanceledException(_) | TransactionInProgressException(_))
}

/// Half to all of 50 ms, doubled with each attempt, so that two who met do not meet again.
fn pause(attempt: u32) -> Duration {
    Duration::from_millis(50 << attempt.min(6)).mul_f64(0.5 + fastrand::f64() / 2.0)
}

fn transaction(
    app: &App,
    call_id: &str,
    silver: Option<&SilverCall>,
    tombstone: &Erased,
) -> Result<Vec<TransactWriteItem>, Problem> {
    let table = &app.config.silver_table;
    let write = TransactWriteItem::builder();
    let mut writes = Vec::new();
    let delete = Delete::builder().table_name(table).key("call_id", text(call_id));
    let delete = if let Some(call) = silver {
        writes.push(write.clone().update(take_back(app, &Counter::of(call))?).build());
        delete
            .condition_expression("#position = :seen")
            .expression_attribute_names("#position", "position")
            .expression_attribute_values(":seen", text(call.position.as_str()))
    } else {
        // Deletes nothing, but fails if there is something by now; a condition check would need one more permission.
        delete.condition_expression("attribute_not_exists(call_id)")
    };
    writes.push(write.clone().delete(delete.build().map_err(unbuilt)?).build());
    let put = Put::builder()
        .table_name(&app.config.erased_table)
        .set_item(Some(item(tombstone)?))
        .build()
        .map_err(unbuilt)?;
    writes.push(write.put(put).build());
    Ok(writes)
}

fn take_back(app: &App, counted: &Counter) -> Result<Update, Problem> {
    let mut update = Update::builder()
        .table_name(&app.config.counter_table)
        .key("client_id", text(&counted.client_id))
        .key("day", text(&counted.day));
    let mut changes = Vec::new();
    for (name, sum) in Counter::SUMS.iter().zip(counted.sums()).filter(|(_, sum)| *sum != 0) {
        changes.push(format!("#{name} :{name}"));
        update = update
            .expression_attribute_names(format!("#{name}"), *name)
            .expression_attribute_values(format!(":{name}"), AttributeValue::N((-sum).to_string()));
    }
    update
        .update_expression(format!("ADD {} SET #schema = :schema", changes.join(", ")))
        .expression_attribute_names("#schema", "schema")
        .expression_attribute_values(":schema", AttributeValue::N(SCHEMA.to_string()))
        .build()
        .map_err(unbuilt)
}

fn unbuilt(error: aws_sdk_dynamodb::error::BuildError) -> Problem {
    Problem::internal(error.to_string())
}

async fn tombstone(app: &App, call_id: &str) -> Result<Option<Erased>, Problem> {
    let answer = app
        .dynamodb
        .get_item()
        .table_name(&app.config.erased_table)
        .key("call_hash", text(&call_hash(call_id)))
        .consistent_read(true)
        .send()
        .await?;
    let read = answer.item.map(serde_dynamo::from_item).transpose();
    read.map_err(|_| Problem::internal(format!("the tombstone {} is none that this release knows", call_hash(call_id))))
}

/// The keys of the newest records of a call, and where the older ones begin.
async fn records(
    app: &App,
    call_id: &str,
    limit: i32,
    start: Option<Item>,
) -> Result<(Vec<Item>, Option<Item>), Problem> {
    let answer = app
        .dynamodb
        .query()
        .table_name(&app.config.bronze_table)
        .key_condition_expression("#call_id = :call_id")
        .projection_expression("#call_id, #position")
        .expression_attribute_names("#call_id", "call_id")
        .expression_attribute_names("#position", "position")
        .expression_attribute_values(":call_id", text(call_id))
        .consistent_read(true)
        .scan_index_forward(false)
        .limit(limit)
        .set_exclusive_start_key(start)
        .send()
        .await?;
    Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
}

/// Step 2: deletes every record of the call; answers how many there were.
async fn delete_records(app: &App, call_id: &str) -> Result<usize, Problem> {
    let mut deleted = 0;
    let mut start = None;
    loop {
        let (keys, more) = records(app, call_id, 1000, start).await?;
        deleted += keys.len();
        for batch in keys.chunks(BATCH) {
            delete_batch(app, batch).await?;
        }
        match more {
            Some(_) => start = more,
            None => return Ok(deleted),
        }
    }
}

async fn delete_batch(app: &App, keys: &[Item]) -> Result<(), Problem> {
    let mut left = Vec::with_capacity(keys.len());
    for key in keys {
        let delete = DeleteRequest::builder().set_key(Some(key.clone())).build().map_err(unbuilt)?;
        left.push(WriteRequest::builder().delete_request(delete).build());
    }
    let table = &app.config.bronze_table;
    for attempt in 0..ATTEMPTS {
        let answer = app.dynamodb.batch_write_item().request_items(table, left).send().await?;
        left = answer.unprocessed_items.and_then(|mut tables| tables.remove(table)).unwrap_or_default();
        if left.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(pause(attempt)).await;
    }
    let cause = format!("{} deletions of records stayed unprocessed", left.len());
    Err(Problem::unavailable("the storage is busy; erase the call again to go on", cause))
}
