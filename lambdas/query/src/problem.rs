//! Problem details: how every answer of 400 and above looks. <https://www.rfc-editor.org/rfc/rfc9457>

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use std::error::Error as StdError;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong, and what to do about it.
    detail: String,
    /// Which request it was, as the logs name it.
    request_id: String,
    /// Seconds after which it makes sense to try again.
    #[serde(skip)]
    retry_after: Option<u32>,
    /// For the log alone.
    #[serde(skip)]
    cause: Option<String>,
}

impl Problem {
    /// A problem of this status; `detail` is what the caller reads.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Unknown"),
            status: status.as_u16(),
            detail: detail.into(),
            request_id: String::new(),
            retry_after: None,
            cause: None,
        }
    }

    /// 400: the request itself is wrong.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 500: our fault; `cause` goes to the log and nowhere else.
    pub fn internal(cause: impl Into<String>) -> Self {
        let detail = "the service failed; if it happens again, report the request_id";
        Self { cause: Some(cause.into()), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail) }
    }

    /// 503: the same request may succeed a little later; `cause` goes to the log and nowhere else.
    pub fn unavailable(detail: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { retry_after: Some(1), cause: Some(cause.into()), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    /// What a bare status says, for answers that the router makes by itself.
    pub fn of_status(status: StatusCode) -> Self {
        let detail = match status {
            StatusCode::NOT_FOUND => "there is no such route; /openapi.json lists all",
            StatusCode::METHOD_NOT_ALLOWED => "this route has no such method; the Allow header lists its methods",
            StatusCode::PAYLOAD_TOO_LARGE => "the body is too large; send the calls in several requests",
            _ => "the request cannot be read",
        };
        Self::new(status, detail)
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What is known about it, for the log.
    #[must_use]
    pub fn cause(&self) -> &str {
        self.cause.as_deref().unwrap_or(&self.detail)
    }

    /// The answer's body, once the request has a name.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Vec<u8> {
        let named = Self { request_id: request_id.to_owned(), ..self.clone() };
        serde_json::to_vec(&named).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    /// An answer without a body yet: [`crate::observe`] knows the request's id and completes it.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            // https://www.rfc-editor.org/rfc/rfc6750#section-3
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl<E, R> From<SdkError<E, R>> for Problem
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    /// Of the error's code and message only the log learns.
    fn from(error: SdkError<E, R>) -> Self {
        let passing = match &error {
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
            other => other.code().is_some_and(|code| PASSING.contains(&code)),
        };
        let cause = chain(&error);
        if passing { Self::unavailable("the storage is busy; try again", cause) } else { Self::internal(cause) }
    }
}

/// AWS's codes for what passes by itself, of DynamoDB and S3.
const PASSING: [&str; 8] = [
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "SlowDown",
    "ThrottlingException",
    "TransactionCanceledException",
    "TransactionInProgressException",
];

/// The error and what caused it, one after the other. (The SDK's own debug form would repeat whole answers.)
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_members_of_the_standard_and_no_cause() {
        let problem = Problem::internal("table silver_call_staging: secret cause");
        let body: serde_json::Value = serde_json::from_slice(&problem.body("r-1")).expect("JSON");
        assert_eq!(
            body,
            serde_json::json!({
                "type": "about:blank", "title": "Internal Server Error", "status": 500, "request_id": "r-1",
                "detail": "the service failed; if it happens again, report the request_id",
            })
        );
        assert_eq!(problem.cause(), "table silver_call_staging: secret cause");
    }

    #[test]
    fn what_may_heal_says_when_to_come_back() {
        let response = Problem::unavailable("busy", "throttled").into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
