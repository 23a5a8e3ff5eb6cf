//! What `ingest` judges of a record, no more than it must: that it is a JSON object with a usable `call_id`, and small
//! enough to be stored. Everything else is `enrich`'s. <https://www.rfc-editor.org/rfc/rfc8259>

use call_model::{MAX_ID_BYTES, MAX_RECORD_BYTES};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::value::RawValue;

/// Why bytes were not stored, in words for whoever sent them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The parser's words.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but a number, a text, an array...
    #[error("not an object: a call is one JSON object")]
    NotAnObject,
    /// Absent, or null.
    #[error("no call_id")]
    NoCallId,
    /// More than once, so that nobody can say which holds.
    #[error("call_id is given more than once")]
    RepeatedCallId,
    /// Present, but of another type.
    #[error("call_id is not a string")]
    CallIdNotString,
    /// `""`
    #[error("call_id is empty")]
    EmptyCallId,
    /// Its length in bytes of UTF-8.
    #[error("call_id is too long: {0} of at most {MAX_ID_BYTES} bytes")]
    CallIdTooLong(usize),
    /// How many bytes before it are.
    #[error("not UTF-8 after {0} bytes: send UTF-8")]
    NotUtf8(usize),
    /// Larger than an item can be.
    #[error("too large: a record may have {MAX_RECORD_BYTES} bytes")]
    TooLarge,
    /// The file begins with a byte order mark of UTF-16.
    #[error("UTF-16, send UTF-8")]
    Utf16,
    /// The end of the file is missing, or does not fit what came before.
    #[error("truncated gzip, or its check sum is wrong: the file breaks off here, what came before is stored")]
    TruncatedGzip,
    /// Compressed bytes that no decoder takes.
    #[error("damaged gzip: {0}; what came before is stored")]
    DamagedGzip(String),
    /// The file ends inside an array.
    #[error("the array never closes: the file breaks off here, what came before is stored")]
    OpenArray,
    /// A file is one array, nothing else.
    #[error("text after the array: send one array, or one record per line")]
    AfterArray,
}

/// The `call_id` of a record that can be stored, and the record's text.
///
/// # Errors
/// The [`Reason`] why it cannot.
pub fn judge(record: &[u8]) -> Result<(String, &str), Reason> {
    if record.len() > MAX_RECORD_BYTES {
        return Err(Reason::TooLarge);
    }
    let text = str::from_utf8(record).map_err(|error| Reason::NotUtf8(error.valid_up_to()))?;
    if !text.starts_with('{') {
        return Err(
            serde_json::from_str::<IgnoredAny>(text).map_or_else(|error| not_json(&error), |_| Reason::NotAnObject)
        );
    }
    let head: Head<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => Reason::RepeatedCallId,
        Category::Io | Category::Syntax | Category::Eof => not_json(&error),
    })?;
    let call_id = head.call_id.ok_or(Reason::NoCallId)?;
    let call_id: String = serde_json::from_str(call_id.get()).map_err(|_| Reason::CallIdNotString)?;
    match call_id.len() {
        0 => Err(Reason::EmptyCallId),
        1..=MAX_ID_BYTES => Ok((call_id, text)),
        length => Err(Reason::CallIdTooLong(length)),
    }
}

/// Whether this is the beginning of an object that goes on.
pub(crate) fn is_incomplete_object(line: &[u8]) -> bool {
    line.starts_with(b"{")
        && serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.classify() == Category::Eof)
}

/// Whether this is an object from its first byte on.
pub(crate) fn is_object(text: &[u8]) -> bool {
    text.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// The one field that is looked at. Everything else is checked for syntax and left where it is.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    call_id: Option<&'a RawValue>,
}

fn not_json(error: &serde_json::Error) -> Reason {
    // The parser counts lines within the record; in a record of one line only the column says something.
    Reason::NotJson(error.to_string().replace(" at line 1 column ", " at column "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_judged_by_its_syntax_and_call_id_alone() {
        let long = format!(r#"{{"call_id":"{}"}}"#, "x".repeat(MAX_ID_BYTES));
        for (record, call_id) in [
            (r#"{"call_id":"a"}"#, "a"),
            (r#"{"nested":{"call_id":1},"call_id":"a\u00e4"}"#, "aä"),
            (r#"{"call\u005fid":"a"}"#, "a"),
            (r#"{"call_id":"a","duration_seconds":-1e999,"notes":"\ud800"}"#, "a"),
            ("{\n\"call_id\" : \"a\"\n}", "a"),
            (long.as_str(), &long[12..12 + MAX_ID_BYTES]),
        ] {
            assert_eq!(judge(record.as_bytes()), Ok((call_id.to_owned(), record)), "{record}");
        }
    }

    #[test]
    fn every_fault_has_its_reason() {
        let too_long = format!(r#"{{"call_id":"{}"}}"#, "x".repeat(MAX_ID_BYTES + 1));
        for (record, reason) in [
            ("", "not JSON: EOF while parsing a value at column 0"),
            ("nonsense", "not JSON: expected ident at column 2"),
            (r#"{"call_id":"a"} x"#, "not JSON: trailing characters at column 17"),
            (r#"{"call_id":"a","b":01}"#, "not JSON: invalid number at column 21"),
            ("{\"call_id\":\n", "not JSON: EOF while parsing a value at line 2 column 0"),
            ("17", "not an object: a call is one JSON object"),
            (r#"["a"]"#, "not an object: a call is one JSON object"),
            (r#"{"id":"a"}"#, "no call_id"),
            (r#"{"call_id":null}"#, "no call_id"),
            (r#"{"call_id":7}"#, "call_id is not a string"),
            (r#"{"call_id":["a"]}"#, "call_id is not a string"),
            (r#"{"call_id":""}"#, "call_id is empty"),
            (r#"{"call_id":"a","call_id":"b"}"#, "call_id is given more than once"),
            (too_long.as_str(), "call_id is too long: 257 of at most 256 bytes"),
        ] {
            assert_eq!(judge(record.as_bytes()).expect_err(record).to_string(), reason, "{record}");
        }
    }

    #[test]
    fn latin_1_is_not_taken_for_utf_8() {
        assert_eq!(judge(b"{\"call_id\":\"M\xfcller\"}"), Err(Reason::NotUtf8(13)));
    }

    #[test]
    fn a_record_may_be_as_large_as_an_item_and_no_larger() {
        let of = |length: usize| format!(r#"{{"call_id":"a","notes":"{}"}}"#, "n".repeat(length - 26));
        let largest = of(MAX_RECORD_BYTES);
        assert_eq!(largest.len(), MAX_RECORD_BYTES);
        assert!(judge(largest.as_bytes()).is_ok());
        assert_eq!(judge(of(MAX_RECORD_BYTES + 1).as_bytes()), Err(Reason::TooLarge));
    }

    #[test]
    fn deep_nesting_needs_no_stack() {
        let depth = 150_000;
        let record = format!(r#"{{"call_id":"a","x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(judge(record.as_bytes()).is_ok());
    }
}
