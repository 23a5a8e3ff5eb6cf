//! Whether a release that has all the traffic answers: each function by its probe through its alias, and the service by its
//! health URL, the way its callers come.

use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::http::{Client, on_this_machine};

/// How long one answer may take.
const WITHIN: Duration = Duration::from_secs(10);

/// How often it is tried. What sits before the alias may need a moment after a move.
const TRIES: u32 = 3;

/// The pause before another try.
const PAUSE: Duration = Duration::from_secs(1);

/// More of an answer is not read, in bytes.
const LIMIT: usize = 1 << 20;

/// Asks the health URL, which has to answer 200.
///
/// # Errors
/// If it does not, three times: with what it answered last.
pub(super) async fn health(url: &str) -> Result<()> {
    let client = Client::default();
    let (place, host) = on_this_machine(url);
    let headers: Vec<_> = host.map(|host| ("host", host)).into_iter().collect();
    let mut said = String::new();
    for attempt in 1..=TRIES {
        said = match client.get(&place, &headers, LIMIT, WITHIN).await {
            Ok(answer) if answer.status == 200 => return Ok(()),
            Ok(answer) => format!("it answers {}", answer.status),
            Err(trouble) => trouble.to_string(),
        };
        if attempt < TRIES {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Err(anyhow!("the health URL {url} does not answer 200: {said}"))
}
