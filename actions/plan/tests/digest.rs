//! The canonical digest: equal for equal intent, and for nothing else. The vectors are those of `docs/plan-digest.md`.

use sha2::{Digest, Sha256};

use super::*;

fn digest(value: &Value) -> String {
    plan_of(value).digest
}

fn service() -> Value {
    serde_json::from_str(SERVICE).expect("JSON")
}

#[test]
fn order_and_white_space_leave_it_equal() {
    let base = plan(SERVICE).digest;
    let compact: Value = service();
    assert_ne!(base, plan(CBD).digest);
    let mut shuffled = compact.clone();
    for list in ["resource_changes", "resource_drift", "checks"] {
        shuffled[list].as_array_mut().expect("a list").reverse();
    }
    // serde_json's numbers are floats beyond 64 bits: the long one goes back in as it was.
    let text = |value: &Value| value.to_string().replace("1.2345678901234568e+29", "123456789012345678901234567890");
    assert_eq!(plan(&text(&compact)).digest, base);
    assert_eq!(plan(&text(&shuffled)).digest, base);
    assert_eq!(
        plan(
            &serde_json::to_string_pretty(&compact)
                .expect("JSON")
                .replace("1.2345678901234568e+29", "123456789012345678901234567890")
        )
        .digest,
        base
    );
}

#[test]
fn another_provider_patch_version_leaves_it_equal() {
    let mut value = service();
    let base = digest(&value);
    value["configuration"]["provider_config"] = json!({"aws": {"name": "aws", "version_constraint": "6.1.3"}});
    value["terraform_version"] = json!("1.11.5");
    value["timestamp"] = json!("2027-01-01T00:00:00Z");
    // Another patch version computes one more attribute, null before and after.
    value["resource_changes"][0]["change"]["before"]["brand_new"] = Value::Null;
    value["resource_changes"][0]["change"]["after"]["brand_new"] = Value::Null;
    value["resource_changes"][4]["change"]["after_unknown"]["brand_new"] = json!(true);
    assert_eq!(digest(&value), base);
}

#[test]
fn an_unrelated_release_in_between_leaves_it_equal() {
    let mut value = service();
    let base = digest(&value);
    let before = &mut value["resource_changes"][0]["change"]["before"];
    before["version"] = json!("8");
    before["last_modified"] = json!("2026-11-21T00:00:00Z");
    before["source_code_hash"] = json!("another");
    value["resource_changes"][1]["change"]["before"]["id"] = json!("another");
    value["resource_changes"][5]["change"]["before"]["name"] = json!("another");
    value["output_changes"]["url"]["before"] = json!("another");
    value["prior_state"] = json!({"values": {"outputs": {"x": 1}}});
    value["variables"] = Value::Null;
    // What the release changed stands in both sides.
    for side in ["before", "after"] {
        value["resource_changes"][0]["change"][side]["layers"] = json!(["one"]);
    }
    value["resource_changes"].as_array_mut().expect("a list").push(resource(
        "aws_x.same",
        &["no-op"],
        &json!({}),
        &json!({}),
    ));
    assert_eq!(digest(&value), base);
}

#[test]
fn live_moved_by_a_promotion_leaves_it_equal() {
    let mut value = service();
    let base = digest(&value);
    value["resource_drift"][0]["change"]["after"]["function_version"] = json!("9");
    assert_eq!(digest(&value), base);
    value.as_object_mut().expect("an object").remove("resource_drift");
    assert_eq!(digest(&value), base);
    // The alias itself, changed in its description while the promotion moves it: Terraform carries the version along.
    let mut alias = resource(
        "aws_lambda_alias.a",
        &["update"],
        &json!({"name": "live", "function_version": "1", "description": "a"}),
        &json!({"name": "live", "function_version": "1", "description": "b"}),
    );
    let first = digest(&resources(std::slice::from_ref(&alias)));
    for side in ["before", "after"] {
        alias["change"][side]["function_version"] = json!("2");
        alias["change"][side]["routing_config"] = json!([{"additional_version_weights": {"3": 0.1}}]);
    }
    assert_eq!(digest(&resources(&[alias])), first);
}

#[test]
fn plan_trap_25_another_sensitive_value_is_another_digest() {
    let (alpha, beta) = (plan(ALPHA), plan(BETA));
    assert_ne!(alpha.digest, beta.digest);
    let seen = |plan: &Plan| {
        let text = comment_of(plan);
        let seen = text.lines().filter(|line| !line.starts_with("<!-- lockgate:reviewed "));
        seen.collect::<Vec<_>>().join("\n").replace(&plan.digest, "")
    };
    assert_eq!(seen(&alpha), seen(&beta));
    let keyed = Options { digest_key: b"lineage".to_vec(), ..Options::default() };
    let (with_key, _) = read_with(ALPHA.as_bytes(), &keyed).expect("a plan");
    assert_ne!(with_key.digest, alpha.digest);
}

#[test]
fn any_other_intent_is_another_digest() {
    let base_value = service();
    let base = digest(&base_value);
    let changes: [(&str, Value); 24] = [
        ("/resource_changes/0/address", json!("module.service.aws_lambda_function.other")),
        ("/resource_changes/0/provider_name", json!("registry.terraform.io/other/aws")),
        ("/resource_changes/0/change/actions", json!(["delete", "create"])),
        ("/resource_changes/0/change/after/memory_size", json!(257)),
        ("/resource_changes/0/change/after/memory_size", json!("256")),
        ("/resource_changes/0/change/after/timeout", json!(31)),
        ("/resource_changes/0/change/after/tags/new", json!("z")),
        ("/resource_changes/0/change/after/tags/old", json!("x")),
        ("/resource_changes/0/change/after/environment/0/variables/MODE", json!("offf")),
        ("/resource_changes/0/change/after/environment/0/variables/API_TOKEN", json!("canary-guess-4713")),
        ("/resource_changes/0/change/after_unknown/last_modified", json!(false)),
        ("/resource_changes/1/change/replace_paths", json!([["architectures"]])),
        ("/resource_changes/1/change/actions", json!(["create", "delete"])),
        ("/resource_changes/2/change/after/policy", json!("{}")),
        ("/resource_changes/3/change/after/password", json!("another")),
        ("/resource_changes/4/change/after/bucket", json!("data2")),
        ("/resource_changes/5/deposed", json!("abcd1235")),
        ("/resource_changes/8/previous_address", json!("aws_sns_topic.another")),
        ("/resource_changes/9/change/importing/id", json!("arn:other")),
        ("/resource_changes/12/mood", json!("awake")),
        ("/deferred_changes/0/reason", json!("absent_prereq")),
        ("/output_changes/url/after", json!("https://c.example.org")),
        ("/output_changes/db/after/pass", json!("another")),
        ("/errored", json!(true)),
    ];
    let mut seen = vec![base];
    for (path, to) in changes {
        let mut value = base_value.clone();
        match value.pointer_mut(path) {
            Some(place) => *place = to,
            None => {
                let (parent, key) = path.rsplit_once('/').expect("a path");
                value.pointer_mut(parent).expect(path)[key] = to;
            }
        }
        let digest = digest(&value);
        assert!(!seen.contains(&digest), "{path}");
        seen.push(digest);
    }
    let mut fewer = base_value.clone();
    for list in ["resource_changes", "deferred_changes"] {
        fewer[list].as_array_mut().expect("a list").pop();
        fewer[list].as_array_mut().expect("a list").pop();
        let digest = digest(&fewer);
        assert!(!seen.contains(&digest), "{list}");
        seen.push(digest);
    }
}

#[test]
fn null_absent_and_unknown_are_told_apart_where_they_differ() {
    let of = |after: Value, unknown: Value| {
        let mut change = resource("aws_x.y", &["update"], &json!({"a": "x", "b": 1}), &after);
        change["change"]["after_unknown"] = unknown;
        digest(&resources(&[change]))
    };
    let (gone, null) = (of(json!({"b": 2}), json!({})), of(json!({"a": null, "b": 2}), json!({})));
    assert_eq!(gone, null, "absent is null");
    assert_ne!(gone, of(json!({"b": 2}), json!({"a": true})), "unknown is not");
    assert_ne!(gone, of(json!({"a": "x", "b": 2}), json!({})), "unchanged is not");
    assert_ne!(
        of(json!({"a": {"$unknown": true}, "b": 2}), json!({})),
        of(json!({"b": 2}), json!({"a": true})),
        "nor is a value that looks like it"
    );
}

#[test]
fn the_record_has_the_digest_and_its_lines_are_sorted() {
    for (name, text) in SAMPLES {
        let (plan, record) = read_with(text.as_bytes(), &Options::default()).expect(name);
        let mut lines = record.lines();
        let head: Value = serde_json::from_str(lines.next().expect("a head")).expect("JSON");
        assert_eq!(head["digest"], json!(plan.digest));
        let mut all = Sha256::new_with_prefix(b"lockgate-plan-digest/1\n");
        let mut last = Vec::new();
        for line in lines {
            let value: Value = serde_json::from_str(line).expect("JSON");
            let sha256 = match value["sha256"].as_str() {
                Some(hex) => hex::decode(hex).expect("hex"),
                None => Sha256::digest(line).to_vec(),
            };
            assert!(last < sha256, "{name}");
            all.update(&sha256);
            last = sha256;
        }
        assert_eq!(hex::encode(all.finalize()), plan.digest, "{name}");
    }
}

#[test]
fn a_recorder_without_a_store_gives_the_same_digest() {
    let mut recorder = Recorder::digest_only();
    let digest_only = read(SERVICE.as_bytes(), &Options::default(), &mut recorder).expect("a plan");
    assert_eq!(digest_only.digest, plan(SERVICE).digest);
    assert!(recorder.write(&digest_only, &mut Vec::new()).is_err());
}

#[test]
fn two_records_show_what_differs() {
    let first = read_with(SERVICE.as_bytes(), &Options::default()).expect("a plan").1;
    let mut value = service();
    value["resource_changes"][0]["change"]["after"]["memory_size"] = json!(512);
    value["resource_changes"][3]["change"]["after"]["password"] = json!("canary-secret-0816-value");
    value["resource_changes"][5]["deposed"] = json!("ffff0000");
    value["output_changes"].as_object_mut().expect("an object").remove("url");
    let text = value.to_string().replace("1.2345678901234568e+29", "123456789012345678901234567890");
    let second = read_with(text.as_bytes(), &Options::default()).expect("a plan").1;
    assert!(compare(first.as_bytes(), first.as_bytes()).expect("records").same());
    let found = compare(first.as_bytes(), second.as_bytes()).expect("records");
    assert_eq!((found.added, found.removed, found.changed), (1, 2, 2));
    assert_eq!(found.text, include_str!("../../tests/plan/difference.txt"), "{}", found.text);
    assert!(!found.text.contains("canary"));
}

#[test]
fn a_record_that_was_changed_or_cut_is_refused() {
    let record = read_with(SERVICE.as_bytes(), &Options::default()).expect("a plan").1;
    let changed = record.replacen("512", "513", 1).replacen("256", "257", 1);
    let cut: String = record.lines().take(4).map(|line| format!("{line}\n")).collect();
    for (bad, says) in [
        (changed.as_str(), "it was changed or cut"),
        (&cut, "it was changed or cut"),
        ("", "empty"),
        ("{}\n", "does not say"),
    ] {
        let error = format!("{:#}", compare(record.as_bytes(), bad.as_bytes()).expect_err("refused"));
        assert!(error.contains(says), "{error}");
    }
}

/// The vectors that `docs/plan-digest.md` gives: plan, key, lines, digest.
#[test]
fn the_specifications_vectors_hold() {
    let spec = include_str!("../../../docs/plan-digest.md");
    for (name, text, key) in [
        ("cbd", CBD, ""),
        ("alpha", ALPHA, ""),
        ("beta", BETA, ""),
        ("alpha", ALPHA, "lineage-1"),
        ("service", SERVICE, ""),
    ] {
        let options = Options { digest_key: key.as_bytes().to_vec(), ..Options::default() };
        let (plan, record) = read_with(text.as_bytes(), &options).expect(name);
        let row = format!("| `{name}.json` | `{key}` | `{}` |", plan.digest);
        assert!(spec.contains(&row.replace("``", "(empty)")), "{row}");
        if name == "cbd" || name == "alpha" {
            for line in record.lines().skip(1) {
                assert!(spec.contains(line), "{name}: {line}");
            }
        }
    }
    let nothing = plan_of(&json!({"format_version": "1.2"})).digest;
    assert!(spec.contains(&format!("A plan without any line: `{nothing}`")), "{nothing}");
}
