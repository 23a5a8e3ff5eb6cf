//! A small HTTP/1.1 server and client on loopback, for what the stand-ins speak.

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

/// A whole request.
pub type Asked = Request<Bytes>;
/// A whole answer.
pub type Answer = Response<Full<Bytes>>;

/// A listener on a free port of 127.0.0.1, and `127.0.0.1:<port>`.
///
/// # Errors
/// If the system has no port.
pub async fn listen() -> Result<(TcpListener, String)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("failed to listen on 127.0.0.1")?;
    let address = listener.local_addr()?.to_string();
    Ok((listener, address))
}

/// Answers every request by `handle`, for ever: abort the task to stop.
pub async fn serve<F, A>(listener: TcpListener, handle: F)
where
    F: Fn(Asked) -> A + Clone + Send + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        let handle = handle.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let handle = handle.clone();
            async move {
                let (head, body) = request.into_parts();
                let answer = match body.collect().await {
                    Ok(body) => handle(Request::from_parts(head, body.to_bytes())).await,
                    Err(broken) => answer(400, format!("the request broke off: {broken}")),
                };
                Ok::<_, Infallible>(answer)
            }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// An answer with this status and body.
pub fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

/// A client for plain HTTP; keeps connections.
#[must_use]
pub fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// If there is none; any status is an answer.
pub async fn send(
    client: &Client<HttpConnector, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>> {
    let shown = format!("{} {}", request.method(), request.uri());
    let answer = client.request(request).await.with_context(|| format!("failed to ask {shown}"))?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.with_context(|| format!("failed to read the answer to {shown}"))?;
    Ok(Response::from_parts(head, body.to_bytes()))
}
