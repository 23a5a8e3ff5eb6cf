//! What is older than what is live goes on only if a person wants it so, however often it was reviewed.

use serde_json::json;
use stand_ins::github::Fault;

use crate::{
    environment::ROOT,
    stage::{RIGHTS, Stage},
    world::{COMMIT, REPOSITORY},
};

/// Merged after [`COMMIT`].
const NEWER: &str = "dddddddddddddddddddddddddddddddddddddddd";

/// A reviewed change, after which another one was merged.
fn overtaken(name: &str) -> Stage {
    let stage = Stage::new(name, ROOT);
    stage.review();
    stage.world().github.push(REPOSITORY, NEWER, "what came next", "octo-maintainer").expect("a push");
    stage
}

#[test]
fn an_older_commit_than_what_is_live_waits_for_a_person_although_its_plan_was_reviewed() {
    let stage = overtaken("older-behind");
    let live = stage.live(COMMIT, Some(NEWER));
    let done = stage.check(0);
    assert_eq!(["environment", "reviewed"].map(|name| done.output(name)), [&stage.approval(), "equal"]);
    assert!(done.said.contains("what is live is newer"), "{}", done.said);
    let comment = stage.comment().expect("a comment");
    let headline = "## ⏳ `older-behind` waits for an approval: what is live is newer\n";
    let why = format!("`{live}` of commit `{NEWER}` is live, and `{COMMIT}` is an older commit");
    for text in [&comment, &done.summary] {
        assert!(text.contains(headline) && text.contains(&why), "{text}");
    }
    assert_eq!(stage.states(), [["pending"]]);
}

#[test]
fn a_newer_commit_and_the_same_one_go_on() {
    let stage = overtaken("older-ahead");
    stage.live(NEWER, Some(COMMIT));
    assert_eq!(stage.decides(), [stage.name.clone(), "equal".to_owned()]);
    stage.live(COMMIT, Some(COMMIT));
    assert_eq!(stage.decides(), [stage.name.clone(), "equal".to_owned()]);
    assert!(!stage.comment().expect("a comment").contains("is live, and"), "{:?}", stage.comment());
}

#[test]
fn a_commit_that_has_not_what_is_live_in_its_past_waits_too() {
    let stage = overtaken("older-diverged");
    stage.live(COMMIT, Some(NEWER));
    let diverged = json!({"status": "diverged", "commits": []});
    let route = format!("/repos/{REPOSITORY}/compare/{NEWER}...{COMMIT}");
    stage.world().github.fault("GET", &route, Fault::Status(200, vec![], diverged), 1);
    assert_eq!(stage.decides()[0], stage.approval());
    let comment = stage.comment().expect("a comment");
    assert!(comment.contains(&format!("`{COMMIT}` does not have that commit in its past")), "{comment}");
}

#[test]
fn commits_that_nobody_knows_are_a_warning_and_an_answer_that_is_missing_stops() {
    let mut stage = overtaken("older-unknown");
    stage.live(COMMIT, Some("0123456789012345678901234567890123456789"));
    let done = stage.check(0);
    assert_eq!(done.output("environment"), stage.name);
    assert!(done.said.contains("nobody can say whether"), "{}", done.said);

    stage.live(COMMIT, Some(NEWER));
    let route = format!("/repos/{REPOSITORY}/compare/{NEWER}...{COMMIT}");
    let refused = Fault::Status(403, vec![], json!({"message": "Resource not accessible by integration"}));
    stage.world_mut().github.fault("GET", &route, refused, 1);
    stage.may(&RIGHTS);
    let done = stage.check(3);
    assert!(done.said.contains("contents: read") && done.outputs.is_empty(), "{}", done.said);
}
