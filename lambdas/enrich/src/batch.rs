//! Sorts a stream event: which calls to write, which records can never be written.
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>

use crate::Error;
use crate::clean::{Cause, clean};
use crate::config::Rules;
use aws_lambda_events::dynamodb::{Event, EventRecord};
use call_model::{BronzeItem, Position, SilverCall};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What an event asks for.
#[derive(Debug, Default)]
pub struct Batch {
    /// The sequence numbers of all its records, in the event's order.
    pub sequence_numbers: Vec<String>,
    /// One entry per call, ordered by client and day so that neighbours share counters.
    pub calls: Vec<Candidate>,
    /// Records that can never be enriched.
    pub rejected: Vec<Rejected>,
}

/// A call as the latest of this event's deliveries has it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What silver should hold.
    pub call: SilverCall,
    /// Every record of this call in the event: they share its fate.
    pub sources: Vec<Source>,
}

/// One record of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its place in the order of deliveries: the sort key of the bronze item.
    pub position: Position,
    /// Its place in the stream: what a partial batch response names.
    pub sequence_number: String,
}

/// A record that can never be enriched.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The bronze item's partition key.
    pub call_id: String,
    /// Where it came from.
    pub source: Source,
    /// Why.
    pub cause: Cause,
}

#[derive(Deserialize)]
struct Key {
    call_id: String,
    position: Position,
}

impl Candidate {
    /// A dead letter for each record of a call that can never be written.
    pub fn rejected(self, cause: Cause) -> impl Iterator<Item = Rejected> {
        let call_id = self.call.call_id;
        self.sources.into_iter().map(move |source| Rejected { call_id: call_id.clone(), source, cause })
    }
}

impl Batch {
    /// Cleans what was inserted or changed; removals are none of our business. `now`, in seconds since 1970, tells what
    /// has expired: silver may have forgotten such a call already, and would count a late replay of it again.
    ///
    /// # Errors
    /// [`Error::Event`] if this is no stream of a table with bronze's keys.
    pub fn of(event: Event, rules: &Rules, now: i64) -> Result<Self, Error> {
        let mut batch = Self::default();
        let mut calls: BTreeMap<String, Candidate> = BTreeMap::new();
        for record in event.records.into_iter().filter(|record| record.event_name != "REMOVE") {
            let (call_id, source, bronze) = read(record)?;
            batch.sequence_numbers.push(source.sequence_number.clone());
            match bronze.and_then(|bronze| clean(&bronze, rules)) {
                Err(cause) => batch.rejected.push(Rejected { call_id, source, cause }),
                Ok(call) if call.expires_at.is_some_and(|at| at <= now) => {}
                Ok(call) => match calls.get_mut(&call_id) {
                    None => drop(calls.insert(call_id, Candidate { call, sources: vec![source] })),
                    Some(candidate) => {
                        if call.position > candidate.call.position {
                            candidate.call = call;
                        }
                        candidate.sources.push(source);
                    }
                },
            }
        }
        batch.calls = calls.into_values().collect();
        batch
            .calls
            .sort_by(|one, other| (&one.call.client_id, &one.call.day).cmp(&(&other.call.client_id, &other.call.day)));
        Ok(batch)
    }
}

fn read(record: EventRecord) -> Result<(String, Source, Result<BronzeItem, Cause>), Error> {
    let sequence_number = record.change.sequence_number.ok_or_else(|| Error::Event("a record has no number".into()))?;
    let Key { call_id, position } = serde_dynamo::from_item(record.change.keys)
        .map_err(|error| Error::Event(format!("a record's keys are not those of bronze: {error}")))?;
    let bronze = serde_dynamo::from_item(record.change.new_image).map_err(|_| Cause::Item);
    Ok((call_id, Source { position, sequence_number }, bronze))
}
