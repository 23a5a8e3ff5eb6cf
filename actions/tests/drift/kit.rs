//! A repository whose environment has drifted, and a GitHub that keeps its issues.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use stand_ins::github::{Comment, Github, Issue, User};
use tempfile::TempDir;

pub(crate) const REPOSITORY: &str = "example/calls";
pub(crate) const BOT: &str = "github-actions[bot]";
pub(crate) const ISSUES: &str = "/repos/example/calls/issues";

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    /// All that it printed.
    pub(crate) said: String,
    /// What it printed on stdout.
    pub(crate) data: String,
    /// The outputs of the step.
    pub(crate) outputs: BTreeMap<String, String>,
    /// The step's summary.
    pub(crate) summary: String,
}

impl Done {
    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("no output {name}: {}", self.said))
    }
}

pub(crate) struct World {
    pub(crate) github: Github,
    pub(crate) folder: TempDir,
    token: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&[("issues", "write")])
    }

    pub(crate) fn with(permissions: &[(&str, &str)]) -> Self {
        let github = Github::start().expect("a GitHub");
        github.add_repository(REPOSITORY, false);
        let token = github.token(REPOSITORY, permissions);
        Self { github, folder: tempfile::tempdir().expect("a folder"), token }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `lockgate drift` with this plan.
    pub(crate) fn run(&self, plan: &Value) -> Done {
        self.run_with(plan, &[], &[])
    }

    pub(crate) fn run_with(&self, plan: &Value, arguments: &[&str], variables: &[(&str, &str)]) -> Done {
        fs::write(self.path("plan.json"), plan.to_string()).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.args(["drift", "--environment", "staging", "--root", "terraform/staging", "--plan-json", "plan.json"]);
        command.args(arguments).env_clear().envs(variables.iter().copied());
        self.done(&mut command)
    }

    /// Runs the command in the repository, with the job's token.
    pub(crate) fn done(&self, command: &mut Command) -> Done {
        let (outputs, summary) = (self.path("outputs"), self.path("summary"));
        // Those of an earlier run may be there.
        let _ = (fs::remove_file(&outputs), fs::remove_file(&summary));
        command.current_dir(self.folder.path()).env("GITHUB_API_URL", &self.github.url);
        command.env("GITHUB_REPOSITORY", REPOSITORY).env("INPUT_TOKEN", &self.token);
        command.env("GITHUB_OUTPUT", &outputs).env("GITHUB_STEP_SUMMARY", &summary);
        let done = command.output().expect("lockgate runs");
        assert_eq!(self.github.violations(), Vec::<String>::new());
        let data = String::from_utf8_lossy(&done.stdout).into_owned();
        Done {
            code: done.status.code(),
            said: format!("{data}{}", String::from_utf8_lossy(&done.stderr)),
            data,
            outputs: read_outputs(&outputs),
            summary: fs::read_to_string(summary).unwrap_or_default(),
        }
    }

    pub(crate) fn issue(&self, number: u64) -> Issue {
        self.github.repository(REPOSITORY).expect("the repository").issues[&number].clone()
    }

    /// How many issues there are.
    pub(crate) fn issues(&self) -> usize {
        self.github.repository(REPOSITORY).expect("the repository").issues.len()
    }

    pub(crate) fn comments(&self, number: u64) -> Vec<String> {
        let repository = self.github.repository(REPOSITORY).expect("the repository");
        repository.comments_of(number).into_iter().map(|comment: &Comment| comment.body.clone()).collect()
    }

    pub(crate) fn edit(&self, number: u64, change: impl FnOnce(&mut Issue)) {
        let found = self.github.edit(REPOSITORY, |repository| repository.issues.get_mut(&number).map(change));
        found.expect("the repository").expect("the issue");
    }

    /// An issue of somebody's with this text, labelled like ours.
    pub(crate) fn add(&self, login: &str, body: &str) -> u64 {
        let number = self.github.add_issue(REPOSITORY, "Drift in staging", login).expect("an issue");
        self.edit(number, |issue| {
            issue.body = Some(body.to_owned());
            issue.labels = ["drift".to_owned()].into();
        });
        number
    }

    /// Somebody closes an issue.
    pub(crate) fn close(&self, number: u64, reason: &str, login: &str) {
        self.edit(number, |issue| {
            issue.open = false;
            issue.closed_at = Some(issue.updated_at);
            issue.closed_by = Some(User::named(login));
            issue.state_reason = Some(reason.to_owned());
        });
    }

    /// How many requests were to change something.
    pub(crate) fn writes(&self) -> usize {
        self.github.requests().iter().filter(|asked| asked.method != http::Method::GET).count()
    }
}

/// A full plan of an environment that has drifted in many ways.
pub(crate) fn drifted() -> Value {
    read("full.json")
}

/// The same environment, drifted otherwise.
pub(crate) fn drifted_otherwise() -> Value {
    let text = drifted().to_string().replace("s3:DeleteObject", "s3:PutObject");
    serde_json::from_str(&text).expect("a plan")
}

/// The same environment without any drift.
pub(crate) fn as_recorded() -> Value {
    let mut plan = drifted();
    for list in ["resource_drift", "resource_changes"] {
        plan[list] = json!([]);
    }
    plan["output_changes"] = json!({});
    plan
}

fn read(name: &str) -> Value {
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("run by cargo"));
    let text = fs::read_to_string(folder.join("tests/drift").join(name)).expect("a plan");
    serde_json::from_str(&text).expect("a plan")
}

fn read_outputs(file: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut lines = text.lines();
    let mut outputs = BTreeMap::new();
    while let Some((name, end)) = lines.next().and_then(|line| line.split_once("<<")) {
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
        outputs.insert(name.to_owned(), value.join("\n"));
    }
    outputs
}
