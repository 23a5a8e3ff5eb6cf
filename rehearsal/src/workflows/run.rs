//! One run of a workflow.

use super::Workflows;
use super::rewrite::OIDC_URL;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use stand_ins::oidc::Grant;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// Every runner label that workflows of this repository name.
const RUNNER: &str = "ubuntu-24.04";

/// What starts a run.
#[derive(Debug, Default)]
pub struct Request {
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
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Each job's result, `success` or `failure`, by its path of names (`caller/called/job`).
    pub jobs: BTreeMap<String, String>,
    /// Outputs that were set, by the step's id (its number if it has none; `outer/inner` within an action) and name.
    pub outputs: BTreeMap<(String, String), String>,
    /// What the steps printed, and act's own lines.
    pub log: Vec<String>,
}

impl Outcome {
    /// Whether every job succeeded, and there was one.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        !self.jobs.is_empty() && self.jobs.values().all(|result| result == "success")
    }

    /// An output of a step of the workflow.
    #[must_use]
    pub fn output(&self, step: &str, name: &str) -> Option<&str> {
        self.outputs.get(&(step.to_owned(), name.to_owned())).map(String::as_str)
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
        if let Some(Grant { url, bearer }) = &request.oidc {
            vars.push((OIDC_URL.to_owned(), url.clone()));
            env.push(("ACTIONS_ID_TOKEN_REQUEST_TOKEN".to_owned(), bearer.clone()));
        }
        for (flag, pairs) in [("--env", &env), ("--var", &vars)] {
            for (name, value) in pairs {
                command.arg(flag).arg(format!("{name}={value}"));
            }
        }
        command.current_dir(&self.folder).kill_on_drop(true).stdin(Stdio::null());
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
        command.env("HOME", &self.cache).env("XDG_CACHE_HOME", &self.cache);
        let done = command.output().await.with_context(|| format!("failed to start {}", act.display()))?;
        let outcome = Outcome::read(&String::from_utf8_lossy(&done.stdout));
        if outcome.jobs.is_empty() {
            let said = String::from_utf8_lossy(&done.stderr);
            bail!("act ran no job of {}: {}\n{}", request.workflow, said.trim_end(), outcome.log.join("\n"));
        }
        Ok(outcome)
    }
}

impl Outcome {
    /// Reads what `act --json` prints: an object a line.
    fn read(text: &str) -> Self {
        let mut outcome = Self::default();
        for line in text.lines() {
            let Ok(said) = serde_json::from_str::<Value>(line) else {
                outcome.log.push(line.to_owned());
                continue;
            };
            let text = |key: &str| said[key].as_str().unwrap_or_default().trim_end().to_owned();
            if let Some(result) = said["jobResult"].as_str() {
                outcome.jobs.insert(text("job"), result.to_owned());
            }
            if said["command"] == "set-output" {
                let step = said["stepID"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let step = step.collect::<Vec<_>>().join("/");
                outcome.outputs.insert((step, text("name")), text("arg"));
            }
            outcome.log.push(text("msg"));
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_outputs_are_read_from_acts_lines() {
        let lines = r#"{"job":"a/b/c","stepID":["1","promote"],"command":"set-output","name":"x","arg":"1","msg":"set"}
not json
{"job":"a/b/c","jobResult":"success","msg":"Job succeeded"}"#;
        let outcome = Outcome::read(lines);
        assert_eq!(outcome.output("1/promote", "x"), Some("1"));
        assert!(outcome.succeeded());
        assert_eq!(outcome.log, ["set", "not json", "Job succeeded"]);
        assert!(!Outcome::default().succeeded(), "nothing ran");
    }
}
