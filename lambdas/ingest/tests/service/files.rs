//! Files of every shape through the emulated AWS: what is in bronze after, and what was handed back.

use crate::world::{World, event, raw};
use call_model::MAX_RECORD_BYTES;
use flate2::{Compression, write::GzEncoder};
use ingest::Error;
use ingest::handler::Answer;
use lambda_runtime::tracing::subscriber::util::SubscriberInitExt as _;
use lambda_runtime::tracing::{self, Instrument as _};
use serde_json::{Value, json};
use std::io::Write as _;
use std::sync::{Arc, Mutex};

const KEY: &str = "calls/file";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[tokio::test]
async fn good_lines_are_stored_and_bad_ones_handed_back_exactly() {
    let world = World::new("mixed").await;
    let file = b"{\"call_id\":\"a\",\"notes\":\"\xc3\xa4\"}\n\nnonsense\n {\"call_id\":\"b\"}\r\n{\"call_id\":\"\xfc\"}\n{\"id\":1}\n[1]\n{\"call_id\":\"a\"}";
    let event = world.land(KEY, file.to_vec()).await;
    assert_eq!(world.deliver(&event).await.expect("taken in"), (3, 4, 0));
    let bronze = world.bronze().await;
    let stored: Vec<_> = bronze.iter().map(|item| (item.call_id.as_str(), item.record.as_str())).collect();
    let records = [("a", r#"{"call_id":"a","notes":"ä"}"#), ("b", r#"{"call_id":"b"}"#), ("a", r#"{"call_id":"a"}"#)];
    assert_eq!(stored, records);
    for (item, line) in bronze.iter().zip([1, 4, 8]) {
        assert!(item.position.as_str().ends_with(&format!("!0055AED6DCD90281E500000000000000!{line:013}")), "{item:?}");
        assert!(item.position.last_modified() > 1_700_000_000, "{item:?}");
        assert_eq!(item.expires_at, Some(item.position.last_modified() + 10 * 86_400));
        assert_eq!(item.schema, call_model::SCHEMA);
    }
    let rejected = world.rejected(KEY).await.expect("some were");
    let version = event["Records"][0]["s3"]["object"]["versionId"].as_str().expect("a version");
    let lines: Vec<_> = rejected.iter().map(|line| (line.line, line.reason.as_str(), line.bytes.as_slice())).collect();
    assert_eq!(
        lines,
        [
            (3, "not JSON: expected ident at column 2", b"nonsense".as_slice()),
            (5, "not UTF-8 after 12 bytes: send UTF-8", b"{\"call_id\":\"\xfc\"}"),
            (6, "no call_id", b"{\"id\":1}"),
            (7, "not an object: a call is one JSON object", b"[1]"),
        ]
    );
    assert!(rejected.iter().all(|line| line.version_id == version && line.part.is_none()), "{rejected:?}");
}

#[tokio::test]
async fn a_replay_changes_nothing() {
    let world = World::new("replay").await;
    let lines: String = (0..260).map(|number| format!("{{\"call_id\":\"c{}\"}}\n", number % 40)).collect();
    let event = world.land(KEY, format!("{lines}bad\n")).await;
    assert_eq!(world.deliver(&event).await.expect("taken in"), (260, 1, 0));
    let before = world.bronze().await;
    let rejected = world.rejected(KEY).await.map(|lines| format!("{lines:?}"));
    assert_eq!(before.len(), 260);
    assert_eq!(world.deliver(&event).await.expect("again"), (260, 1, 0));
    assert_eq!(world.bronze().await, before);
    assert_eq!(world.rejected(KEY).await.map(|lines| format!("{lines:?}")), rejected);
}

#[tokio::test]
async fn every_shape_gives_the_same_records() {
    let world = World::new("shapes").await;
    let object = "{\n  \"call_id\": \"one\",\n  \"notes\": \"pretty\"\n}";
    let lines = "{\"call_id\":\"one\"}\n{\"call_id\":\"two\"}\n";
    let array = "\u{feff}[ {\"call_id\":\"one\"},\n  {\"call_id\":\"two\"} ]";
    for (number, file) in [object, lines, array].into_iter().enumerate() {
        let count = if number == 0 { 1 } else { 2 };
        assert_eq!(world.take_in(&format!("calls/{number}-plain"), file).await, (count, 0, 0), "{file}");
        assert_eq!(
            world.take_in(&format!("calls/{number}-gzip"), gzip(file.as_bytes())).await,
            (count, 0, 0),
            "{file}"
        );
    }
    let members = [gzip(&lines.as_bytes()[..20]), gzip(&lines.as_bytes()[20..])].concat();
    assert_eq!(world.take_in("calls/members", members).await, (2, 0, 0));
    let mut records = world.records().await;
    records.sort();
    let (one, two) = (r#"{"call_id":"one"}"#, r#"{"call_id":"two"}"#);
    assert_eq!(records, [&[object; 2][..], &[one; 5][..], &[two; 5][..]].concat());
    assert!(world.rejected("calls/members").await.is_none(), "nothing is handed back where nothing is wrong");
}

#[tokio::test]
async fn a_truncated_gzip_gives_what_came_before() {
    let world = World::new("truncated").await;
    let text: String =
        (0..5_000).map(|number| format!("{{\"call_id\":\"c{number}\",\"n\":{}}}\n", number * 7919)).collect();
    let whole = gzip(text.as_bytes());
    let (stored, rejected, _) = world.take_in(KEY, &whole[..whole.len() / 2]).await;
    assert_eq!(rejected, 1);
    let lines: Vec<&str> = text.lines().take(stored as usize).collect();
    assert!(stored > 1_000 && world.records().await == lines, "the first {stored} lines");
    let rest = world.rejected(KEY).await.expect("the broken line");
    assert_eq!(rest[0].line, stored + 1);
    assert!(rest[0].reason.starts_with("truncated gzip"), "{rest:?}");
    let next = text.lines().nth(stored as usize).expect("a line");
    assert!(next.as_bytes().starts_with(&rest[0].bytes), "{rest:?}");
}

/// Name, file, reason, and the bytes that are handed back where they can be told beforehand.
type Unreadable<'a> = (&'a str, &'a [u8], &'a str, Option<&'a [u8]>);

#[tokio::test]
async fn what_cannot_be_read_is_handed_back() {
    let world = World::new("unreadable").await;
    let utf_16: Vec<u8> = "\u{feff}{\"call_id\":\"a\"}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin_1 = b"{\"call_id\":\"a\",\"notes\":\"M\xfcller\"}\n";
    // After the header, a block of the type that does not exist.
    let damaged = [&gzip(b"{}")[..10], &[0x07; 12]].concat();
    let png = [0x89, b'P', b'N', b'G', 0, 1, 2];
    // What stands in an array is handed back without the array's own brackets and commas.
    let cases: [Unreadable<'_>; 6] = [
        ("text", b"Dear team, please find attached", "not JSON", Some(b"Dear team, please find attached")),
        ("utf-16", &utf_16, "UTF-16, send UTF-8", Some(&utf_16)),
        ("latin-1", latin_1, "not UTF-8", Some(latin_1.trim_ascii_end())),
        ("open", b"[{\"call_id\":\"a\"", "the array never closes", Some(b"{\"call_id\":\"a\"")),
        ("gzip", &damaged, "damaged gzip", None),
        ("binary", &png, "not UTF-8", Some(&png)),
    ];
    for (name, file, reason, handed_back) in cases {
        let key = format!("calls/{name}");
        let (stored, rejected, _) = world.take_in(&key, file).await;
        assert_eq!(stored, 0, "{name}");
        assert!(rejected > 0, "{name}");
        let lines = world.rejected(&key).await.expect(name);
        assert!(lines[0].reason.contains(reason), "{name}: {lines:?}");
        let bytes: Vec<u8> = lines.into_iter().flat_map(|line| line.bytes).collect();
        assert!(handed_back.is_none_or(|expected| bytes == expected), "{name}: {}", bytes.escape_ascii());
    }
    assert!(world.bronze().await.is_empty());
}

#[tokio::test]
async fn an_empty_file_is_fine() {
    let world = World::new("nothing").await;
    for (key, file) in [("calls/zero", Vec::new()), ("calls/space", b" \n \n".to_vec()), ("calls/gzip", gzip(b""))] {
        assert_eq!(world.take_in(key, file).await, (0, 0, 0), "{key}");
        assert!(world.rejected(key).await.is_none(), "{key}");
    }
}

#[tokio::test]
async fn a_record_too_large_is_handed_back_and_the_others_go_on() {
    let world = World::new("large").await;
    let of = |id: &str, length: usize| format!(r#"{{"call_id":"{id}","notes":"{}"}}"#, "n".repeat(length - 26));
    let (most, more) = (of("m", MAX_RECORD_BYTES), of("x", MAX_RECORD_BYTES + 1));
    let line = "y".repeat(10_000_000);
    let file = format!("{more}\n{line}\n{most}\n{{\"call_id\":\"z\"}}");
    assert_eq!(world.take_in(KEY, file).await, (2, 2, 0));
    assert_eq!(world.records().await, [most.as_str(), r#"{"call_id":"z"}"#]);
    let rejected = world.rejected(KEY).await.expect("two were");
    assert!(rejected.iter().all(|piece| piece.reason.starts_with("too large")));
    assert_eq!((rejected[0].line, rejected[0].part, rejected[0].bytes.as_slice()), (1, None, more.as_bytes()));
    let parts = &rejected[1..];
    assert!(parts.iter().zip(1..).all(|(piece, number)| piece.line == 2 && piece.part == Some(number)));
    assert_eq!(parts.iter().flat_map(|piece| piece.bytes.clone()).collect::<Vec<_>>(), line.as_bytes());
}

#[tokio::test]
async fn a_key_may_hold_spaces_and_percent_signs() {
    let world = World::new("keys").await;
    for key in ["calls/a b", "calls/100%", "calls/a+b", "calls/%2B ä"] {
        assert_eq!(world.take_in(key, format!("{{\"call_id\":\"{key}\"}}\nbad")).await, (1, 1, 0), "{key}");
        assert_eq!(world.rejected(key).await.expect(key).len(), 1, "{key}");
    }
    assert_eq!(world.bronze().await.len(), 4);
}

#[tokio::test]
async fn the_event_s_own_version_is_read() {
    let world = World::new("versions").await;
    let first = world.land(KEY, "{\"call_id\":\"first\"}").await;
    let second = world.land(KEY, "{\"call_id\":\"second\"}").await;
    assert_eq!(world.deliver(&first).await.expect("taken in"), (1, 0, 0));
    assert_eq!(world.records().await, [r#"{"call_id":"first"}"#]);
    let version = second["Records"][0]["s3"]["object"]["versionId"].as_str().expect("a version");
    world.remove(KEY, version).await;
    let gone = world.deliver(&second).await.expect_err("there is nothing to read");
    assert!(matches!(gone, Error::ObjectGone { .. }), "{gone}");
    let mut latest = second.clone();
    latest["Records"][0]["s3"]["object"]["versionId"] = Value::Null;
    assert_eq!(world.deliver(&latest).await.expect("the latest"), (1, 0, 0));
}

#[tokio::test]
async fn erased_calls_stay_away() {
    let world = World::new("erased").await;
    world.erase("gone").await;
    let lines: String =
        (0..150).map(|number| format!("{{\"call_id\":\"c{number}\"}}\n{{\"call_id\":\"gone\"}}\n")).collect();
    assert_eq!(world.take_in(KEY, lines).await, (150, 0, 150));
    let bronze = world.bronze().await;
    assert!(bronze.len() == 150 && bronze.iter().all(|item| item.call_id != "gone"), "{bronze:?}");
}

#[tokio::test]
async fn one_object_that_fails_does_not_stop_the_others() {
    let world = World::new("several").await;
    let mut event = world.land("calls/good", "{\"call_id\":\"a\"}").await;
    let missing = crate::world::event(&world.bucket, "calls/missing", None);
    let elsewhere = world.land("other/file", "{\"call_id\":\"b\"}").await;
    let records = [&missing, &event, &elsewhere].map(|event| event["Records"][0].clone());
    event["Records"] = json!(records);
    let error = world.deliver(&event).await.expect_err("one is missing");
    assert!(matches!(error, Error::ObjectGone { .. }), "{error}");
    assert_eq!(world.records().await, [r#"{"call_id":"a"}"#]);
}

#[tokio::test]
async fn a_key_that_fits_no_position_is_an_error() {
    let world = World::new("long-key").await;
    let event = world.land(&format!("calls/{}", "k".repeat(980)), "{\"call_id\":\"a\"}").await;
    let error = world.deliver(&event).await.expect_err("too long");
    assert_eq!(lambda_runtime::Diagnostic::from(error).error_type, "KeyTooLong");
    assert!(world.bronze().await.is_empty());
}

#[tokio::test]
async fn a_probe_reads_and_an_empty_event_does_not() {
    let world = World::new("probe").await;
    let probe = serde_json::from_str::<Value>(include_str!("../../events/probe.json")).expect("a fixture");
    let Answer::Probe(answer) = world.ingest.invoke(&raw(&probe)).await.expect("healthy") else { panic!("no answer") };
    assert_eq!((answer.lockgate.as_str(), answer.read), ("ok", vec!["erased_call_probe".to_owned()]));
    assert_eq!(world.deliver(&json!({"Records": []})).await.expect("nothing to do"), (0, 0, 0));
    let other = event("b", "calls/k", None)["Records"][0].clone();
    assert!(matches!(world.deliver(&json!({"records": [other]})).await, Err(Error::Event(_))));
}

#[tokio::test]
async fn whatever_cannot_be_taken_in_counts_at_least_once() {
    let world = World::new("counts").await;
    let missing = event(&world.bucket, "calls/missing", None);
    for (event, failed) in [(&missing, 1), (&json!({"records": []}), 1), (&json!({"Records": []}), 0)] {
        let (result, metrics) = world.ingest.handle(&raw(event)).await;
        let metrics = metrics.expect("it is no probe");
        assert_eq!((metrics.failed, metrics.handled, result.is_err()), (failed, 0, failed > 0), "{event}");
    }
}

/// What was logged, for all to add to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn every_log_line_names_its_request() {
    let world = World::new("log").await;
    world.erase("gone").await;
    let event = world.land(KEY, "{\"call_id\":\"gone\"}").await;
    let log = Log::default();
    let lines = Arc::clone(&log.0);
    let logging = tracing::subscriber::fmt().json().with_writer(move || log.clone()).finish().set_default();
    let span = tracing::info_span!("invocation", requestId = "r-1");
    assert_eq!(world.deliver(&event).instrument(span).await.expect("taken in"), (0, 0, 1));
    drop(logging);
    let lines = String::from_utf8(lines.lock().expect("no panic").clone()).expect("text");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.iter().all(|line| line["span"]["requestId"] == "r-1"), "{lines:?}");
    let messages: Vec<_> = lines.iter().filter_map(|line| line["fields"]["message"].as_str()).collect();
    assert_eq!(messages, ["dropping records of erased calls", "took in an object"]);
}
