//! The whole comment of each sample plan, in `actions/tests/plan/`: a change of its look is seen in review. With
//! `WRITE_GOLDEN=DIR` the new texts are written there.

use super::*;

#[test]
fn comments_look_as_they_did() {
    let many = many();
    let golden = [
        ("cbd", CBD, include_str!("../../tests/plan/cbd.md")),
        ("alpha", ALPHA, include_str!("../../tests/plan/alpha.md")),
        ("beta", BETA, include_str!("../../tests/plan/beta.md")),
        ("service", SERVICE, include_str!("../../tests/plan/service.md")),
        ("many", &many, include_str!("../../tests/plan/many.md")),
    ];
    let mut different = Vec::new();
    for (name, text, wanted) in golden {
        let got = comment_of(&plan(text));
        assert_eq!(markdown::wrong(&got), None, "{name}");
        if got != wanted {
            if let Some(folder) = std::env::var_os("WRITE_GOLDEN") {
                std::fs::write(std::path::Path::new(&folder).join(format!("{name}.md")), &got).expect("written");
            }
            different.push(format!("{name}.md is now:\n{got}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// As large as no comment is: 10,000 resources are created, some destroyed.
fn many() -> String {
    let change = |n: usize| {
        let actions = if n.is_multiple_of(1_000) { "delete" } else { "create" };
        let (before, after) = if n.is_multiple_of(1_000) {
            (json!({"input": n}), Value::Null)
        } else {
            (Value::Null, json!({"input": n}))
        };
        json!({
            "address": format!("module.queue[{}].terraform_data.item[{}]", n / 100, n % 100), "mode": "managed",
            "type": "terraform_data", "name": "item", "provider_name": "terraform.io/builtin/terraform",
            "change": {"actions": [actions], "before": before, "after": after, "before_sensitive": {}, "after_sensitive": {}},
        })
    };
    let changes: Vec<Value> = (0..10_000).map(change).collect();
    json!({"format_version": "1.2", "terraform_version": "1.11.4", "complete": true, "resource_changes": changes})
        .to_string()
}
