//! Being asked to stop: a runner that cancels a job sends SIGINT, 7.5 s later SIGTERM, and 2.5 s later it kills.

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
