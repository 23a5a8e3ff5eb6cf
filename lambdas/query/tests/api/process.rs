//! The binary itself: as a Lambda behind a runtime API, and as a plain HTTP server.

use crate::world::{World, call};
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

fn binary(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_query"));
    command.env_clear().envs(variables.iter().copied()).env("AWS_REGION", "eu-central-1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

const NOWHERE: [(&str, &str); 6] = [
    ("BRONZE_TABLE", "b"),
    ("SILVER_TABLE", "s"),
    ("COUNTER_TABLE", "c"),
    ("ERASED_TABLE", "e"),
    ("LANDING_BUCKET", "l"),
    ("LANDING_RETENTION_DAYS", "30"),
];

fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().expect("piped")).lines()
}

/// The next line of standard output, which is always JSON.
async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = lines.next_line().await.expect("readable").expect("a line");
    serde_json::from_str(&line).expect("JSON")
}

#[tokio::test]
async fn it_does_not_start_half_configured_or_open_to_all() {
    for (arguments, missing, said) in [
        (&[][..], "SILVER_TABLE", "SILVER_TABLE"),
        (&["--listen", "0.0.0.0:0"], "", "JWT_ISSUER"),
        (&["--listen", "127.0.0.1:0", "more"], "", "more"),
    ] {
        let variables: Vec<_> = NOWHERE.into_iter().filter(|(name, _)| *name != missing).collect();
        let output = binary(&variables).args(arguments).output().await.expect("runs");
        assert!(!output.status.success(), "{arguments:?}");
        let log: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
        assert!(log["fields"]["cause"].as_str().expect("a cause").contains(said), "{log}");
    }
}

#[tokio::test]
async fn it_serves_plain_http_until_it_is_told_to_stop() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut child = binary(&NOWHERE).args(["--listen", "127.0.0.1:0"]).spawn().expect("runs");
        let mut lines = lines(&mut child);
        let listening = line(&mut lines).await;
        let address = listening["fields"]["address"].as_str().expect("an address").to_owned();
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("connects");
        let request = b"GET /health?secret=1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("`secret`"), "{answer}");
        let log = line(&mut lines).await;
        assert_eq!(log["span"]["traceId"], "0af7651916cd43dd8448eb211c80319c");
        assert!(answer.contains(log["span"]["requestId"].as_str().expect("an id")), "the problem names the request");
        assert!(!log.to_string().contains("secret"), "{log}");
        let id = i32::try_from(child.id().expect("running")).expect("a process id");
        kill(Pid::from_raw(id), signal).expect("a signal");
        assert!(child.wait().await.expect("ends").success());
    }
}

/// A Lambda runtime API that hands out events and takes answers.
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
struct Runtime {
    address: String,
    events: Sender<Value>,
    answers: Receiver<(String, Value)>,
}

impl Runtime {
    async fn start() -> Self {
        let (events, waiting) = channel::<Value>(8);
        let (answered, answers) = channel(8);
        let waiting = Arc::new(Mutex::new(waiting));
        let next = async |State(waiting): State<Arc<Mutex<Receiver<Value>>>>| {
            let event = waiting.lock().await.recv().await.expect("an event");
            let headers = [
                ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
                ("lambda-runtime-deadline-ms", "4102444800000"),
                ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"),
                (
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-central-1:111122223333:function:query-test:live",
                ),
            ];
            (headers, Json(event)).into_response()
        };
        let take = async move |Path((_, outcome)): Path<(String, String)>, body: bytes::Bytes| {
            let answer = serde_json::from_slice(&body).expect("JSON");
            answered.send((outcome, answer)).await.expect("awaited");
            (http::StatusCode::ACCEPTED, Json(json!({"status": "OK"})))
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{outcome}", post(take))
            .with_state(waiting);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, events, answers }
    }

    async fn invoke(&mut self, function: &mut Child, event: Value) -> (String, Value) {
        self.events.send(event).await.expect("the runtime lives");
        tokio::select! {
            answer = self.answers.recv() => answer.expect("an answer"),
            status = function.wait() => panic!("the function ended: {status:?}"),
        }
    }
}

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).expect("a fixture is JSON")
}

#[tokio::test]
async fn as_a_lambda_it_answers_events_and_tells_cloudwatch() {
    let world = World::new().await;
    let id = "a b/ü?#% 2F";
    world.enrich(&call(id, "acme & sons", "2026-11-21T09:00:00Z")).await;
    let mut runtime = Runtime::start().await;
    let config = &world.app.config;
    let endpoint = world.sdk().endpoint_url().expect("an emulator").to_owned();
    let key = stand_ins::emulator::ROOT_KEY;
    let mut child = binary(&[
        ("BRONZE_TABLE", &config.bronze_table),
        ("SILVER_TABLE", &config.silver_table),
        ("COUNTER_TABLE", &config.counter_table),
        ("ERASED_TABLE", &config.erased_table),
        ("LANDING_BUCKET", &config.landing_bucket),
        ("LANDING_RETENTION_DAYS", "30"),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", key),
        ("AWS_LAMBDA_RUNTIME_API", &runtime.address),
        ("AWS_LAMBDA_FUNCTION_NAME", "query-test"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "7"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        // What whoever may change the function's logging could ask for.
        ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
        ("RUST_LOG", "trace"),
    ])
    .spawn()
    .expect("runs");
    let mut lines = lines(&mut child);

    let with = |text: &str, field: &str, value: Value| {
        let mut event = fixture(text);
        *event.pointer_mut(field).expect("a field of the fixture") = value;
        event
    };
    let unknown = with(include_str!("../../events/list-calls.json"), "/rawQueryString", "phone=%2B4930123456".into());
    let wrong_health = with(include_str!("../../events/health.json"), "/rawQueryString", "x=1".into());
    let erase = with(include_str!("../../events/get-call.json"), "/requestContext/http/method", "DELETE".into());
    let mut logs = Vec::new();
    // Behind each that must not count stands one that counts otherwise, so that a line too many shows.
    for (event, outcome, status, count) in [
        (fixture(include_str!("../../events/health.json")), "response", 200, None),
        (unknown, "response", 400, Some("Rejected")),
        (wrong_health, "response", 400, None),
        (fixture(include_str!("../../events/list-calls.json")), "response", 200, Some("Handled")),
        (fixture(include_str!("../../events/get-call.json")), "response", 200, Some("Handled")),
        (fixture(include_str!("../../events/post-json.json")), "response", 202, Some("Handled")),
        (fixture(include_str!("../../events/post-ndjson.json")), "response", 202, Some("Handled")),
        (erase, "response", 202, Some("Handled")),
        (fixture(include_str!("../../events/delete-call.json")), "response", 404, Some("Handled")),
        (fixture(include_str!("../../events/probe.json")), "response", 0, None),
        (json!({"Records": []}), "error", 0, Some("Failed")),
    ] {
        let (how, answer) = runtime.invoke(&mut child, event.clone()).await;
        assert_eq!(how, outcome, "{event}: {answer}");
        assert_eq!(answer["statusCode"].as_i64().unwrap_or_default(), status, "{event}: {answer}");
        if let Some(count) = count {
            let before = logs.len();
            let metrics = loop {
                let line = line(&mut lines).await;
                if line.get("_aws").is_some() {
                    break line;
                }
                logs.push(line);
            };
            assert_eq!((&metrics["FunctionName"], &metrics["FunctionVersion"]), (&json!("query-test"), &json!("7")));
            for name in ["Handled", "Failed", "Rejected"] {
                assert_eq!(metrics[name], u64::from(name == count), "{name} of {event}");
            }
            assert!(logs.len() > before, "{event} has no log line");
        }
        if status == 200 && event["rawPath"] == "/calls/a b/ü?#%25 2F" {
            let body: Value = serde_json::from_str(answer["body"].as_str().expect("text")).expect("JSON");
            assert_eq!(body["call_id"], id);
        }
        if event.get("lockgate").is_some() {
            assert_eq!((&answer["lockgate"], &answer["function"]), (&json!("ok"), &json!("query-test")));
        }
        if outcome == "error" {
            assert_eq!(answer["errorType"], "Event");
        }
    }
    for log in &logs {
        let log_line = log.to_string();
        for secret in ["client_id", "4930", "grüß", id] {
            assert!(!log_line.contains(secret), "{log}");
        }
        assert!(["INFO", "WARN", "ERROR"].contains(&log["level"].as_str().expect("a level")), "{log}");
        assert_eq!(log["span"]["requestId"], "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "{log}");
        assert_eq!(log["span"]["xrayTraceId"], "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700", "{log}");
    }
    let erased = logs.iter().find(|log| log["fields"]["message"] == "erased").expect("a line about the erasure");
    assert_eq!(erased["fields"]["call_hash"], call_model::call_hash(id));
}
