//! What `enrich` does with an event: a probe is answered; a stream event is sorted, written and answered with the
//! sequence numbers of what failed.

use crate::batch::{Batch, Rejected};
use crate::dead_letter::DeadLetters;
use crate::error::told;
use crate::tables::Tables;
use crate::{Config, Error, silver};
use aws_config::SdkConfig;
use aws_lambda_events::dynamodb::Event;
use call_model::Position;
use call_model::metrics::Metrics;
use call_model::probe::{self, Probe};
use jiff::Timestamp;
use lambda_runtime::tracing;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::time::Instant;

/// The function: its configuration and clients.
#[derive(Debug, Clone)]
pub struct Enrich {
    config: Config,
    tables: Tables,
    dead_letters: DeadLetters,
}

/// What an invocation answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a probe.
    Probe(probe::Answer),
    /// To a stream event.
    Batch(BatchAnswer),
}

/// A partial batch response. Lambda goes on from the lowest number named here, so all that failed are named.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// The records to deliver again.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// One record of a [`BatchAnswer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its sequence number.
    pub item_identifier: String,
}

impl Enrich {
    /// Builds the clients.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig) -> Self {
        let tables = Tables::new(aws_sdk_dynamodb::Client::new(sdk), &config);
        let dead_letters = DeadLetters::new(aws_sdk_sqs::Client::new(sdk), &config);
        Self { config, tables, dead_letters }
    }

    /// One invocation: [`Self::handle`], and the line of metrics for it.
    ///
    /// # Errors
    /// As [`Self::handle`].
    #[expect(clippy::print_stdout, reason = "CloudWatch takes metrics from lines of their own on standard output")]
    pub async fn invoke(&self, payload: &RawValue) -> Result<Answer, Error> {
        let started = Instant::now();
        let (answer, metrics) = self.handle(payload).await?;
        if let Some(metrics) = metrics {
            let metrics = Metrics { duration_ms: started.elapsed().as_secs_f64() * 1000.0, ..metrics };
            let now = Timestamp::now().as_millisecond();
            println!("{}", metrics.line(&self.config.function, &self.config.version, now));
        }
        Ok(answer)
    }

    /// Answers an event; the counts are those of its records, and none for a probe.
    ///
    /// # Errors
    /// Only where no record can be answered for: the event is not ours, or a probe finds silver unreadable.
    pub async fn handle(&self, payload: &RawValue) -> Result<(Answer, Option<Metrics>), Error> {
        if serde_json::from_str::<Probe>(payload.get()).is_ok() {
            self.tables.probe().await?;
            let read = vec![self.config.silver_table.clone()];
            return Ok((Answer::Probe(probe::Answer::ok(&self.config.function, &self.config.version, read)), None));
        }
        let event: Event = serde_json::from_str(payload.get()).map_err(|error| Error::Event(error.to_string()))?;
        let batch = Batch::of(event, &self.config.rules, Timestamp::now().as_second())?;
        let (answer, metrics) = self.process(batch).await;
        Ok((Answer::Batch(answer), Some(metrics)))
    }

    async fn process(&self, mut batch: Batch) -> (BatchAnswer, Metrics) {
        let mut failed: HashSet<String> = HashSet::new();
        let unwritten = silver::write(&self.tables, batch.calls).await;
        failed
            .extend(unwritten.failed.into_iter().flat_map(|candidate| candidate.sources).map(|it| it.sequence_number));
        for candidate in unwritten.erased {
            for source in candidate.sources {
                if !self.forget(&candidate.call.call_id, &source.position).await {
                    failed.insert(source.sequence_number);
                }
            }
        }
        // Delivering these again would never help, and hold up what comes after them.
        batch.rejected.extend(unwritten.refused.into_iter().flat_map(|(candidate, cause)| candidate.rejected(cause)));
        let rejected = self.reject(&batch.rejected, &mut failed).await;
        let records = batch.sequence_numbers.len() as u64;
        let failures: Vec<BatchItemFailure> = batch
            .sequence_numbers
            .into_iter()
            .filter(|number| failed.contains(number))
            .map(|item_identifier| BatchItemFailure { item_identifier })
            .collect();
        let count = failures.len() as u64;
        let metrics = Metrics { handled: records - count - rejected, failed: count, rejected, duration_ms: 0.0 };
        tracing::info!(records, failed = count, rejected, "enriched a batch");
        (BatchAnswer { batch_item_failures: failures }, metrics)
    }

    /// Sends dead letters, but not about calls that were erased: of those nothing may stay. Returns how many were sent.
    async fn reject(&self, rejected: &[Rejected], failed: &mut HashSet<String>) -> u64 {
        let call_ids = rejected.iter().map(|rejected| rejected.call_id.as_str()).collect();
        let erased = match self.tables.erased(&call_ids).await {
            Ok(erased) => erased,
            Err(error) => {
                tracing::error!(?call_ids, "failed to look for tombstones: {error}");
                failed.extend(rejected.iter().map(|rejected| rejected.source.sequence_number.clone()));
                return 0;
            }
        };
        let (gone, letters): (Vec<_>, Vec<_>) =
            rejected.iter().partition(|rejected| erased.contains(rejected.call_id.as_str()));
        for Rejected { call_id, source, .. } in gone {
            if !self.forget(call_id, &source.position).await {
                failed.insert(source.sequence_number.clone());
            }
        }
        let unsent = self.dead_letters.send(&letters).await;
        failed.extend(unsent.iter().map(|rejected| rejected.source.sequence_number.clone()));
        for Rejected { call_id, cause, .. } in &letters {
            tracing::warn!(call_id, "rejected a record: {cause}");
        }
        (letters.len() - unsent.len()) as u64
    }

    /// Deletes the bronze item of an erased call; whether that worked.
    async fn forget(&self, call_id: &str, position: &Position) -> bool {
        let deleted = self.tables.forget(call_id, position).await;
        if let Err(error) = &deleted {
            tracing::error!(
                call_hash = call_model::call_hash(call_id),
                "failed to delete an erased call: {}",
                told(error)
            );
        }
        deleted.is_ok()
    }
}
