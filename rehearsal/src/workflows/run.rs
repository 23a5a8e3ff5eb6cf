//! One run of a workflow.

use super::Workflows;
use super::gates::{GATES, Gated, RUN};
use super::rewrite::{OIDC_URL, REGISTRY};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use stand_ins::oidc::Grant;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

/// Every runner label that workflows of this repository name.
const RUNNER: &str = "ubuntu-24.04";

/// What starts a run.
#[derive(Debug, Default)]
pub struct Request {
    /// The checkout that it runs in: the copy, or a clone of it.
    pub checkout: PathBuf,
    /// The workflow's file, such as `.github/workflows/on-rollback.yml`.
    pub workflow: String,
    /// The event's name, such as `workflow_dispatch`.
    pub event: String,
    /// The event, as GitHub sends it; a dispatch has `inputs`.
    pub payload: Value,
    /// The run's id, which names it in the ledger: a new one for each run.
    pub run_id: u64,
    /// The repository's (or environment's) variables.
    pub vars: Vec<(String, String)>,
    /// The environment of every step, such as endpoints of stand-ins; stronger than a job's own.
    pub env: Vec<(String, String)>,
    /// Where jobs that may write id-token get their tokens.
    pub oidc: Option<Grant>,
    /// Folders with programs that are on a runner's PATH, before those of this process.
    pub path: Vec<PathBuf>,
    /// The one job that is run, and those it needs; all if not said.
    pub only: Option<&'static str>,
    /// The one part of a matrix that is run: its key and value; all of it if not said.
    pub matrix: Option<(&'static str, &'static str)>,
    /// Where jobs ask whether they may begin.
    pub gates: Option<Gated>,
    /// Host and port of the registry for images.
    pub registry: String,
}

/// Names and values as a [`Request`] has them.
#[must_use]
pub fn pairs(pairs: &[(&str, impl AsRef<str>)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_ref().to_owned())).collect()
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Each job's result, `success` or `failure`, by its path of names (`caller/called/job`).
    pub jobs: BTreeMap<String, String>,
    /// Outputs that were set, by the job's path of names, the step's id (its number if it has none; `outer/inner` within an
    /// action) and name.
    pub outputs: BTreeMap<(String, String, String), String>,
    /// What the steps printed, and act's own lines.
    pub log: Vec<String>,
    /// The steps in the order in which they ended.
    pub steps: Vec<Step>,
    /// When the first line of a step came, by job and step.
    begun: BTreeMap<(String, String), f64>,
}

/// A step of a job that ran.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The job's path of names.
    pub job: String,
    /// The step's name, or what it uses.
    pub name: String,
    /// Whether it succeeded.
    pub ok: bool,
    /// Seconds from the start of the run to its first line.
    pub from: f64,
    /// Seconds from the start of the run to its end.
    pub to: f64,
}

impl Outcome {
    /// Whether every job succeeded, and there was one.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        !self.jobs.is_empty() && self.jobs.values().all(|result| result == "success")
    }

    /// An output of a step of the workflow, of the first job that set it.
    #[must_use]
    pub fn output(&self, step: &str, name: &str) -> Option<&str> {
        self.output_of("", step, name)
    }

    /// The same of a job whose path of names contains this.
    #[must_use]
    pub fn output_of(&self, job: &str, step: &str, name: &str) -> Option<&str> {
        let found = self.outputs.iter().find(|((of, by, is), _)| of.contains(job) && by == step && is == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The jobs that did not succeed, by their path of names.
    #[must_use]
    pub fn failed(&self) -> Vec<&str> {
        self.jobs.iter().filter(|(_, result)| *result != "success").map(|(job, _)| job.as_str()).collect()
    }
}

impl Workflows {
    /// Runs a workflow by `act`. A job that fails is an outcome, no error.
    ///
    /// # Errors
    /// If act cannot be started, or ran no job: with what it said.
    pub async fn run(&self, act: &Path, request: &Request) -> Result<Outcome> {
        fs::create_dir_all(&self.cache).with_context(|| format!("failed to create {}", self.cache.display()))?;
        let event = self.cache.join(format!("event-{}.json", request.run_id));
        fs::write(&event, request.payload.to_string())?;
        let mut command = Command::new(act);
        command.arg(&request.event).arg("--workflows").arg(&request.workflow).arg("--eventpath").arg(&event);
        command.args(["--json", "--platform", &format!("{RUNNER}=-self-hosted")]);
        let (mut env, mut vars) = (request.env.clone(), request.vars.clone());
        env.push(("GITHUB_RUN_ID".to_owned(), request.run_id.to_string()));
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            // act's own home is another one, so that it keeps nothing in the person's.
            let own = std::env::var(name).ok().or_else(|| Some(format!("{}/{folder}", std::env::var("HOME").ok()?)));
            env.extend(own.map(|own| (name.to_owned(), own)));
        }
        if let Some(Grant { url, bearer }) = &request.oidc {
            vars.push((OIDC_URL.to_owned(), url.clone()));
            env.push(("ACTIONS_ID_TOKEN_REQUEST_TOKEN".to_owned(), bearer.clone()));
        }
        if let Some(gates) = &request.gates {
            vars.extend([(GATES.to_owned(), gates.url.clone()), (RUN.to_owned(), gates.query())]);
        }
        vars.push((REGISTRY.to_owned(), request.registry.clone()));
        if let Some(job) = request.only {
            command.arg("--job").arg(job);
        }
        if let Some((key, value)) = request.matrix {
            command.arg("--matrix").arg(format!("{key}:{value}"));
        }
        for (flag, pairs) in [("--env", &env), ("--var", &vars)] {
            for (name, value) in pairs {
                command.arg(flag).arg(format!("{name}={value}"));
            }
        }
        command.current_dir(&request.checkout).kill_on_drop(true).stdin(Stdio::null());
        let own = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(request.path.iter().cloned().chain(std::env::split_paths(&own)));
        command.env_clear().env("PATH", path.context("a folder of a tool cannot be on PATH")?);
        command.env("HOME", &self.cache).env("XDG_CACHE_HOME", &self.cache);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let begun = Instant::now();
        let mut child = command.spawn().with_context(|| format!("failed to start {}", act.display()))?;
        let (out, err) = (child.stdout.take().context("piped")?, child.stderr.take().context("piped")?);
        let mut outcome = Outcome::default();
        let read = async {
            let mut lines = BufReader::new(out).lines();
            while let Some(line) = lines.next_line().await? {
                outcome.hear(&line, begun.elapsed().as_secs_f64());
            }
            Ok::<_, std::io::Error>(())
        };
        let mut said = String::new();
        let mut err = BufReader::new(err);
        let (read, errors) = tokio::join!(read, err.read_to_string(&mut said));
        read.and(errors).with_context(|| format!("failed to read what {} said", act.display()))?;
        let status = child.wait().await?;
        // It may break off before or between jobs, and then no job failed.
        if outcome.jobs.is_empty() || (!status.success() && outcome.failed().is_empty()) {
            let jobs: Vec<_> = outcome.jobs.keys().collect();
            bail!("act broke off {} after {jobs:?}: {}\n{}", request.workflow, said.trim_end(), outcome.log.join("\n"));
        }
        Ok(outcome)
    }
}

impl Outcome {
    /// Hears a line that `act --json` prints, an object, after so many seconds.
    fn hear(&mut self, line: &str, at: f64) {
        let Ok(said) = serde_json::from_str::<Value>(line) else {
            self.log.push(line.to_owned());
            return;
        };
        let text = |key: &str| said[key].as_str().unwrap_or_default().trim_end().to_owned();
        if let Some(result) = said["jobResult"].as_str() {
            self.jobs.insert(text("job"), result.to_owned());
        }
        let step = said["stepID"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let step = step.collect::<Vec<_>>().join("/");
        if said["command"] == "set-output" {
            self.outputs.insert((text("job"), step.clone(), text("name")), text("arg"));
        }
        // Steps within an action are part of the step that uses it.
        if !step.is_empty() && !step.contains('/') && said["stage"] == "Main" {
            let from = *self.begun.entry((text("job"), step)).or_insert(at);
            if let Some(result) = said["stepResult"].as_str() {
                self.steps.push(Step { job: text("job"), name: text("step"), ok: result == "success", from, to: at });
            }
        }
        self.log.push(text("msg"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_outputs_are_read_from_acts_lines() {
        let lines = r#"{"job":"a/b/c","step":"./actions/promote","stepID":["1"],"stage":"Main","msg":"Run"}
{"job":"a/b/c","stepID":["1","promote"],"command":"set-output","name":"x","arg":"1","msg":"set"}
not json
{"job":"a/b/c","step":"./actions/promote","stepID":["1"],"stage":"Main","stepResult":"success","msg":"Success"}
{"job":"a/b/c","jobResult":"success","msg":"Job succeeded"}"#;
        let mut outcome = Outcome::default();
        for (at, line) in (1..).zip(lines.lines()) {
            outcome.hear(line, f64::from(at));
        }
        assert_eq!(outcome.output("1/promote", "x"), Some("1"));
        assert!(outcome.succeeded());
        assert_eq!(outcome.log, ["Run", "set", "not json", "Success", "Job succeeded"]);
        let step = Step { job: "a/b/c".into(), name: "./actions/promote".into(), ok: true, from: 1.0, to: 4.0 };
        assert_eq!(outcome.steps, [step]);
        assert!(!Outcome::default().succeeded(), "nothing ran");
    }
}
