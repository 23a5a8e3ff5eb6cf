//! What must not be seen is in no output.

use super::*;

/// Everything that a plan is turned into.
pub(super) fn outputs(text: &[u8], options: &Options) -> anyhow::Result<String> {
    let (plan, record) = read_with(text, options)?;
    let (comment, _) = comment::comment(&plan, &context(), comment::COMMENT);
    let (summary, _) = comment::summary(&plan, &context(), comment::SUMMARY);
    let compared = compare(&b"{\"changes\":0,\"digest\":\"\",\"format\":\"\"}"[..], record.as_bytes()).err();
    Ok(format!("{comment}{summary}{record}{:?}{compared:?}", plan.changes))
}

fn marked(before: &Value, after: &Value, before_marks: &Value, after_marks: &Value) -> String {
    let mut change = resource("aws_x.y", &["update"], before, after);
    change["change"]["before_sensitive"] = before_marks.clone();
    change["change"]["after_sensitive"] = after_marks.clone();
    outputs(resources(&[change]).to_string().as_bytes(), &Options::default()).expect("a plan")
}

#[test]
fn plan_trap_20_marks_hide_at_every_ancestor_and_from_either_side() {
    let (old, new) =
        (json!({"a": {"b": {"c": "canary-old"}}, "d": 1}), json!({"a": {"b": {"c": "canary-new"}}, "d": 2}));
    let none = json!({});
    for marks in [json!(true), json!({"a": true}), json!({"a": {"b": true}}), json!({"a": {"b": {"c": true}}})] {
        for (before, after) in [(&marks, &none), (&none, &marks), (&marks, &marks)] {
            let text = marked(&old, &new, before, after);
            assert!(!text.contains("canary"), "{text}");
            assert!(text.contains("(sensitive value), changed"), "{text}");
        }
    }
    assert!(marked(&old, &new, &none, &none).contains("canary-new"), "the test would see it");
}

#[test]
fn plan_trap_20_marks_in_lists_hold_for_every_element() {
    let side = |keys: &[&str]| {
        let env: Vec<Value> = keys.iter().map(|key| json!({"name": key, "text": format!("canary-{key}")})).collect();
        json!({ "env": env })
    };
    for marks in [json!({"env": [{}, {"text": true}]}), json!({"env": [{"text": true}]})] {
        for (before, after) in [(&marks, &json!({})), (&json!({}), &marks)] {
            let text = marked(&side(&["a", "b"]), &side(&["b", "c", "d"]), before, after);
            assert!(!text.contains("canary"), "{text}");
            assert!(text.contains("env[1].name"), "what is not marked is shown: {text}");
        }
    }
}

#[test]
fn plan_trap_20_another_shape_hides_the_whole_attribute() {
    for (value, marks) in [
        (json!({"a": "canary", "z": "seen-1"}), json!({"a": {"b": true}})),
        (json!({"a": ["canary"], "z": "seen-1"}), json!({"a": {"b": true}})),
        (json!({"a": {"b": "canary"}, "z": "seen-1"}), json!({"a": [true]})),
        (json!({"a": {"b": {"c": "x"}, "d": "canary"}, "z": "seen-1"}), json!({"a": {"b": [true]}})),
        (json!({"a": "canary", "z": "seen-1"}), json!({"a": "yes"})),
    ] {
        let text = marked(&json!({}), &value, &json!({}), &marks);
        assert!(!text.contains("canary") && text.contains("seen-1"), "{text}");
    }
    assert!(!marked(&json!({}), &json!({"a": "canary"}), &json!({}), &json!([{"a": true}])).contains("canary"));
}

#[test]
fn plan_trap_13_a_format_without_marks_shows_no_value() {
    let mut change = resource("aws_x.y", &["create"], &Value::Null, &json!({"a": "canary"}));
    change["change"].as_object_mut().expect("an object").retain(|key, _| !key.ends_with("_sensitive"));
    let mut plan = resources(&[change]);
    plan["format_version"] = json!("0.1");
    plan["output_changes"] = json!({"o": {"actions": ["create"], "after": "canary"}});
    assert!(!outputs(plan.to_string().as_bytes(), &Options::default()).expect("a plan").contains("canary"));
}

#[test]
fn plan_trap_19_variables_state_and_configuration_are_in_no_output() {
    for (name, text) in SAMPLES {
        let out = outputs(text.as_bytes(), &Options::default()).expect(name);
        for secret in ["canary", "\"alpha\"", "\"beta\"", "= \"alpha", "= \"beta"] {
            assert!(!out.contains(secret), "{name}: {secret} in {out}");
        }
    }
}

#[test]
fn plan_trap_21_known_secrets_are_hidden_in_every_form_and_place() {
    let secret = "p\"ss-wörd/4711+x";
    let json = json!({"x": secret}).to_string();
    let base64 = "cCJzcy13w7ZyZC80NzExK3g"; // of the secret
    let shifted = "eXAic3Mtd8O2cmQvNDcxMSt4"; // of `y` and the secret
    let mut change = resource(
        &format!("aws_x.y[{}]", json!(secret)),
        &["create"],
        &Value::Null,
        &json!({"a": secret, "b": format!("see {secret}!"), "c": base64, "d": shifted, "e": json, secret: {"f": [secret]}}),
    );
    change["change"]["importing"] = json!({ "id": secret });
    change["change"]["replace_paths"] = json!([[secret]]);
    let mut plan = resources(&[change]);
    plan["checks"] = json!([{"address": {"to_display": secret}, "status": "fail", "instances": [{"problems": [{"message": secret}]}]}]);
    plan["output_changes"] = json!({secret: {"actions": ["create"], "after": secret, "after_sensitive": false}});
    let options = Options { secrets: vec![secret.to_owned()], ..Options::default() };
    let out = outputs(plan.to_string().as_bytes(), &options).expect("a plan");
    for form in [secret, "ss-wörd", "cCJzcy13w7ZyZC80NzEx", "Ic3Mtd8O2cmQvNDcxMS"] {
        assert!(!out.contains(form), "{form} in {out}");
    }
    let open = outputs(plan.to_string().as_bytes(), &Options::default()).expect("a plan");
    for form in ["ss-wörd", base64, shifted] {
        assert!(open.contains(form), "the test would see {form}");
    }
}

#[test]
fn plan_trap_21_what_looks_like_a_secret_is_neither_in_comment_nor_in_record() {
    let change = resource(
        "kubernetes_secret.y",
        &["update"],
        &json!({"data": {"x": "canary-1"}, "env": [{"name": "DB_PASSWORD", "value": "canary-2"}], "n": 1}),
        &json!({
            "data": {"x": "canary-3"}, "n": 2,
            "env": [{"name": "DB_PASSWORD", "value": "canary-4"}],
            "url": "postgres://app:canary-5@db/x",
            "definition": "[{\"environment\":[{\"name\":\"API_KEY\",\"value\":\"canary-6\"}],\"secret\":\"canary-7\"}]",
            "token": 123_456_789,
        }),
    );
    let text = resources(&[change]).to_string();
    let out = outputs(text.as_bytes(), &Options::default()).expect("a plan");
    assert!(!out.contains("canary") && !out.contains("123456789"), "{out}");
    assert!(out.contains("n = 1 -> 2") && out.contains("looks like a secret"), "{out}");
}

#[test]
fn plan_trap_23_a_marked_value_is_hidden_in_addresses_too() {
    let mut change =
        resource("aws_x.y[\"canary-secret-1\"]", &["create"], &Value::Null, &json!({"a": "canary-secret-1"}));
    change["change"]["after_sensitive"] = json!({"a": true});
    let other = resource("aws_x.z", &["create"], &Value::Null, &json!({"copy": "canary-secret-1"}));
    let out = outputs(resources(&[other, change]).to_string().as_bytes(), &Options::default()).expect("a plan");
    assert!(!out.contains("canary"), "{out}");
}

#[test]
fn without_values_only_names_are_seen() {
    let options = Options { hide_values: true, ..Options::default() };
    let (plan, _) = read_with(SERVICE.as_bytes(), &options).expect("a plan");
    let text = comment_of(&plan);
    assert!(
        text.contains("Values are not shown.") && text.contains("`memory_size`") && !text.contains("256"),
        "{text}"
    );
    assert_eq!(plan.digest, super::plan(SERVICE).digest);
}

#[test]
fn without_values_no_message_quotes_one() {
    for hide_values in [false, true] {
        let options = Options { hide_values, ..Options::default() };
        let (plan, _) = read_with(SERVICE.as_bytes(), &options).expect("a plan");
        let errors = vec!["Resource precondition failed (main.tf:3): The owner is canary.".to_owned()];
        let text = comment::comment(&plan, &comment::Context { errors, ..context() }, comment::COMMENT).0;
        assert_eq!(text.contains("The owner is canary."), !hide_values, "{text}");
        assert_eq!(text.contains("is down"), !hide_values, "what a failed check says: {text}");
        assert_eq!(text.contains("Terraform told an error, which the run's log shows."), hide_values, "{text}");
        assert_eq!(markdown::wrong(&text), None);
    }
}
