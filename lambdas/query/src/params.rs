//! What a caller may put into a path or a query string, checked.

use crate::problem::Problem;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use call_model::MAX_ID_BYTES;
use http::request::Parts;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A query string that parses into `T`; a parameter that `T` does not know is a 400.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(value) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|rejection: QueryRejection| Problem::bad_request(rejection.body_text()))?;
        Ok(Self(value))
    }
}

/// The query string of a route that takes no parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The rest of the path, decoded, as a `call_id`. It may contain slashes: API Gateway decodes `%2F` before we see it.
#[derive(Debug)]
pub struct CallId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for CallId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(call_id) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection: PathRejection| Problem::bad_request(rejection.body_text()))?;
        Ok(Self(id("the call's id", call_id)?))
    }
}

/// An id of at most [`MAX_ID_BYTES`].
///
/// # Errors
/// A 400 that names the parameter.
pub fn id(name: &str, value: String) -> Result<String, Problem> {
    if (1..=MAX_ID_BYTES).contains(&value.len()) {
        Ok(value)
    } else {
        Err(Problem::bad_request(format!("{name} must have 1 to {MAX_ID_BYTES} bytes")))
    }
}

/// A day, `YYYY-MM-DD` and nothing else.
///
/// # Errors
/// A 400 that names the parameter.
pub fn day(name: &str, value: &str) -> Result<String, Problem> {
    value
        .parse::<Date>()
        .ok()
        .map(|date| date.to_string())
        .filter(|text| text == value)
        .ok_or_else(|| Problem::bad_request(format!("`{name}` must be a day, as in 2026-11-21")))
}

/// Which end of a range a time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `from`: stored times have whole seconds, so the next one counts.
    From,
    /// `to`: the last whole second counts.
    To,
}

/// A time in RFC 3339, as `started_at` is stored.
///
/// # Errors
/// A 400 that names the parameter.
pub fn time(name: &str, value: &str, end: End) -> Result<String, Problem> {
    let refused = || {
        let detail = format!("`{name}` must be a time in RFC 3339, as in 2026-11-21T09:00:00Z (write + as %2B)");
        Problem::bad_request(detail)
    };
    let time: Timestamp = value.parse().map_err(|_| refused())?;
    let whole = match end {
        End::From if time.subsec_nanosecond() > 0 => {
            time.checked_add(SignedDuration::from_secs(1)).map_err(|_| refused())?
        }
        _ => time,
    };
    let utc = whole.to_zoned(TimeZone::UTC);
    if utc.year() < 0 { Err(refused()) } else { Ok(utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()) }
}

/// How many rows a page may have, between 1 and `most`.
///
/// # Errors
/// A 400 for any other number.
pub fn limit(value: Option<u32>, default: u32, most: u32) -> Result<u32, Problem> {
    match value.unwrap_or(default) {
        rows if (1..=most).contains(&rows) => Ok(rows),
        _ => Err(Problem::bad_request(format!("`limit` must be from 1 to {most}"))),
    }
}

/// Both ends of a range, in the order they have to have.
///
/// # Errors
/// A 400 if the range ends before it begins.
pub fn ordered(from: String, to: String) -> Result<(String, String), Problem> {
    if from <= to { Ok((from, to)) } else { Err(Problem::bad_request("`from` is later than `to`")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_utc_with_whole_seconds_inside_the_range() {
        for (given, from, to) in [
            ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
            ("2026-03-01T10:00:00.5Z", "2026-03-01T10:00:01Z", "2026-03-01T10:00:00Z"),
            ("2026-03-01T00:30:00+01:00", "2026-02-28T23:30:00Z", "2026-02-28T23:30:00Z"),
        ] {
            assert_eq!(time("from", given, End::From).expect(given), from);
            assert_eq!(time("to", given, End::To).expect(given), to);
        }
        for wrong in [
            "",
            "yesterday",
            "2026-03-01",
            "2026-03-01T10:00:00",
            "2026-03-01T10:00:00 01:00",
            "-000001-01-01T00:00:00Z",
        ] {
            assert!(time("from", wrong, End::From).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn days_have_one_form() {
        assert_eq!(day("day", "2024-02-29").expect("a leap day"), "2024-02-29");
        for wrong in ["", "2023-02-29", "20240229", "2024-2-9", "2024-02-29T00:00:00", " 2024-02-29", "2024-W01-1"] {
            assert!(day("day", wrong).is_err(), "{wrong} was taken");
        }
    }

    #[test]
    fn ids_and_limits_have_bounds() {
        assert!(id("client_id", "ü".repeat(MAX_ID_BYTES / 2)).is_ok());
        assert!(id("client_id", "ü".repeat(MAX_ID_BYTES / 2 + 1)).is_err());
        assert!(id("client_id", String::new()).is_err());
        assert_eq!(limit(None, 50, 100).expect("default"), 50);
        assert!(limit(Some(0), 50, 100).is_err() && limit(Some(101), 50, 100).is_err());
    }
}
