//! Lambda's control plane takes 15 calls a second for a whole account and region, Terraform's included (GetFunction and
//! invocations have quotas of their own): <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The time that a call has to itself in the long run: 12 calls a second, which leaves some to others.
const EACH: Duration = Duration::from_micros(1_000_000 / 12);

/// So many calls may come at once.
const BURST: u32 = 12;

/// The pace of this process.
static LAMBDA: Pace = Pace(Mutex::new(None));

/// Waits until one more call of Lambda's control plane is in order.
pub(crate) async fn lambda() {
    tokio::time::sleep(LAMBDA.wait(Instant::now())).await;
}

/// When the calls so far have had their time.
struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// How long a call has to wait that is to be made now.
    fn wait(&self, now: Instant) -> Duration {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = spent.map_or(now, |spent| spent.max(now));
        *spent = Some(begins + EACH);
        (begins - now).saturating_sub(EACH * (BURST - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trap_34_a_burst_passes_and_more_calls_than_lambda_takes_wait() {
        let (pace, now) = (Pace(Mutex::new(None)), Instant::now());
        let waits: Vec<_> = (0..36).map(|_| pace.wait(now)).collect();
        assert!(waits[..12].iter().all(Duration::is_zero), "{waits:?}");
        assert!(waits[35] > Duration::from_millis(1900) && waits[35] < Duration::from_millis(2100), "{:?}", waits[35]);
        let later = now + Duration::from_secs(60);
        assert!(pace.wait(later).is_zero(), "who waited long enough owes nothing");
    }
}
