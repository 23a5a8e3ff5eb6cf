//! Where records go that can never be enriched: one message each, that says which and why, never what stood in it.

use crate::Config;
use crate::batch::Rejected;
use crate::error::told;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use call_model::Position;
use lambda_runtime::tracing;
use serde::{Deserialize, Serialize};

/// The most messages that one SendMessageBatch takes.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>
const MAX_MESSAGES: usize = 10;

/// The message's body, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Partition key of the bronze item.
    pub call_id: String,
    /// Its sort key.
    pub position: Position,
    /// Why it can never be enriched.
    pub cause: String,
    /// Which function says so.
    pub function: String,
    /// Which version of it.
    pub version: String,
}

/// The dead-letter queue.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    sqs: Client,
    queue_url: String,
    function: String,
    version: String,
}

impl DeadLetters {
    /// The queue that the configuration names.
    #[must_use]
    pub fn new(sqs: Client, config: &Config) -> Self {
        Self {
            sqs,
            queue_url: config.dead_letter_queue_url.clone(),
            function: config.function.clone(),
            version: config.version.clone(),
        }
    }

    /// Sends them and returns those that could not be sent.
    pub async fn send<'a>(&self, rejected: &[&'a Rejected]) -> Vec<&'a Rejected> {
        let mut unsent = Vec::new();
        for rejected in rejected.chunks(MAX_MESSAGES) {
            let entries: Result<_, _> = rejected.iter().enumerate().map(|(id, one)| self.entry(id, one)).collect();
            let request = self.sqs.send_message_batch().queue_url(&self.queue_url);
            let answer = match entries {
                Ok(entries) => request.set_entries(Some(entries)).send().await,
                Err(error) => Err(aws_sdk_sqs::error::SdkError::construction_failure(error)),
            };
            match answer {
                Ok(answer) => {
                    let failed = answer.failed.iter().filter_map(|entry| rejected.get(entry.id.parse::<usize>().ok()?));
                    unsent.extend(failed);
                }
                Err(error) => {
                    tracing::error!("failed to send dead letters: {}", told(&error));
                    unsent.extend(rejected);
                }
            }
        }
        unsent
    }

    fn entry(
        &self,
        id: usize,
        rejected: &Rejected,
    ) -> Result<SendMessageBatchRequestEntry, aws_sdk_sqs::error::BuildError> {
        let letter = DeadLetter {
            call_id: rejected.call_id.clone(),
            position: rejected.source.position.clone(),
            cause: rejected.cause.to_string(),
            function: self.function.clone(),
            version: self.version.clone(),
        };
        let body = serde_json::json!(letter).to_string();
        SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body).build()
    }
}
