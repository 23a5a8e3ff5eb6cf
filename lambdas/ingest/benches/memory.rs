//! How much memory a file needs: the whole function, against an AWS that keeps nothing, in a process of its own per
//! size. Fails if the largest file needs noticeably more than the smallest.

#[path = "../tests/service/fake.rs"]
mod fake;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use bytes::Bytes;
use fake::Object;
use ingest::{Config, Ingest};
use serde_json::value::RawValue;
use std::process::{Command, ExitCode};
use std::sync::Arc;

/// Sizes of the files, in MB.
const SIZES: [usize; 3] = [1, 20, 200];

/// What the largest file may need more than the smallest, in KB: the batches in flight and what the allocator keeps.
const TOLERANCE: u64 = 32 * 1024;

/// Names the size to a child process.
const SIZE: &str = "INGEST_MEMORY_MB";

fn main() -> ExitCode {
    if let Ok(size) = std::env::var(SIZE) {
        measure(size.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    let peaks = SIZES.map(|size| {
        let child = Command::new(std::env::current_exe().expect("this")).env(SIZE, size.to_string()).output();
        let out = String::from_utf8(child.expect("a child").stdout).expect("text");
        let peak: u64 = out.lines().last().and_then(|line| line.parse().ok()).expect("the peak");
        report(&format!("a file of {size} MB: peak {:.1} MB", peak as f64 / 1024.0));
        peak
    });
    let flat = peaks[2] <= peaks[0] + TOLERANCE;
    report(if flat { "memory is flat" } else { "memory is NOT flat" });
    if flat { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[tokio::main(flavor = "current_thread")]
async fn measure(size: usize) {
    let line = format!(r#"{{"call_id":"call-1","notes":"{}"}}"#, "n".repeat(268)) + "\n";
    let piece = Bytes::from(line.repeat(200));
    let object = Object { times: size * 1_000_000 / piece.len(), piece };
    let records = object.times * 200;
    let answers = Arc::new(|operation: &str, _: &[u8]| {
        let name = if operation == "BatchGetItem" { "UnprocessedKeys" } else { "UnprocessedItems" };
        format!(r#"{{"{name}":{{}}}}"#)
    });
    let url = fake::serve(object, answers).await;
    let http = aws_smithy_http_client::Builder::new().build_http();
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::from_keys("test", "test", None))
        .http_client(http)
        .load()
        .await;
    let config = Config {
        bronze_table: "bronze".to_owned(),
        erased_table: "erased".to_owned(),
        retention_days: 0,
        function: "ingest".to_owned(),
        version: "1".to_owned(),
    };
    let event = RawValue::from_string(include_str!("../events/put.json").to_owned()).expect("JSON");
    let answer = Ingest::new(config, &sdk).invoke(&event).await.expect("taken in");
    let answer = serde_json::to_value(answer).expect("plain data");
    assert_eq!(answer["stored"], records, "{answer}");
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    report(peak.trim_end_matches("kB").trim());
}

#[expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]
fn report(line: &str) {
    println!("{line}");
}
