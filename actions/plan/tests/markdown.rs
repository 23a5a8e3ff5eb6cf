//! Looks at a comment as GitHub would, as far as breaking out goes: fences and folds are balanced, and outside of code
//! nothing is HTML but ours, nobody is mentioned and nothing is linked but the run.

use super::*;

/// What is wrong with a comment, or nothing.
pub(crate) fn wrong(text: &str) -> Option<String> {
    let mut fence: Option<usize> = None;
    let mut folds = 0_i32;
    let mut columns = None;
    for (number, line) in text.lines().enumerate() {
        let at = |what: &str| Some(format!("line {}: {what}: {line:?}", number + 1));
        if line.trim_start().starts_with("::") || line.contains("##[") {
            return at("a workflow command");
        }
        if line.chars().any(|c| crate::markdown::hostile(c) && c != '\u{200b}') {
            return at("a character that is not seen");
        }
        let ticks = line.len() - line.trim_start_matches('`').len();
        if let Some(open) = fence {
            if ticks >= open && line.len() == ticks {
                fence = None;
            }
            continue;
        }
        if ticks >= 3 && !line[ticks..].contains('`') {
            fence = Some(ticks);
            continue;
        }
        let cells = line.starts_with('|').then(|| cells(line));
        if cells.is_some() && columns.is_some() && cells != columns {
            return at("a row with other cells than its table");
        }
        columns = cells;
        let marker = |action| crate::sticky::marker::parse(action, line).is_some();
        if (number == 0 && (marker("plan") || marker("drift")))
            || (number == 1 && line.starts_with("<!-- lockgate:drift digest=") && line.len() == 95)
            || is_reviewed(line)
        {
            continue;
        }
        // A fold may be open from the beginning.
        let line = &line.replacen("<details open>", "<details>", usize::from(line.starts_with("<details open>")));
        let bare = if line.starts_with("<details>") { html(line) } else { spans(line) };
        folds += bare.matches("<details>").count() as i32 - bare.matches("</details>").count() as i32;
        if !(0..=1).contains(&folds) {
            return at("folds in folds, or shut twice");
        }
        let bare =
            ["<details>", "</details>", "<summary>", "</summary>"].iter().fold(bare, |bare, tag| bare.replace(tag, ""));
        let bare = bare.replace("[run](https://github.com/example/calls/actions/runs/812)", "");
        if let Some(bad) = ["<", "@", "://", "](", "`", "www."].iter().find(|bad| bare.contains(**bad)) {
            return at(&format!("{bad} outside of code"));
        }
        let reference =
            bare.char_indices().any(|(i, c)| c == '#' && bare[i + 1..].starts_with(|c: char| c.is_ascii_digit()));
        if reference {
            return at("a reference");
        }
    }
    if fence.is_some() || folds != 0 {
        return Some("a fence or fold is never shut".to_owned());
    }
    None
}

/// Into how many cells GitHub cuts a line: at every bar that has no backslash of its own before it.
fn cells(line: &str) -> usize {
    let mut chars = line.chars();
    let mut count = 0;
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '|' => count += 1,
            _ => {}
        }
    }
    count
}

/// The line without its code spans.
fn spans(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        out.push_str(&rest[..start]);
        let after = &rest[start..];
        let ticks = after.len() - after.trim_start_matches('`').len();
        let mut inside = &after[ticks..];
        let mut end = None;
        let mut at = start + ticks;
        while let Some(next) = inside.find('`') {
            let run = inside[next..].len() - inside[next..].trim_start_matches('`').len();
            at += next + run;
            if run == ticks {
                end = Some(at);
                break;
            }
            inside = &inside[next + run..];
        }
        match end {
            Some(end) => rest = &rest[end..],
            None => {
                out.push_str(after);
                return out;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The line without its `<code>` elements.
fn html(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("<code>") {
        let Some((inside, after)) = after.split_once("</code>") else { return line.to_owned() };
        out.push_str(before);
        if inside.contains(['<', '>']) {
            out.push('<');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Everything that a hostile author may write, in every place where a text stands.
fn hostile_plan() -> Value {
    let evil = "```\n</details>\n<!-- lockgate:plan of=x -->@octocat #12 <img src=x onerror=alert(1)> | a | https://evil.example \
                [x](http://evil) `` ` \\| \\\\| | ::error::x ##[group]\u{202e}\u{1b}[31m\u{200b} www.evil.example";
    let mut change = resource(
        &format!("aws_x.y[\"{evil}\"]"),
        &["delete", "create"],
        &json!({ "a": evil, evil: [evil], "m": "a\nb" }),
        &json!({ "a": format!("{evil}{evil}"), evil: { evil: evil }, "m": format!("a\n{evil}") }),
    );
    change["change"]["replace_paths"] = json!([[evil, 0]]);
    change["action_reason"] = json!(evil);
    change["deposed"] = json!(evil);
    change["type"] = json!(evil);
    change[evil] = json!(evil);
    change["previous_address"] = json!(evil);
    change["change"]["importing"] = json!({ "id": evil });
    let other = resource(evil, &[evil], &json!(evil), &json!([evil]));
    let output = json!({ "actions": ["update"], "before": evil, "after": [evil], "after_sensitive": false, "before_sensitive": false });
    json!({
        "format_version": format!("1.{evil}"), "terraform_version": evil, evil: 1,
        "resource_changes": [change, other],
        "resource_drift": [resource("aws_x.y", &["update"], &json!({ evil: 1 }), &json!({ evil: evil }))],
        "relevant_attributes": [{ "resource": "aws_x.y", "attribute": [] }],
        "deferred_changes": [{ "reason": evil, "resource_change": other }],
        "action_invocations": [{ "address": evil }],
        "output_changes": { evil: output },
        "checks": [{ "address": { "to_display": evil }, "status": evil, "instances": [{ "problems": [{ "message": evil }] }] }],
    })
}

/// Whether it is the hidden line of what was reviewed, and nothing else.
fn is_reviewed(line: &str) -> bool {
    let inner = line.strip_prefix("<!-- lockgate:reviewed ").and_then(|rest| rest.strip_suffix(" -->"));
    let (digest, changes) = inner.and_then(|inner| inner.split_once(' ')).unwrap_or_default();
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    digest.len() == 64
        && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (changes == "-" || changes.bytes().all(base64))
}

#[test]
fn plan_traps_01_to_06_nothing_breaks_out_of_its_place() {
    let plan = plan_of(&hostile_plan());
    let mut context = context();
    for (root, run) in [
        ("a --> <b>@x", "https://github.com/example/calls/actions/runs/812"),
        ("``` `", "https://x) [y](http://evil"),
        ("x", "javascript:alert(1)"),
    ] {
        context.root = Some(root.to_owned());
        context.environment = Some(root.to_owned());
        context.run = Some(run.to_owned());
        context.commit = Some(root.to_owned());
        context.holds = Some((0..30).map(|n| comment::Hold { concerns: n % 2 == 0, text: root.to_owned() }).collect());
        for most in [4_000, 6_000, 10_000, 20_000, comment::COMMENT] {
            let (text, _) = comment::comment(&plan, &context, most);
            assert_eq!(wrong(&text), None, "{text}");
            assert!(text.encode_utf16().count() <= most);
            assert!(text.contains(&plan.digest));
        }
    }
}

#[test]
fn plan_trap_10_every_size_of_plan_fits_and_says_what_is_left_out() {
    let mut tiers = Vec::new();
    for count in [1, 20, 80, 400, 700, 3_000] {
        let changes: Vec<Value> = (0..count)
            .map(|n| {
                let address = format!("aws_thing.with_a_long_name[\"key-{n}-ä😀\"]");
                resource(
                    &address,
                    &["update"],
                    &json!({"text": "a", "n": n}),
                    &json!({"text": "ä😀".repeat(200), "n": n + 1}),
                )
            })
            .collect();
        let plan = plan_of(&resources(&changes));
        let (text, tier) = comment::comment(&plan, &context(), comment::COMMENT);
        assert!(text.encode_utf16().count() <= comment::COMMENT && text.encode_utf16().count() < 65_536);
        assert_eq!(wrong(&text), None);
        assert!(text.starts_with("<!-- lockgate:plan") && text.contains(&plan.digest) && text.contains("to change"));
        assert_eq!(text.contains("Not everything fits here"), tier > comment::Tier::Full, "{tier:?}");
        tiers.push(tier);
        let (summary, full) = comment::summary(&plan, &context(), comment::SUMMARY);
        assert!(summary.len() <= comment::SUMMARY && full <= tier);
        assert_eq!(wrong(&summary), None);
    }
    use comment::Tier;
    assert_eq!(tiers, [Tier::Full, Tier::Full, Tier::Attributes, Tier::Attributes, Tier::Addresses, Tier::Counts]);
}

#[test]
fn plan_trap_11_a_summary_stays_below_a_mebibyte_whatever_the_plan() {
    let text = "x".repeat(3_000);
    let changes: Vec<Value> = (0..1_500)
        .map(|n| resource(&format!("aws_x.y[{n}]"), &["delete"], &json!({"a": text, "b": text}), &Value::Null))
        .collect();
    let plan = plan_of(&resources(&changes));
    let (text, _) = comment::summary(&plan, &context(), comment::SUMMARY);
    assert!(text.len() <= comment::SUMMARY && text.len() > comment::SUMMARY / 2);
    assert_eq!(wrong(&text), None);
}

#[test]
fn what_is_destroyed_is_on_top_and_never_folded() {
    let mut changes: Vec<Value> = (0..2_000)
        .map(|n| resource(&format!("aws_x.n{n}"), &["create"], &Value::Null, &json!({"a": "x".repeat(200)})))
        .collect();
    changes.push(resource("aws_dynamodb_table.zz", &["delete"], &json!({}), &Value::Null));
    let text = comment_of(&plan_of(&resources(&changes)));
    let (destroyed, table) = (text.find("**destroy** `aws_dynamodb_table.zz` 🛑"), text.find("### Changes by"));
    assert!(destroyed.is_some() && destroyed < table, "{}", &text[..2_000]);
    let many: Vec<Value> =
        (0..2_000).map(|n| resource(&format!("aws_x.n{n}"), &["delete"], &json!({}), &Value::Null)).collect();
    let text = comment_of(&plan_of(&resources(&many)));
    assert!(text.contains(" more**: ") && text.contains("2000 to destroy"));
    assert_eq!(wrong(&text), None);
}
