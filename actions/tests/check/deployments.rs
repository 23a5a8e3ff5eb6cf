//! The deployment on GitHub, and what happens where GitHub does not let it be told.

use serde_json::json;
use stand_ins::{
    github::Fault,
    scripted::{Answer, Scripted},
};

use crate::{
    environment::ROOT,
    stage::{RIGHTS, Stage},
    world::REPOSITORY,
};

/// Below it are the statuses alone.
const STATUSES: &str = "/repos/example/calls/deployments/";

fn refusal() -> Fault {
    Fault::Status(403, Vec::new(), json!({"message": "Resource not accessible by integration"}))
}

#[test]
fn a_deployment_that_was_left_waiting_is_over_when_the_next_one_comes() {
    let stage = Stage::merged("deploy-left", ROOT);
    stage.check(0);
    assert_eq!(stage.states(), [["pending"]]);
    stage.check(0);
    assert_eq!(stage.states(), [&["pending", "inactive"][..], &["pending"]]);
    // One that ended stays as it ended, and what is over is not ended twice.
    let end = |repository: &mut stand_ins::github::Repository| {
        let last = repository.deployments.values_mut().next_back().expect("the second");
        last.statuses.last_mut().expect("a status").state = "success".to_owned();
    };
    stage.world().github.edit(REPOSITORY, end).expect("the repository");
    stage.check(0);
    assert_eq!(stage.states(), [&["pending", "inactive"][..], &["success"], &["pending"]]);
}

#[test]
fn what_is_decided_stands_though_nobody_can_be_told() {
    let mut stage = Stage::new("deploy-mute", ROOT);
    stage.review();
    stage.may(&[RIGHTS[0], RIGHTS[1], ("pull-requests", "read")]);
    let done = stage.check(0);
    let outputs = ["environment", "reviewed", "deployment"].map(|name| done.output(name));
    assert_eq!(outputs, [&stage.name, "equal", ""]);
    for part in ["no comment was written", "pull-requests: write", "no deployment on GitHub", "deployments: write"] {
        assert!(done.said.contains(part), "{part}: {}", done.said);
    }
    assert_eq!((stage.comment(), stage.deployments().len()), (None, 0));
    assert!(done.summary.contains("the plan is the reviewed one"), "{}", done.summary);
}

#[test]
fn a_review_that_cannot_be_read_is_not_taken_for_none() {
    let mut stage = Stage::merged("deploy-blind", ROOT);
    stage.may(&[RIGHTS[0], RIGHTS[1], RIGHTS[2]]);
    let done = stage.check(3);
    assert!(done.said.contains("pull-requests: read") && done.outputs.is_empty(), "{}", done.said);
    assert_eq!(stage.calls(), "");
}

#[test]
fn a_deployment_that_was_made_is_handed_on_though_an_earlier_one_cannot_be_ended() {
    let stage = Stage::merged("deploy-stuck", ROOT);
    stage.check(0);
    stage.world().github.fault("POST", STATUSES, refusal(), 1);
    let done = stage.check(0);
    assert!(done.said.contains("an earlier deployment of deploy-stuck was not ended"), "{}", done.said);
    assert_eq!(done.output("deployment"), stage.deployments()[1].id.to_string());
    assert_eq!(stage.states(), [["pending"], ["pending"]]);
}

#[test]
fn what_cannot_go_on_is_not_told_to_go_on() {
    let mut stage = Stage::new("deploy-record", ROOT);
    stage.review();
    let refused = Answer::status(403).body("<Error><Code>AccessDenied</Code></Error>");
    let bucket = Scripted::list(vec![refused]);
    stage.world_mut().set("AWS_ENDPOINT_URL_S3", &bucket.url);
    let done = stage.world().ends(3, &["check", "--record", "s3://artifacts/plans/"]);
    assert!(done.said.contains("AccessDenied") && done.outputs.is_empty(), "{}", done.said);
    assert_eq!((stage.comment(), stage.states()), (None, vec![vec!["error".to_owned()]]));
}
