//! Encodings, wrappers, format versions and broken input.

use super::*;

fn utf16(text: &str, encode: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(encode).collect()
}

#[test]
fn plan_trap_17_every_encoding_gives_the_same_plan() {
    let digest = plan(SERVICE).digest;
    let mut files = vec![
        format!("\u{feff}{SERVICE}").into_bytes(),
        SERVICE.replace('\n', "\r\n").into_bytes(),
        utf16(SERVICE, u16::to_le_bytes),
        utf16(SERVICE, u16::to_be_bytes),
    ];
    for file in
        [utf16(&format!("\u{feff}{SERVICE}"), u16::to_le_bytes), utf16(&format!("\u{feff}{SERVICE}"), u16::to_be_bytes)]
    {
        files.push(file);
    }
    for file in files {
        assert_eq!(read_with(&file, &Options::default()).expect("a plan").0.digest, digest);
    }
}

#[test]
fn plan_trap_17_what_a_wrapper_prints_around_is_passed_over() {
    let digest = plan(CBD).digest;
    for (before, after) in [
        (
            "[command]/usr/bin/terraform show -json { p.bin }\n",
            "\n::debug::Terraform exited with code 0.\n::debug::stdout: {\n",
        ),
        ("{ no json\n", "\n"),
        ("\n\n", "\n0\n"),
    ] {
        assert_eq!(plan(&format!("{before}{CBD}{after}")).digest, digest, "{before}");
    }
}

#[test]
fn plan_trap_17_several_plans_in_one_stream_are_refused() {
    assert!(failure(format!("{ALPHA}\n{BETA}").as_bytes()).contains("another JSON object follows"));
}

#[test]
fn half_pairs_of_utf_16_break_nothing() {
    let mut bytes = vec![0xff, 0xfe];
    let text = utf16(
        &json!({ "format_version": "1.2", "output_changes": { "x😀": { "actions": ["create"], "after": 1 } } })
            .to_string(),
        u16::to_le_bytes,
    );
    bytes.extend(text);
    assert_eq!(read_with(&bytes, &Options::default()).expect("a plan").0.outputs[0].name, "x😀");
    bytes.push(0x7b);
    let _ = read_with(&bytes, &Options::default());
}

#[test]
fn plan_trap_13_formats_old_and_new_are_read() {
    for version in ["0.1", "0.2", "1.0", "1.1", "1.2", "1.9"] {
        assert_eq!(plan(&CBD.replacen("\"1.2\"", &format!("\"{version}\""), 1)).changes.len(), 5, "{version}");
    }
    let message = failure(CBD.replacen("\"1.2\"", "\"2.0\"", 1).as_bytes());
    assert!(message.contains("only 0.x and 1.x"), "{message}");
}

#[test]
fn what_is_no_plan_says_what_to_give_and_nothing_of_itself() {
    for (text, says) in [
        ("", "no JSON object"),
        ("PK\u{3}\u{4} plan file", "no JSON object"),
        (r#"{"format_version":"1.0","values":{"outputs":{}}}"#, "this is a state"),
        (r#"{"resource_changes":[]}"#, "no format_version"),
        (r#"{"format_version":"1.2","resource_changes":"canary-secret"}"#, "no JSON of a plan"),
        (r#"{"format_version":"1.2","resource_changes":[{"address":"canary-secret"#, "ends in the middle"),
        (r#"{"format_version":"1.2","resource_changes":[canary-secret"#, "no JSON of a plan"),
    ] {
        let message = failure(text.as_bytes());
        assert!(message.contains(says) && message.starts_with("failed to read the plan"), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }
}

#[test]
fn lists_that_are_null_or_missing_are_empty() {
    for text in [
        r#"{"format_version":"1.2"}"#,
        r#"{"format_version":"1.2","resource_changes":null,"resource_drift":null,"output_changes":null,"checks":null,"variables":null}"#,
    ] {
        let plan = plan(text);
        assert!(!plan.changed() && plan.risk() == Risk::None);
        assert!(comment_of(&plan).contains("no changes"));
    }
}

#[test]
fn fields_come_in_any_order() {
    let mut fields: Vec<(String, Value)> =
        serde_json::from_str::<serde_json::Map<_, _>>(SERVICE).expect("JSON").into_iter().collect();
    let wanted = comment_of(&plan(SERVICE)).replace("123456789012345678901234567890", "");
    fields.reverse();
    let text: Vec<String> = fields.iter().map(|(key, value)| format!("{}:{value}", json!(key))).collect();
    let got = plan(&format!("{{{}}}", text.join(",")));
    assert_eq!(got.drift.iter().filter(|drift| drift.matters).count(), 1);
    assert_eq!(comment_of(&got).len(), comment_of(&got).len());
    assert!(wanted.contains("Changed outside of Terraform"));
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = format!(r#"{{"format_version":"1.2","resource_changes":[{{"address":{deep}}}]}}"#);
    assert!(failure(text.as_bytes()).contains("nested deeper"));
    let skipped = format!(r#"{{"format_version":"1.2","prior_state":{deep}}}"#);
    assert!(!plan(&skipped).changed());
}
