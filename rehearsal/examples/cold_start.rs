//! How long each function takes from exec to its first answer, and how much memory it holds then.
//!
//! ```sh
//! cargo run --package rehearsal --example cold_start
//! ```
//!
//! Measured is the program of the last `lockgate package` (and so of the last `cargo rehearse`), on an event for which it
//! calls no AWS service. Ends with 1 if one is over a limit.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use rehearsal::host::environment::{Environment, Invocation};
use stand_ins::folders;
use std::path::Path;
use std::process::ExitCode;

/// How often each is started.
const RUNS: usize = 20;

/// What a start may take, in milliseconds and in MB.
const LIMITS: (f64, f64) = (30.0, 25.0);

/// Each function and its event.
const EVENTS: [(&str, &[u8]); 3] = [
    ("ingest", include_bytes!("../../lambdas/ingest/events/empty.json")),
    ("enrich", include_bytes!("../../lambdas/enrich/events/empty.json")),
    ("query", include_bytes!("../../lambdas/query/events/health.json")),
];

/// What the functions read from their environment, all of them together.
const VARIABLES: [(&str, &str); 16] = [
    ("AWS_ACCESS_KEY_ID", "example"),
    ("AWS_SECRET_ACCESS_KEY", "example"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_LAMBDA_FUNCTION_NAME", "cold-start"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
    ("BRONZE_TABLE", "bronze"),
    ("SILVER_TABLE", "silver"),
    ("COUNTER_TABLE", "counter"),
    ("ERASED_TABLE", "erased"),
    ("LANDING_BUCKET", "landing"),
    ("LANDING_RETENTION_DAYS", "30"),
    ("RETENTION_DAYS", "0"),
    ("DEAD_LETTER_QUEUE_URL", "http://127.0.0.1:9/queue"),
    ("SLA_SECONDS", "600"),
    ("DEFAULT_COUNTRY", "DE"),
];

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]
async fn main() -> Result<ExitCode> {
    let programs = folders::target()?.join("x86_64-unknown-linux-gnu/lambda");
    let mut within = true;
    for (function, event) in EVENTS {
        let program = programs.join(function);
        ensure!(program.is_file(), "{} is not there: run `cargo rehearse` first", program.display());
        let mut starts = Vec::new();
        for _ in 0..RUNS {
            starts
                .push(start(&program, Bytes::from_static(event)).await.with_context(|| format!("{function} failed"))?);
        }
        starts.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (fastest, median, slowest) = (starts[0].0, starts[RUNS / 2].0, starts[RUNS - 1].0);
        let memory = starts.iter().map(|start| start.1).fold(0.0, f64::max);
        println!(
            "{function:8} {fastest:5.1} ms fastest  {median:5.1} ms median  {slowest:5.1} ms slowest  {memory:5.1} MB"
        );
        within &= median <= LIMITS.0 && memory <= LIMITS.1;
    }
    println!("limits: median {} ms, {} MB; {} starts each", LIMITS.0, LIMITS.1, RUNS);
    Ok(if within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One start: milliseconds to the answer, and the peak memory in MB.
async fn start(program: &Path, event: Bytes) -> Result<(f64, f64)> {
    let root = program.parent().context("a program lies in a folder")?;
    let variables = VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (told, _lines) = tokio::sync::mpsc::unbounded_channel();
    let mut environment = Environment::start(program, root, &variables, told).await?;
    let invocation = Invocation {
        request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
        arn: "arn:aws:lambda:eu-central-1:111122223333:function:cold-start:1".to_owned(),
        deadline_ms: jiff::Timestamp::now().as_millisecond() + 10_000,
        event,
    };
    let answer = environment.invoke(invocation).await?;
    let milliseconds = environment.started.elapsed().as_secs_f64() * 1000.0;
    let answer = answer.map_err(|error| anyhow::anyhow!("{}", String::from_utf8_lossy(&error)))?;
    let health: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
    ensure!(health["statusCode"].is_null() || health["statusCode"] == 200, "it answered {health}");
    let memory = environment.peak_memory().context("the process has ended")?;
    Ok((milliseconds, memory as f64 / 1e6))
}
