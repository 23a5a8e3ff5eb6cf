//! What a plan means.

use super::*;

#[test]
fn plan_trap_12_counts_reconcile_with_terraforms_own_line() {
    let text = include_str!("../../tests/plan/cbd.txt");
    let line = text.lines().find(|line| line.starts_with("Plan:")).expect("a line");
    assert_eq!(plan(CBD).counts().terraform(), line);
}

#[test]
fn plan_trap_12_replacements_in_both_orders_forget_and_move_are_what_they_are() {
    let plan = plan(CBD);
    let of = |name: &str| plan.changes.iter().find(|change| change.address.ends_with(name)).expect(name);
    assert_eq!(of("cbd").action, Action::CreateDelete);
    assert_eq!(of("dbc").action, Action::DeleteCreate);
    assert_eq!(of("forgetme").action, Action::Forget);
    assert_eq!(of("new").previous_address.as_deref(), Some("terraform_data.old"));
    assert_eq!(of("cbd").replace_paths, ["triggers_replace"]);
    assert_eq!(of("gone").reason.as_deref(), Some("no longer in the configuration"));
    let counts = plan.counts();
    assert_eq!(
        (counts.replace, counts.delete, counts.forget, counts.moved, counts.outputs, counts.checks),
        (2, 1, 1, 1, 1, 1)
    );
}

#[test]
fn plan_trap_12_a_deposed_object_is_its_own_and_a_data_source_that_goes_is_nothing() {
    let mut deposed = resource("aws_x.y", &["delete"], &json!({}), &Value::Null);
    deposed["deposed"] = json!("0a1b2c3d");
    let mut data = resource("data.aws_z.q", &["delete"], &json!({}), &Value::Null);
    data["mode"] = json!("data");
    let plan =
        plan_of(&resources(&[resource("aws_x.y", &["update"], &json!({"a": 1}), &json!({"a": 2})), deposed, data]));
    assert_eq!(plan.changes.len(), 2);
    assert_eq!(plan.counts().terraform(), "Plan: 0 to add, 1 to change, 1 to destroy.");
    assert!(comment_of(&plan).contains("(deposed object `0a1b2c3d`)"));
}

#[test]
fn plan_trap_12_an_import_comes_with_any_action_and_create_forget_adds() {
    let plan = plan(SERVICE);
    let counts = plan.counts();
    assert_eq!((counts.import, counts.moved, counts.create_forget, counts.read, counts.deposed), (1, 1, 1, 1, 1));
    assert_eq!(counts.terraform(), "Plan: 1 to import, 3 to add, 3 to change, 2 to destroy.");
    let mut import = resource("aws_x.y", &["update"], &json!({"a": 1}), &json!({"a": 2}));
    import["change"]["importing"] = json!({"identity": {"b": 1, "a": 2}});
    let plan = plan_of(&resources(&[import]));
    assert_eq!(plan.counts().terraform(), "Plan: 1 to import, 0 to add, 1 to change, 0 to destroy.");
    assert!(comment_of(&plan).contains(r#"`{"a":2,"b":1}`"#));
}

#[test]
fn plan_trap_13_actions_and_fields_that_are_new_are_shown_as_they_are() {
    let plan = plan(SERVICE);
    let odd = plan.changes.iter().find(|change| change.address == "aws_instance.odd").expect("odd");
    assert_eq!(odd.action, Action::Other(vec!["hibernate".to_owned()]));
    assert_eq!(odd.risk(), Risk::High);
    let text = comment_of(&plan);
    assert!(text.contains("unknown action `hibernate`") && text.contains("# mood = \"sleepy\""), "{text}");
    assert!(text.contains("`resource_changes[].mood`"));
    let mut odd = resource("aws_lambda_function.f", &["delete", "dance"], &json!({}), &Value::Null);
    odd["action_reason"] = json!("because_of_@you");
    let plan = plan_of(&resources(&[odd]));
    assert_eq!(plan.risk(), Risk::Top);
    assert!(comment_of(&plan).contains("`because_of_@you`"));
    let none = plan_of(&resources(&[json!({"address": "aws_x.y"})]));
    assert_eq!(none.changes.len(), 1, "a change without actions is not dropped");
    let newer = plan_of(&json!({"format_version": "1.9", "brand_new": [1]}));
    assert!(comment_of(&newer).contains("`brand_new`"));
}

#[test]
fn plan_trap_14_errored_and_partial_plans_say_so_in_the_headline() {
    let mut value: Value = serde_json::from_str(ALPHA).expect("JSON");
    value["errored"] = json!(true);
    assert!(comment_of(&plan_of(&value)).contains("## ❌ Planning failed of `staging`"));
    value["resource_changes"] = json!([]);
    let nothing = plan_of(&value);
    assert!(comment_of(&nothing).contains("## ❌ Planning failed"), "no changes, and yet it failed");
    assert_eq!(nothing.risk(), Risk::High);
    value["errored"] = json!(false);
    value["complete"] = json!(false);
    value["deferred_changes"] = json!([{ "reason": "absent_prereq", "resource_change": resource("aws_x.y", &["create"], &Value::Null, &json!({})) }]);
    let partial = plan_of(&value);
    let text = comment_of(&partial);
    assert!(
        text.contains("## Partial plan") && text.contains("does not exist yet") && text.contains("1 put off"),
        "{text}"
    );
    assert!(partial.changed());
}

#[test]
fn plan_trap_15_outputs_only_drift_only_and_actions_only_plans_are_changes() {
    let output = json!({"actions": ["create"], "before": null, "after": 1, "after_sensitive": false});
    assert!(plan_of(&json!({"format_version": "1.2", "output_changes": {"x": output}})).changed());
    let drift = resource("aws_x.y", &["update"], &json!({"a": 1}), &json!({"a": 2}));
    let plan = plan_of(&json!({"format_version": "1.2", "resource_drift": [drift], "applyable": true}));
    assert!(plan.changed() && plan.drift[0].matters);
    assert!(comment_of(&plan).contains("only what changed outside of Terraform"));
    let invocation = json!({"address": "action.aws_lambda_invoke.x", "config_values": {}, "config_sensitive": {},
        "lifecycle_action_trigger": {"triggering_resource_address": "aws_x.y"}});
    let plan = plan_of(&json!({"format_version": "1.2", "action_invocations": [invocation]}));
    assert!(plan.changed() && plan.risk() == Risk::Medium);
    assert!(comment_of(&plan).contains("`action.aws_lambda_invoke.x by aws_x.y`"));
    assert_eq!(plan.counts().terraform(), "Plan: 0 to add, 0 to change, 0 to destroy. Actions: 1 to invoke.");
}

#[test]
fn plan_trap_16_numbers_keep_every_digit() {
    let of = |number: &str| {
        let text = resources(&[resource("aws_x.y", &["create"], &Value::Null, &json!({"n": "N"}))]).to_string();
        plan(&text.replace("\"N\"", number))
    };
    let (long, longer) = (of("123456789012345678901234567890"), of("123456789012345678901234567891"));
    assert_ne!(long.digest, longer.digest);
    assert!(comment_of(&long).contains("n = 123456789012345678901234567890"));
    assert_eq!(of("1").digest, of("1.0e0").digest);
    assert_eq!(of("-0").digest, of("0").digest);
    assert_eq!(of("1e400").changes[0].detail.as_deref(), Some("+ n = 1e400\n"));
    for (written, canonical) in [
        ("100", "100"),
        ("1e2", "100"),
        ("1.50", "1.5"),
        ("0.0012", "0.0012"),
        ("12e-4", "0.0012"),
        ("-0.0", "0"),
        ("1E+3", "1000"),
        ("1e39", "1000000000000000000000000000000000000000"),
        ("1e40", "1e40"),
        ("5e-41", "5e-41"),
        ("123.456e1", "1234.56"),
        ("1e9999999999", "1e9999999999"),
    ] {
        assert_eq!(json::number(written), canonical, "{written}");
    }
}

#[test]
fn plan_trap_16_json_in_strings_is_compared_by_what_it_says() {
    let text = comment_of(&plan(SERVICE));
    assert!(text.contains("+ policy: Statement[0].Action[1] = \"dynamodb:DeleteItem\""), "{text}");
    let reordered = resource(
        "aws_x.y",
        &["update"],
        &json!({"policy": "{\"a\":1,\"b\":[1,2]}"}),
        &json!({"policy": "{ \"b\": [1, 2], \"a\": 1 }"}),
    );
    assert!(comment_of(&plan_of(&resources(&[reordered]))).contains("only white space or the order of keys"));
}

#[test]
fn nested_blocks_are_compared_by_path_and_elements_that_only_moved_are_not_shown() {
    let rule = |port: u32| json!({"port": port, "cidr": ["10.0.0.0/8"]});
    let change = resource(
        "aws_x.y",
        &["update"],
        &json!({"rule": [rule(1), rule(2), rule(3)], "list": ["a", "b"]}),
        &json!({"rule": [rule(3), rule(1), rule(9)], "list": ["b", "c", "a"]}),
    );
    let plan = plan_of(&resources(&[change]));
    assert_eq!(plan.changes[0].detail.as_deref(), Some("+ list[1] = \"c\"\n! rule[2].port = 2 -> 9\n"));
    assert_eq!(plan.changes[0].attributes, ["list", "rule"]);
}

#[test]
fn texts_of_several_lines_show_the_lines_that_differ() {
    let change = resource("aws_x.y", &["update"], &json!({"t": "a\nb\nc"}), &json!({"t": "a\n::x\nc"}));
    let plan = plan_of(&resources(&[change]));
    assert_eq!(plan.changes[0].detail.as_deref(), Some("! t = (text, changed from line 2)\n-   | b\n+   | ::x\n"));
}

#[test]
fn plan_trap_18_drift_counts_only_if_the_plan_depends_on_it() {
    let plan = plan(SERVICE);
    let drift: Vec<_> = plan.drift.iter().map(|drift| (drift.address.as_str(), drift.matters)).collect();
    assert_eq!(drift, [("module.service.aws_dynamodb_table.silver", true), ("aws_s3_bucket.logs", false)]);
    let text = comment_of(&plan);
    assert!(text.contains("! read_capacity = 5 -> 50"));
    assert!(text.contains("1 more changed outside of Terraform without effect on this plan."));
}

#[test]
fn plan_trap_18_what_is_read_as_empty_where_nothing_was_set_is_no_drift() {
    let drift = |before: Value, after: Value| {
        let change = resource("aws_x.y", &["update"], &before, &after);
        plan_of(&json!({"format_version": "1.2", "resource_drift": [change], "applyable": true})).drift
    };
    let unset =
        json!({"actions": null, "tags": null, "queries": [{"id": "a", "period": null}], "on": null, "text": null});
    let empty = json!({"actions": [], "tags": {}, "queries": [{"id": "a", "period": 0}], "on": false, "text": ""});
    assert!(drift(unset.clone(), empty.clone()).is_empty());
    assert!(drift(empty, unset.clone()).is_empty());
    let set = json!({"actions": ["a"], "tags": null, "queries": [{"id": "a", "period": 60}], "on": true, "text": ""});
    assert_eq!(drift(unset, set.clone())[0].attributes, ["actions", "on", "queries"]);
    let gone = json!({"actions": [], "tags": {}, "queries": [{"id": "a", "period": 60}], "on": false});
    assert_eq!(drift(set, gone)[0].attributes, ["actions", "on"], "what was set is no longer");
}

#[test]
fn plan_trap_18_a_promotion_is_no_drift() {
    let alias = |name: &str, extra: &str| {
        let mut change = resource(
            "aws_lambda_alias.a",
            &["update"],
            &json!({"name": name, "function_version": "1", "routing_config": [], "description": "x"}),
            &json!({"name": name, "function_version": "2", "routing_config": [{"w": 1}], "description": extra}),
        );
        change["name"] = json!("a");
        plan_of(&json!({"format_version": "1.2", "resource_drift": [change], "applyable": true})).drift
    };
    assert!(alias("live", "x").is_empty());
    assert_eq!(alias("live", "y")[0].attributes, ["description"]);
    assert_eq!(alias("blue", "x")[0].attributes, ["function_version", "routing_config"]);
}

#[test]
fn losing_a_rollback_target_is_the_top_risk() {
    for kind in ["aws_lambda_function", "aws_lambda_alias", "aws_dynamodb_table"] {
        for actions in [&["delete"][..], &["delete", "create"], &["create", "delete"]] {
            let plan = plan_of(&resources(&[resource(&format!("{kind}.x"), actions, &json!({}), &json!({}))]));
            assert_eq!(plan.risk(), Risk::Top);
            assert!(comment_of(&plan).contains("Rollback targets are lost"));
        }
        let plan =
            plan_of(&resources(&[resource(&format!("{kind}.x"), &["update"], &json!({"a": 1}), &json!({"a": 2}))]));
        assert_eq!(plan.risk(), Risk::Medium);
    }
}

#[test]
fn plan_trap_03_a_checks_message_stays_in_its_span() {
    let text = comment_of(&plan(SERVICE));
    assert!(text.contains("  - `is down: @team #12 https://evil.example ::error::x\\n#\u{200b}#[group]`"), "{text}");
    assert_eq!(plan(SERVICE).checks_passed, 1);
}
