//! What functions print, kept in a file and told CloudWatch: off the way of the invocations, until it is waited for.

use super::metrics::{Waiting, counted, printed};
use super::{Account, Invoked};
use anyhow::{Context, Result};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

/// How often metrics are published while nobody waits for them; Lambda takes a minute.
const EVERY: Duration = Duration::from_millis(200);

/// What is told.
#[derive(Debug)]
pub enum Told {
    /// A line that a function printed.
    Line(String),
    /// An invocation ended.
    Invoked(Invoked),
    /// Somebody waits until everything before is written and published.
    Awaited(oneshot::Sender<Result<()>>),
}

/// Begins to write lines to `path` and to publish metrics, until the last sender is gone.
pub(super) fn listen(
    mut told: mpsc::UnboundedReceiver<Told>,
    path: &Path,
    account: Arc<OnceLock<Account>>,
) -> Result<()> {
    let mut file = File::create(path).with_context(|| format!("failed to write {}", path.display()))?;
    tokio::spawn(async move {
        let mut waiting = Waiting::default();
        let mut client = None;
        // The first failure that nobody has been told of.
        let mut failed = Ok(());
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let awaiting = tokio::select! {
                told = told.recv() => match told {
                    None => break,
                    Some(Told::Line(line)) => {
                        waiting.add(printed(&line));
                        failed = failed.and(writeln!(file, "{line}").context("failed to write what functions print"));
                        continue;
                    }
                    Some(Told::Invoked(invoked)) => {
                        waiting.add(counted(&invoked));
                        continue;
                    }
                    Some(Told::Awaited(awaiting)) => Some(awaiting),
                },
                _ = tick.tick(), if !waiting.is_empty() => None,
            };
            // Before the account is known nothing can have been invoked.
            if let Some(account) = account.get() {
                let client = client.get_or_insert_with(|| aws_sdk_cloudwatch::Client::new(&account.config));
                let published = waiting.publish(client).await;
                failed = failed.and(published);
            }
            if let Some(awaiting) = awaiting {
                // Whoever waited may have given up.
                let _ = awaiting.send(std::mem::replace(&mut failed, Ok(())));
            }
        }
    });
    Ok(())
}
