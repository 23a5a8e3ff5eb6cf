//! What can go wrong with a request, and what heals by asking again.

use std::{fmt, time::Duration};

use ::http::{HeaderMap, header::RETRY_AFTER};
use anyhow::anyhow;

use crate::{failure::Failure, http, runner};

/// How long the client waits for others, and how often it tries.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often one thing is tried in all.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles with each.
    pub backoff: Duration,
    /// The longest wait between attempts; a registry that asks for more is not waited for.
    pub longest: Duration,
    /// How long nothing may move on a connection: no byte of ours taken, no byte of an answer given.
    pub stall: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 5,
            backoff: Duration::from_millis(250),
            longest: Duration::from_secs(60),
            stall: Duration::from_secs(60),
        }
    }
}

/// Why a request came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The same may succeed later, at the earliest after `wait` if the registry named a time.
    Passing { why: String, wait: Option<Duration> },
    /// It will not succeed again.
    Lasting(Failure),
}

impl Trouble {
    pub(super) fn passing(why: impl fmt::Display) -> Self {
        Self::Passing { why: why.to_string(), wait: None }
    }
}

/// The wait that an answer asks for.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    http::retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?)
}

/// Does `what` until it succeeds, fails for good, or was tried often enough. `attempt` gets the number of attempts before.
pub(super) async fn attempts<T>(
    what: impl fmt::Display,
    patience: &Patience,
    mut attempt: impl AsyncFnMut(u32) -> Result<T, Trouble>,
) -> Result<T, Failure> {
    let mut tried = 0;
    loop {
        let (why, asked) = match attempt(tried).await {
            Ok(done) => return Ok(done),
            Err(Trouble::Lasting(failure)) => return Err(failure),
            Err(Trouble::Passing { why, wait }) => (why, wait),
        };
        tried += 1;
        let world = |why: String| Failure::World(anyhow!("{what} failed: {why}"));
        if tried >= patience.attempts {
            return Err(world(format!("{why}; tried {tried} times, run it again later")));
        }
        let own = patience.backoff.saturating_mul(1 << (tried - 1).min(16)).min(patience.longest);
        // Those who failed together should not come back together.
        let share = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        let wait = asked.unwrap_or_else(|| own.mul_f64(0.5 + share / 2.0));
        if wait > patience.longest {
            let seconds = (wait.as_secs(), patience.longest.as_secs());
            return Err(world(format!(
                "{why}, and asks to wait {} s; no more than {} s is waited",
                seconds.0, seconds.1
            )));
        }
        runner::say(format_args!("{what}: {why}; attempt {} of {} in {wait:.1?}", tried + 1, patience.attempts));
        tokio::time::sleep(wait).await;
    }
}
