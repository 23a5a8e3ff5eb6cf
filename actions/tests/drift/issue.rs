//! The life of the one issue.

use serde_json::Value;
use stand_ins::github::{Fault, NewPull};

use crate::kit::{BOT, Done, ISSUES, REPOSITORY, World, as_recorded, drifted, drifted_otherwise};

/// What is written into the issue of the environment for this plan.
fn text(plan: &Value) -> String {
    let world = World::new();
    assert_eq!(world.run(plan).output("issue"), "1");
    world.issue(1).body.expect("a text")
}

fn told(done: &Done, issue: &str, step: &str) {
    assert_eq!((done.code, done.output("issue")), (Some(0), issue), "{}", done.said);
    assert!(done.said.contains(step) && done.summary.contains(step), "{}\n{}", done.said, done.summary);
}

#[test]
fn plan_trap_18_one_issue_tells_the_drift_as_long_as_it_lives() {
    let world = World::new();
    let first = world.run(&drifted());
    told(&first, "1", "A new issue tells the drift.");
    assert_eq!((first.output("drifted"), first.output("resources")), ("true", "7"));
    let issue = world.issue(1);
    assert_eq!((issue.title.as_str(), issue.labels.contains("drift"), issue.open), ("Drift in staging", true, true));
    let body = issue.body.expect("a text");
    assert!(body.contains(first.output("digest")) && body.contains("aws_iam_role_policy.ingest"), "{body}");

    let other = world.run(&drifted_otherwise());
    told(&other, "1", "Issue #1 is written anew");
    assert_ne!(other.output("digest"), first.output("digest"));
    let body = world.issue(1).body.expect("a text");
    assert!(body.contains("s3:PutObject") && !body.contains("s3:DeleteObject"), "{body}");
    assert_eq!(world.comments(1), Vec::<String>::new(), "whoever follows it is not called for that");

    let gone = world.run(&as_recorded());
    told(&gone, "", "Issue #1 is closed: the drift is gone.");
    assert_eq!((gone.output("drifted"), gone.output("resources")), ("false", "0"));
    let issue = world.issue(1);
    assert_eq!((issue.open, issue.state_reason.as_deref()), (false, Some("completed")));
    assert!(world.comments(1)[0].contains("The drift is gone"));
    told(&world.run(&as_recorded()), "", "No issue is open, and none is needed.");

    told(&world.run(&drifted()), "1", "Issue #1 is reopened: the drift is back.");
    assert!(world.issue(1).open && world.issue(1).body.expect("a text").contains("s3:DeleteObject"));
    assert_eq!((world.issues(), world.comments(1).len()), (1, 2));
    assert!(world.comments(1)[1].contains("The drift is back"));
}

#[test]
fn plan_trap_18_the_same_drift_again_writes_nothing() {
    let world = World::new();
    world.run(&drifted());
    let before = world.writes();
    for _ in 0..2 {
        told(&world.run(&drifted()), "1", "Issue #1 stays as it is.");
    }
    assert_eq!((before, world.writes()), (1, 1));
}

#[test]
fn plan_trap_18_what_a_person_closed_as_not_planned_stays_closed_and_is_noted_once() {
    let world = World::new();
    world.run(&drifted());
    world.close(1, "not_planned", "octocat");
    told(&world.run(&drifted()), "1", "issue #1, closed as not planned, tells it");
    assert_eq!(world.comments(1), Vec::<String>::new());
    for _ in 0..2 {
        let done = world.run(&drifted_otherwise());
        assert_eq!((done.code, done.output("drifted")), (Some(0), "true"));
    }
    assert_eq!((world.issue(1).open, world.comments(1).len(), world.issues()), (false, 1, 1));
    assert!(world.comments(1)[0].contains("stays closed"), "{:?}", world.comments(1));
}

#[test]
fn plan_trap_18_what_a_person_closed_as_done_is_reopened() {
    let world = World::new();
    world.run(&drifted());
    world.close(1, "completed", "octocat");
    told(&world.run(&drifted()), "1", "Issue #1 is reopened");
}

#[test]
fn plan_trap_18_the_oldest_of_several_stays_and_the_others_are_duplicates() {
    let world = World::new();
    let body = text(&drifted());
    let numbers = [world.add(BOT, &body), world.add(BOT, &body), world.add(BOT, &body)];
    told(&world.run(&drifted()), "1", "Issue #3 is closed as a duplicate.");
    let closed = |number| (world.issue(number).open, world.issue(number).state_reason);
    assert!(world.issue(numbers[0]).open);
    for number in &numbers[1..] {
        assert_eq!(closed(*number), (false, Some("duplicate".to_owned())));
        assert!(world.comments(*number)[0].contains("#1 is about the same environment"));
    }
}

#[test]
fn an_older_server_that_knows_no_duplicates_closes_them_nevertheless() {
    let world = World::new();
    let body = text(&drifted());
    let (_, second) = (world.add(BOT, &body), world.add(BOT, &body));
    let refusal = serde_json::json!({"message": "Validation Failed", "documentation_url": "https://docs.github.com"});
    world.github.fault("PATCH", &format!("{ISSUES}/{second}"), Fault::Status(422, Vec::new(), refusal), 1);
    told(&world.run(&drifted()), "1", "Issue #2 is closed as a duplicate.");
    assert_eq!(world.issue(second).state_reason.as_deref(), Some("not_planned"));
    // We closed it ourselves: that keeps nobody from hearing of drift.
    world.close(1, "completed", "octocat");
    told(&world.run(&drifted()), "1", "Issue #1 is reopened");
}

#[test]
fn plan_trap_18_what_others_opened_is_not_ours_whatever_it_says() {
    let world = World::new();
    let body = text(&drifted());
    for n in 0..120 {
        world.add("mallory", &format!("{body}\n{n}"));
    }
    told(&world.run(&drifted()), "121", "A new issue tells the drift.");
    // Over all pages.
    for n in 0..120 {
        world.add("mallory", &format!("{body}\n{n}"));
    }
    told(&world.run(&drifted()), "121", "Issue #121 stays as it is.");
    told(&world.run(&as_recorded()), "", "Issue #121 is closed");
    let repository = world.github.repository(REPOSITORY).expect("the repository");
    assert_eq!(repository.issues.values().filter(|issue| issue.open).count(), 240);
    assert_eq!(repository.comments.len(), 1);
}

#[test]
fn an_issue_of_another_environment_is_left_alone() {
    let world = World::new();
    let body = text(&drifted()).replace("of=staging", "of=production");
    world.add(BOT, &body);
    told(&world.run(&as_recorded()), "", "No issue is open");
    told(&world.run(&drifted()), "2", "A new issue");
    assert_eq!(world.issue(1).body, Some(body));
}

#[test]
fn a_pull_request_is_no_issue_of_ours_whatever_it_says() {
    let world = World::new();
    let pull = NewPull { user: BOT.to_owned(), ..NewPull::default() };
    let number = world.github.add_pull(REPOSITORY, pull).expect("a pull request");
    let body = text(&drifted());
    world.edit(number, |pull| {
        pull.body = Some(body);
        pull.labels = ["drift".to_owned()].into();
    });
    told(&world.run(&as_recorded()), "", "No issue is open");
    told(&world.run(&drifted()), "2", "A new issue");
    assert!(world.issue(number).open);
}

#[test]
fn an_open_issue_is_found_without_its_label() {
    let world = World::new();
    world.run(&drifted());
    world.edit(1, |issue| issue.labels.clear());
    told(&world.run(&drifted()), "1", "Issue #1 stays as it is.");
    told(&world.run(&as_recorded()), "", "Issue #1 is closed");
}

#[test]
fn plan_trap_18_a_lost_answer_makes_no_second_issue_and_no_second_comment() {
    for fault in [Fault::Lost, Fault::HalfBody, Fault::Reset] {
        let world = World::new();
        world.github.fault("POST", ISSUES, fault.clone(), 1);
        told(&world.run(&drifted()), "1", "A new issue tells the drift.");
        assert_eq!(world.issues(), 1);
        world.github.fault("POST", &format!("{ISSUES}/1/comments"), fault, 1);
        told(&world.run(&as_recorded()), "", "Issue #1 is closed");
        assert_eq!(world.comments(1).len(), 1);
    }
}

#[test]
fn an_issue_that_somebody_deletes_meanwhile_is_opened_anew() {
    let world = World::new();
    world.run(&drifted());
    world.github.before("PATCH", &format!("{ISSUES}/1"), 1, |github| {
        github.edit(REPOSITORY, |repository| repository.issues.clear()).expect("the repository");
    });
    told(&world.run(&drifted_otherwise()), "1", "A new issue tells the drift.");
    assert!(world.issue(1).body.expect("a text").contains("s3:PutObject"));
}

#[test]
fn a_locked_issue_is_kept_up_to_date_nevertheless() {
    let world = World::new();
    world.run(&drifted());
    let refusal = serde_json::json!({
        "message": "Unable to create comment because issue is locked.", "documentation_url": "https://docs.github.com",
    });
    world.github.fault("POST", &format!("{ISSUES}/1/comments"), Fault::Status(403, Vec::new(), refusal), 1);
    let done = world.run(&as_recorded());
    told(&done, "", "Issue #1 is closed");
    assert!(done.said.contains("#1 is locked") && !world.issue(1).open, "{}", done.said);
}
