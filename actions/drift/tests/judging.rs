//! What is drift, what has an effect, and what was never applied.

use std::slice;

use super::*;

#[test]
fn plan_trap_18_what_the_full_plan_takes_back_has_an_effect_and_computed_attributes_have_none() {
    let report = judged(&plan(REFRESH), &plan(FULL));
    assert_eq!(
        told(&report),
        [
            "module.service.aws_cloudwatch_metric_alarm.behind: not applied: create",
            "module.service.aws_dynamodb_table.silver: changed? stream_label?",
            "module.service.aws_iam_role_policy.ingest: changed policy",
            "module.service.aws_lambda_function.ingest: changed environment[0].variables.API_KEY \
             environment[0].variables.LOG last_modified? memory_size",
            "module.service.aws_lambda_function.ingest: not applied: update timeout",
            "module.service.aws_s3_bucket.landing: changed tags.owner",
            "module.service.aws_sqs_queue.failed[\"ingest\"]: deleted",
            "output.api: not applied: update",
        ]
    );
    assert!(report.judged && !report.partial && report.drifted());
}

#[test]
fn plan_trap_18_a_promotion_is_no_drift() {
    let alias = |version: &str| json!({ "name": "live", "function_version": version, "routing_config": [] });
    let mut moved = resource("aws_lambda_alias.x", &["update"], &alias("1"), &alias("2"));
    moved["type"] = json!("aws_lambda_alias");
    let report = judged(&refresh(&[moved.clone()]), &full(&[moved], &[]));
    assert_eq!(told(&report), [""; 0]);
    assert!(!report.drifted());
}

#[test]
fn plan_trap_18_a_refresh_only_plan_alone_or_a_full_one_alone_tells_the_drift() {
    let (refresh, full) = (plan(REFRESH), plan(FULL));
    assert!(refresh.refresh_only && !full.refresh_only);
    let alone = |plan| Report::new(Plans::of_one(plan), &[], &Ignores::default(), "staging", now()).expect("a report");
    let (one, other) = (alone(&refresh), alone(&full));
    // Nobody says what has no effect: everything counts.
    assert!(!one.judged && one.resources.iter().all(|drifted| drifted.effect));
    assert_eq!(one.resources.len(), 5);
    assert_eq!(told(&other), told(&judged(&refresh, &full)));
    assert_eq!(other.digest, judged(&refresh, &full).digest);
}

#[test]
fn plan_trap_18_plans_taken_for_each_other_are_refused() {
    let (refresh, full) = (plan(REFRESH), plan(FULL));
    let plans = Plans { refresh: Some(&full), full: Some(&refresh) };
    let error = Report::new(plans, &[], &Ignores::default(), "staging", now()).expect_err("refused");
    assert!(error.to_string().contains("taken for each other"), "{error}");
}

#[test]
fn plan_trap_14_a_plan_that_failed_is_no_drift_and_one_that_is_not_complete_says_so() {
    let text = |errored, complete| {
        json!({ "format_version": "1.2", "resource_changes": [], "errored": errored, "complete": complete }).to_string()
    };
    let report = |text: &str| {
        let plan = plan(text);
        Report::new(Plans { refresh: None, full: Some(&plan) }, &[], &Ignores::default(), "staging", now())
    };
    assert!(report(&text(true, false)).expect_err("no report").to_string().contains("the plan itself failed"));
    let partial = report(&text(false, false)).expect("a report");
    assert!(partial.partial && !partial.drifted());
    assert!(!report(&text(false, true)).expect("a report").partial);
}

#[test]
fn plan_trap_15_outputs_only_drift_only_and_actions_only_are_told() {
    let output = json!({ "o": { "actions": ["update"], "before": 1, "after": 2, "before_sensitive": false, "after_sensitive": false } });
    for (field, value, wanted) in [
        ("output_changes", output, "output.o: not applied: update"),
        ("action_invocations", json!([{ "address": "action.x.y" }]), "action.x.y: not applied: invoke"),
        (
            "deferred_changes",
            json!([{ "reason": "unknown", "resource_change": resource("aws_x.y", &["create"], &json!(null), &json!({})) }]),
            "aws_x.y: not applied: deferred for an unknown reason",
        ),
    ] {
        let text = json!({ "format_version": "1.2", "resource_changes": [], field: value, "errored": false });
        let plan = plan(&text.to_string());
        let report =
            Report::new(Plans { refresh: None, full: Some(&plan) }, &[], &Ignores::default(), "staging", now());
        let report = report.expect("a report");
        assert_eq!(told(&report), [wanted]);
        assert!(report.drifted());
    }
    let drift = resource("aws_x.y", &["update"], &json!({"a": 1}), &json!({"a": 2}));
    let refresh = refresh(&[drift]);
    let report = Report::new(Plans::of_one(&refresh), &[], &Ignores::default(), "staging", now()).expect("a report");
    assert_eq!(told(&report), ["aws_x.y: changed a"]);
}

#[test]
fn a_change_that_brings_something_else_than_before_is_told_as_not_applied_too() {
    let drift = resource("aws_x.y", &["update"], &json!({"a": 1, "b": 1}), &json!({"a": 2, "b": 1}));
    let change = |a, b| resource("aws_x.y", &["update"], &json!({"a": 2, "b": 1}), &json!({"a": a, "b": b}));
    let told =
        |change: Value| told(&judged(&refresh(slice::from_ref(&drift)), &full(slice::from_ref(&drift), &[change])));
    assert_eq!(told(change(1, 1)), ["aws_x.y: changed a"]);
    assert_eq!(told(change(3, 1)), ["aws_x.y: changed a", "aws_x.y: not applied: update a"]);
    assert_eq!(told(change(1, 2)), ["aws_x.y: changed a", "aws_x.y: not applied: update b"]);
    assert_eq!(told(change(2, 2)), ["aws_x.y: changed? a?", "aws_x.y: not applied: update b"]);
}

#[test]
fn plan_trap_12_replacements_deletes_moves_and_deposed_objects_are_not_applied() {
    let (none, one) = (json!(null), json!({"a": 1}));
    let mut moved = resource("aws_x.new", &["no-op"], &one, &one);
    moved["previous_address"] = json!("aws_x.old");
    let mut deposed = resource("aws_x.y", &["delete"], &one, &none);
    deposed["deposed"] = json!("abc");
    let changes = [
        resource("aws_x.cbd", &["create", "delete"], &one, &json!({"a": 2})),
        resource("aws_x.gone", &["delete"], &one, &none),
        resource("data.aws_x.z", &["read"], &none, &one),
        moved,
        deposed,
    ];
    assert_eq!(
        told(&judged(&refresh(&[]), &full(&[], &changes))),
        [
            "aws_x.cbd: not applied: replace (create, then destroy) a",
            "aws_x.gone: not applied: destroy",
            "aws_x.new: not applied: move from aws_x.old",
            "aws_x.y: not applied: destroy",
        ]
    );
}

#[test]
fn what_was_deleted_and_is_not_configured_any_more_has_no_effect() {
    let drift = [resource("aws_x.y", &["delete"], &json!({"a": 1}), &json!(null))];
    assert_eq!(told(&judged(&refresh(&drift), &full(&drift, &[]))), ["aws_x.y: deleted?"]);
}

#[test]
fn drift_that_another_change_depends_on_has_an_effect() {
    let drift = resource("aws_x.y", &["update"], &json!({"a": 1, "b": 1}), &json!({"a": 2, "b": 2}));
    let other = resource("aws_x.z", &["update"], &json!({"from": 1}), &json!({"from": 2}));
    let text = json!({ "format_version": "1.2", "resource_drift": [drift], "resource_changes": [other],
        "relevant_attributes": [{ "resource": "aws_x.y", "attribute": ["a"] }], "errored": false });
    let report = judged(&refresh(&[drift]), &plan(&text.to_string()));
    assert_eq!(told(&report), ["aws_x.y: changed a b?", "aws_x.z: not applied: update from"]);
}

#[test]
fn the_digest_follows_what_counts_and_nothing_else() {
    let report = |after: Value, takes_back: bool| {
        let before = json!({"a": 1, "last_modified": "x"});
        let drift = [resource("aws_x.y", &["update"], &before, &after)];
        let mut back = after.clone();
        back["a"] = json!(1);
        let change = [resource("aws_x.y", &["update"], &after, &back)];
        judged(&refresh(&drift), &full(&drift, if takes_back { &change } else { &[] })).digest
    };
    let first = report(json!({"a": 2, "last_modified": "y"}), true);
    assert_eq!(first, report(json!({"a": 2, "last_modified": "z"}), true), "noise");
    assert_ne!(first, report(json!({"a": 3, "last_modified": "y"}), true), "another value");
    assert_eq!(
        report(json!({"a": 1, "last_modified": "y"}), false),
        report(json!({"a": 1, "last_modified": "z"}), false),
        "noise alone"
    );
    assert_eq!(first.len(), 64);
}

#[test]
fn plan_trap_25_the_digest_follows_sensitive_values_without_showing_them() {
    let report = |secret: &str| {
        let secret = format!("{secret}-0815-canary");
        let mut drift = resource("aws_x.y", &["update"], &json!({"pw": "before-0815-canary"}), &json!({"pw": secret}));
        drift["change"]["after_sensitive"] = json!({ "pw": true });
        let change = resource("aws_x.y", &["update"], &json!({"pw": secret}), &json!({"pw": "before-0815-canary"}));
        judged(&refresh(&[drift.clone()]), &full(&[drift], &[change]))
    };
    let (one, other) = (report("alpha"), report("beta"));
    assert_ne!(one.digest, other.digest);
    // The full plan does not mark it: known from the other one, it is the same change and stays hidden.
    assert_eq!(told(&one), ["aws_x.y: changed pw"]);
    assert!(!summary::file(&one, &context()).contains("0815"));
}
