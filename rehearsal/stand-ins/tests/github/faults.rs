//! What goes wrong on purpose, and what happens in between.

use crate::client::{ask, try_ask};
use crate::{NONE, world};
use serde_json::json;
use stand_ins::github::Fault;

#[test]
fn limits_and_errors_come_as_often_as_asked_for() {
    let (github, token, comments) = world();
    let path = "/repos/acme/calls/issues/1/comments";
    github.fault("GET", path, Fault::SecondaryRateLimit { retry_after: 3 }, 2);
    github.fault("GET", path, Fault::Status(502, vec![("x-fault".to_owned(), "1".to_owned())], json!({})), 1);
    github.fault("GET", path, Fault::RateLimit { reset: 1_900_000_000 }, 1);
    let made = ask("POST", &comments, &token, &json!({ "body": "another method" }));
    assert_eq!(made.status, 201);
    for _ in 0..2 {
        let limited = ask("GET", &comments, &token, &NONE);
        assert_eq!((limited.status, limited.header("retry-after")), (403, Some("3")));
        assert!(limited.body["message"].as_str().expect("text").contains("secondary rate limit"));
    }
    assert_eq!(ask("GET", &comments, &token, &NONE).header("x-fault"), Some("1"));
    let limited = ask("GET", &comments, &token, &NONE);
    assert_eq!(limited.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(limited.header("x-ratelimit-reset"), Some("1900000000"));
    assert_eq!(ask("GET", &comments, &token, &NONE).status, 200);
    assert_eq!(github.violations(), [""; 0]);
    let statuses: Vec<_> = github.requests().iter().map(|it| it.status).collect();
    assert_eq!(statuses, [201, 403, 403, 502, 403, 200].map(Some));
}

#[test]
fn a_connection_breaks_before_or_after_the_work_is_done() {
    let (github, token, comments) = world();
    let kept = || github.repository("acme/calls").expect("a repository").comments.len();
    for (fault, done) in [(Fault::Reset, 0), (Fault::Lost, 1), (Fault::HalfBody, 2)] {
        github.fault("POST", "/repos/acme/calls/issues", fault.clone(), 1);
        assert!(try_ask("POST", &comments, &token, &json!({ "body": "x" })).is_none(), "{fault:?}");
        assert_eq!(kept(), done, "{fault:?}");
    }
    assert_eq!(ask("POST", &comments, &token, &json!({ "body": "x" })).status, 201);
}

#[test]
fn something_happens_just_before_a_request_is_looked_at() {
    let (github, token, comments) = world();
    assert_eq!(ask("GET", &comments, &token, &NONE).body, json!([]));
    github.before("POST", "/repos/acme/calls/issues/1/comments", 1, |github| {
        github.add_comment("acme/calls", 1, "github-actions[bot]", "the other job's").expect("a repository");
    });
    for _ in 0..2 {
        ask("POST", &comments, &token, &json!({ "body": "mine" }));
    }
    let list = ask("GET", &comments, &token, &NONE).body;
    let bodies: Vec<_> = list.as_array().expect("a list").iter().map(|it| it["body"].as_str()).collect();
    assert_eq!(bodies, [Some("the other job's"), Some("mine"), Some("mine")]);
}
