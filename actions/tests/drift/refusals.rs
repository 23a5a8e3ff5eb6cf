//! When nothing becomes of the issue, and what is said instead.

use std::fs;

use serde_json::json;
use stand_ins::github::Fault;

use crate::kit::{ISSUES, World, as_recorded, drifted};

#[test]
fn plan_trap_18_a_plan_that_failed_is_no_drift_and_asks_github_nothing() {
    let world = World::new();
    world.run(&drifted());
    let before = world.github.requests().len();
    let mut failed = as_recorded();
    failed["errored"] = json!(true);
    let done = world.run(&failed);
    assert_eq!(done.code, Some(1));
    assert!(done.said.contains("the issue stays as it is"), "{}", done.said);
    assert_eq!((world.github.requests().len(), world.issue(1).open), (before, true));
}

#[test]
fn plan_trap_18_a_plan_that_is_not_complete_closes_nothing() {
    let world = World::new();
    world.run(&drifted());
    let mut partial = as_recorded();
    partial["complete"] = json!(false);
    let done = world.run(&partial);
    assert_eq!((done.code, done.output("issue"), done.output("drifted")), (Some(0), "1", "false"), "{}", done.said);
    assert!(world.issue(1).open);
}

#[test]
fn a_token_that_may_not_write_issues_is_told_what_to_grant() {
    for permissions in [&[("contents", "read")][..], &[("issues", "read")]] {
        let world = World::with(permissions);
        let done = world.run(&drifted());
        assert_eq!(done.code, Some(2), "{}", done.said);
        assert!(done.said.contains("issues: write") && done.said.contains("403"), "{}", done.said);
        // What was found out is told all the same.
        assert!(done.summary.contains("aws_iam_role_policy.ingest") && done.output("drifted") == "true");
        assert_eq!(world.issues(), 0);
    }
}

#[test]
fn a_repository_without_issues_gets_the_summary() {
    let world = World::new();
    let disabled =
        json!({"message": "Issues are disabled for this repo", "documentation_url": "https://docs.github.com"});
    world.github.fault("POST", ISSUES, Fault::Status(410, Vec::new(), disabled), 1);
    let done = world.run(&drifted());
    assert_eq!((done.code, done.output("issue"), done.output("drifted")), (Some(0), "", "true"), "{}", done.said);
    assert!(done.said.contains("switch issues on") && done.summary.contains("aws_iam_role_policy.ingest"));
}

#[test]
fn a_github_that_fails_is_the_worlds_fault() {
    let world = World::new();
    let broken = json!({"message": "Server Error"});
    world.github.fault("POST", ISSUES, Fault::Status(502, Vec::new(), broken), 99);
    let done = world.run(&drifted());
    assert_eq!(done.code, Some(3), "{}", done.said);
    assert!(done.said.contains("502") && done.said.contains("run the job again"), "{}", done.said);
}

#[test]
fn a_dry_run_prints_and_writes_nothing() {
    let world = World::new();
    let done = world.run_with(&drifted(), &["--dry-run", "--report", "report.md"], &[]);
    assert_eq!((done.code, world.writes(), world.issues()), (Some(0), 0, 0), "{}", done.said);
    assert!(done.data.contains("A new issue tells the drift") && done.data.contains("## Drift in `staging`"));
    assert!(!world.path("report.md").exists());
}

#[test]
fn drift_fails_the_step_only_where_that_is_asked_for() {
    let world = World::new();
    let done = world.run_with(&drifted(), &["--fail", "true", "--report", "report.md"], &[]);
    assert_eq!((done.code, done.output("issue")), (Some(1), "1"), "{}", done.said);
    assert!(fs::read_to_string(world.path("report.md")).expect("a report").contains("s3:DeleteObject"));
    assert_eq!(world.run_with(&as_recorded(), &["--fail", "true"], &[]).code, Some(0));
}

#[test]
fn in_a_public_repository_no_value_is_shown() {
    let world = World::new();
    let done = world.run_with(&drifted(), &["--report", "report.md"], &[("GITHUB_ACTIONS", "true")]);
    let body = world.issue(1).body.expect("a text");
    let file = fs::read_to_string(world.path("report.md")).expect("a report");
    for text in [&body, &file, &done.summary, &done.said] {
        assert!(!text.contains("s3:DeleteObject") && !text.contains("256 -> 512"), "{text}");
    }
    assert!(body.contains("memory_size"), "names are shown");
}

#[test]
fn without_terraform_a_region_is_needed_only_to_ask_the_ledger() {
    let world = World::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["drift", "--environment", "staging", "--root", "."]).env_clear();
    let done = world.done(command.env("AWS_EC2_METADATA_DISABLED", "true"));
    assert_eq!(done.code, Some(2), "{}", done.said);
    assert!(done.said.contains("no AWS region is set") && world.github.requests().is_empty(), "{}", done.said);
}
