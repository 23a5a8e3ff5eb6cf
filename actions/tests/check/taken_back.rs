//! What was taken out of service comes back only if a person wants it so, and what served once is not applied anew.

use lockgate::ledger::State;
use serde_json::json;

use crate::{environment::ROOT, stage::Stage};

#[test]
fn code_that_an_alarm_took_back_waits_for_a_person_although_nothing_holds_it() {
    let stage = Stage::new("back-alarm", ROOT);
    stage.review();
    stage.stands(State::Building, None);
    assert_eq!(stage.decides(), [stage.name.clone(), "equal".to_owned()]);
    stage.stands(State::Building, Some("alarm lockgate-back-alarm fires"));
    assert_eq!(stage.decides(), [stage.approval(), "equal".to_owned()]);
    let comment = stage.comment().expect("a comment");
    let headline = "## ⏳ `back-alarm` waits for an approval: this was taken out of service before\n";
    for part in [headline, "`tally` would have the code of `r5-cccccccccccc` again", "alarm lockgate-back-alarm fires"]
    {
        assert!(comment.contains(part), "{part}: {comment}");
    }

    // Why is nobody's business where everybody may read: it may be words of AWS.
    let done = stage.world().ends(0, &["check", "--values", "hide"]);
    assert_eq!(done.output("environment"), stage.approval());
    let comment = stage.comment().expect("a comment");
    assert!(comment.contains("which is failed. Nothing holds") && !comment.contains("fires"), "{comment}");

    // Terraform has left that code behind: a change of words would bring it along.
    stage.shows(&json!([]));
    assert_eq!(stage.decides()[0], stage.approval());
}

#[test]
fn a_release_that_was_judged_where_it_came_from_is_shown_to_nobody() {
    let mut stage = Stage::merged("back-to", ROOT);
    let mut hold = None;
    for (name, state, held, what, why) in [
        (
            "back-from-bad",
            State::RolledBack,
            false,
            "the release was taken out of service where it came from",
            "calls look wrong",
        ),
        ("back-from-held", State::Replaced, true, "its code is held where it came from", "it loses calls"),
    ] {
        hold = stage.environment.comes_from(name, state, held);
        let done = stage.check(1);
        assert!(done.said.contains(why) && done.outputs.is_empty(), "{}", done.said);
        let comment = stage.comment().expect("a comment");
        let headline = format!("## ⛔ Not delivered to `back-to`: {what}\n");
        assert!(comment.contains(&headline) && comment.contains(why) && comment.contains(name), "{comment}");
        stage.world().ends(1, &["check", "--values", "hide"]);
        let comment = stage.comment().expect("a comment");
        assert!(comment.contains(&headline) && comment.contains(name) && !comment.contains(why), "{comment}");
    }
    // What serves here already may be applied again.
    stage.stands(State::Live, None);
    stage.check(0);
    stage.stands(State::Building, None);
    stage.check(1);
    let hold = hold.expect("the last one is held");
    stage.world().ends(0, &["unlock", "--environment", "back-from-held", "--hold", &hold, "--reason", "the network"]);
    stage.check(0);
}

#[test]
fn a_release_that_was_replaced_is_not_applied_anew() {
    let stage = Stage::new("back-spent", ROOT);
    stage.review();
    stage.stands(State::Replaced, None);
    let done = stage.check(1);
    let told = ["is replaced here already", "on-rollback.yml", "revert what came after it"];
    assert!(told.iter().all(|part| done.said.contains(part)) && done.outputs.is_empty(), "{}", done.said);
    let comment = stage.comment().expect("a comment");
    let headline = "## ⛔ Not delivered to `back-spent`: this release was applied there before\n";
    assert!(comment.contains(headline) && comment.contains("on-rollback.yml"), "{comment}");
    assert_eq!(stage.states(), [["failure"]]);

    // The one that serves may be put right, but gets no other versions.
    stage.stands(State::Live, None);
    stage.check(0);
    let change = json!({"actions": ["update"], "before": {"memory_size": 1}, "after": {"memory_size": 2}});
    stage.shows(&json!([{"address": "aws_lambda_function.tally", "type": "aws_lambda_function", "mode": "managed",
        "provider_name": "p", "change": change}]));
    let done = stage.check(1);
    assert!(done.said.contains("is live here already") && done.said.contains("merge another change"), "{}", done.said);

    // What changes nothing publishes no version: its aliases go back to what it has.
    stage.stands(State::Replaced, None);
    stage.shows(&json!([]));
    stage.check(0);
}
