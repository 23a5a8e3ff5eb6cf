//! One item of the silver table: a call, cleaned and enriched.

use crate::Position;
use serde::{Deserialize, Serialize};

/// A call as the API answers it and the silver table keeps it.
///
/// Partition key `call_id`. Index `by_client`: `client_id`, then `started_at`. Index `by_day`: `day`, then `started_at`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SilverCall {
    /// The call's own id, unique over all clients.
    pub call_id: String,
    /// Whose call it was.
    pub client_id: String,
    /// Who took or made the call; empty if not said.
    pub agent_id: String,
    /// When the call began: RFC 3339 in UTC with whole seconds, so that text order is time order.
    pub started_at: String,
    /// The day of `started_at` in UTC, `YYYY-MM-DD`.
    pub day: String,
    /// How long it lasted, in seconds.
    pub duration_seconds: u64,
    /// Who called whom.
    pub direction: Direction,
    /// The other party's number in E.164 form; absent if none was given or it is no possible number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phone: Option<String>,
    /// Country of the number, ISO 3166-1 alpha-2; absent without a number or where its code belongs to no single country.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub country: Option<String>,
    /// Hour of the day (0 to 23) in the time zone of the country's capital; absent without a country.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub local_hour: Option<u8>,
    /// Day of the week where the caller is (as `local_hour`), else in UTC: `monday` to `sunday`.
    pub weekday: String,
    /// What it was about, in lower case; empty if not said.
    pub topic: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What the agent wrote, trimmed; empty if nothing.
    pub notes: String,
    /// How long, in words.
    pub duration_band: DurationBand,
    /// Whether the call broke the service level: it took longer than agreed, or the caller gave up.
    pub sla_breach: bool,
    /// Which delivery this is made of; only a later one replaces it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub position: Position,
    /// See [`crate::SCHEMA`].
    pub schema: u32,
    /// When DynamoDB may expire the item, in seconds since 1970; absent where retention is off.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The client called.
    Inbound,
    /// The agent called.
    Outbound,
    /// The record did not say, or said something else; or a later release knows a word that this one does not.
    #[serde(other)]
    Unknown,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing is left to do.
    Resolved,
    /// Handed to somebody else.
    Escalated,
    /// Somebody will call back.
    Callback,
    /// A message was left.
    Voicemail,
    /// The caller gave up.
    Abandoned,
    /// As [`Direction::Unknown`].
    #[serde(other)]
    Unknown,
}

/// How long a call lasted, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DurationBand {
    /// Under a minute.
    Short,
    /// One minute or more, under ten.
    Medium,
    /// Ten minutes or more, under an hour.
    Long,
    /// An hour or more.
    VeryLong,
    /// A later release knows a word that this one does not.
    #[serde(other)]
    Unknown,
}

impl DurationBand {
    /// The band of a duration in seconds.
    #[must_use]
    pub const fn of(seconds: u64) -> Self {
        match seconds {
            0..60 => Self::Short,
            60..600 => Self::Medium,
            600..3600 => Self::Long,
            _ => Self::VeryLong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SCHEMA;
    use serde_json::{Value, json};

    #[test]
    fn words_of_a_later_release_are_unknown_and_do_not_spoil_the_call() {
        let stored: Value = json!({
            "call_id": "c", "client_id": "a", "agent_id": "", "started_at": "2026-03-01T00:00:00Z", "day": "2026-03-01",
            "duration_seconds": 1, "direction": "transferred", "weekday": "sunday", "topic": "", "outcome": "handed_over",
            "notes": "", "duration_band": "endless", "sla_breach": false, "position": "p", "schema": 2, "mood": "fine",
        });
        let call: SilverCall = serde_json::from_value(stored).expect("a call");
        assert_eq!(
            (call.direction, call.outcome, call.duration_band),
            (Direction::Unknown, Outcome::Unknown, DurationBand::Unknown)
        );
    }

    #[test]
    fn the_releases_beside_this_one_are_read() {
        let read: Vec<u32> = (0..SCHEMA + 4).filter(|schema| crate::is_readable(*schema)).collect();
        assert_eq!(read, [SCHEMA - 1, SCHEMA, SCHEMA + 1]);
    }
}
