//! The order of deliveries.
//!
//! A record's position is (the object's LastModified, its key, the event's `sequencer`, the line), written as one string
//! whose byte order is that order, so that DynamoDB can sort and compare it. Two keys landed in one second have no order
//! in S3: the higher key wins.

use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};

/// The longest position, in bytes: DynamoDB's limit of a sort key.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub const MAX_BYTES: usize = 1024;

/// A record's place in the order of all deliveries. Compares as the deliveries are ordered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(String);

/// The object's key is too long to be part of a sort key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the object's key is too long: its position would need {needed} of at most {MAX_BYTES} bytes; land the file under a shorter key"
)]
pub struct KeyTooLong {
    /// Bytes the position would need.
    pub needed: usize,
}

/// What all positions of one object version have in common; [`Delivery::line`] completes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery(String);

impl Delivery {
    /// `last_modified` is in seconds since 1970, `key` is the decoded object key, `sequencer` the event's hexadecimal
    /// string, which S3 says to compare after padding the shorter one with zeros on the right.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
    ///
    /// # Errors
    /// [`KeyTooLong`] if a sort key has no room for it.
    pub fn new(last_modified: i64, key: &str, sequencer: &str) -> Result<Self, KeyTooLong> {
        let mut text = format!("{:012}!", last_modified.max(0));
        for character in key.chars() {
            // Everything up to `"` is escaped with `"`, so `!` ends the key and sorts before all that may stand in it.
            if character <= '"' {
                let _ = write!(text, "\"{:02X}", u32::from(character));
            } else {
                text.push(character);
            }
        }
        let _ = write!(text, "!{:0<32}!", sequencer.to_ascii_uppercase());
        let needed = text.len() + LINE_DIGITS;
        if needed > MAX_BYTES { Err(KeyTooLong { needed }) } else { Ok(Self(text)) }
    }

    /// The position of the record on this line (counted from 1), or of this element of an array.
    #[must_use]
    pub fn line(&self, line: u64) -> Position {
        Position(format!("{}{line:0width$}", self.0, width = LINE_DIGITS))
    }
}

/// Enough for every line of the largest object S3 holds.
const LINE_DIGITS: usize = 13;

impl Position {
    /// The string that is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When the object that brought the record was stored, in seconds since 1970; 0 if this is no position of ours.
    #[must_use]
    pub fn last_modified(&self) -> i64 {
        self.0.get(..12).and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

impl From<String> for Position {
    fn from(stored: String) -> Self {
        Self(stored)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last_modified: i64, key: &str, sequencer: &str, line: u64) -> Position {
        Delivery::new(last_modified, key, sequencer).expect("short key").line(line)
    }

    #[test]
    fn positions_sort_by_time_then_key_then_sequencer_then_line() {
        let in_order = [
            at(9, "calls/z", "FF", 9),
            at(1_700_000_000, "calls/a", "0A", 2),
            at(1_700_000_000, "calls/a", "0A", 10),
            at(1_700_000_000, "calls/a", "0A1", 1),
            at(1_700_000_000, "calls/a", "0B", 1),
            at(1_700_000_000, "calls/a b", "00", 1),
            at(1_700_000_000, "calls/a!b", "00", 1),
            at(1_700_000_000, "calls/a\"b", "00", 1),
            at(1_700_000_000, "calls/a#b", "00", 1),
            at(1_700_000_000, "calls/ab", "00", 1),
            at(1_700_000_000, "calls/a~", "00", 1),
            at(1_700_000_000, "calls/aä", "00", 1),
            at(1_700_000_001, "calls/a", "00", 1),
        ];
        for pair in in_order.windows(2) {
            assert!(pair[0] < pair[1], "{} should come before {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn sequencers_of_other_length_or_case_compare_as_s3_says() {
        assert_eq!(at(1, "k", "0a", 1), at(1, "k", "0A00", 1));
    }

    #[test]
    fn a_key_that_fits_no_sort_key_is_refused() {
        assert!(Delivery::new(1, &"k".repeat(900), "00").is_ok());
        let refused = Delivery::new(1, &"k".repeat(1000), "00").expect_err("too long");
        assert!(refused.needed > MAX_BYTES);
    }

    #[test]
    fn the_time_can_be_read_back() {
        assert_eq!(at(1_700_000_000, "calls/a", "0A", 1).last_modified(), 1_700_000_000);
        assert_eq!(Position::from("other".to_owned()).last_modified(), 0);
    }
}
