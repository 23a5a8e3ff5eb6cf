//! The same routes as plain HTTP, for containers and Kubernetes, where no API Gateway authorises.

use crate::app::App;
use crate::config::{ConfigError, Listen, Trust};
use crate::jwt::Verifier;
use crate::observe::{self, RequestId};
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::Instrument;
use uuid::Uuid;

/// Why there is no server, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Its configuration does not do.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system refused.
    #[error("cannot listen: {0}; is the address this machine's, and the port free?")]
    Io(#[from] io::Error),
}

/// How long running requests have after a signal to stop.
const DRAIN: Duration = Duration::from_secs(30);

/// Serves until SIGTERM or SIGINT, then finishes the requests that are running.
///
/// # Errors
/// [`ListenError`]: the address cannot be listened on, or the issuer cannot be trusted.
pub async fn serve(app: App, listen: Listen) -> Result<(), ListenError> {
    let router = router(&app, listen.trust)?;
    let listener = TcpListener::bind(listen.address).await?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tracing::info!(address = %listener.local_addr()?, "listening");
    let (stop, stopping) = watch::channel(());
    let stopped = || {
        let mut stopping = stopping.clone();
        async move { while stopping.changed().await.is_ok() {} }
    };
    let server = axum::serve(listener, router).with_graceful_shutdown(stopped()).into_future();
    let signals = async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("stopping");
        drop(stop);
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        result = server => Ok(result?),
        () = signals => Ok(()),
    }
}

/// The routes, each but `/health` behind the issuer's tokens if there is an issuer.
///
/// # Errors
/// [`ConfigError::Invalid`] if the issuer cannot be trusted.
pub fn router(app: &App, trust: Option<Trust>) -> Result<Router, ConfigError> {
    let mut router = app.router();
    if let Some(trust) = trust {
        router = router.layer(from_fn_with_state(Arc::new(Verifier::new(trust)?), authorise));
    }
    Ok(router.layer(from_fn(observe::observe)).layer(from_fn(name)))
}

async fn authorise(State(verifier): State<Arc<Verifier>>, request: Request, next: Next) -> Response {
    if request.uri().path() == "/health" {
        return next.run(request).await;
    }
    let verified = match bearer(request.headers()) {
        Some(token) => verifier.verify(token).await,
        None => Err(Problem::new(StatusCode::UNAUTHORIZED, "send `Authorization: Bearer` and a token")),
    };
    match verified {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Gives a request its id, and every log line about it that id and the caller's trace.
/// <https://www.w3.org/TR/trace-context/>
async fn name(mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let trace = request.headers().get("traceparent").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let span = tracing::info_span!("request", requestId = id, traceId = trace.get(3..35).unwrap_or_default());
    request.extensions_mut().insert(RequestId(id));
    next.run(request).instrument(span).await
}
