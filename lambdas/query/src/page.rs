//! Page tokens: where the next page of a listing begins, good for that listing alone.
//!
//! A token is base64url of a hash and the last row's sort keys. The hash covers the route, the filters and the keys, so
//! a token of another query, an altered one and one of another token version are all refused. The partition is taken
//! from the request, never from the token: even a forged one reaches nothing that its bearer may not list anyway.

use crate::problem::Problem;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// Changes whenever a token means something else than before.
const VERSION: u32 = 1;

/// Bytes of the hash that a token carries.
const HASH_BYTES: usize = 16;

/// Longer ones are none of ours.
const MAX_TOKEN_BYTES: usize = 4096;

/// The token of the page after the row with these sort keys.
pub fn seal(route: &str, filters: &[&str], keys: &[String]) -> String {
    let keys = serde_json::to_vec(keys).unwrap_or_default();
    let mut token = hash(route, filters, &keys);
    token.extend_from_slice(&keys);
    URL_SAFE_NO_PAD.encode(token)
}

/// The sort keys that [`seal`] was given for the same route and filters.
///
/// # Errors
/// A 400 for everything else.
pub fn open(route: &str, filters: &[&str], token: &str) -> Result<Vec<String>, Problem> {
    let refused = || {
        Problem::bad_request(
            "`page` does not continue this query; take it from `next` of an answer to the same query, unchanged",
        )
    };
    if token.len() > MAX_TOKEN_BYTES {
        return Err(refused());
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
    let (stated, keys) = bytes.split_at_checked(HASH_BYTES).ok_or_else(refused)?;
    if hash(route, filters, keys) != stated {
        return Err(refused());
    }
    serde_json::from_slice(keys).map_err(|_| refused())
}

fn hash(route: &str, filters: &[&str], keys: &[u8]) -> Vec<u8> {
    // JSON keeps the parts apart: ("ab", "c") and ("a", "bc") differ.
    let bound = serde_json::to_vec(&(VERSION, route, filters, keys)).unwrap_or_default();
    Sha256::digest(bound)[..HASH_BYTES].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> String {
        seal("/calls", &["client_id", "acme", "a", "b"], &["2026-01-01T00:00:00Z".to_owned(), "c/ü 1".to_owned()])
    }

    #[test]
    fn a_token_opens_for_its_own_query() {
        let keys = open("/calls", &["client_id", "acme", "a", "b"], &token()).expect("its own");
        assert_eq!(keys, ["2026-01-01T00:00:00Z", "c/ü 1"]);
    }

    #[test]
    fn a_token_opens_for_no_other_query() {
        for (route, filters) in [
            ("/stats", ["client_id", "acme", "a", "b"]),
            ("/calls", ["day", "acme", "a", "b"]),
            ("/calls", ["client_id", "acm", "ea", "b"]),
            ("/calls", ["client_id", "other", "a", "b"]),
            ("/calls", ["client_id", "acme", "a", "c"]),
        ] {
            let refused = open(route, &filters, &token()).expect_err("another query");
            assert_eq!(refused.status(), http::StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn every_altered_byte_is_noticed() {
        let filters = ["client_id", "acme", "a", "b"];
        let token = token();
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).expect("ASCII");
            assert!(open("/calls", &filters, &altered).is_err(), "byte {at} could be changed");
            assert!(open("/calls", &filters, &token[..at]).is_err(), "it could be cut at {at}");
        }
        for garbage in ["!", "ü", "AAAA", &"A".repeat(MAX_TOKEN_BYTES + 1)] {
            assert!(open("/calls", &filters, garbage).is_err(), "{garbage} was taken");
        }
    }
}
