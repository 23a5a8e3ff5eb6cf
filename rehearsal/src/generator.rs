//! Calls from a seed: what is landed, and what the service has to make of it.
//!
//! The generator knows every call before it writes it down: it decides the clean values and then writes them as senders
//! do, with stray blanks, other time zones and national phone numbers. It shares no code with the functions but the
//! model's types.

mod files;

pub use files::{File, Rejected, files};

use call_model::{Counter, Direction, DurationBand, Outcome};
use fastrand::Rng;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Everything that was landed, and what has to come of it.
#[derive(Debug, Clone, Default)]
pub struct Landed {
    /// In the order in which they were landed.
    pub files: Vec<File>,
    /// Every call that has to be answered, by its id.
    pub calls: BTreeMap<String, Known>,
    /// Ids of calls that `enrich` can make nothing of.
    pub dead_letters: Vec<String>,
    /// Records that have to be in the bronze table.
    pub bronze: usize,
}

impl Landed {
    /// The sums that the API has to answer, by client and day.
    #[must_use]
    pub fn counters(&self) -> BTreeMap<(String, String), Counter> {
        let mut counters: BTreeMap<(String, String), Counter> = BTreeMap::new();
        for call in self.calls.values() {
            let counter = counters
                .entry((call.client_id.clone(), call.day()))
                .or_insert_with(|| Counter::new(&call.client_id, &call.day()));
            counter.calls += 1;
            counter.duration_seconds += i64::from(call.duration_seconds);
            counter.inbound += i64::from(call.direction == Direction::Inbound);
            counter.outbound += i64::from(call.direction == Direction::Outbound);
            counter.resolved += i64::from(call.outcome == Outcome::Resolved);
            counter.escalated += i64::from(call.outcome == Outcome::Escalated);
            counter.abandoned += i64::from(call.outcome == Outcome::Abandoned);
            counter.sla_breaches += i64::from(call.sla_breach());
        }
        counters
    }
}

/// A country whose numbers the generator knows how to write.
#[derive(Debug)]
struct Country {
    code: &'static str,
    zone: &'static str,
    /// E.164 up to the digits that vary.
    prefix: &'static str,
    /// How many digits vary.
    digits: u32,
    /// Where a national form is understood: what stands there in place of the country code.
    national: Option<(&'static str, &'static str)>,
}

/// Germany is the default country of the rehearsal, so its numbers come in national form too.
const COUNTRIES: [Country; 6] = [
    Country { code: "DE", zone: "Europe/Berlin", prefix: "+49151", digits: 8, national: Some(("+49", "0")) },
    Country { code: "GB", zone: "Europe/London", prefix: "+447400", digits: 6, national: None },
    Country { code: "US", zone: "America/New_York", prefix: "+1202456", digits: 4, national: None },
    Country { code: "JP", zone: "Asia/Tokyo", prefix: "+8190", digits: 8, national: None },
    Country { code: "IN", zone: "Asia/Kolkata", prefix: "+9198", digits: 8, national: None },
    Country { code: "BR", zone: "America/Sao_Paulo", prefix: "+55119", digits: 8, national: None },
];

const TOPICS: [&str; 4] = ["billing", "delivery", "contract change", "störung"];
const OUTCOMES: [Outcome; 6] = [
    Outcome::Resolved,
    Outcome::Escalated,
    Outcome::Callback,
    Outcome::Voicemail,
    Outcome::Abandoned,
    Outcome::Unknown,
];

/// The service level of the rehearsal, in seconds: what Terraform's variable says by default.
const SLA_SECONDS: u32 = 600;

/// A call as it really was.
#[derive(Debug, Clone)]
pub struct Known {
    /// See [`call_model::SilverCall`], as all fields.
    pub call_id: String,
    /// Whose call.
    pub client_id: String,
    agent_id: String,
    started_at: Timestamp,
    duration_seconds: u32,
    direction: Direction,
    phone: Option<(String, &'static Country)>,
    topic: &'static str,
    outcome: Outcome,
    notes: String,
}

/// In all notes.
const WORDS: &str = "& hung up";

impl Known {
    /// A call with this id; the same generator state makes the same call.
    pub fn new(call_id: &str, rng: &mut Rng) -> Self {
        let first = Timestamp::from_second(1_790_000_000).unwrap_or_default();
        let phone = rng.u8(..10) > 0;
        Self {
            call_id: call_id.to_owned(),
            client_id: format!("client-{:02}", rng.u8(1..=12)),
            agent_id: format!("agent-{}", rng.u8(1..=30)),
            started_at: first + i64::from(rng.u32(..5 * 86_400)).seconds(),
            duration_seconds: match rng.u8(..4) {
                0 => rng.u32(..60),
                1 => rng.u32(60..600),
                2 => rng.u32(600..3600),
                _ => rng.u32(..5000),
            },
            direction: match rng.u8(..10) {
                0 => Direction::Unknown,
                1..4 => Direction::Outbound,
                _ => Direction::Inbound,
            },
            phone: phone.then(|| {
                let country = &COUNTRIES[rng.usize(..COUNTRIES.len())];
                let number = rng.u32(..10_u32.pow(country.digits));
                (format!("{}{number:0width$}", country.prefix, width = country.digits as usize), country)
            }),
            topic: TOPICS[rng.usize(..TOPICS.len())],
            outcome: OUTCOMES[rng.usize(..OUTCOMES.len())],
            notes: format!("said \"{}\" {WORDS}, {{ok}} [{}] ü", rng.u16(..), rng.u16(..)),
        }
    }

    /// The day in UTC.
    #[must_use]
    pub fn day(&self) -> String {
        self.started_at.strftime("%Y-%m-%d").to_string()
    }

    fn sla_breach(&self) -> bool {
        self.duration_seconds > SLA_SECONDS || self.outcome == Outcome::Abandoned
    }

    /// What nobody may read in a log: words of the notes, and the number in the forms in which it is landed and kept.
    #[must_use]
    pub fn private(&self) -> Vec<String> {
        let mut private = vec![WORDS.to_owned()];
        if let Some((phone, country)) = &self.phone {
            private.extend([phone[1..].to_owned(), format!("{} {}", &phone[..5], &phone[5..])]);
            private.extend(country.national.map(|(code, trunk)| phone.replacen(code, trunk, 1)));
        }
        private
    }

    /// What the API has to answer, but for what only the delivery decides.
    #[must_use]
    pub fn answer(&self) -> Value {
        let zone = self.phone.as_ref().and_then(|(_, country)| TimeZone::get(country.zone).ok());
        let local = self.started_at.to_zoned(zone.unwrap_or(TimeZone::UTC));
        let mut answer = json!({
            "call_id": self.call_id,
            "client_id": self.client_id,
            "agent_id": self.agent_id,
            "started_at": self.started_at.to_string(),
            "day": self.day(),
            "duration_seconds": self.duration_seconds,
            "direction": self.direction,
            "weekday": local.strftime("%A").to_string().to_lowercase(),
            "topic": self.topic,
            "outcome": self.outcome,
            "notes": self.notes,
            "duration_band": DurationBand::of(self.duration_seconds.into()),
            "sla_breach": self.sla_breach(),
            "schema": call_model::SCHEMA,
        });
        if let Some((phone, country)) = &self.phone {
            answer["phone"] = json!(phone);
            answer["country"] = json!(country.code);
            answer["local_hour"] = json!(local.hour());
        }
        answer
    }

    /// The call as some sender would write it.
    pub fn record(&self, rng: &mut Rng) -> Value {
        let untidy = |text: &str, rng: &mut Rng| match rng.u8(..4) {
            0 => format!(" {text}"),
            1 => format!("{text}\t "),
            _ => text.to_owned(),
        };
        let cased = |word: &Value, rng: &mut Rng| {
            let word = word.as_str().unwrap_or_default();
            if rng.bool() { word.to_uppercase() } else { word.to_owned() }
        };
        let offset = [("Z", 0), ("+02:00", 2), ("-05:00", -5)][rng.usize(..3)];
        let started_at = (self.started_at + offset.1.hours()).strftime("%Y-%m-%dT%H:%M:%S").to_string() + offset.0;
        let phone = self.phone.as_ref().map(|(phone, country)| match country.national {
            Some((code, trunk)) if rng.bool() => phone.replacen(code, trunk, 1),
            _ => format!("{} {}", &phone[..5], &phone[5..]),
        });
        json!({
            "call_id": self.call_id,
            "client_id": untidy(&self.client_id, rng),
            "agent_id": untidy(&self.agent_id, rng),
            "started_at": started_at,
            "duration_seconds": self.duration_seconds,
            "direction": cased(&json!(self.direction), rng),
            "phone": phone,
            "topic": cased(&json!(self.topic), rng),
            "outcome": cased(&json!(self.outcome), rng),
            "notes": untidy(&self.notes, rng),
        })
    }
}
