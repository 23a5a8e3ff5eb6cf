//! `POST /calls`: puts calls into the landing bucket, where they are a file like any other.

use crate::app::App;
use crate::params::{Nothing, Params};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::IgnoredAny;
use uuid::Uuid;

/// The most bytes of a body. Lambda takes events of 6 MB, in which a body may be base64, a third longer.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// How gzip begins. `ingest` would unpack such a body whatever its media type says: no limit here would hold for it.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Where the calls were put.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Landed {
    /// The object's key in the landing bucket.
    key: String,
}

/// The two forms of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Ndjson,
}

/// Takes calls in, one object, an array of them, or one object a line.
///
/// The answer means that they are stored, not that they are good: a record that cannot be read goes to the landing bucket's
/// `rejected/`, as those of every other file do.
#[utoipa::path(post, path = "/calls", operation_id = "land_calls",
    request_body(
        description = "A call or an array of calls, or a call a line",
        content((serde_json::Value = "application/json"), (String = "application/x-ndjson")),
    ),
    responses(
        (status = 202, description = "The calls are stored and will be worked on", body = Landed),
        (status = "4XX", description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service failed", body = Problem, content_type = "application/problem+json"),
    ))]
pub async fn land(
    State(app): State<App>,
    Params(Nothing {}): Params<Nothing>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Landed>), Problem> {
    let form = Form::of(&headers)?;
    form.check(&body)?;
    // Files landed in one second are ordered by their keys: version 7 makes that the order in which they came.
    let key = format!("calls/api/{}/{}.{}", Timestamp::now().strftime("%Y/%m/%d"), Uuid::now_v7(), form.ending());
    app.s3
        .put_object()
        .bucket(&app.config.landing_bucket)
        .key(&key)
        .content_type(form.media_type())
        .body(body.into())
        .send()
        .await?;
    tracing::info!(key, "landed");
    Ok((StatusCode::ACCEPTED, Json(Landed { key })))
}

impl Form {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let refused = |detail: &str| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
        if headers.contains_key(header::CONTENT_ENCODING) {
            return Err(refused("send the body without Content-Encoding"));
        }
        let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        [Self::Json, Self::Ndjson]
            .into_iter()
            .find(|form| form.media_type() == media_type)
            .ok_or_else(|| refused("Content-Type must be application/json or application/x-ndjson"))
    }

    fn check(self, body: &[u8]) -> Result<(), Problem> {
        if body.starts_with(&GZIP) {
            let detail = "the body is gzip: send it uncompressed, or land it in the bucket as a file";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let Some(first) = body.iter().find(|byte| !byte.is_ascii_whitespace()) else {
            return Err(Problem::bad_request("the body is empty"));
        };
        if self == Self::Ndjson {
            return Ok(());
        }
        if !b"{[".contains(first) {
            return Err(Problem::bad_request("the body must be one call, or an array of calls"));
        }
        serde_json::from_slice::<IgnoredAny>(body).map_err(|error| {
            // Of the text itself the error says nothing, only where it stops being JSON.
            Problem::bad_request(format!("the body is no JSON: {error}"))
        })?;
        Ok(())
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn of(content_type: &'static str) -> Result<Form, StatusCode> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Form::of(&headers).map_err(|problem| problem.status())
    }

    #[test]
    fn two_media_types_are_taken() {
        assert_eq!(of("application/json"), Ok(Form::Json));
        assert_eq!(of("Application/JSON ; charset=utf-8"), Ok(Form::Json));
        assert_eq!(of("application/x-ndjson"), Ok(Form::Ndjson));
        for other in ["", "text/plain", "application/jsonx", "multipart/form-data; boundary=application/json"] {
            assert_eq!(of(other), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{other}");
        }
        let gzip = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        ]);
        assert!(Form::of(&gzip).is_err());
    }

    #[test]
    fn json_has_to_be_an_object_or_an_array() {
        for good in [r#"{"call_id":"c"}"#, " [ ] ", "\n{}"] {
            assert!(Form::Json.check(good.as_bytes()).is_ok(), "{good} was refused");
        }
        for bad in ["", "  \n", "1", "\"text\"", "null", "{", "[1,]", "{}{}", "{\"a\":\u{0}}"] {
            assert!(Form::Json.check(bad.as_bytes()).is_err(), "{bad} was taken");
        }
        assert!(Form::Json.check(&b"[".repeat(100_000)).is_err());
        assert!(Form::Ndjson.check(b"{}\nnot JSON\n").is_ok(), "ingest judges lines one by one");
        assert!(Form::Ndjson.check(b"\n\n").is_err());
        for form in [Form::Json, Form::Ndjson] {
            let refused = form.check(b"\x1f\x8b\x08\0").expect_err("gzip by another name");
            assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
    }
}
