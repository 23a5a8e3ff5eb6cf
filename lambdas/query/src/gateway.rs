//! API Gateway's events and the router: payload format 2.0 in and out.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use crate::app::App;
use crate::error::Error;
use crate::observe::{self, RequestId};
use crate::problem::Problem;
use crate::{health, problem};
use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use call_model::metrics::Metrics;
use call_model::probe::Probe;
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use serde::Deserialize;
use serde_json::Value;
use std::io::Write;
use std::time::Instant;
use tower::ServiceExt;

/// The function as Lambda invokes it.
#[derive(Debug, Clone)]
pub struct Gateway {
    app: App,
    router: Router,
}

impl Gateway {
    /// Authorisation is API Gateway's: this function has no other way in.
    #[must_use]
    pub fn new(app: App) -> Self {
        let router = app.router().layer(from_fn(observe::observe));
        Self { app, router }
    }

    /// Answers a probe or a request.
    ///
    /// # Errors
    /// [`Error`]: the event is neither, or the probe found something that cannot be read.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, Error> {
        let started = Instant::now();
        let counts = is_work(&event.payload);
        let result = self.answer(event).await;
        let metrics = match &result {
            Ok((_, status)) => observe::count(*status),
            Err(error) => {
                tracing::error!(cause = %error, "failed");
                Metrics { failed: 1, ..Metrics::default() }
            }
        };
        if counts {
            let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
            self.tell(&Metrics { duration_ms, ..metrics });
        }
        result.map(|(answer, _)| answer)
    }

    async fn answer(&self, event: LambdaEvent<Value>) -> Result<(Value, StatusCode), Error> {
        let returned = |error: serde_json::Error| Error::Answer(error.to_string());
        if Probe::deserialize(&event.payload).is_ok() {
            let answer = health::probe(&self.app).await?;
            return Ok((serde_json::to_value(answer).map_err(returned)?, StatusCode::OK));
        }
        let request_id = event.context.request_id;
        let response = match request(event.payload)? {
            Ok(mut request) => {
                request.extensions_mut().insert(RequestId(request_id));
                // The router's error is `Infallible`.
                let Ok(response) = self.router.clone().oneshot(request).await;
                response
            }
            Err(problem) => observe::complete(problem.into_response(), &request_id),
        };
        let status = response.status();
        Ok((serde_json::to_value(answer(response).await?).map_err(returned)?, status))
    }

    /// One line for CloudWatch, which reads metrics out of standard output.
    fn tell(&self, metrics: &Metrics) {
        let line = metrics.line(&self.app.config.function, &self.app.config.version, Timestamp::now().as_millisecond());
        // Where nobody reads standard output there is nobody to tell that it failed.
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

/// Whether an event counts in the metrics. Asking how we are is no work of ours, and `/health` is open: where it counted,
/// anyone could make good releases look bad, and hide a bad one among good answers.
fn is_work(event: &Value) -> bool {
    let asks = matches!(event["rawPath"].as_str(), Some("/health" | "/ready"));
    !asks && Probe::deserialize(event).is_err()
}

/// The request that the event stands for, or what is wrong with it.
fn request(mut event: Value) -> Result<Result<Request<Body>, Problem>, Error> {
    // A header that is no plain text is none that we read, and must not fail the invocation: anyone may send it to `/health`.
    if let Some(headers) = event.get_mut("headers").and_then(Value::as_object_mut) {
        let plain = |value: &Value| value.as_str().is_some_and(|text| HeaderValue::from_str(text).is_ok());
        headers.retain(|name, value| HeaderName::try_from(name).is_ok() && plain(value));
    }
    let event: ApiGatewayV2httpRequest =
        serde_json::from_value(event).map_err(|error| Error::Event(error.to_string()))?;
    let path = path(event.raw_path.as_deref().unwrap_or("/"));
    let uri = match event.raw_query_string.as_deref() {
        Some(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path,
    };
    let Ok(uri) = Uri::try_from(uri) else {
        return Ok(Err(Problem::bad_request("the path or the query string is no part of a URI")));
    };
    let body = event.body.unwrap_or_default();
    let body = if event.is_base64_encoded {
        match STANDARD.decode(body) {
            Ok(bytes) => Body::from(bytes),
            Err(error) => return Err(Error::Event(format!("its body is not base64: {error}"))),
        }
    } else {
        Body::from(body)
    };
    let mut request = Request::new(body);
    *request.method_mut() = event.request_context.http.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = event.headers;
    // API Gateway takes cookies out of the headers.
    if let Some(Ok(cookies)) = event.cookies.map(|cookies| HeaderValue::try_from(cookies.join("; "))) {
        request.headers_mut().insert(header::COOKIE, cookies);
    }
    Ok(Ok(request))
}

/// `rawPath` with the escapes back that API Gateway took out: it decodes everything but `%25`. An escape that is still
/// there is kept, so paths of events made by hand may be encoded.
fn path(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut path = String::with_capacity(raw.len() + 1);
    if !raw.starts_with('/') {
        path.push('/');
    }
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = || bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte) || (byte == b'%' && escape()) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}

/// The event that the answer becomes. Every body of ours is text.
async fn answer(response: Response) -> Result<ApiGatewayV2httpResponse, Error> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map_err(|error| Error::Answer(problem::chain(&error)))?.to_bytes();
    let text = String::from_utf8(bytes.into()).map_err(|error| Error::Answer(error.to_string()))?;
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = i64::from(parts.status.as_u16());
    answer.headers = parts.headers;
    answer.body = Some(text.into());
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn event(text: &str) -> Value {
        serde_json::from_str(text).expect("a fixture is JSON")
    }

    fn read(text: &str) -> Request<Body> {
        request(event(text)).expect("a fixture is an event").expect("a fixture is a request")
    }

    async fn body(request: Request<Body>) -> String {
        let bytes = request.into_body().collect().await.expect("in memory").to_bytes();
        String::from_utf8(bytes.into()).expect("text")
    }

    #[tokio::test]
    async fn query_headers_and_cookies_arrive_as_they_were_sent() {
        let request = read(include_str!("../events/list-calls.json"));
        assert_eq!(request.method(), Method::GET);
        assert_eq!(request.uri().path(), "/calls");
        let query = "client_id=acme%20%26%20sons&from=2026-11-21T09%3A00%3A00%2B01%3A00&limit=2";
        assert_eq!(request.uri().query(), Some(query));
        assert_eq!(request.headers()["x-forwarded-for"], "203.0.113.7");
        assert_eq!(request.headers()[header::COOKIE], "session=1; theme=dark");
        assert_eq!(body(request).await, "");
    }

    #[tokio::test]
    async fn bodies_arrive_as_bytes() {
        let post = read(include_str!("../events/post-json.json"));
        assert_eq!(post.method(), Method::POST);
        assert_eq!(body(post).await, r#"{"call_id":"call-1","notes":"grüß"}"#);
        let lines = read(include_str!("../events/post-ndjson.json"));
        assert_eq!(body(lines).await, "{\"call_id\":\"call-1\",\"notes\":\"grüß\"}\n{\"call_id\":\"call-2\"}\n");
    }

    #[test]
    fn what_api_gateway_decoded_in_a_path_is_encoded_again() {
        let request = read(include_str!("../events/get-call.json"));
        assert_eq!(request.uri().path(), "/calls/a%20b/%C3%BC%3F%23%25%202F");
        for (raw, encoded) in [
            ("", "/"),
            ("health", "/health"),
            ("//calls", "//calls"),
            ("/calls/a%20b", "/calls/a%20b"),
            ("/calls/100%", "/calls/100%25"),
            ("/calls/100%zz", "/calls/100%25zz"),
            ("/calls/ü\n\u{0}", "/calls/%C3%BC%0A%00"),
        ] {
            assert_eq!(path(raw), encoded);
            assert_eq!(Uri::try_from(path(raw)).expect("a path").path(), encoded);
        }
    }

    #[test]
    fn an_impossible_query_string_is_the_callers_fault() {
        let mut event = event(include_str!("../events/health.json"));
        event["rawQueryString"] = "a=\u{7f}".into();
        let problem = request(event).expect("an event").expect_err("no query string");
        assert_eq!(problem.status(), http::StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_header_that_is_no_plain_text_fails_nothing() {
        let mut event = event(include_str!("../events/health.json"));
        event["headers"]["x-name"] = "Müller\u{7f}".into();
        event["headers"]["no header"] = "x".into();
        let request = request(event).expect("an event").expect("a request");
        assert_eq!(request.headers()[header::USER_AGENT], "curl/8.9.1");
        assert!(!request.headers().contains_key("x-name"));
    }

    #[test]
    fn asking_how_we_are_counts_for_nothing() {
        let of = |path: &str| is_work(&serde_json::json!({"rawPath": path}));
        assert!(!of("/health") && !of("/ready") && !is_work(&event(include_str!("../events/probe.json"))));
        for work in ["/calls", "/", "", "/health/", "/healthy", "//health"] {
            assert!(of(work), "{work} is not counted");
        }
        assert!(is_work(&event("{}")), "an event that is none of ours is not counted");
    }

    #[test]
    fn other_events_are_refused() {
        for other in ["{}", r#"{"Records":[]}"#, r#"{"lockgate":"prob"}"#, "[]", "null"] {
            assert!(matches!(request(event(other)), Err(Error::Event(_))), "{other} was taken for a request");
        }
        let mut broken = event(include_str!("../events/post-ndjson.json"));
        broken["body"] = "no base64".into();
        assert!(matches!(request(broken), Err(Error::Event(_))));
    }
}
