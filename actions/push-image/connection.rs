//! Connections to registries, one request at a time on each (HTTP/1.1): opened ahead, shared by all images, never to an
//! address of the runner's own network that the registry is not on.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::{legacy::connect::proxy::Tunnel, proxy::matcher::Matcher},
    rt::TokioIo,
};
use tokio::{
    net::{TcpStream, lookup_host},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

use super::{
    location::{Origin, is_private},
    reference::is_loopback,
    trouble::{Patience, Trouble},
};
use crate::{aws::CONNECT, http::chain};

/// How many requests are under way at once, at most.
pub(super) const CONCURRENT: usize = 16;

/// The most bytes of an answer that are read: answers here are headers, or an error in JSON.
const ANSWER: usize = 4 << 20;

/// How many connections in a row may end before a byte went out: idle ones do, so there may be as many as were opened.
const ENDED: usize = CONCURRENT + 4;

/// What a request carries.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The bytes of a body that went out, by which a slow upload differs from one that hangs.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(super) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

type Sender = SendRequest<Body>;
type Stream = BoxCloneSyncService<Uri, TokioIo<TcpStream>, io::Error>;

enum Idle {
    Ready(Sender),
    Opening(JoinHandle<Result<Sender, Trouble>>),
}

/// All connections of one push.
pub(super) struct Pool {
    connector: HttpsConnector<Stream>,
    idle: Mutex<HashMap<Origin, Vec<Idle>>>,
    requests: Semaphore,
    patience: Patience,
}

impl Pool {
    /// Makes one that may also connect to `homes` when they are in a private network.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub(super) fn new(homes: Vec<Origin>, patience: Patience) -> Result<Arc<Self>> {
        let homes: Arc<[Origin]> = homes.into();
        let proxies = Arc::new(Matcher::from_env());
        let stream = service_fn(move |uri: Uri| stream(uri, Arc::clone(&homes), Arc::clone(&proxies)).boxed());
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .context("the system's certificates cannot be read; install the package ca-certificates")?
            .https_or_http()
            .enable_http1()
            .wrap_connector(BoxCloneSyncService::new(stream));
        Ok(Arc::new(Self { connector, idle: Mutex::default(), requests: Semaphore::new(CONCURRENT), patience }))
    }

    /// Begins to open this many connections, for requests to come.
    pub(super) fn warm(self: &Arc<Self>, origin: &Origin, count: usize) {
        for _ in 0..count.min(CONCURRENT) {
            let (pool, to) = (Arc::clone(self), origin.clone());
            let opening = tokio::spawn(async move { pool.connect(&to).await });
            self.idle().entry(origin.clone()).or_default().push(Idle::Opening(opening));
        }
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// Whatever happens to the connection passes; no status is an error here.
    pub(super) async fn send(
        self: &Arc<Self>,
        origin: &Origin,
        mut request: Request<Body>,
        progress: &Progress,
    ) -> Result<Answer, Trouble> {
        let _one_of_few = self.requests.acquire().await.map_err(Trouble::passing)?;
        let length =
            request.headers().get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        for _ in 0..ENDED {
            let mut sender = self.sender(origin).await?;
            let sent = self.patiently(sender.try_send_request(request), progress).await?;
            let response = match sent {
                Ok(response) => response,
                Err(mut error) => match error.take_message() {
                    // The connection had ended before a byte of it went out: that was no attempt.
                    Some(unsent) => {
                        request = unsent;
                        continue;
                    }
                    None => return Err(broken(origin, &error.into_error())),
                },
            };
            let (head, mut incoming) = response.into_parts();
            let mut body = Vec::new();
            while let Some(frame) = self.patiently(incoming.frame(), progress).await? {
                let frame = frame.map_err(|error| broken(origin, &error))?;
                body.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                if body.len() > ANSWER {
                    return Err(Trouble::passing(format_args!("{origin} answers more than {ANSWER} bytes")));
                }
            }
            // An answer before the request's end leaves a connection on which nothing else can be asked.
            if length.is_none_or(|length: u64| progress.get() >= length) {
                self.idle().entry(origin.clone()).or_default().push(Idle::Ready(sender));
            }
            return Ok(Answer { status: head.status, headers: head.headers, body: body.into() });
        }
        Err(ends(origin))
    }

    /// A connection that takes a request: an idle one, one that is being opened, or a new one.
    async fn sender(self: &Arc<Self>, origin: &Origin) -> Result<Sender, Trouble> {
        for _ in 0..ENDED {
            let idle = {
                let mut idle = self.idle();
                let idle = idle.entry(origin.clone()).or_default();
                let ready = idle.iter().rposition(|idle| matches!(idle, Idle::Ready(_)));
                match ready {
                    Some(place) => Some(idle.remove(place)),
                    None => idle.pop(),
                }
            };
            let mut sender = match idle {
                Some(Idle::Ready(sender)) => sender,
                Some(Idle::Opening(opening)) => match opening.await.map_err(Trouble::passing)? {
                    Ok(sender) => sender,
                    Err(trouble) => {
                        // The others were opened at the same moment: the next attempt is to open its own.
                        self.idle().remove(origin);
                        return Err(trouble);
                    }
                },
                None => self.connect(origin).await?,
            };
            // Also waits for the moment between an answer's end and the connection's being free.
            if matches!(timeout(CONNECT, sender.ready()).await, Ok(Ok(()))) {
                return Ok(sender);
            }
        }
        Err(ends(origin))
    }

    async fn connect(&self, origin: &Origin) -> Result<Sender, Trouble> {
        let uri = origin.uri().map_err(|error| Trouble::Lasting(crate::failure::Failure::Usage(error)))?;
        let stream = timeout(CONNECT, self.connector.clone().oneshot(uri)).await.map_err(|_| {
            Trouble::passing(format_args!("{origin} cannot be reached: no connection after {} s", CONNECT.as_secs()))
        })?;
        let stream = stream.map_err(|error| match refused(error.as_ref()) {
            Some(why) => Trouble::Lasting(crate::failure::Failure::World(anyhow::anyhow!("{why}"))),
            None => Trouble::passing(format_args!("{origin} cannot be reached: {}", chain(error.as_ref()))),
        })?;
        let shaken = http1::handshake(stream).await;
        let (sender, connection) = shaken.map_err(|error| broken(origin, &error))?;
        // It ends when the sender is dropped; its errors reach whoever waits for an answer.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Waits for `future` as long as bytes of the body go out.
    async fn patiently<T>(&self, future: impl Future<Output = T>, progress: &Progress) -> Result<T, Trouble> {
        let mut future = std::pin::pin!(future);
        let mut seen = progress.get();
        loop {
            if let Ok(done) = timeout(self.patience.stall, &mut future).await {
                return Ok(done);
            }
            let now = progress.get();
            if now == seen {
                return Err(Trouble::passing(format_args!("nothing moved for {:?}", self.patience.stall)));
            }
            seen = now;
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, HashMap<Origin, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A TCP connection, through the proxy that `HTTPS_PROXY` and `NO_PROXY` name if there is one.
async fn stream(uri: Uri, homes: Arc<[Origin]>, proxies: Arc<Matcher>) -> io::Result<TokioIo<TcpStream>> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let near = |home: &Origin| home.host == host || (is_loopback(&home.host) && is_loopback(&host));
    let trusted = homes.iter().any(near);
    let proxy = if is_loopback(&host) { None } else { proxies.intercept(&uri) };
    let Some(proxy) = proxy else { return direct(&uri, trusted).await };
    // The proxy looks names up; what is an address already can be judged here.
    if let (false, Ok(address)) = (trusted, host.parse()) {
        refuse_private(&host, address)?;
    }
    let mut tunnel = Tunnel::new(proxy.uri().clone(), service_fn(|uri: Uri| async move { direct(&uri, true).await }));
    if let Some(login) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(login.clone());
    }
    tunnel.oneshot(uri).await.map_err(io::Error::other)
}

async fn direct(uri: &Uri, trusted: bool) -> io::Result<TokioIo<TcpStream>> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    // The addresses that are judged are those that are connected to: a second look-up might answer otherwise.
    let addresses: Vec<SocketAddr> = lookup_host((host, port)).await?.collect();
    if !trusted {
        addresses.iter().try_for_each(|address| refuse_private(host, address.ip()))?;
    }
    let stream = TcpStream::connect(&addresses[..]).await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(stream))
}

/// The registry sends the upload where it has no business.
#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

fn refuse_private(host: &str, address: IpAddr) -> io::Result<()> {
    let why = || {
        Refused(format!(
            "the registry sends the upload to {host} ({address}), an address in this machine's own network, where the \
             registry itself is not; that is refused: look at the registry's settings, and at who answers for it"
        ))
    };
    if is_private(address) { Err(io::Error::other(why())) } else { Ok(()) }
}

fn refused<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Refused> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // What an I/O error wraps is not among its causes.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(refused) = wrapped.and_then(|error| error.downcast_ref()) {
            return Some(refused);
        }
        cause = error.source();
    }
    None
}

fn ends(origin: &Origin) -> Trouble {
    Trouble::passing(format_args!("{origin} ends every connection before it takes a request"))
}

fn broken(origin: &Origin, error: &hyper::Error) -> Trouble {
    Trouble::passing(format_args!("the connection to {origin} broke: {}", chain(error)))
}
