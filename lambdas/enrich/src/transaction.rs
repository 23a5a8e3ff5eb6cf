//! One TransactWriteItems: silver items, the counters they change, and the tombstones that must not exist.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>

use crate::batch::Candidate;
use crate::error::told;
use crate::tables::{Item, Seen, Tables, text};
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem, Update};
use call_model::{Counter, SCHEMA, SilverCall, call_hash};
use std::collections::{BTreeMap, BTreeSet};

/// The most actions in one transaction.
const MAX_ACTIONS: usize = 100;

/// How much a transaction's calls may hold together: DynamoDB takes 4 MB, and its JSON form needs more than the items.
const MAX_BYTES: usize = 1024 * 1024;

/// What a call needs beside its texts: names, numbers, words, the tombstone's key.
const OVERHEAD_BYTES: usize = 1024;

/// A call to put, and what it replaces.
#[derive(Debug, Clone)]
pub struct Write {
    /// The later version.
    pub candidate: Candidate,
    /// What silver held when it was read.
    pub seen: Option<Seen>,
}

/// How a transaction ended.
#[derive(Debug)]
pub enum Outcome {
    /// All of it is written.
    Committed,
    /// Nothing is written: these calls (by index) are erased, or somebody else wrote first, or at the same time.
    Cancelled {
        /// Calls with a tombstone.
        erased: BTreeSet<usize>,
    },
    /// Nothing is written, and one of the calls is the reason: alone, the others may pass.
    Refused(String),
    /// It is not known whether it is written, or nothing can be.
    Failed(String),
}

/// The actions, and for each the index of the call whose tombstone it looks for.
struct Actions {
    items: Vec<TransactWriteItem>,
    tombstones: Vec<Option<usize>>,
}

#[derive(Debug, thiserror::Error)]
enum Unbuildable {
    #[error(transparent)]
    Action(#[from] BuildError),
    #[error(transparent)]
    Item(#[from] serde_dynamo::Error),
}

/// Splits into what fits one transaction each; the order is kept, so neighbours of one client and day share a counter.
#[must_use]
pub fn groups(writes: Vec<Write>) -> Vec<Vec<Write>> {
    let mut groups: Vec<Vec<Write>> = Vec::new();
    let (mut counters, mut bytes) = (BTreeSet::new(), 0);
    for write in writes {
        let touched = counters_of(&write);
        let size = size(&write.candidate.call);
        match groups.last_mut() {
            Some(group)
                if 2 * (group.len() + 1) + counters.union(&touched).count() <= MAX_ACTIONS
                    && bytes + size <= MAX_BYTES =>
            {
                counters.extend(touched);
                bytes += size;
                group.push(write);
            }
            _ => {
                (counters, bytes) = (touched, size);
                groups.push(vec![write]);
            }
        }
    }
    groups
}

/// Writes these calls, or nothing.
///
/// The SDK gives each request a ClientRequestToken and keeps it when it sends the request again, so an answer lost on the
/// way cannot count twice. When it gives up, the records are delivered again: silver then holds their positions.
pub async fn write(tables: &Tables, writes: &[Write]) -> Outcome {
    let Actions { items, tombstones } = match actions(tables, writes) {
        Ok(actions) => actions,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let sent = tables.dynamodb.transact_write_items().set_transact_items(Some(items)).send().await;
    let Err(error) = sent else { return Outcome::Committed };
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled.cancellation_reasons(),
        Some(other) if other.code() == Some("ValidationException") => return Outcome::Refused(told(&error)),
        _ => return Outcome::Failed(told(&error)),
    };
    let codes = || reasons.iter().map(|reason| reason.code().unwrap_or("None"));
    if codes().any(|code| matches!(code, "ValidationError" | "ItemCollectionSizeLimitExceeded")) {
        return Outcome::Refused(format!(
            "TransactWriteItems was cancelled: {}",
            codes().collect::<Vec<_>>().join(" ")
        ));
    }
    let failed = codes().zip(tombstones).filter(|(code, _)| *code == "ConditionalCheckFailed");
    Outcome::Cancelled { erased: failed.filter_map(|(_, tombstone)| tombstone).collect() }
}

fn actions(tables: &Tables, writes: &[Write]) -> Result<Actions, Unbuildable> {
    let mut actions = Actions { items: Vec::new(), tombstones: Vec::new() };
    let mut add = |item: TransactWriteItem, tombstone| {
        actions.items.push(item);
        actions.tombstones.push(tombstone);
    };
    for (index, Write { candidate, seen }) in writes.iter().enumerate() {
        add(TransactWriteItem::builder().put(put(tables, &candidate.call, seen.as_ref())?).build(), None);
        let tombstone = ConditionCheck::builder()
            .table_name(&tables.erased)
            .key("call_hash", text(&call_hash(&candidate.call.call_id)))
            .condition_expression("attribute_not_exists(call_hash)")
            .build()?;
        add(TransactWriteItem::builder().condition_check(tombstone).build(), Some(index));
    }
    for delta in deltas(writes) {
        add(TransactWriteItem::builder().update(update(tables, &delta)?).build(), None);
    }
    Ok(actions)
}

fn put(tables: &Tables, call: &SilverCall, seen: Option<&Seen>) -> Result<Put, Unbuildable> {
    let item: Item = serde_dynamo::to_item(call)?;
    let put = Put::builder().table_name(&tables.silver).set_item(Some(item));
    let put = match seen {
        None => put.condition_expression("attribute_not_exists(call_id)"),
        // Also if it is gone: its time to live ended since it was read.
        Some(seen) => put
            .condition_expression("attribute_not_exists(call_id) OR #position = :seen")
            .expression_attribute_names("#position", "position")
            .expression_attribute_values(":seen", text(seen.position.as_str())),
    };
    Ok(put.build()?)
}

/// One change per client and day; those that change nothing are left out.
fn deltas(writes: &[Write]) -> Vec<Counter> {
    let mut deltas: BTreeMap<(String, String), Counter> = BTreeMap::new();
    let mut add = |counted: &Counter, times| {
        let delta = deltas.entry((counted.client_id.clone(), counted.day.clone()));
        delta.or_insert_with(|| Counter::new(&counted.client_id, &counted.day)).add(counted, times);
    };
    for Write { candidate, seen } in writes {
        add(&Counter::of(&candidate.call), 1);
        if let Some(seen) = seen {
            add(&seen.counted, -1);
        }
    }
    deltas.into_values().filter(|delta| !delta.is_zero()).collect()
}

fn update(tables: &Tables, delta: &Counter) -> Result<Update, Unbuildable> {
    let changed: Vec<(&str, i64)> = Counter::SUMS.into_iter().zip(delta.sums()).filter(|(_, sum)| *sum != 0).collect();
    let terms: Vec<String> = changed.iter().map(|(name, _)| format!("#{name} :{name}")).collect();
    let mut update = Update::builder()
        .table_name(&tables.counter)
        .key("client_id", text(&delta.client_id))
        .key("day", text(&delta.day))
        .update_expression(format!("ADD {} SET #schema = :schema", terms.join(", ")))
        .expression_attribute_names("#schema", "schema")
        .expression_attribute_values(":schema", AttributeValue::N(SCHEMA.to_string()));
    for (name, sum) in changed {
        update = update
            .expression_attribute_names(format!("#{name}"), name)
            .expression_attribute_values(format!(":{name}"), AttributeValue::N(sum.to_string()));
    }
    Ok(update.build()?)
}

fn counters_of(write: &Write) -> BTreeSet<(String, String)> {
    let call = &write.candidate.call;
    let old = write.seen.iter().map(|seen| (seen.counted.client_id.clone(), seen.counted.day.clone()));
    old.chain([(call.client_id.clone(), call.day.clone())]).collect()
}

fn size(call: &SilverCall) -> usize {
    let texts = [&call.call_id, &call.client_id, &call.agent_id, &call.topic, &call.notes];
    OVERHEAD_BYTES + call.position.as_str().len() + texts.iter().map(|text| text.len()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Source;
    use crate::clean::clean;
    use crate::config::Rules;
    use call_model::{BronzeItem, Position};
    use phonenumber::country::DE;

    fn call(call_id: &str, client_id: &str, seconds: u64, notes: &str) -> SilverCall {
        let record = serde_json::json!({"client_id": client_id, "started_at": "2026-03-01T12:00:00Z",
            "duration_seconds": seconds, "direction": "inbound", "notes": notes});
        let position = Position::from("p".to_owned());
        let bronze = BronzeItem {
            call_id: call_id.to_owned(),
            position,
            record: record.to_string(),
            schema: SCHEMA,
            expires_at: None,
        };
        clean(&bronze, &Rules { sla_seconds: 600, default_country: DE }).expect("a good record")
    }

    fn write(call: SilverCall, replaces: Option<&SilverCall>) -> Write {
        let source = Source { position: call.position.clone(), sequence_number: call.call_id.clone() };
        let seen = replaces.map(|old| Seen { position: old.position.clone(), counted: Counter::of(old) });
        Write { candidate: Candidate { call, sources: vec![source] }, seen }
    }

    #[test]
    fn changes_of_one_counter_are_one_change() {
        let writes = [
            write(call("1", "a", 10, ""), None),
            write(call("2", "a", 20, ""), None),
            // Longer than before.
            write(call("3", "a", 700, ""), Some(&call("3", "a", 1, ""))),
        ];
        let expected =
            Counter { calls: 2, duration_seconds: 729, inbound: 2, sla_breaches: 1, ..Counter::new("a", "2026-03-01") };
        assert_eq!(deltas(&writes), [expected]);
    }

    #[test]
    fn a_call_that_changes_its_client_leaves_the_old_counter() {
        let writes = [write(call("1", "b", 10, ""), Some(&call("1", "a", 10, "")))];
        let moved: Vec<_> = deltas(&writes).into_iter().map(|delta| (delta.client_id, delta.calls)).collect();
        assert_eq!(moved, [("a".to_owned(), -1), ("b".to_owned(), 1)]);
    }

    #[test]
    fn what_changes_no_count_touches_no_counter() {
        assert_eq!(deltas(&[write(call("1", "a", 10, "new"), Some(&call("1", "a", 10, "old")))]), []);
    }

    #[test]
    fn groups_fit_a_transaction_and_lose_nothing() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut writes = Vec::new();
        for id in 0..700 {
            let client = format!("client-{}", id / 9);
            let old = call(&id.to_string(), &format!("client-{}", random.u32(..90)), 1, "");
            let notes = "n".repeat(if random.u32(..20) == 0 { 300_000 } else { 10 });
            writes.push(write(call(&id.to_string(), &client, 2, &notes), random.bool().then_some(&old)));
        }
        let groups = groups(writes.clone());
        for group in &groups {
            assert!(2 * group.len() + deltas(group).len() <= MAX_ACTIONS, "too many actions");
            assert!(group.iter().map(|write| size(&write.candidate.call)).sum::<usize>() <= MAX_BYTES, "too large");
        }
        let id = |write: &Write| write.candidate.call.call_id.clone();
        let kept: Vec<String> = groups.iter().flatten().map(id).collect();
        assert_eq!(kept, writes.iter().map(id).collect::<Vec<_>>());
        assert!(groups.len() < 60, "{} transactions for 700 calls", groups.len());
    }
}
