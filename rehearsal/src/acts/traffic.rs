//! Traffic while a canary runs: small files land, one after another, and become calls that nobody has seen before.

use crate::stage::Stage;
use anyhow::{Context, Result};
use aws_sdk_s3::primitives::ByteStream;
use serde_json::json;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Between two files: fast enough for a verdict within seconds.
const PAUSE: Duration = Duration::from_millis(150);

/// Calls in a file.
const CALLS: usize = 6;

/// Files that land until it is stopped.
pub(super) struct Traffic {
    stop: oneshot::Sender<()>,
    landing: JoinHandle<Result<usize>>,
}

impl Traffic {
    /// Begins, in this bucket.
    pub(super) fn start(stage: &Stage, act: &str, bucket: &str) -> Self {
        let (s3, bucket) = (aws_sdk_s3::Client::new(&stage.sdk), bucket.to_owned());
        let (stop, mut stopped) = oneshot::channel();
        let act = act.to_owned();
        let landing = tokio::spawn(async move {
            for number in 0.. {
                let put = s3.put_object().bucket(&bucket).key(format!("calls/{act}/{number:05}.ndjson"));
                put.body(ByteStream::from(file(&act, number).into_bytes()))
                    .send()
                    .await
                    .context("failed to land a file")?;
                tokio::select! {
                    _ = &mut stopped => return Ok(number + 1),
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
            Ok(0)
        });
        Self { stop, landing }
    }

    /// Ends it; how many files landed.
    pub(super) async fn stop(self) -> Result<usize> {
        // It may have ended by an error, which is told below.
        let _ = self.stop.send(());
        self.landing.await.context("the traffic's task ended")?
    }
}

fn file(act: &str, number: usize) -> String {
    let call = |line: usize| {
        let call = json!({
            "call_id": format!("{act}-{number:05}-{line}"), "client_id": format!("client-{act}"), "agent_id": "agent-1",
            "started_at": "2026-01-15T09:30:00Z", "duration_seconds": 60, "direction": "inbound",
            "phone": "+49 30 1234567", "topic": "invoice", "outcome": "resolved", "notes": "",
        });
        call.to_string() + "\n"
    };
    (0..CALLS).map(call).collect()
}
