//! Why a whole invocation fails. A record that fails alone is no error: it is reported in the answer.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use lambda_runtime::Diagnostic;
use std::error::Error as _;

/// Why a whole invocation fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a probe nor the event of a table's stream: trying again cannot help.
    #[error(
        "the event is no stream event of bronze: {0}; only that table's stream and probes may invoke this function"
    )]
    Event(String),
    /// The probe could not read the table.
    #[error("the table {table} cannot be read: {reason}; check its name and the function's role")]
    Probe {
        /// Which table.
        table: String,
        /// What AWS said.
        reason: String,
    },
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let error_type = match error {
            Error::Event(_) => "Enrich.Event",
            Error::Probe { .. } => "Enrich.Probe",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

/// What went wrong with a request, fit for a log: AWS's code and message, or why there was no answer.
pub(crate) fn told<E, R>(error: &SdkError<E, R>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    match error.as_service_error().map(ProvideErrorMetadata::meta) {
        // Such a message may repeat a value of the item.
        Some(meta) if meta.code() == Some("ValidationException") => "ValidationException".to_owned(),
        Some(meta) => meta.to_string(),
        None => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(error) = source {
                text = format!("{text}: {error}");
                source = error.source();
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_can_rely_on_the_type() {
        let probe = Error::Probe { table: "silver".to_owned(), reason: "denied".to_owned() };
        assert_eq!(Diagnostic::from(probe).error_type, "Enrich.Probe");
        assert_eq!(Diagnostic::from(Error::Event("x".to_owned())).error_type, "Enrich.Event");
    }
}
