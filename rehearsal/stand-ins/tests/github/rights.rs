//! Who may do what.

use crate::client::ask;
use crate::{NONE, world};
use serde_json::json;
use stand_ins::github::Role;

#[test]
fn a_job_may_what_its_permissions_say() {
    let (github, token, comments) = world();
    let reader = github.token("acme/calls", &[("pull-requests", "read")]);
    assert_eq!(ask("GET", &comments, &reader, &NONE).status, 200);
    let refused = ask("POST", &comments, &reader, &json!({ "body": "x" }));
    assert_eq!((refused.status, &refused.body["message"]), (403, &json!("Resource not accessible by integration")));
    assert_eq!(refused.header("x-accepted-github-permissions"), Some("issues=write; pull_requests=write"));

    // Rights on pull requests are none on issues.
    let issue = github.add_issue("acme/calls", "Drift", "octocat").expect("an issue");
    let on_issue = comments.replace("/1/", &format!("/{issue}/"));
    assert_eq!(ask("POST", &on_issue, &token, &json!({ "body": "x" })).status, 403);
    let writer = github.token("acme/calls", &[("issues", "write")]);
    assert_eq!(ask("POST", &on_issue, &writer, &json!({ "body": "x" })).status, 201);

    let settings = format!("{}/repos/acme/calls/actions/permissions", github.url);
    assert_eq!(ask("GET", &settings, &token, &NONE).status, 403);
    assert_eq!(ask("GET", &settings, &github.user_token("acme"), &NONE).status, 200);
    assert_eq!(ask("GET", &format!("{}/user", github.url), &token, &NONE).status, 403);
    assert_eq!(ask("GET", &comments, "guessed", &NONE).body["message"], "Bad credentials");
    assert_eq!(github.violations(), [""; 0]);
}

#[test]
fn a_private_repository_is_there_for_its_own_alone() {
    let (github, _, comments) = world();
    github.add_repository("acme/open", false);
    let other = github.token("acme/open", &[("pull-requests", "write")]);
    assert_eq!(ask("GET", &comments, &other, &NONE).status, 404);
    let stranger = github.user_token("stranger");
    assert_eq!(ask("GET", &comments, &stranger, &NONE).status, 404);
    let open = format!("{}/repos/acme/open", github.url);
    assert_eq!(ask("GET", &open, &stranger, &NONE).body["private"], false);
    let foreign = github.token("acme/calls", &[("issues", "write"), ("pull-requests", "write")]);
    assert_eq!(ask("GET", &format!("{open}/pulls"), &foreign, &NONE).status, 200);
    assert_eq!(ask("POST", &format!("{open}/issues"), &foreign, &json!({ "title": "x" })).status, 403);
    assert_eq!(github.violations(), [""; 0]);
}

#[test]
fn people_who_may_push_comment_on_what_is_locked_and_jobs_do_not() {
    let (github, token, comments) = world();
    github
        .edit("acme/calls", |it| it.collaborators.insert("octo-reviewer".to_owned(), Role::Write))
        .expect("a repository");
    let person = github.user_token("octo-reviewer");
    let lock = comments.replace("/comments", "/lock");
    assert_eq!(ask("PUT", &lock, &person, &json!({ "lock_reason": "resolved" })).status, 204);
    let refused = ask("POST", &comments, &token, &json!({ "body": "x" }));
    assert_eq!(
        (refused.status, &refused.body["message"]),
        (403, &json!("Unable to create comment because issue is locked."))
    );
    let made = ask("POST", &comments, &person, &json!({ "body": "x" }));
    assert_eq!((made.status, &made.body["author_association"]), (201, &json!("COLLABORATOR")));
    assert_eq!(ask("DELETE", &lock, &person, &NONE).status, 204);
    assert_eq!(ask("POST", &comments, &token, &json!({ "body": "x" })).status, 201);
    assert_eq!(github.violations(), [""; 0]);
}
