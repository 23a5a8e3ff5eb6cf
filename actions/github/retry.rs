//! Sends a request to GitHub, and again where waiting heals it: secondary rate limits with the time that GitHub names, and,
//! for what may be done twice, broken connections and 5xx.
//! <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately>

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{Method, Request, Response, request::Parts};
use http_body_util::{BodyExt, Full, Limited};
use octocrab::OctoBody;
use tokio::time::{Instant, sleep, timeout};

use super::pause;
use crate::{http::retry_after, runner};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// No answer of the API that we ask for is longer.
const LONGEST: usize = 64 << 20;

/// How long is waited for GitHub.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// One attempt, its answer read.
    pub attempt: Duration,
    /// All attempts with the waits between them.
    pub all: Duration,
    /// The first wait where GitHub names none.
    pub pause: Duration,
    /// How often something is tried.
    pub tries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        // A secondary limit asks for a minute or so.
        Self {
            attempt: Duration::from_secs(20),
            all: Duration::from_secs(180),
            pause: Duration::from_secs(1),
            tries: 5,
        }
    }
}

pub(super) async fn send(
    connector: SharedHttpConnector,
    patience: Patience,
    request: Request<OctoBody>,
) -> Result<Response<Full<Bytes>>, BoxError> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let begun = Instant::now();
    let mut tried = 0;
    loop {
        tried += 1;
        let answer = timeout(patience.attempt, once(&connector, &parts, body.clone())).await;
        let answer = answer
            .unwrap_or_else(|_| Err(format!("no whole answer within {} s", patience.attempt.as_secs_f32()).into()));
        let own = pause(patience.pause, tried);
        let wait = match &answer {
            // Nothing was done: so anything may be asked again.
            Ok(response) if limited(response) => named(response).unwrap_or(own),
            Ok(response) if response.status().is_server_error() && repeatable(&parts.method) => {
                named(response).unwrap_or(own)
            }
            Err(_) if repeatable(&parts.method) => own,
            _ => return answer,
        };
        if tried >= patience.tries || begun.elapsed().saturating_add(wait) > patience.all {
            return answer;
        }
        if wait > Duration::from_secs(5) {
            runner::say(format_args!("GitHub asks to wait {} s", wait.as_secs()));
        }
        sleep(wait).await;
    }
}

/// A comment that was posted twice is two comments.
fn repeatable(method: &Method) -> bool {
    method != Method::POST
}

/// Whether a limit refuses it. A permission that lacks is a 403, too, but names no time.
fn limited(response: &Response<Full<Bytes>>) -> bool {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    match response.status().as_u16() {
        429 => true,
        403 => header("retry-after").is_some() || header("x-ratelimit-remaining") == Some("0"),
        _ => false,
    }
}

/// How long GitHub asks to wait.
fn named(response: &Response<Full<Bytes>>) -> Option<Duration> {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    header("retry-after").and_then(retry_after).or_else(|| {
        let reset: u64 =
            header("x-ratelimit-reset").filter(|_| header("x-ratelimit-remaining") == Some("0"))?.parse().ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        Some(Duration::from_secs(reset.saturating_sub(now).saturating_add(1)))
    })
}

async fn once(connector: &SharedHttpConnector, parts: &Parts, body: Bytes) -> Result<Response<Full<Bytes>>, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method(parts.method.as_str())?;
    request.set_uri(parts.uri.to_string())?;
    for (name, value) in &parts.headers {
        request.headers_mut().try_append(name.as_str().to_owned(), value.to_str()?.to_owned())?;
    }
    let response = connector.call(request).await.map_err(|error| crate::http::chain(&error))?;
    let mut answer = Response::builder().status(response.status().as_u16());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    let body = Limited::new(response.into_body(), LONGEST).collect().await?.to_bytes();
    Ok(answer.body(Full::new(body))?)
}
