//! Requests that are no calls of an SDK: through the SDK's own HTTP client, so that proxies, certificates and timeouts are
//! the same everywhere (<https://docs.rs/aws-smithy-http-client>).

use std::{error::Error, fmt, io::Write, time::Duration};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use jiff::Timestamp;

use crate::aws::{self, CONNECT};

/// An HTTP client; its connections are shared by all requests made with it, an SDK's included.
#[derive(Clone, Debug)]
pub struct Client(SharedHttpConnector);

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// Its status, 100 to 599.
    pub status: u16,
    /// How long the server asks to wait before the next try.
    pub retry_after: Option<Duration>,
    /// Its body; at most as long as the request allowed.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Trouble {
    /// The request cannot be made at all: another try does not help.
    Request(String),
    /// The connection failed, broke, or took too long: another try may help.
    Transport(String),
    /// The answer is longer than this many bytes.
    TooLong(usize),
    /// The server says no, and after which time to ask again if it says that.
    Status(u16, Option<Duration>),
}

impl Trouble {
    /// Whether the same request may succeed a little later.
    #[must_use]
    pub fn heals(&self) -> bool {
        matches!(self, Self::Transport(_) | Self::Status(429 | 500.., _))
    }
}

/// How many redirections a download follows; GitHub's releases need one.
const REDIRECTIONS: usize = 5;

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(why) | Self::Transport(why) => f.write_str(why),
            Self::TooLong(limit) => write!(f, "the answer is longer than {limit} bytes and was not read on"),
            Self::Status(status, _) => write!(f, "the server answered {status}"),
        }
    }
}

impl Error for Trouble {}

impl Default for Client {
    fn default() -> Self {
        Self(aws::connector(&HttpConnectorSettings::builder().connect_timeout(CONNECT).build(), None))
    }
}

impl Client {
    /// The same client for an SDK.
    #[must_use]
    pub fn for_sdk(&self) -> SharedHttpClient {
        let connector = self.0.clone();
        http_client_fn(move |_, _| connector.clone())
    }

    /// Gets `url` with these headers, at most `limit` bytes of body, within this time. A redirection is answered like
    /// anything else: whoever follows it decides which headers may go along.
    ///
    /// # Errors
    /// See [`Trouble`]; a status that says no is an answer, not an error.
    pub async fn get(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        limit: usize,
        within: Duration,
    ) -> Result<Answer, Trouble> {
        let read = async {
            let response = self.send(url, headers).await?;
            let status = response.status().as_u16();
            let retry_after = response.headers().get("retry-after").and_then(retry_after);
            let mut body = Vec::new();
            copy(response, &mut body, limit).await?;
            Ok(Answer { status, retry_after, body })
        };
        in_time(within, read).await
    }

    /// Writes what is behind `url` to `to`: at most `limit` bytes, within this time. It follows redirections, but only to
    /// where nobody on the way can read along: `https`, or this machine itself.
    ///
    /// # Errors
    /// See [`Trouble`]; what was written by then is to be thrown away.
    pub async fn download(
        &self,
        url: &str,
        to: &mut (impl Write + Send),
        limit: usize,
        within: Duration,
    ) -> Result<(), Trouble> {
        let follow = async {
            let mut url = url.to_owned();
            for _ in 0..=REDIRECTIONS {
                if !is_private(&url) {
                    return Err(Trouble::Request(format!("{url} is neither https nor on this machine")));
                }
                let response = self.send(&url, &[]).await?;
                match (response.status().as_u16(), response.headers().get("location")) {
                    (200, _) => return copy(response, to, limit).await,
                    // A relative one would need a parser for URLs, and no host of archives sends it.
                    (301 | 302 | 303 | 307 | 308, Some(next)) => url = next.to_owned(),
                    (status, _) => {
                        let wait = response.headers().get("retry-after").and_then(retry_after);
                        return Err(Trouble::Status(status, wait));
                    }
                }
            }
            Err(Trouble::Request(format!("more than {REDIRECTIONS} redirections, the last to {url}")))
        };
        in_time(within, follow).await
    }

    async fn send(&self, url: &str, headers: &[(&'static str, String)]) -> Result<HttpResponse, Trouble> {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_uri(url).map_err(|error| Trouble::Request(format!("no URL to send a request to: {error}")))?;
        for (name, value) in headers {
            let refused = |error| Trouble::Request(format!("the header {name} cannot be sent: {error}"));
            request.headers_mut().try_append(*name, value.clone()).map_err(refused)?;
        }
        self.0.call(request).await.map_err(|error| Trouble::Transport(chain(&error)))
    }
}

async fn in_time<T>(within: Duration, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    let late = || Trouble::Transport(format!("no whole answer within {} s", within.as_secs()));
    tokio::time::timeout(within, work).await.unwrap_or_else(|_| Err(late()))
}

async fn copy(response: HttpResponse, to: &mut (impl Write + Send), limit: usize) -> Result<(), Trouble> {
    let mut body = response.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Trouble::Transport(chain(&*error)))?;
        let Some(bytes) = frame.data_ref() else { continue };
        length += bytes.len();
        if length > limit {
            return Err(Trouble::TooLong(limit));
        }
        to.write_all(bytes).map_err(|error| Trouble::Request(format!("it cannot be written: {error}")))?;
    }
    Ok(())
}

/// Whether nobody can read along on the way to `url`. Loopback is for stand-ins.
#[must_use]
pub fn is_private(url: &str) -> bool {
    let local = ["127.0.0.1", "localhost", "[::1]"];
    url.starts_with("https://")
        || local.iter().any(|host| {
            let rest = url.strip_prefix("http://").and_then(|rest| rest.strip_prefix(host));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']) && !rest.contains('@'))
        })
}

/// A URL whose host is a name below `localhost`, as one that can be reached, and the host that the request names: these are
/// this machine (<https://www.rfc-editor.org/rfc/rfc6761#section-6.3>), which not every system's resolver knows.
#[must_use]
pub fn on_this_machine(url: &str) -> (String, Option<String>) {
    let parsed = url.parse::<http::Uri>().ok();
    let named = parsed.as_ref().and_then(http::Uri::authority).filter(|it| it.host().ends_with(".localhost"));
    match named {
        Some(authority) => {
            let port = authority.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
            (url.replacen(authority.as_str(), &format!("127.0.0.1{port}"), 1), Some(authority.to_string()))
        }
        None => (url.to_owned(), None),
    }
}

/// An error with its causes, each once.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// How long a server asks to wait, by the value of its header: <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
#[must_use]
pub fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(Timestamp::now())).unwrap_or_default())
}

/// `text` as a value within a URL's query (<https://www.rfc-editor.org/rfc/rfc3986#section-2.3>).
#[must_use]
pub fn query_value(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_value_cannot_start_another_parameter() {
        assert_eq!(query_value("a b&audience=ä"), "a%20b%26audience%3D%C3%A4");
        assert_eq!(query_value("sts.amazonaws.com"), "sts.amazonaws.com");
    }

    #[test]
    fn a_server_may_name_seconds_or_a_date() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO), "that was long ago");
        let later = retry_after("Tue, 31 Dec 2999 23:59:59 GMT").expect("a date");
        assert!(later > Duration::from_secs(3600), "{later:?}");
        assert_eq!(retry_after("soon"), None);
    }

    #[test]
    fn only_https_and_this_machine_are_private() {
        for url in ["https://example.com/x", "http://127.0.0.1:80/x", "http://localhost/x", "http://[::1]:1"] {
            assert!(is_private(url), "{url}");
        }
        for url in
            ["http://example.com", "http://127.0.0.1.example.com/", "http://127.0.0.1:x@example.com/", "file:///x"]
        {
            assert!(!is_private(url), "{url}");
        }
    }

    #[test]
    fn names_below_localhost_are_this_machine() {
        let (place, host) = on_this_machine("http://a1.execute-api.localhost:4566/health");
        assert_eq!(
            (place.as_str(), host.as_deref()),
            ("http://127.0.0.1:4566/health", Some("a1.execute-api.localhost:4566"))
        );
        for url in
            ["https://api.example.com/health", "http://localhost:1/", "https://x.localhost.example.com/", "no url"]
        {
            assert_eq!(on_this_machine(url), (url.to_owned(), None));
        }
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_no_matter_for_another_try() {
        let client = Client::default();
        let get = |url: &'static str| client.get(url, &[], 10, CONNECT);
        assert!(matches!(get("not a url").await, Err(Trouble::Request(_))));
        assert!(matches!(get("http://127.0.0.1:1/").await, Err(Trouble::Transport(_))));
    }
}
