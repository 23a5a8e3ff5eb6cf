//! Files of every shape, good and bad.

use super::{Known, Landed};
use fastrand::Rng;
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;

/// A file to land.
#[derive(Debug, Clone)]
pub struct File {
    /// The object's key.
    pub key: String,
    /// Its bytes.
    pub body: Vec<u8>,
    /// What has to be in the rejected object of the same key.
    pub rejected: Rejected,
}

/// What `ingest` has to reject of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    /// These bytes, by line; nothing else.
    Lines(BTreeMap<u64, Vec<u8>>),
    /// All bytes of the file, in whatever lines.
    Whole,
    /// Something: how much of a broken compression can be read is the decoder's business.
    Something,
}

/// Records in the good files, and in the files that come as three versions of the same calls.
const GOOD: [usize; 6] = [1, 1, 500, 900, 400, 250];
const CHANGED: usize = 20;

/// A line longer than a record may be before it is rejected in parts, in bytes.
const LONG_LINE: usize = 1_500_000;

/// At least 2,000 calls in files of every shape, the same for the same seed.
#[must_use]
pub fn files(seed: u64) -> Landed {
    let mut rng = Rng::with_seed(seed);
    let mut landed = Landed::default();
    let mut next = 0;
    let mut calls = |landed: &mut Landed, count: usize, rng: &mut Rng| -> Vec<Value> {
        let made = (0..count).map(|_| {
            next += 1;
            let call = Known::new(&format!("call-{next:05}"), rng);
            let record = call.record(rng);
            landed.calls.insert(call.call_id.clone(), call);
            record
        });
        let made = made.collect();
        landed.bronze += count;
        made
    };
    let land = |landed: &mut Landed, key: &str, body: Vec<u8>, rejected: Rejected| {
        landed.files.push(File { key: format!("calls/{key}"), body, rejected });
    };
    let nothing = || Rejected::Lines(BTreeMap::new());

    let one = calls(&mut landed, GOOD[0], &mut rng);
    land(&mut landed, "good/object.json", one[0].to_string().into(), nothing());
    let one = calls(&mut landed, GOOD[1], &mut rng);
    land(&mut landed, "good/pretty object.json", format!("{:#}", one[0]).into(), nothing());
    let array = calls(&mut landed, GOOD[2], &mut rng);
    land(&mut landed, "good/array.json", format!("{:#}", Value::Array(array)).into(), nothing());
    let many = calls(&mut landed, GOOD[3], &mut rng);
    land(&mut landed, "good/100% of today's + more.ndjson", lines(&many, "\n"), nothing());
    let packed = calls(&mut landed, GOOD[4], &mut rng);
    land(&mut landed, "good/lines.ndjson.gz", gzip(&lines(&packed, "\r\n\r\n")), nothing());
    let packed = calls(&mut landed, GOOD[5], &mut rng);
    land(&mut landed, "good/array.json.gz", gzip(Value::Array(packed).to_string().as_bytes()), nothing());

    // A, then B, then A again: three deliveries, of which the last counts.
    let versions: Vec<(Vec<Known>, &str)> = ["1-a", "2-b"]
        .into_iter()
        .map(|name| ((0..CHANGED).map(|number| Known::new(&format!("changed-{number:03}"), &mut rng)).collect(), name))
        .collect();
    for (version, name) in [(0, versions[0].1), (1, versions[1].1), (0, "3-a")] {
        let records: Vec<Value> = versions[version].0.iter().map(|call| call.record(&mut rng)).collect();
        landed.bronze += records.len();
        land(&mut landed, &format!("changed/{name}.ndjson"), lines(&records, "\n"), nothing());
    }
    landed.calls.extend(versions[0].0.iter().map(|call| (call.call_id.clone(), call.clone())));

    let good = calls(&mut landed, 5, &mut rng);
    let bad: [Vec<u8>; 8] = [
        b"{\"call_id\": \"cut off\", \"notes\": \"".to_vec(),
        b"[\"no\", \"object\"]".to_vec(),
        b"{\"client_id\": \"client-01\"}".to_vec(),
        b"{\"call_id\": \"\"}".to_vec(),
        b"{\"call_id\": 7}".to_vec(),
        b"{\"call_id\": \"latin-1\", \"notes\": \"gr\xfc\xdfe\"}".to_vec(),
        json!({"call_id": "too large", "notes": "n".repeat(420_000)}).to_string().into(),
        format!("{{\"call_id\": \"longer than any record\", \"notes\": \"{}\"}}", "x".repeat(LONG_LINE)).into(),
    ];
    let mut mixed = Vec::new();
    let mut rejected = BTreeMap::new();
    let mut line = 0;
    let mut write = |bytes: &[u8]| {
        mixed.extend_from_slice(bytes);
        mixed.push(b'\n');
        line += 1;
        line
    };
    for (number, bytes) in bad.iter().enumerate() {
        if let Some(record) = good.get(number) {
            write(record.to_string().as_bytes());
        }
        rejected.insert(write(bytes), bytes.clone());
    }
    land(&mut landed, "bad/mixed.ndjson", mixed, Rejected::Lines(rejected));

    let csv = ["call_id;client_id", "c-1;client-01"];
    let rejected = csv.iter().zip(1..).map(|(line, number)| (number, line.as_bytes().to_vec())).collect();
    land(&mut landed, "bad/no json.csv", csv.join("\n").into(), Rejected::Lines(rejected));
    let utf16 = "\u{feff}{\"call_id\":\"wide\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    land(&mut landed, "bad/utf-16.json", utf16, Rejected::Whole);
    land(&mut landed, "bad/empty.json", Vec::new(), nothing());
    let cut = gzip(&lines(&[json!({"call_id": "never whole", "notes": rng.u64(..).to_string().repeat(40)})], "\n"));
    land(&mut landed, "bad/cut off.json.gz", cut[..cut.len() / 2].to_vec(), Rejected::Something);

    let mut hopeless = Vec::new();
    for (number, (field, value)) in
        [("client_id", json!(null)), ("started_at", json!("yesterday")), ("duration_seconds", json!(-1))]
            .into_iter()
            .enumerate()
    {
        let id = format!("hopeless-{number}");
        let mut record = Known::new(&id, &mut rng).record(&mut rng);
        record[field] = value;
        hopeless.push(record);
        landed.dead_letters.push(id);
    }
    landed.bronze += hopeless.len();
    land(&mut landed, "bad/hopeless.ndjson", lines(&hopeless, "\n"), nothing());
    landed
}

fn lines(records: &[Value], end: &str) -> Vec<u8> {
    records.iter().flat_map(|record| format!("{record}{end}").into_bytes()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_files_every_time() {
        let (one, other, different) = (files(1), files(1), files(2));
        assert!(one.calls.len() >= 2000);
        assert_eq!(one.files.len(), other.files.len());
        for (one, other) in one.files.iter().zip(&other.files) {
            assert_eq!((&one.key, &one.body), (&other.key, &other.body));
        }
        assert!(one.files.iter().zip(&different.files).any(|(one, other)| one.body != other.body));
    }
}
