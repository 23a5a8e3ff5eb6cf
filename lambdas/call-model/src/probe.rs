//! The probe: an event that asks a function whether it could work, without side effects.
//!
//! `{"lockgate":"probe"}` is answered once the clients are built and the function's table or bucket was read, with
//! `{"lockgate":"ok","function":"enrich-staging","version":"3","read":["silver_call_staging"]}`; what cannot be read makes
//! the invocation fail.

use serde::{Deserialize, Serialize};

/// A probe event. Anything else that a function is invoked with does not parse as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Always `"probe"`.
    pub lockgate: Word,
}

/// The one word of a [`Probe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// `"probe"`
    Probe,
}

/// The answer to a [`Probe`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Always `"ok"`: a function that is not fails instead.
    pub lockgate: String,
    /// The function's name, `AWS_LAMBDA_FUNCTION_NAME`.
    pub function: String,
    /// The version that answers, `AWS_LAMBDA_FUNCTION_VERSION`.
    pub version: String,
    /// The tables and buckets that were read.
    pub read: Vec<String>,
}

impl Answer {
    /// What a healthy function answers.
    #[must_use]
    pub fn ok(function: &str, version: &str, read: Vec<String>) -> Self {
        Self { lockgate: "ok".to_owned(), function: function.to_owned(), version: version.to_owned(), read }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_event_is_no_probe() {
        assert!(serde_json::from_str::<Probe>(r#"{"lockgate":"probe"}"#).is_ok());
        for other in [r#"{"Records":[]}"#, "{}", r#"{"lockgate":"ok"}"#, r#"{"lockgate":"probe","Records":[]}"#] {
            assert!(serde_json::from_str::<Probe>(other).is_err(), "{other} was taken for a probe");
        }
    }
}
