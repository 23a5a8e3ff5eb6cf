//! Being asked to stop: a runner that cancels a job sends SIGINT, 7.5 s later SIGTERM, and 2.5 s later it kills.

use anyhow::{Result, bail};
use tokio::signal::unix::{SignalKind, signal};

/// Returns when somebody asks this process to stop; never, where the system tells nobody.
pub async fn asked() {
    let streams = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = streams else { return std::future::pending().await };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Does this to its end, unless somebody asks this process to stop meanwhile. Whoever has waited for that once
/// ([`asked`]) is no longer ended by the system.
///
/// # Errors
/// If somebody does: `what` was stopped.
pub async fn unless_asked<T>(what: &str, work: impl Future<Output = T>) -> Result<T> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = asked() => bail!("{what} was stopped, because this job was cancelled"),
    }
}
