//! Being asked to stop: a runner that cancels a job sends SIGINT, 7.5 s later SIGTERM, and 2.5 s later it kills.

use std::{error::Error, fmt, sync::OnceLock};

use anyhow::Result;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Whether it happened. Once somebody listens, the system no longer ends this process: nothing may be missed.
static ASKED: OnceLock<watch::Receiver<bool>> = OnceLock::new();

/// What was at work was stopped.
#[derive(Debug)]
pub struct Cancelled(pub String);

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was stopped, because this job was cancelled", self.0)
    }
}

impl Error for Cancelled {}

/// Listens from here on, so that [`was_asked`] knows.
pub fn listen() {
    told();
}

fn told() -> watch::Receiver<bool> {
    let begin = || {
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            signalled().await;
            let _ = tell.send(true);
        });
        told
    };
    ASKED.get_or_init(begin).clone()
}

/// Whether somebody asked this process to stop since it listens.
#[must_use]
pub fn was_asked() -> bool {
    ASKED.get().is_some_and(|asked| *asked.borrow())
}

/// Returns when somebody asks this process to stop, at once if that was before; never, where the system tells nobody.
pub async fn asked() {
    if told().wait_for(|asked| *asked).await.is_err() {
        std::future::pending().await
    }
}

async fn signalled() {
    let streams = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = streams else { return std::future::pending().await };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Does this to its end, unless somebody asks this process to stop.
///
/// # Errors
/// [`Cancelled`], naming `what`, if somebody does.
pub async fn unless_asked<T>(what: &str, work: impl Future<Output = T>) -> Result<T> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = asked() => Err(Cancelled(what.to_owned()).into()),
    }
}
