//! What makes an invocation fail, as Lambda reports it. What is wrong with a request is a
//! [`Problem`](crate::problem::Problem) instead: its invocation succeeds.

use lambda_runtime::Diagnostic;

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The event is neither a probe nor an HTTP request.
    #[error("the event is no API Gateway event of payload format 2.0 and no probe: {0}")]
    Event(String),
    /// The probe found tables that cannot be read.
    #[error("the probe could not read {0}; compare the function's role and variables with the tables")]
    Unready(String),
    /// The answer cannot be put into an event.
    #[error("the answer cannot be returned: {0}")]
    Answer(String),
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        // Alarms and retries go by these names: they stay when a variant is renamed.
        let error_type = match error {
            Error::Event(_) => "Event",
            Error::Unready(_) => "Unready",
            Error::Answer(_) => "Answer",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}
