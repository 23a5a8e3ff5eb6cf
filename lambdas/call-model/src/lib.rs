//! What the three functions share: the shape of a call on its way through the service, the keys of the
//! tables, and the lines they tell CloudWatch. Types only: no I/O and no SDK.

pub mod counter;
pub mod metrics;
pub mod position;
pub mod probe;
pub mod silver;

pub use counter::Counter;
pub use position::Position;
pub use silver::{Direction, DurationBand, Outcome, SilverCall};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The `schema` number that this release writes into every item. Readers accept it and the ones beside it.
pub const SCHEMA: u32 = 1;

/// Whether this release reads items of that `schema`: its own, and those of the releases before and after, which run
/// beside it while traffic moves.
#[must_use]
pub const fn is_readable(schema: u32) -> bool {
    schema.abs_diff(SCHEMA) <= 1
}

/// Length limit of a `call_id` and a `client_id` in bytes of UTF-8.
///
/// Both are keys. DynamoDB would allow 2,048 bytes for a partition key; a shorter limit leaves room in pages and logs.
pub const MAX_ID_BYTES: usize = 256;

/// The most bytes of UTF-8 that a record may have to be stored.
///
/// DynamoDB refuses items over 400 KB (409,600 bytes, names and keys included); the rest is room for those.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub const MAX_RECORD_BYTES: usize = 400 * 1024 - 4 * 1024;

/// One item of the bronze table: a record exactly as it was received.
///
/// Partition key `call_id`, sort key `position`: writing the same delivery twice writes the same item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BronzeItem {
    /// The call this record is about.
    pub call_id: String,
    /// Where in the order of all deliveries the record stands.
    pub position: Position,
    /// The record's own bytes: one JSON object, white space around it removed.
    pub record: String,
    /// See [`SCHEMA`].
    pub schema: u32,
    /// When DynamoDB may expire the item, in seconds since 1970; absent where retention is off.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
}

/// One item of the erased table: the tombstone that an erasure leaves.
///
/// While it exists nothing is stored about the call again, whatever is delivered later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Partition key: see [`call_hash`].
    pub call_hash: String,
    /// The position of the version that was erased, the highest known then.
    pub position: Position,
    /// When, in RFC 3339 and UTC.
    pub erased_at: String,
    /// See [`SCHEMA`].
    pub schema: u32,
}

/// The key of a call's tombstone: the lower-case hex SHA-256 of its `call_id`, so that the tombstone does not repeat what was erased.
#[must_use]
pub fn call_hash(call_id: &str) -> String {
    hex::encode(Sha256::digest(call_id.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tombstone_does_not_name_the_call() {
        // `printf %s call-1 | sha256sum`
        assert_eq!(call_hash("call-1"), "5d7963c4f471e142f5a72214a9666fb164718f9ba1066a7862ac1c5041887940");
    }
}
