//! Every operation, as GitHub describes it.

use crate::NONE;
use crate::client::ask;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use stand_ins::github::{Branches, Environment, Github, NewPull, User};
use std::collections::BTreeSet;
use std::io::Write;

fn listed() -> BTreeSet<String> {
    let lines = include_str!("../../openapi/paths.txt").lines();
    lines.filter(|line| !line.starts_with('#')).map(ToOwned::to_owned).collect()
}

#[test]
fn the_description_holds_the_listed_operations_and_no_others() {
    let document: Value = serde_json::from_str(include_str!("../../openapi/github.json")).expect("JSON");
    let paths = document["paths"].as_object().expect("paths").iter();
    let operations = paths.flat_map(|(path, item)| {
        item.as_object().expect("methods").keys().map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    assert_eq!(operations.collect::<BTreeSet<_>>(), listed(), "run openapi/trim.py again");
    assert_eq!(document["info"]["license"]["name"], "MIT");
}

fn sarif(content: &Value) -> String {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(content.to_string().as_bytes()).expect("memory");
    STANDARD.encode(packed.finish().expect("memory"))
}

/// A GitHub in which there is one of everything.
fn full() -> Github {
    let github = Github::start().expect("a GitHub");
    github.add_repository("acme/calls", false);
    let fork = NewPull { fork: Some("stranger/calls".to_owned()), ..NewPull::default() };
    github.add_pull("acme/calls", fork).expect("a pull request");
    github.add_issue("acme/calls", "Drift", "octocat").expect("an issue");
    let filled = github.edit("acme/calls", |it| {
        let reviewers = vec![User::named("octo-reviewer")];
        let mut environment = Environment { reviewers, wait_timer: 5, ..Environment::default() };
        environment.branches = Branches::Named(vec!["main".to_owned()]);
        environment.variables.insert("REGION".to_owned(), "eu-central-1".to_owned());
        it.environments.insert("production".to_owned(), environment);
        it.approvals.insert("main".to_owned(), 2);
        it.variables.insert("OWNER".to_owned(), "acme".to_owned());
        it.workflows.insert("on-rollback.yml".to_owned());
        it.tarballs.insert("main".to_owned(), bytes::Bytes::from_static(b"a tarball"));
        it.actions.subject = Some(vec!["repo".to_owned(), "job_workflow_ref".to_owned()]);
    });
    filled.expect("a repository");
    for (at, message) in ["Begin", "Go on"].iter().enumerate() {
        github.push("acme/calls", &format!("{at:040}"), message, "github-actions[bot]").expect("a push");
    }
    github
}

#[test]
fn every_operation_succeeds_as_described() {
    let github = full();
    let permissions = ["actions", "checks", "contents", "deployments", "issues", "pull-requests", "security-events"];
    let job = github.token("acme/calls", &permissions.map(|name| (name, "write")));
    let owner = github.user_token("acme");
    let mut done = BTreeSet::new();
    let mut go = |operation: &str, parameters: &[(&str, &Value)], body: Value| {
        let (method, template) = operation.split_once(' ').expect("a method");
        let mut path = template.replace("{owner}", "acme").replace("{repo}", "calls");
        for (name, value) in parameters {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            path = path.replace(&format!("{{{name}}}"), &text);
        }
        let for_owner = ["/user", "/actions/permissions", "/variables"].iter().any(|it| template.contains(it));
        let token = if for_owner { &owner } else { &job };
        let answer = ask(method, &format!("{}{path}", github.url), token, &body);
        assert!((200..400).contains(&answer.status), "{operation}: {} {}", answer.status, answer.body);
        assert_eq!(github.violations(), [""; 0], "{operation}");
        done.insert(operation.to_owned());
        answer.body
    };
    let (one, two, main, commit) = (json!(1), json!(2), json!("main"), json!("1".repeat(40)));
    let production = ("environment_name", &json!("production"));

    assert_eq!(go("GET /user", &[], NONE)["login"], "acme");
    go("GET /repos/{owner}/{repo}", &[], NONE);
    let subject = go("GET /repos/{owner}/{repo}/actions/oidc/customization/sub", &[], NONE);
    assert_eq!(subject["include_claim_keys"][1], "job_workflow_ref");
    go("GET /repos/{owner}/{repo}/actions/permissions", &[], NONE);
    go("GET /repos/{owner}/{repo}/actions/permissions/workflow", &[], NONE);
    go("GET /repos/{owner}/{repo}/actions/variables", &[], NONE);
    assert_eq!(go("GET /repos/{owner}/{repo}/branches", &[], NONE)[0]["name"], "main");
    let basehead = json!(format!("{:040}...{:040}", 0, 1));
    let compared = go("GET /repos/{owner}/{repo}/compare/{basehead}", &[("basehead", &basehead)], NONE);
    assert_eq!(compared["commits"][0]["commit"]["message"], "Go on");
    let listed_environments = go("GET /repos/{owner}/{repo}/environments", &[], NONE);
    let environment = go("GET /repos/{owner}/{repo}/environments/{environment_name}", &[production], NONE);
    assert_eq!(listed_environments["environments"][0], environment);
    let reviewer = &environment["protection_rules"][1]["reviewers"][0]["reviewer"];
    assert_eq!(reviewer["login"], "octo-reviewer");
    assert_eq!(environment["protection_rules"][1]["prevent_self_review"], false);
    assert_eq!(environment["deployment_branch_policy"]["custom_branch_policies"], true);
    let rules = go("GET /repos/{owner}/{repo}/rules/branches/{branch}", &[("branch", &json!("main"))], NONE);
    assert_eq!(
        (&rules[0]["type"], &rules[0]["parameters"]["required_approving_review_count"]),
        (&json!("pull_request"), &json!(2))
    );
    let policies = "GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies";
    let policy = &go(policies, &[production], NONE)["branch_policies"][0];
    assert_eq!((&policy["name"], &policy["type"]), (&json!("main"), &json!("branch")));
    let variables = go("GET /repos/{owner}/{repo}/environments/{environment_name}/variables", &[production], NONE);
    assert_eq!((&variables["total_count"], &variables["variables"][0]["value"]), (&json!(1), &json!("eu-central-1")));

    go("GET /repos/{owner}/{repo}/pulls", &[], NONE);
    let pull = go("GET /repos/{owner}/{repo}/pulls/{pull_number}", &[("pull_number", &one)], NONE);
    assert_eq!(pull["head"]["repo"]["full_name"], "stranger/calls");
    go("GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls", &[("commit_sha", &commit)], NONE);
    go("GET /repos/{owner}/{repo}/tarball/{ref}", &[("ref", &main)], NONE);

    go("GET /repos/{owner}/{repo}/issues", &[], NONE);
    let new = json!({ "title": "Drift in staging", "body": "b", "labels": ["drift"] });
    let issue = go("POST /repos/{owner}/{repo}/issues", &[], new);
    assert_eq!(issue["labels"][0]["name"], "drift");
    let third = ("issue_number", &issue["number"]);
    let closing = json!({ "state": "closed", "state_reason": "not_planned" });
    let closed = go("PATCH /repos/{owner}/{repo}/issues/{issue_number}", &[third], closing);
    assert_eq!(go("GET /repos/{owner}/{repo}/issues/{issue_number}", &[third], NONE), closed);
    assert_eq!((&closed["state_reason"], &closed["body"]), (&json!("not_planned"), &json!("b")));
    let second = ("issue_number", &two);
    let comment =
        go("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", &[second], json!({ "body": "a comment" }));
    let id = ("comment_id", &comment["id"]);
    assert_eq!(go("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", &[second], NONE)[0], comment);
    assert_eq!(go("GET /repos/{owner}/{repo}/issues/comments/{comment_id}", &[id], NONE), comment);
    go("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", &[id], json!({ "body": "another" }));
    go("DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}", &[id], NONE);
    go("PUT /repos/{owner}/{repo}/issues/{issue_number}/lock", &[second], NONE);
    go("DELETE /repos/{owner}/{repo}/issues/{issue_number}/lock", &[second], NONE);

    let annotation =
        json!({ "path": "a.rs", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m" });
    let output = json!({ "title": "t", "summary": "s", "annotations": [annotation] });
    let begun = json!({ "name": "scan", "head_sha": commit, "status": "in_progress", "output": output });
    let run = go("POST /repos/{owner}/{repo}/check-runs", &[], begun);
    let ended = json!({ "conclusion": "failure", "output": output });
    let run = go("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", &[("check_run_id", &run["id"])], ended);
    assert_eq!((&run["status"], &run["output"]["annotations_count"]), (&json!("completed"), &two));
    let runs = go("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", &[("ref", &commit)], NONE);
    assert_eq!(runs["check_runs"], json!([run]));

    let content = json!({ "version": "2.1.0", "runs": [] });
    let upload = json!({ "commit_sha": commit, "ref": "refs/heads/main", "sarif": sarif(&content) });
    let receipt = go("POST /repos/{owner}/{repo}/code-scanning/sarifs", &[], upload);
    let status = go("GET /repos/{owner}/{repo}/code-scanning/sarifs/{sarif_id}", &[("sarif_id", &receipt["id"])], NONE);
    assert_eq!(status["processing_status"], "complete");

    let wanted = json!({ "ref": "main", "environment": "staging", "payload": { "release": "r1" } });
    let deployment = go("POST /repos/{owner}/{repo}/deployments", &[], wanted);
    let id = ("deployment_id", &deployment["id"]);
    go("POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", &[id], json!({ "state": "success" }));
    let statuses = go("GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", &[id], NONE);
    assert_eq!(statuses[0]["state"], "success");
    go("GET /repos/{owner}/{repo}/deployments/{deployment_id}", &[id], NONE);
    assert_eq!(go("GET /repos/{owner}/{repo}/deployments", &[], NONE)[0]["payload"]["release"], "r1");

    let file = ("workflow_id", &json!("on-rollback.yml"));
    let wanted = json!({ "ref": "main", "return_run_details": true });
    go("POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches", &[file], wanted);
    go("POST /repos/{owner}/{repo}/dispatches", &[], json!({ "event_type": "alarm", "client_payload": {} }));

    assert_eq!(done, listed(), "each operation is seen succeeding");
    let kept = github.repository("acme/calls").expect("a repository");
    assert_eq!(kept.sarifs.values().map(|it| &it.content).collect::<Vec<_>>(), [&content]);
    assert_eq!((kept.dispatches.len(), kept.deployments.len(), kept.check_runs.len()), (2, 1, 1));
}

#[test]
fn what_is_no_sarif_is_refused() {
    let github = full();
    let token = github.token("acme/calls", &[("security-events", "write")]);
    let url = format!("{}/repos/acme/calls/code-scanning/sarifs", github.url);
    let plain = STANDARD.encode(json!({ "version": "2.1.0", "runs": [] }).to_string());
    for wrong in ["*".to_owned(), plain, sarif(&json!({ "version": "2.0.0", "runs": [] }))] {
        let body = json!({ "commit_sha": "1".repeat(40), "ref": "refs/heads/main", "sarif": wrong });
        assert_eq!(ask("POST", &url, &token, &body).status, 400, "{wrong}");
    }
    assert_eq!(github.violations(), [""; 0]);
}
