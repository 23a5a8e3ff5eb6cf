//! One execution environment: a process of one function version behind a Lambda Runtime API of its own.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use super::told::Told;
use crate::http::{Answer, Asked, answer, listen, serve};
use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
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
    serving: JoinHandle<()>,
    printed: Printed,
    told: mpsc::UnboundedSender<Told>,
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
    /// Starts `program` in `root` with these variables and no others; what it prints goes to `told`, line by line, before
    /// an invocation is answered.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn start(
        program: &Path,
        root: &Path,
        variables: &[(String, String)],
        told: mpsc::UnboundedSender<Told>,
    ) -> Result<Self> {
        let (listener, address) = listen().await?;
        let (jobs, waiting) = mpsc::channel(1);
        let started = Instant::now();
        let printed = Printed::new(root)?;
        let child = Command::new(program)
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", &address)
            .env("LAMBDA_TASK_ROOT", root)
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(printed.writer()?)
            .stderr(printed.writer()?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        let api = Arc::new(RuntimeApi {
            waiting: Mutex::new(waiting),
            running: Mutex::new(None),
            trace: "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned(),
        });
        let serving = tokio::spawn(serve(listener, move |asked| {
            let api = Arc::clone(&api);
            async move { api.handle(asked).await }
        }));
        Ok(Self { jobs, child, serving, printed, told, started })
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
        let outcome = tokio::select! {
            outcome = outcome => outcome.context("the function fetched the event and answered nothing"),
            status = self.child.wait() => Err(anyhow!("the function's process ended: {}", status?)),
            () = tokio::time::sleep(left) => Err(anyhow!("the function timed out")),
        };
        self.tell();
        outcome
    }

    /// Passes on what the process has printed since this was last done.
    pub(super) fn tell(&mut self) {
        for line in self.printed.lines() {
            // Nobody listens any more when the host ends.
            let _ = self.told.send(Told::Line(line));
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
        self.tell();
        self.serving.abort();
    }
}

/// What a process has printed: a file without a name instead of a pipe, so that what was printed before an answer can be
/// read when the answer is there, with no wait for it to come through.
#[derive(Debug)]
struct Printed {
    file: File,
    /// How much of it was read.
    read: u64,
}

impl Printed {
    /// In this folder, of which nobody sees it.
    fn new(folder: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder);
        Ok(Self { file: file.context("failed to make a file for what a function prints")?, read: 0 })
    }

    /// Where a process may print to; all of them write at the one end of the file.
    fn writer(&self) -> Result<Stdio> {
        Ok(self.file.try_clone().context("failed to share the file for what a function prints")?.into())
    }

    /// The whole lines that came since the last time.
    fn lines(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 8192];
        // Reading a file that this process has open does not fail; if it did, the lines come the next time.
        while let Ok(count @ 1..) = self.file.read_at(&mut chunk, self.read + bytes.len() as u64) {
            bytes.extend_from_slice(&chunk[..count]);
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.read += whole as u64;
        String::from_utf8_lossy(&bytes[..whole]).lines().map(str::to_owned).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_line_is_told_once_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut printed = Printed::new(folder.path()).expect("a file");
        let mut file = printed.file.try_clone().expect("the same file");
        file.write_all(b"one\ntw").expect("written");
        assert_eq!(printed.lines(), ["one"]);
        file.write_all(b"o\nthree\n").expect("written");
        assert_eq!(printed.lines(), ["two", "three"]);
        assert!(printed.lines().is_empty());
    }
}
