//! The stand-in for GitHub behaves as GitHub says of itself, and tells when somebody does not.

mod client;
mod described;
mod faults;
mod gates;
mod history;
mod rights;

use client::{ask, raw};
use serde_json::{Value, json};
use stand_ins::github::{Event, Github, NewPull};
use std::sync::{Arc, Mutex};

const NONE: Value = Value::Null;

/// A GitHub with a private repository and a pull request in it, a job's token that may comment there, and the URL of
/// the pull request's comments.
fn world() -> (Github, String, String) {
    let github = Github::start().expect("a GitHub");
    github.add_repository("acme/calls", true);
    let number = github.add_pull("acme/calls", NewPull::default()).expect("a pull request");
    let token = github.token("acme/calls", &[("pull-requests", "write"), ("contents", "read")]);
    let comments = format!("{}/repos/acme/calls/issues/{number}/comments", github.url);
    (github, token, comments)
}

#[test]
fn comments_are_kept_and_come_in_pages_whose_links_lead_on() {
    let (github, token, comments) = world();
    for at in 0..5 {
        let made = ask("POST", &comments, &token, &json!({ "body": format!("number {at}") }));
        assert_eq!((made.status, &made.body["user"]["login"]), (201, &json!("github-actions[bot]")));
    }
    let mut page = ask("GET", &format!("{comments}?per_page=2"), &token, &NONE);
    assert_eq!(page.link("prev").or(page.link("first")), None);
    let last = page.link("last").expect("a last page");
    let mut seen = vec![page.body.as_array().expect("a list").len()];
    while let Some(next) = page.link("next") {
        page = ask("GET", &next, &token, &NONE);
        seen.push(page.body.as_array().expect("a list").len());
    }
    assert_eq!(seen, [2, 2, 1]);
    assert_eq!(page.body[0]["body"], "number 4");
    assert_eq!(ask("GET", &last, &token, &NONE).body, page.body);
    assert_eq!((page.link("last"), page.link("first").is_some()), (None, true));
    assert_eq!(ask("GET", &format!("{comments}?page=9&per_page=5"), &token, &NONE).body, json!([]));
    assert_eq!(github.violations(), [""; 0]);
    let many = ask("GET", &format!("{comments}?per_page=101"), &token, &NONE);
    assert_eq!((many.status, github.violations().len()), (500, 1));
}

#[test]
fn a_comment_is_changed_in_its_place_and_deleted() {
    let (github, token, comments) = world();
    let made = ask("POST", &comments, &token, &json!({ "body": "one" }));
    let url = made.body["url"].as_str().expect("a URL");
    assert_eq!(made.header("location"), Some(url));
    assert_eq!(ask("PATCH", url, &token, &json!({ "body": "two" })).body["body"], "two");
    let left = github.repository("acme/calls").expect("a repository");
    assert_eq!(left.comments.values().map(|it| it.body.as_str()).collect::<Vec<_>>(), ["two"]);
    assert_eq!(ask("DELETE", url, &token, &NONE).status, 204);
    assert_eq!(ask("GET", url, &token, &NONE).status, 404);
    assert_eq!(github.violations(), [""; 0]);
}

#[test]
fn a_comment_may_have_65536_characters_and_no_more() {
    let (github, token, comments) = world();
    assert_eq!(ask("POST", &comments, &token, &json!({ "body": "\u{e9}".repeat(65_536) })).status, 201);
    let refused = ask("POST", &comments, &token, &json!({ "body": "x".repeat(65_537) }));
    assert_eq!((refused.status, &refused.body["message"]), (422, &json!("Validation Failed")));
    assert_eq!(refused.body["errors"][0]["message"], "Body is too long (maximum is 65536 characters)");
    assert_eq!(github.violations(), [""; 0]);
}

#[test]
fn pull_requests_are_issues_and_are_found_by_what_they_merge() {
    let (github, token, _) = world();
    let at = |rest: &str| format!("{}/repos/acme/calls{rest}", github.url);
    let issue = github.add_issue("acme/calls", "Drift", "github-actions[bot]").expect("an issue");
    let numbers = |path: &str| {
        let list = ask("GET", &at(path), &token, &NONE).body;
        list.as_array().expect("a list").iter().map(|it| it["number"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(numbers("/issues"), [issue, 1]);
    assert_eq!(numbers("/issues?creator=github-actions%5Bbot%5D"), [issue]);
    assert_eq!(numbers("/issues?labels=drift&state=all"), [0; 0]);
    let merge = "a".repeat(40);
    assert_eq!(numbers(&format!("/commits/{merge}/pulls")), [0; 0]);
    github.merge("acme/calls", 1, &merge, "octo-maintainer").expect("a pull request");
    assert_eq!(numbers(&format!("/commits/{merge}/pulls")), [1]);
    assert_eq!(numbers("/pulls"), [0; 0]);
    assert_eq!(numbers("/pulls?state=closed&head=acme:change"), [1]);
    assert_eq!(ask("GET", &at("/pulls/1"), &token, &NONE).body["merged"], true);
    assert_eq!(ask("GET", &at(&format!("/pulls/{issue}")), &token, &NONE).status, 404);
    assert_eq!(github.violations(), [""; 0]);
}

#[test]
fn requests_that_break_the_description_are_refused_and_kept() {
    let (github, token, comments) = world();
    let wrong = |method: &str, url: &str, body: Value| {
        let before = github.violations().len();
        let answer = ask(method, url, &token, &body);
        let new = github.violations().split_off(before);
        assert_eq!(new.len(), 1, "{new:?}");
        (answer.status, new.concat())
    };
    let (status, said) = wrong("POST", &comments, json!({ "body": 7 }));
    assert_eq!(status, 500);
    assert!(said.contains("body: /body: 7 is not of type \"string\""), "{said}");
    let (_, said) = wrong("POST", &comments, json!({ "body": "x", "boddy": "y" }));
    assert!(said.contains("boddy"), "{said}");
    let (_, said) = wrong("GET", &format!("{comments}?pages=1"), NONE);
    assert!(said.contains("pages"), "{said}");
    let (_, said) = wrong("GET", &comments.replace("/1/", "/one/"), NONE);
    assert!(said.contains("issue_number"), "{said}");
    let (status, said) = wrong("GET", &format!("{}/orgs/acme", github.url), NONE);
    assert_eq!(status, 404);
    assert!(said.contains("unknown operation"), "{said}");
    assert!(github.repository("acme/calls").expect("a repository").comments.is_empty());

    let address = github.url.strip_prefix("http://").expect("a URL");
    let nobody =
        format!("GET /repos/acme/calls HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: token {token}");
    assert_eq!(raw(address, &format!("{nobody}\r\n\r\n")).expect("an answer").status, 500);
    assert_eq!(raw(address, &format!("{nobody}\r\nuser-agent: x\r\n\r\n")).expect("an answer").status, 200);
}

#[test]
fn the_stand_ins_own_mistakes_are_kept_too() {
    let (github, token, comments) = world();
    let changed = github.edit("acme/calls", |it| {
        it.issues.get_mut(&1).expect("a pull request").state_reason = Some("because".to_owned());
    });
    changed.expect("a repository");
    assert_eq!(ask("GET", comments.trim_end_matches("/comments"), &token, &NONE).status, 200);
    let violations = github.violations();
    assert!(violations.len() == 1 && violations[0].contains("own answer: /state_reason"), "{violations:?}");
}

#[test]
fn dispatches_are_kept_and_told() {
    let (github, ..) = world();
    let known = github.edit("acme/calls", |it| it.workflows.insert("on-rollback.yml".to_owned()));
    assert!(known.expect("a repository"));
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    github.on_dispatch(move |github, dispatch| {
        let kept = github.repository(&dispatch.repository).expect("a repository").dispatches.len();
        telling.lock().expect("a list").push((kept, dispatch.sender.login.clone(), dispatch.event.clone()));
    });
    let token = github.token("acme/calls", &[("actions", "write")]);
    let at = |file: &str| format!("{}/repos/acme/calls/actions/workflows/{file}/dispatches", github.url);
    let body = json!({ "ref": "main", "inputs": { "reason": "alarm" } });
    assert_eq!(ask("POST", &at("on-rollback.yml"), &token, &body).status, 204);
    assert_eq!(ask("POST", &at("other.yml"), &token, &body).status, 404);
    assert_eq!(ask("POST", &at("on-rollback.yml"), &token, &json!({ "ref": "gone" })).status, 422);
    let told = told.lock().expect("a list");
    let [(1, sender, Event::Workflow { file, inputs, .. })] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((sender.as_str(), file.as_str()), ("github-actions[bot]", "on-rollback.yml"));
    assert_eq!(inputs["reason"], "alarm");
    assert_eq!(github.violations(), [""; 0]);
}

#[test]
fn an_enterprise_server_has_its_api_below_a_path_and_archives_beside() {
    let github = Github::start_below(stand_ins::github::ENTERPRISE).expect("a GitHub");
    github.add_repository("acme/calls", true);
    let tarball = bytes::Bytes::from_static(b"\x1f\x8b not really");
    let added = github.edit("acme/calls", |it| it.tarballs.insert("refs/heads/a b".to_owned(), tarball.clone()));
    added.expect("a repository");
    let token = github.token("acme/calls", &[("contents", "read")]);
    assert!(github.url.ends_with("/api/v3"));
    let answer = ask("GET", &format!("{}/repos/acme/calls/tarball/refs/heads/a%20b", github.url), &token, &NONE);
    assert_eq!(answer.status, 302);
    let found = ask("GET", answer.header("location").expect("a place"), "", &NONE);
    assert_eq!((found.status, found.bytes), (200, tarball.to_vec()));
    assert_eq!(ask("GET", &format!("{}/repos/acme/calls/tarball/other", github.url), &token, &NONE).status, 404);
    assert_eq!(github.violations(), [""; 0]);
    let outside = github.url.replace("/api/v3", "");
    assert_eq!(ask("GET", &format!("{outside}/repos/acme/calls"), &token, &NONE).status, 404);
    assert_eq!(github.violations().len(), 1);
}
