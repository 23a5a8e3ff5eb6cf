//! Why a whole invocation fails. Lambda tries it again and then sends its event to the failed queue, so nothing is
//! lost; a record that is wrong itself is no error, but rejected.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use call_model::position;
use lambda_runtime::Diagnostic;

/// Why a whole invocation fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a probe nor an event of S3: trying again cannot help.
    #[error("the event is no S3 event: {0}; only the landing bucket and probes may invoke this function")]
    Event(String),
    /// Trying again cannot help.
    #[error("failed to take in {key}: {source}")]
    KeyTooLong {
        /// The object's key.
        key: String,
        /// How much too long.
        source: position::KeyTooLong,
    },
    /// The object, or this version of it, is no longer there.
    #[error(
        "{key} (version {version}) is gone from {bucket}: it expired or was deleted; land it again if it is still needed"
    )]
    ObjectGone {
        /// The bucket.
        bucket: String,
        /// The object's key.
        key: String,
        /// The version that the event named, or `latest`.
        version: String,
    },
    /// S3 refused or could not be reached.
    #[error("failed to {doing}: {reason}; if it stays so, check the function's role, then redrive the failed queue")]
    S3 {
        /// What was tried.
        doing: String,
        /// What the SDK says.
        reason: String,
    },
    /// DynamoDB refused or could not be reached.
    #[error("failed to {doing}: {reason}; if it stays so, check the function's role, then redrive the failed queue")]
    DynamoDb {
        /// What was tried.
        doing: String,
        /// What the SDK says.
        reason: String,
    },
    /// DynamoDB did not take everything, however often it was asked.
    #[error("the table {table} left {left} items unprocessed after {attempts} attempts; give it more capacity")]
    Unprocessed {
        /// Which table.
        table: String,
        /// How many items are left.
        left: usize,
        /// How often it was asked.
        attempts: u32,
    },
}

impl Error {
    pub(crate) fn s3<E, R>(doing: impl Into<String>, error: &SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug + 'static,
    {
        Self::S3 { doing: doing.into(), reason: told(error) }
    }

    pub(crate) fn dynamodb<E, R>(doing: impl Into<String>, error: &SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug + 'static,
    {
        Self::DynamoDb { doing: doing.into(), reason: told(error) }
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let error_type = match error {
            Error::Event(_) => "Event",
            Error::KeyTooLong { .. } => "KeyTooLong",
            Error::ObjectGone { .. } => "ObjectGone",
            Error::S3 { .. } => "S3",
            Error::DynamoDb { .. } => "DynamoDb",
            Error::Unprocessed { .. } => "Unprocessed",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

/// AWS's code and message, or why there was no answer.
fn told<E, R>(error: &SdkError<E, R>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + 'static,
{
    match error.as_service_error().map(ProvideErrorMetadata::meta) {
        // Such a message may repeat a value of the item, and this one goes into logs.
        Some(meta) if meta.code() == Some("ValidationException") => "ValidationException".to_owned(),
        Some(meta) => meta.to_string(),
        None => chain(error),
    }
}

/// An error and all that it was caused by.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_can_rely_on_the_type() {
        let gone = Error::ObjectGone { bucket: "b".to_owned(), key: "calls/k".to_owned(), version: "v".to_owned() };
        assert_eq!(Diagnostic::from(gone).error_type, "ObjectGone");
        let source = position::KeyTooLong { needed: 2_000 };
        let long = Diagnostic::from(Error::KeyTooLong { key: "calls/k".to_owned(), source });
        assert_eq!(long.error_type, "KeyTooLong");
        assert!(long.error_message.contains("2000"), "{}", long.error_message);
    }
}
