//! From a record as it was received to a clean, enriched call: pure, without I/O or clock.

use crate::config::Rules;
use crate::{capital, phone};
use call_model::{BronzeItem, DurationBand, MAX_ID_BYTES, Outcome, SCHEMA, SilverCall};
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The longest call that is believed, in seconds: a week.
pub const MAX_DURATION_SECONDS: u64 = 7 * 24 * 60 * 60;

/// How much of a topic is kept, in characters.
pub const MAX_TOPIC_CHARACTERS: usize = 128;

/// Why a record can never become a call. Says what is wrong with which field, never what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The stream's image is no bronze item.
    #[error("the item is no bronze item")]
    Item,
    /// Written by a release that is not next to this one.
    #[error("the item's `schema` is {0}, this release reads up to {max}", max = SCHEMA + 1)]
    Schema(u32),
    /// The record is no JSON object.
    #[error("the record is no JSON object")]
    Object,
    /// Neither text nor a number.
    #[error("`{0}` is neither text nor a number")]
    Text(&'static str),
    /// Without a client nobody may see the call.
    #[error("`client_id` is missing")]
    ClientMissing,
    /// It would be no key.
    #[error("`client_id` is longer than {MAX_ID_BYTES} bytes")]
    ClientTooLong,
    /// Missing or no time.
    #[error("`started_at` is no RFC 3339 time")]
    StartedAt,
    /// Text order would not be time order.
    #[error("`started_at` is not between the years 1970 and 9999")]
    Year,
    /// Missing or no number.
    #[error("`duration_seconds` is no number")]
    Duration,
    /// DynamoDB says that it can never be written.
    #[error("DynamoDB refuses the call's item, or a counter it changes, as not valid; the log has its words")]
    Refused,
    /// Without knowing what is counted already, nothing can be counted.
    #[error("what silver holds of the call is nothing that this release can read; delete or mend that item")]
    Silver,
    /// Less than nothing.
    #[error("`duration_seconds` is negative")]
    DurationNegative,
    /// See [`MAX_DURATION_SECONDS`].
    #[error("`duration_seconds` is more than a week")]
    DurationTooLong,
}

/// Cleans and enriches.
///
/// Text is trimmed; a number stands for its digits where text is expected; null is no value; fields that a call does not
/// have are ignored. An unknown direction or outcome becomes `unknown`, an impossible phone number none: the record
/// itself stays in bronze.
///
/// # Errors
/// The [`Cause`] for which the record can never be enriched.
pub fn clean(bronze: &BronzeItem, rules: &Rules) -> Result<SilverCall, Cause> {
    if !call_model::is_readable(bronze.schema) {
        return Err(Cause::Schema(bronze.schema));
    }
    let record = Record(serde_json::from_str(&bronze.record).map_err(|_| Cause::Object)?);
    let client_id = client(&record)?;
    let started_at = started_at(&record)?;
    let duration_seconds = duration(&record)?;
    let outcome = record.word("outcome").unwrap_or(Outcome::Unknown);
    let phone = record.text("phone").ok().and_then(|text| phone::parse(&text, rules.default_country));
    let (phone, country) = phone.map_or((None, None), |phone| (Some(phone.e164), phone.country));
    let zone = country.as_deref().and_then(time_zone);
    let local = started_at.to_zoned(zone.clone().unwrap_or(TimeZone::UTC));
    Ok(SilverCall {
        call_id: bronze.call_id.clone(),
        client_id,
        agent_id: record.text("agent_id")?,
        started_at: started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        day: started_at.strftime("%Y-%m-%d").to_string(),
        duration_seconds,
        direction: record.word("direction").unwrap_or(call_model::Direction::Unknown),
        phone,
        country,
        // An hour is 0 to 23.
        local_hour: zone.and_then(|_| u8::try_from(local.hour()).ok()),
        weekday: weekday(local.weekday()).to_owned(),
        topic: topic(&record.text("topic")?),
        outcome,
        notes: record.text("notes")?,
        duration_band: DurationBand::of(duration_seconds),
        sla_breach: duration_seconds > rules.sla_seconds || outcome == Outcome::Abandoned,
        position: bronze.position.clone(),
        schema: SCHEMA,
        expires_at: bronze.expires_at,
    })
}

/// The fields of a record, each as it was written. Of a name that occurs twice, the last counts.
struct Record<'a>(HashMap<String, &'a RawValue>);

impl Record<'_> {
    fn text(&self, name: &'static str) -> Result<String, Cause> {
        let Some(written) = self.0.get(name).map(|value| value.get()) else { return Ok(String::new()) };
        match written.as_bytes().first() {
            Some(b'"') => {
                let text: String = serde_json::from_str(written).map_err(|_| Cause::Text(name))?;
                Ok(text.trim().to_owned())
            }
            Some(b'-' | b'0'..=b'9') => Ok(written.to_owned()),
            Some(b'n') => Ok(String::new()),
            _ => Err(Cause::Text(name)),
        }
    }

    /// One of the model's words, in whatever case.
    fn word<T: for<'de> Deserialize<'de>>(&self, name: &'static str) -> Option<T> {
        let word = self.text(name).ok()?.to_lowercase();
        let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = word.as_str().into_deserializer();
        T::deserialize(word).ok()
    }
}

fn client(record: &Record<'_>) -> Result<String, Cause> {
    let client_id = record.text("client_id")?;
    match client_id.len() {
        0 => Err(Cause::ClientMissing),
        1..=MAX_ID_BYTES => Ok(client_id),
        _ => Err(Cause::ClientTooLong),
    }
}

fn started_at(record: &Record<'_>) -> Result<Timestamp, Cause> {
    let started_at: Timestamp = record.text("started_at")?.parse().map_err(|_| Cause::StartedAt)?;
    let second = Timestamp::from_second(started_at.as_second()).map_err(|_| Cause::Year)?;
    // jiff's last timestamp is in the year 9999.
    if started_at < Timestamp::UNIX_EPOCH { Err(Cause::Year) } else { Ok(second) }
}

fn duration(record: &Record<'_>) -> Result<u64, Cause> {
    let seconds: f64 = record.text("duration_seconds")?.parse().map_err(|_| Cause::Duration)?;
    if seconds.is_nan() {
        Err(Cause::Duration)
    } else if seconds < 0.0 {
        Err(Cause::DurationNegative)
    } else if seconds > MAX_DURATION_SECONDS as f64 {
        Err(Cause::DurationTooLong)
    } else {
        Ok(seconds as u64)
    }
}

/// Lower case, runs of white space as one blank, of bounded length.
fn topic(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let topic: String = words.join(" ").to_lowercase().chars().take(MAX_TOPIC_CHARACTERS).collect();
    topic.trim_end().to_owned()
}

/// From the data compiled in, so that a call means the same on every machine.
fn time_zone(country: &str) -> Option<TimeZone> {
    static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    ZONES.get(capital::zone(country)?).ok()
}

const fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_model::{Direction, Position};
    use phonenumber::country::DE;
    use serde_json::{Value, json};

    const RULES: Rules = Rules { sla_seconds: 600, default_country: DE };

    /// A good record with these fields put in place of its own; null takes a field away.
    fn cleaned(changes: &Value) -> Result<SilverCall, Cause> {
        let mut record = json!({
            "call_id": "call-1", "client_id": "acme", "agent_id": "agent-7", "started_at": "2026-03-02T23:30:00Z",
            "duration_seconds": 61, "direction": "inbound", "phone": "+493012345678", "topic": "billing",
            "outcome": "resolved", "notes": "fine",
        });
        let fields = record.as_object_mut().expect("an object");
        fields.extend(changes.as_object().expect("an object").clone());
        fields.retain(|_, value| !value.is_null());
        clean(&bronze(&record.to_string()), &RULES)
    }

    fn bronze(record: &str) -> BronzeItem {
        BronzeItem {
            call_id: "call-1".to_owned(),
            position: Position::from("p1".to_owned()),
            record: record.to_owned(),
            schema: SCHEMA,
            expires_at: Some(9_000_000_000),
        }
    }

    fn field(changes: &Value, name: &str) -> Value {
        let call = cleaned(changes).unwrap_or_else(|cause| panic!("{changes}: {cause}"));
        json!(call)[name].clone()
    }

    #[test]
    fn a_good_record_becomes_a_whole_call() {
        let expected = json!({
            "call_id": "call-1", "client_id": "acme", "agent_id": "agent-7", "started_at": "2026-03-02T23:30:00Z",
            "day": "2026-03-02", "duration_seconds": 61, "direction": "inbound", "phone": "+493012345678",
            "country": "DE", "local_hour": 0, "weekday": "tuesday", "topic": "billing", "outcome": "resolved",
            "notes": "fine", "duration_band": "medium", "sla_breach": false, "position": "p1", "schema": SCHEMA,
            "expires_at": 9_000_000_000_i64,
        });
        assert_eq!(json!(cleaned(&json!({})).expect("good")), expected);
    }

    #[test]
    fn fields_are_cleaned() {
        let long = "ab ".repeat(100);
        for (name, written, expected) in [
            ("client_id", json!("  acme\t"), json!("acme")),
            ("client_id", json!(4711), json!("4711")),
            ("agent_id", json!(null), json!("")),
            ("agent_id", json!(" \u{a0}a b "), json!("a b")),
            ("notes", json!("\n two\n lines \n"), json!("two\n lines")),
            ("topic", json!("  Billing \n  QUESTION "), json!("billing question")),
            ("topic", json!("ÄRGER"), json!("ärger")),
            ("topic", json!(long), json!(long[..MAX_TOPIC_CHARACTERS].trim_end())),
            ("direction", json!(" OutBound "), json!("outbound")),
            ("direction", json!("sideways"), json!("unknown")),
            ("direction", json!(null), json!("unknown")),
            ("direction", json!(["inbound"]), json!("unknown")),
            ("outcome", json!("CALLBACK"), json!("callback")),
            ("outcome", json!("Voicemail"), json!("voicemail")),
            ("outcome", json!(""), json!("unknown")),
            ("phone", json!(" 030 12345678 "), json!("+493012345678")),
            ("phone", json!("none"), json!(null)),
            ("phone", json!({}), json!(null)),
            ("duration_seconds", json!(0), json!(0)),
            ("duration_seconds", json!(61.9), json!(61)),
            ("duration_seconds", json!(" 61 "), json!(61)),
            ("duration_seconds", json!("61.5"), json!(61)),
            ("duration_seconds", json!(-0.0), json!(0)),
            ("duration_seconds", json!(MAX_DURATION_SECONDS), json!(MAX_DURATION_SECONDS)),
        ] {
            assert_eq!(field(&json!({ name: written }), name), expected, "{name}: {written}");
        }
    }

    #[test]
    fn times_become_utc_seconds() {
        for (written, started_at, day) in [
            ("2026-03-01T00:30:00+01:00", "2026-02-28T23:30:00Z", "2026-02-28"),
            ("2026-02-28T20:00:00-05:30", "2026-03-01T01:30:00Z", "2026-03-01"),
            ("2024-02-29T12:00:00.999999999Z", "2024-02-29T12:00:00Z", "2024-02-29"),
            (" 2026-03-01t12:00:00z ", "2026-03-01T12:00:00Z", "2026-03-01"),
            ("2026-03-01T12:00:00-00:00", "2026-03-01T12:00:00Z", "2026-03-01"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z", "2016-12-31"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01"),
            ("9999-12-30T00:00:00Z", "9999-12-30T00:00:00Z", "9999-12-30"),
        ] {
            let call = cleaned(&json!({ "started_at": written })).expect(written);
            assert_eq!((call.started_at.as_str(), call.day.as_str()), (started_at, day), "{written}");
        }
    }

    #[test]
    fn hour_and_weekday_are_those_of_the_capital() {
        for (phone, started_at, hour, weekday) in [
            ("+493012345678", "2026-07-05T22:10:00Z", Some(0), "monday"),
            ("+493012345678", "2026-01-04T22:10:00Z", Some(23), "sunday"),
            ("+12127365000", "2026-01-05T04:00:00Z", Some(23), "sunday"),
            ("+912212345678", "2026-01-05T00:00:00Z", Some(5), "monday"),
            ("+80012345678", "2026-01-04T23:59:59Z", None, "sunday"),
            ("?", "2026-01-05T00:00:00Z", None, "monday"),
        ] {
            let call = cleaned(&json!({ "phone": phone, "started_at": started_at })).expect(phone);
            assert_eq!((call.local_hour, call.weekday.as_str()), (hour, weekday), "{phone} {started_at}");
        }
    }

    #[test]
    fn the_service_level_is_broken_by_long_and_by_abandoned_calls() {
        for (seconds, outcome, breach) in
            [(600, "resolved", false), (601, "resolved", true), (5, "abandoned", true), (5, "Abandoned ", true)]
        {
            let changes = json!({ "duration_seconds": seconds, "outcome": outcome });
            assert_eq!(field(&changes, "sla_breach"), json!(breach), "{changes}");
        }
    }

    #[test]
    fn what_can_never_be_a_call_has_a_cause() {
        for (changes, cause) in [
            (json!({"client_id": null}), Cause::ClientMissing),
            (json!({"client_id": " \t "}), Cause::ClientMissing),
            (json!({"client_id": "x".repeat(MAX_ID_BYTES + 1)}), Cause::ClientTooLong),
            (json!({"client_id": {"id": 1}}), Cause::Text("client_id")),
            (json!({"agent_id": ["a"]}), Cause::Text("agent_id")),
            (json!({"notes": true}), Cause::Text("notes")),
            (json!({"started_at": null}), Cause::StartedAt),
            (json!({"started_at": "yesterday"}), Cause::StartedAt),
            (json!({"started_at": "2026-02-30T00:00:00Z"}), Cause::StartedAt),
            (json!({"started_at": "2026-03-01T00:00:00"}), Cause::StartedAt),
            (json!({"started_at": 1_700_000_000}), Cause::StartedAt),
            (json!({"started_at": "1969-12-31T23:59:59.5Z"}), Cause::Year),
            (json!({"started_at": "-000044-03-15T12:00:00Z"}), Cause::Year),
            (json!({"started_at": "10000-01-01T00:00:00Z"}), Cause::StartedAt),
            (json!({"duration_seconds": null}), Cause::Duration),
            (json!({"duration_seconds": "long"}), Cause::Duration),
            (json!({"duration_seconds": "NaN"}), Cause::Duration),
            (json!({"duration_seconds": [1]}), Cause::Text("duration_seconds")),
            (json!({"duration_seconds": -1}), Cause::DurationNegative),
            (json!({"duration_seconds": MAX_DURATION_SECONDS + 1}), Cause::DurationTooLong),
            (json!({"duration_seconds": "inf"}), Cause::DurationTooLong),
        ] {
            assert_eq!(cleaned(&changes).expect_err("never a call"), cause, "{changes}");
        }
    }

    #[test]
    fn records_that_are_no_json_objects_have_a_cause() {
        for record in ["", "[]", "null", "\"text\"", "{", "{\"a\":}", "{} {}"] {
            assert_eq!(clean(&bronze(record), &RULES).expect_err("no object"), Cause::Object, "{record}");
        }
    }

    #[test]
    fn odd_json_is_read_as_it_stands() {
        let odd = r#"{"client_id":"first","client_id":"last","started_at":"2026-03-01T00:00:00Z","duration_seconds":1e1,
            "unknown":1e999,"extra":"\ud800","Direction":"inbound"}"#;
        let call = clean(&bronze(odd), &RULES).expect("good enough");
        assert_eq!((call.client_id.as_str(), call.duration_seconds, call.direction), ("last", 10, Direction::Unknown));
        let endless = odd.replace("1e1,", "1e999,");
        assert_eq!(clean(&bronze(&endless), &RULES).expect_err("too long"), Cause::DurationTooLong);
        let broken = odd.replace("extra", "notes");
        assert_eq!(clean(&bronze(&broken), &RULES).expect_err("half a character"), Cause::Text("notes"));
    }

    #[test]
    fn only_items_of_neighbouring_releases_are_read() {
        let good = r#"{"client_id":"a","started_at":"2026-03-01T00:00:00Z","duration_seconds":1}"#;
        for schema in [SCHEMA - 1, SCHEMA, SCHEMA + 1] {
            let call = clean(&BronzeItem { schema, ..bronze(good) }, &RULES).expect("a neighbour");
            assert_eq!(call.schema, SCHEMA, "what is written is of this release");
        }
        let later = BronzeItem { schema: SCHEMA + 2, ..bronze(good) };
        assert_eq!(clean(&later, &RULES).expect_err("not ours"), Cause::Schema(SCHEMA + 2));
    }

    #[test]
    fn a_cause_never_repeats_the_record() {
        let cause = cleaned(&json!({"started_at": "secret"})).expect_err("no time");
        assert_eq!(cause.to_string(), "`started_at` is no RFC 3339 time");
    }
}
