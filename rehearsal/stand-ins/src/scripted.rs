//! A server on loopback that answers as a test says: what real services show too rarely, broken connections included.
//!
//! What it does not do: TLS, HTTP/2, or anything that no script asked for. It runs on a thread of its own, so that a test
//! may block on a child process, and ends when it is dropped.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its path, with the query if there is one.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// What was read of its body: all, unless a [`Gate`] ended it.
    pub body: Bytes,
}

impl Request {
    /// A header's value, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Answer {
    /// The whole response.
    Full(Response<Bytes>),
    /// Head and first half of a response whose length is announced in full; then the connection ends.
    Half(Response<Bytes>),
    /// No response: the connection is reset (TCP RST), after the request was read.
    Reset,
    /// No response, and the connection stays.
    Hang,
    /// The other answer, once somebody calls `notify_one`.
    After(Arc<Notify>, Box<Self>),
}

impl Answer {
    /// A response without headers and body.
    ///
    /// # Panics
    /// If `code` is no status of HTTP.
    #[expect(clippy::expect_used, reason = "a script with such a status is a wrong test")]
    #[must_use]
    pub fn status(code: u16) -> Self {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::from_u16(code).expect("a status of HTTP");
        Self::Full(response)
    }

    /// The same with a header more.
    ///
    /// # Panics
    /// If name or value are none of HTTP's.
    #[expect(clippy::expect_used, reason = "a script with such a header is a wrong test")]
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Full(response) | Self::Half(response) = &mut self {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            response.headers_mut().append(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        if let Self::Full(response) | Self::Half(response) = &mut self {
            *response.body_mut() = body.into();
        }
        self
    }

    /// The same, but only half of its body arrives.
    #[must_use]
    pub fn half(self) -> Self {
        match self {
            Self::Full(response) => Self::Half(response),
            other => other,
        }
    }
}

/// What happens once a request's head is there, before its body is read.
#[derive(Debug)]
pub enum Gate {
    /// The body is read, then the handler answers.
    Read,
    /// The connection is reset when this many bytes of the body (or all of it) were read.
    ResetAfter(usize),
    /// This is the answer; the body is not read.
    Answer(Answer),
}

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;
type Gatekeeper = dyn Fn(&Request) -> Gate + Send + Sync;

struct Script {
    gate: Box<Gatekeeper>,
    handler: Box<Handler>,
    requests: Mutex<Vec<Request>>,
}

/// A scripted server; it ends when dropped.
pub struct Scripted {
    /// Where it listens: `http://127.0.0.1:<port>`.
    pub url: String,
    script: Arc<Script>,
    // Its thread ends when this is dropped.
    _stop: oneshot::Sender<()>,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripted").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Scripted {
    /// Starts one whose every request, read in full, `handler` answers.
    ///
    /// # Panics
    /// If the system has no free port or thread.
    pub fn start(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::gated(|_| Gate::Read, handler)
    }

    /// Starts one that gives these answers one after the other, whatever is asked, and 501 when there are no more.
    ///
    /// # Panics
    /// As [`Scripted::start`].
    #[must_use]
    pub fn list(answers: Vec<Answer>) -> Self {
        let answers = Mutex::new(answers.into_iter());
        Self::start(move |_| lock(&answers).next().unwrap_or_else(|| Answer::status(501)))
    }

    /// Starts one where `gate` sees each request's head first (with an empty body), for what breaks in mid upload.
    ///
    /// # Panics
    /// As [`Scripted::start`].
    #[expect(clippy::expect_used, reason = "tests want the message, not a result")]
    pub fn gated(
        gate: impl Fn(&Request) -> Gate + Send + Sync + 'static,
        handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let script = Script { gate: Box::new(gate), handler: Box::new(handler), requests: Mutex::default() };
        let script = Arc::new(script);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener that can be awaited");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&script);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener that can be awaited");
                tokio::select! {
                    _ = stopped => {}
                    () = accept(&listener, &served) => {}
                }
            });
        });
        Self { url, script, _stop: stop }
    }

    /// What was asked so far, in the order in which the requests were read.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.script.requests).clone()
    }
}

async fn accept(listener: &tokio::net::TcpListener, script: &Arc<Script>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(script)));
    }
}

async fn serve(stream: TcpStream, script: Arc<Script>) {
    let reset = Arc::new(Notify::new());
    let service = service_fn(|request| answer(&script, &reset, request));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // The client's errors are the test's business.
        _ = &mut connection => return,
        () = reset.notified() => {}
    }
    // Without lingering, dropping the socket sends RST instead of FIN.
    let stream = connection.into_parts().io.into_inner();
    let _ = stream.set_zero_linger();
}

async fn answer(
    script: &Script,
    reset: &Notify,
    request: hyper::Request<Incoming>,
) -> Result<Response<UnsyncBoxBody<Bytes, io::Error>>, Infallible> {
    let (head, mut incoming) = request.into_parts();
    let path = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let mut request = Request { method: head.method, path, headers: head.headers, body: Bytes::new() };
    let (limit, early) = match (script.gate)(&request) {
        Gate::Read => (usize::MAX, None),
        Gate::ResetAfter(bytes) => (bytes, Some(Answer::Reset)),
        Gate::Answer(answer) => (0, Some(answer)),
    };
    request.body = read(&mut incoming, limit).await;
    lock(&script.requests).push(request.clone());
    let mut answer = early.unwrap_or_else(|| (script.handler)(&request));
    loop {
        match answer {
            Answer::Full(response) => {
                return Ok(response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync()));
            }
            Answer::Half(mut response) => {
                let length = response.body().len();
                response.headers_mut().insert(http::header::CONTENT_LENGTH, length.into());
                return Ok(response.map(|body| Half::Start(body.slice(..length / 2)).boxed_unsync()));
            }
            Answer::Reset => reset.notify_one(),
            Answer::Hang => {}
            Answer::After(event, then) => {
                event.notified().await;
                answer = *then;
                continue;
            }
        }
        std::future::pending::<()>().await;
    }
}

async fn read(incoming: &mut Incoming, limit: usize) -> Bytes {
    let mut body = Vec::new();
    while body.len() < limit {
        match incoming.frame().await {
            Some(Ok(frame)) => body.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            _ => break,
        }
    }
    body.into()
}

/// Half a body, which breaks off.
enum Half {
    Start(Bytes),
    Flush,
    Broken,
}

impl Body for Half {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match std::mem::replace(&mut *self, Self::Broken) {
            Self::Start(bytes) => {
                *self = Self::Flush;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            // The server writes what it has when a body lets it wait.
            Self::Flush => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Broken => Poll::Ready(Some(Err(io::Error::other("the script ends here")))),
        }
    }
}

/// A handler that panicked is a test that fails anyway: what it left is still to be read.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
