//! What happens to every request on its way in and out: it has an id, a time limit and a log line, and what is wrong
//! with it is told as a problem.

use crate::problem::{self, Problem};
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use lambda_runtime::tracing::Level;
use lambda_runtime::tracing::subscriber::fmt;
use std::time::{Duration, Instant};

/// The id under which the logs know a request: Lambda's own, or a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// API Gateway gives up after 30 seconds; an answer that says so has to come before.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>
const TIME_LIMIT: Duration = Duration::from_secs(25);

/// Ends what takes too long. Every route may be dropped half-way: each of its writes is whole by itself, and repeating the
/// request goes on where it stopped.
pub async fn time_limit(request: Request, next: Next) -> Response {
    let late = || Problem::unavailable("this took too long; the same request again goes on", "time limit");
    match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => late().into_response(),
    }
}

/// The outermost layer: completes the answer and writes one line about it. Neither query strings nor bodies are logged.
pub async fn observe(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let response = complete(next.run(request).await, &id);
    let status = response.status().as_u16();
    let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
    match response.extensions().get::<Problem>() {
        Some(problem) if status >= 500 => {
            tracing::error!(%method, route, status, duration_ms, cause = problem.cause(), "failed");
        }
        _ => tracing::info!(%method, route, status, duration_ms, "answered"),
    }
    response
}

/// Writes the problem into an answer of 400 and above, and forbids everybody to store or guess at any answer.
pub fn complete(mut response: Response, request_id: &str) -> Response {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| Problem::of_status(status));
        let body = problem.body(request_id);
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
        *response.body_mut() = Body::from(body);
        response.extensions_mut().insert(problem);
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// How an answer counts in the metrics. That something is not there is a right answer to whoever asks for it.
#[must_use]
pub fn count(status: StatusCode) -> call_model::metrics::Metrics {
    let mut metrics = call_model::metrics::Metrics::default();
    match status {
        StatusCode::NOT_FOUND => metrics.handled = 1,
        status if status.is_server_error() => metrics.failed = 1,
        status if status.is_client_error() => metrics.rejected = 1,
        _ => metrics.handled = 1,
    }
    metrics
}

/// Log lines as JSON on standard output, with the fields of the request's span.
pub fn init_logs() {
    // Never below INFO, whatever Lambda is told: the SDK's own debug lines would repeat whole items.
    fmt().json().with_target(false).with_max_level(Level::INFO).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wrong_request_is_rejected_and_only_our_fault_failed() {
        for (status, counted) in
            [(200, [1, 0, 0]), (202, [1, 0, 0]), (404, [1, 0, 0]), (400, [0, 0, 1]), (503, [0, 1, 0])]
        {
            let metrics = count(StatusCode::from_u16(status).expect("a status"));
            assert_eq!([metrics.handled, metrics.failed, metrics.rejected], counted, "{status}");
        }
    }
}
