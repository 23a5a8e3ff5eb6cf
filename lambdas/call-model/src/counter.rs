//! One item of the counter table: sums over the calls of one client on one day.

use crate::{Direction, Outcome, SilverCall};
use serde::{Deserialize, Serialize};

/// Sums over the calls of one client on one (UTC) day.
///
/// Partition key `client_id`, sort key `day`; index `by_day`: `day`, then `client_id`. Fields are top-level numbers so
/// that one `ADD` changes them all; an absent field is 0. Beside them every write sets `schema` (see [`crate::SCHEMA`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Counter {
    /// Whose calls.
    pub client_id: String,
    /// `YYYY-MM-DD`, UTC.
    pub day: String,
    /// How many.
    pub calls: i64,
    /// How long together, in seconds.
    pub duration_seconds: i64,
    /// Calls with `direction` inbound.
    pub inbound: i64,
    /// Calls with `direction` outbound.
    pub outbound: i64,
    /// Calls with `outcome` resolved.
    pub resolved: i64,
    /// Calls with `outcome` escalated.
    pub escalated: i64,
    /// Calls with `outcome` abandoned.
    pub abandoned: i64,
    /// Calls that broke the service level.
    pub sla_breaches: i64,
}

impl Counter {
    /// The names of the sums, as they stand in the item.
    pub const SUMS: [&'static str; 8] =
        ["calls", "duration_seconds", "inbound", "outbound", "resolved", "escalated", "abandoned", "sla_breaches"];

    /// An empty counter for this client and day.
    #[must_use]
    pub fn new(client_id: &str, day: &str) -> Self {
        Self { client_id: client_id.to_owned(), day: day.to_owned(), ..Self::default() }
    }

    /// What this call alone amounts to.
    #[must_use]
    pub fn of(call: &SilverCall) -> Self {
        Self {
            client_id: call.client_id.clone(),
            day: call.day.clone(),
            calls: 1,
            duration_seconds: i64::try_from(call.duration_seconds).unwrap_or(i64::MAX),
            inbound: i64::from(call.direction == Direction::Inbound),
            outbound: i64::from(call.direction == Direction::Outbound),
            resolved: i64::from(call.outcome == Outcome::Resolved),
            escalated: i64::from(call.outcome == Outcome::Escalated),
            abandoned: i64::from(call.outcome == Outcome::Abandoned),
            sla_breaches: i64::from(call.sla_breach),
        }
    }

    /// The sums in the order of [`Self::SUMS`].
    #[must_use]
    pub const fn sums(&self) -> [i64; 8] {
        [
            self.calls,
            self.duration_seconds,
            self.inbound,
            self.outbound,
            self.resolved,
            self.escalated,
            self.abandoned,
            self.sla_breaches,
        ]
    }

    /// Adds the other's sums, `times` 1, or takes them back with -1; client and day stay.
    pub const fn add(&mut self, other: &Self, times: i64) {
        self.calls += times * other.calls;
        self.duration_seconds += times * other.duration_seconds;
        self.inbound += times * other.inbound;
        self.outbound += times * other.outbound;
        self.resolved += times * other.resolved;
        self.escalated += times * other.escalated;
        self.abandoned += times * other.abandoned;
        self.sla_breaches += times * other.sla_breaches;
    }

    /// Whether nothing is counted, or a difference changes nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.sums().iter().all(|sum| *sum == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_item() {
        let stored = serde_json::to_value(Counter::new("c", "2026-01-01")).expect("plain data");
        for name in Counter::SUMS {
            assert!(stored[name].is_i64(), "{name} is not stored under this name");
        }
        assert_eq!(stored.as_object().map(serde_json::Map::len), Some(Counter::SUMS.len() + 2));
    }

    #[test]
    fn what_was_added_can_be_taken_back() {
        let one = Counter { calls: 1, duration_seconds: 60, inbound: 1, ..Counter::new("c", "2026-01-01") };
        let mut sum = Counter::new("c", "2026-01-01");
        sum.add(&one, 1);
        assert_eq!(sum, one);
        sum.add(&one, -1);
        assert!(sum.is_zero());
    }
}
