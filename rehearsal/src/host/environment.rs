//! One execution environment: a process of one function version behind a Lambda Runtime API of its own.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use crate::http::{Answer, Asked, answer, listen, serve};
use anyhow::{Context, Result};
use bytes::Bytes;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

/// What is invoked, and until when.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Lambda's id of it.
    pub request_id: String,
    /// What was invoked: a function's version or alias.
    pub arn: String,
    /// When it times out, in milliseconds since 1970.
    pub deadline_ms: i64,
    /// The event, JSON.
    pub event: Bytes,
}

/// What a function answered: its response, or the error it reported.
pub type Outcome = Result<Bytes, Bytes>;

type Job = (Invocation, oneshot::Sender<Outcome>);

/// A running execution environment; ends when dropped.
#[derive(Debug)]
pub struct Environment {
    jobs: mpsc::Sender<Job>,
    child: Child,
    tasks: Vec<JoinHandle<()>>,
    /// When its process was started.
    pub started: Instant,
}

/// What the Runtime API of one environment holds.
struct RuntimeApi {
    waiting: Mutex<mpsc::Receiver<Job>>,
    running: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    trace: String,
}

impl Environment {
    /// Starts `program` in `root` with these variables and no others; what it prints goes to `told`, line by line.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn start(
        program: &Path,
        root: &Path,
        variables: &[(String, String)],
        told: mpsc::UnboundedSender<String>,
    ) -> Result<Self> {
        let (listener, address) = listen().await?;
        let (jobs, waiting) = mpsc::channel(1);
        let started = Instant::now();
        let mut child = Command::new(program)
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", &address)
            .env("LAMBDA_TASK_ROOT", root)
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        let api = Arc::new(RuntimeApi {
            waiting: Mutex::new(waiting),
            running: Mutex::new(None),
            trace: "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned(),
        });
        let mut tasks = vec![tokio::spawn(serve(listener, move |asked| {
            let api = Arc::clone(&api);
            async move { api.handle(asked).await }
        }))];
        tasks.extend(child.stdout.take().map(|out| tokio::spawn(lines(out, told.clone()))));
        tasks.extend(child.stderr.take().map(|out| tokio::spawn(lines(out, told))));
        Ok(Self { jobs, child, tasks, started })
    }

    /// Invokes the function and waits for its answer, its end, or the deadline; after an error that is not the
    /// function's own answer the environment is no longer of use.
    ///
    /// # Errors
    /// If the process ended or gave no answer in time.
    pub async fn invoke(&mut self, invocation: Invocation) -> Result<Outcome> {
        let left = invocation.deadline_ms - jiff::Timestamp::now().as_millisecond();
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        let (answered, outcome) = oneshot::channel();
        self.jobs.send((invocation, answered)).await.context("the environment's Runtime API has ended")?;
        tokio::select! {
            outcome = outcome => outcome.context("the function fetched the event and answered nothing"),
            status = self.child.wait() => anyhow::bail!("the function's process ended: {}", status?),
            () = tokio::time::sleep(left) => anyhow::bail!("the function timed out"),
        }
    }

    /// The most memory the process has held so far, in bytes.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl RuntimeApi {
    async fn handle(&self, asked: Asked) -> Answer {
        let path = asked.uri().path().to_owned();
        let Some(call) = path.strip_prefix("/2018-06-01/runtime/") else {
            return answer(404, format!("{path} is no call of the Runtime API"));
        };
        match call.split('/').collect::<Vec<_>>()[..] {
            ["invocation", "next"] => self.next().await,
            ["invocation", id, "response"] => self.done(id, Ok(asked.into_body())).await,
            ["invocation", id, "error"] => self.done(id, Err(asked.into_body())).await,
            // The process ends after this; whoever invokes it is told then.
            ["init", "error"] => answer(202, ""),
            _ => answer(404, format!("{path} is no call of the Runtime API")),
        }
    }

    async fn next(&self) -> Answer {
        let Some((invocation, answered)) = self.waiting.lock().await.recv().await else {
            return answer(500, "the environment is shutting down");
        };
        *self.running.lock().await = Some((invocation.request_id.clone(), answered));
        let mut next = answer(200, invocation.event);
        let headers = [
            ("lambda-runtime-aws-request-id", invocation.request_id),
            ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
            ("lambda-runtime-invoked-function-arn", invocation.arn),
            ("lambda-runtime-trace-id", self.trace.clone()),
        ];
        for (name, value) in headers {
            if let Ok(value) = value.parse() {
                next.headers_mut().insert(name, value);
            }
        }
        next
    }

    async fn done(&self, id: &str, outcome: Outcome) -> Answer {
        let mut running = self.running.lock().await;
        match running.take_if(|(running, _)| running == id) {
            Some((_, answered)) => {
                // Whoever asked may have given up at the deadline.
                let _ = answered.send(outcome);
                answer(202, "")
            }
            None => answer(400, format!("{id} is not the invocation that runs")),
        }
    }
}

/// Passes on what the function prints, line by line.
async fn lines(out: impl AsyncRead + Unpin, told: mpsc::UnboundedSender<String>) {
    let mut lines = BufReader::new(out).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if told.send(line).is_err() {
            break;
        }
    }
}
