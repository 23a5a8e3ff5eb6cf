//! `lockgate scan` as a step runs it, with reports that were made elsewhere and GitHub's stand-in.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use stand_ins::github::{Github, NewPull};
use tempfile::TempDir;

const REPOSITORY: &str = "example/calls";

/// A run for a pull request, in a folder with nothing but what a test puts there.
struct Run {
    github: Github,
    number: u64,
    folder: TempDir,
    permissions: Vec<(&'static str, &'static str)>,
    fork: bool,
}

impl Run {
    fn new() -> Self {
        Self::of(NewPull::default())
    }

    fn of(pull: NewPull) -> Self {
        let github = Github::start().expect("a GitHub");
        github.add_repository(REPOSITORY, true);
        github.edit(REPOSITORY, |repository| repository.code_scanning = true).expect("the repository");
        let fork = pull.fork.is_some();
        let number = github.add_pull(REPOSITORY, pull).expect("a pull request");
        let folder = tempfile::tempdir().expect("a folder");
        let permissions = vec![("pull-requests", "write"), ("security-events", "write")];
        Self { github, number, folder, permissions, fork }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An empty folder to compare with.
    fn base(&self) -> String {
        let base = self.path("base");
        fs::create_dir(&base).expect("a folder");
        base.display().to_string()
    }

    /// `lockgate scan` with these arguments.
    fn scan(&self, arguments: &[&str]) -> Output {
        let head = if self.fork { "mallory/calls" } else { REPOSITORY };
        let side = |name: &str, of: &str| json!({"ref": name, "sha": "1".repeat(40), "repo": {"full_name": of}});
        let event = json!({
            "repository": {"full_name": REPOSITORY, "private": true},
            "pull_request": {"number": self.number, "state": "open", "head": side("x", head), "base": side("main", REPOSITORY)},
        });
        fs::write(self.path("event.json"), event.to_string()).expect("an event");
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.arg("scan").args(arguments).current_dir(self.folder.path()).env_clear().envs([
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", REPOSITORY),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REF", "refs/pull/1/merge"),
            ("GITHUB_SHA", "2222222222222222222222222222222222222222"),
            ("GITHUB_API_URL", &*self.github.url),
            ("INPUT_TOKEN", &*self.github.token(REPOSITORY, &self.permissions)),
        ]);
        for name in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
            command.env(name, self.path(name));
        }
        command.env("GITHUB_EVENT_PATH", self.path("event.json")).output().expect("lockgate runs")
    }

    fn comments(&self) -> Vec<String> {
        assert_eq!(self.github.violations(), Vec::<String>::new());
        let repository = self.github.repository(REPOSITORY).expect("the repository");
        repository.comments.values().map(|comment| comment.body.clone()).collect()
    }

    /// The uploads to code scanning.
    fn uploads(&self) -> Vec<Value> {
        let repository = self.github.repository(REPOSITORY).expect("the repository");
        repository.sarifs.values().map(|upload| upload.content.clone()).collect()
    }
}

fn sample(name: &str) -> String {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").expect("run by cargo");
    Path::new(&folder).join("tests/scan").join(name).display().to_string()
}

fn report(tool: &str, name: &str) -> String {
    format!("{tool}={}", sample(name))
}

/// What a step's file says, without the delimiters.
fn outputs(run: &Run) -> Vec<String> {
    let text = fs::read_to_string(run.path("GITHUB_OUTPUT")).expect("outputs");
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some((name, _)) = lines.next().and_then(|line| line.split_once("<<")) {
        found.push(format!("{name}={}", lines.next().expect("a value")));
        lines.next();
    }
    found
}

#[test]
fn a_change_with_new_findings_is_stopped_and_told_everywhere() {
    let run = Run::new();
    let (tfsec, clippy) = (report("tfsec", "tfsec.json"), report("clippy", "clippy.json"));
    // Only lines of files that are there are shown among the changes.
    fs::create_dir(run.path("terraform")).expect("a folder");
    fs::copy(sample("files/main.tf.txt"), run.path("terraform/main.tf")).expect("a file");
    let base = run.base();
    let arguments = ["--tools", "tfsec,clippy", "--report", &tfsec, "--report", &clippy, "--baseline", &base];
    let arguments = [&arguments[..], &["--upload", "true", "--sarif", "out.sarif"]].concat();
    let done = run.scan(&arguments);
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&done.stderr));
    let annotations = said.lines().filter(|line| line.starts_with("::error file=")).count();
    assert!((1..=10).contains(&annotations), "{said}");
    let comments = run.comments();
    assert_eq!(comments.len(), 1);
    assert!(comments[0].starts_with("<!-- lockgate:scan of=. -->\n## ❌ Scan: "), "{}", comments[0]);
    let outputs = outputs(&run);
    assert!(outputs.contains(&"outcome=failed".to_owned()), "{outputs:?}");
    assert!(!outputs.contains(&"blocking=0".to_owned()), "{outputs:?}");
    let uploads = run.uploads();
    let file: Value = serde_json::from_slice(&fs::read(run.path("out.sarif")).expect("a file")).expect("JSON");
    assert_eq!(uploads, [file], "code scanning has what the file has");
    let summary = fs::read_to_string(run.path("GITHUB_STEP_SUMMARY")).expect("a summary");
    assert!(summary.contains("Scan: "), "{summary}");
}

#[test]
fn plan_trap_34_what_the_base_has_too_stops_nothing() {
    let run = Run::new();
    let tfsec = report("tfsec", "tfsec.json");
    let base = run.base();
    let arguments = ["--tools", "tfsec", "--report", &tfsec, "--base-report", &tfsec, "--baseline", &base];
    let done = run.scan(&arguments);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stdout));
    assert!(run.comments()[0].contains("nothing new"), "{}", run.comments()[0]);
    // On a schedule there is no change to judge.
    let scheduled = run.scan(&[&arguments[..], &["--everything"]].concat());
    assert_eq!(scheduled.status.code(), Some(1));
    assert_eq!(run.comments().len(), 1, "it is the same comment");
}

#[test]
fn plan_trap_31_a_scanner_that_said_nothing_shuts_the_gate_unless_it_is_named() {
    let run = Run::new();
    fs::write(run.path("empty.json"), "").expect("a file");
    let base = run.base();
    let arguments = ["--tools", "trivy", "--report", "trivy=empty.json", "--baseline", &base];
    let done = run.scan(&arguments);
    assert_eq!(done.status.code(), Some(1));
    assert!(run.comments()[0].contains("not scanned"), "{}", run.comments()[0]);
    let allowed = run.scan(&[&arguments[..], &["--allow", "trivy"]].concat());
    assert_eq!(allowed.status.code(), Some(0), "{}", String::from_utf8_lossy(&allowed.stdout));
}

#[test]
fn a_fork_is_judged_without_a_comment_and_an_upload() {
    let mut run = Run::of(NewPull { fork: Some("mallory/calls".to_owned()), ..NewPull::default() });
    run.permissions = vec![("pull-requests", "read")];
    let tfsec = report("tfsec", "tfsec.json");
    let base = run.base();
    let done = run.scan(&["--tools", "tfsec", "--report", &tfsec, "--baseline", &base, "--upload", "true"]);
    assert_eq!(done.status.code(), Some(1), "the findings stop it all the same");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(said.contains("comes from a fork"), "{said}");
    assert!(run.comments().is_empty() && run.uploads().is_empty());
}

#[test]
fn wrong_suppressions_are_an_error_before_anything_is_scanned() {
    let run = Run::new();
    fs::write(run.path("scan.toml"), "[[suppression]]\nid = \"AWS-0001\"\n").expect("a file");
    let done = run.scan(&["--tools", "tfsec"]);
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(said.contains("scan.toml"), "{said}");
}
