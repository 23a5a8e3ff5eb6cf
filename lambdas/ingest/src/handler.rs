//! What `ingest` does with an event: a probe is answered; of every object that landed, the records go to bronze and the
//! rest is handed back.

use crate::bronze::{Bronze, Written};
use crate::error::chain;
use crate::file::{File, Origin, Outcome};
use crate::landing::{self, Landed, read_event};
use crate::rejected::Rejections;
use crate::tables::Tables;
use crate::{Config, Error};
use aws_config::SdkConfig;
use aws_sdk_s3::primitives::ByteStream;
use call_model::metrics::Metrics;
use call_model::position::Delivery;
use call_model::probe::{self, Probe};
use jiff::Timestamp;
use lambda_runtime::tracing;
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::Instant;

/// The function: its configuration and clients.
#[derive(Debug, Clone)]
pub struct Ingest {
    config: Config,
    tables: Tables,
    s3: aws_sdk_s3::Client,
}

/// What an invocation answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a probe.
    Probe(probe::Answer),
    /// To an event of S3. Nobody waits for it; it is for those who invoke by hand.
    Counts(Counts),
}

/// What became of an event's records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// In bronze now.
    pub stored: u64,
    /// Handed back.
    pub rejected: u64,
    /// Dropped, because their calls were erased.
    pub erased: u64,
}

impl Ingest {
    /// Builds the clients.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig) -> Self {
        let tables = Tables::new(aws_sdk_dynamodb::Client::new(sdk), &config);
        Self { config, tables, s3: aws_sdk_s3::Client::new(sdk) }
    }

    /// One invocation: [`Self::handle`], and the line of metrics for it.
    ///
    /// # Errors
    /// As [`Self::handle`].
    #[expect(clippy::print_stdout, reason = "CloudWatch takes metrics from lines of their own on standard output")]
    pub async fn invoke(&self, payload: &RawValue) -> Result<Answer, Error> {
        let started = Instant::now();
        let (result, metrics) = self.handle(payload).await;
        if let Some(metrics) = metrics {
            let metrics = Metrics { duration_ms: started.elapsed().as_secs_f64() * 1000.0, ..metrics };
            let now = Timestamp::now().as_millisecond();
            println!("{}", metrics.line(&self.config.function, &self.config.version, now));
        }
        result
    }

    /// Answers an event; the counts are those of its records, and none for a probe.
    ///
    /// An error means that not every object could be taken in: then the event has to be delivered again, which changes
    /// nothing that is.
    pub async fn handle(&self, payload: &RawValue) -> (Result<Answer, Error>, Option<Metrics>) {
        if serde_json::from_str::<Probe>(payload.get()).is_ok() {
            let read = vec![self.config.erased_table.clone()];
            let answer = Answer::Probe(probe::Answer::ok(&self.config.function, &self.config.version, read));
            return (self.tables.probe().await.map(|()| answer), None);
        }
        let mut counts = Counts::default();
        let mut failed = 0;
        let mut errors = Vec::new();
        let landed = read_event(payload.get()).unwrap_or_else(|error| {
            // What it was about nobody knows; that there was something has to show.
            failed = 1;
            tracing::error!("{error}");
            errors.push(error);
            Vec::new()
        });
        for landed in landed {
            // In records, as the other counts are: a file that is lost weighs as much as it holds.
            let mut records = 0;
            match self.take_in(&landed, &mut records).await {
                Ok(more) => counts.add(more),
                Err(error) => {
                    failed += records.max(1);
                    tracing::error!(key = landed.key, version_id = landed.version_id, records, "{error}");
                    errors.push(error);
                }
            }
        }
        let metrics = Metrics { handled: counts.stored, failed, rejected: counts.rejected, duration_ms: 0.0 };
        (errors.into_iter().next().map_or(Ok(Answer::Counts(counts)), Err), Some(metrics))
    }

    /// Counts the records that were tried, for the case that it fails.
    async fn take_in(&self, landed: &Landed, tried: &mut u64) -> Result<Counts, Error> {
        let (key, version_id) = (landed.key.as_str(), landed.version_id.as_deref());
        if !key.starts_with(landing::PREFIX) {
            tracing::warn!(key, version_id, "ignored an object that is not under {}", landing::PREFIX);
            return Ok(Counts::default());
        }
        let object = landed.open(&self.s3).await?;
        let last_modified = object.last_modified.map(|time| time.secs()).ok_or_else(|| Error::S3 {
            doing: format!("read {key}"),
            reason: "S3 did not say when it was stored".to_owned(),
        })?;
        let delivery = Delivery::new(last_modified, key, &landed.sequencer)
            .map_err(|source| Error::KeyTooLong { key: key.to_owned(), source })?;
        let file = File::new(Origin { delivery, expires_at: self.config.expires_at(last_modified) });
        let mut rejections = Rejections::new(self.s3.clone(), landed);
        let taken = self.stream(key, object.body, file, &mut rejections, tried).await;
        match &taken {
            Ok(Counts { stored, rejected, erased }) => {
                let bytes = object.content_length;
                tracing::info!(key, version_id, bytes, stored, rejected, erased, "took in an object");
            }
            Err(_) => rejections.abort().await,
        }
        taken
    }

    async fn stream(
        &self,
        key: &str,
        mut body: ByteStream,
        mut file: File,
        rejections: &mut Rejections,
        tried: &mut u64,
    ) -> Result<Counts, Error> {
        let broken = |error: &(dyn std::error::Error + 'static)| Error::S3 {
            doing: format!("read {key}"),
            reason: chain(error),
        };
        let mut bronze = Bronze::new(self.tables.clone());
        let mut outcomes = Vec::new();
        while let Some(chunk) = body.try_next().await.map_err(|error| broken(&error))? {
            let mut input: &[u8] = &chunk;
            while !input.is_empty() {
                file.step(&mut input, &mut outcomes);
                deliver(&mut outcomes, &mut bronze, rejections, tried).await?;
            }
        }
        file.finish(&mut outcomes);
        deliver(&mut outcomes, &mut bronze, rejections, tried).await?;
        let Written { stored, erased } = bronze.finish().await?;
        Ok(Counts { stored, erased, rejected: rejections.finish().await? })
    }
}

impl Counts {
    const fn add(&mut self, more: Self) {
        self.stored += more.stored;
        self.rejected += more.rejected;
        self.erased += more.erased;
    }
}

async fn deliver(
    outcomes: &mut Vec<Outcome>,
    bronze: &mut Bronze,
    rejections: &mut Rejections,
    tried: &mut u64,
) -> Result<(), Error> {
    for outcome in outcomes.drain(..) {
        match outcome {
            Outcome::Item(item) => {
                *tried += 1;
                bronze.add(item).await?;
            }
            Outcome::Rejected(rejected) => {
                // The parts of a record count as the one that they are.
                *tried += u64::from(rejected.part.is_none_or(|part| part == 1));
                rejections.add(&rejected).await?;
            }
        }
    }
    Ok(())
}
