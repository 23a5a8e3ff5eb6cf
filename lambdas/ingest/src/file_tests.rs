//! A file's bytes to its records, all steps together.

use super::*;
use crate::judge::Reason;
use flate2::{Compression, write::GzEncoder};
use std::io::Write as _;

fn outcomes(file: &[u8], size: usize) -> Vec<Outcome> {
    let delivery = Delivery::new(1, "calls/k", "00").expect("a short key");
    let mut taken = File::new(Origin { delivery, expires_at: Some(7) });
    let mut out = Vec::new();
    for mut bytes in file.chunks(size) {
        while !bytes.is_empty() {
            taken.step(&mut bytes, &mut out);
        }
    }
    taken.finish(&mut out);
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn a_record_is_stored_as_it_was_received() {
    let out = outcomes(b"bad\n {\"call_id\" : \"a\", \"x\":1.0e2 } \n", 4);
    let [Outcome::Rejected(bad), Outcome::Item(item)] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!((bad.line, bad.bytes.as_slice()), (1, b"bad".as_slice()));
    assert_eq!(item.record, "{\"call_id\" : \"a\", \"x\":1.0e2 }");
    assert_eq!((item.call_id.as_str(), item.expires_at, item.schema), ("a", Some(7), SCHEMA));
    assert_eq!(item.position, Delivery::new(1, "calls/k", "00").expect("a short key").line(2));
}

#[test]
fn packing_changes_nothing() {
    let text = b"[{\"call_id\":\"a\"},7,{\"call_id\":\"b\"}] x";
    let plain = outcomes(text, text.len());
    assert_eq!(plain.len(), 4);
    let packed = gzip(text);
    for size in 1..=packed.len() {
        assert_eq!(outcomes(text, size), plain, "plain in pieces of {size}");
        assert_eq!(outcomes(&packed, size), plain, "gzip in pieces of {size}");
    }
}

#[test]
fn what_is_no_gzip_any_more_is_kept_apart_from_the_last_record() {
    let file = [gzip(b"{\"call_id\":\"a\"}\n{\"call"), b"garbage".to_vec()].concat();
    for size in 1..=file.len() {
        let out = outcomes(&file, size);
        let [Outcome::Item(item), Outcome::Rejected(cut), Outcome::Rejected(rest)] = out.as_slice() else {
            panic!("{out:?}")
        };
        assert_eq!(item.call_id, "a");
        assert_eq!((cut.line, cut.bytes.as_slice()), (2, b"{\"call".as_slice()));
        assert!(matches!(cut.reason, Reason::DamagedGzip(_) | Reason::TruncatedGzip), "{cut:?}");
        assert_eq!((rest.line, rest.bytes.as_slice()), (3, b"garbage".as_slice()));
    }
}
