//! Real plans, cut and changed at random: nothing panics, no comment is too long or unbalanced, and no value that is marked
//! sensitive is in any output. The body is a plain function, [`body`], fit for a fuzzer too.

use super::*;

/// What must hold of any input whatever. How many sensitive values it had, or nothing if it was no plan.
pub(super) fn body(input: &[u8]) -> Option<usize> {
    let (plan, record) = read_with(input, &Options::default()).ok()?;
    let (comment, _) = comment::comment(&plan, &context(), comment::COMMENT);
    assert!(comment.encode_utf16().count() <= comment::COMMENT);
    assert!(comment.contains(&plan.digest));
    assert_eq!(markdown::wrong(&comment), None, "{comment}");
    let (least, _) = comment::comment(&plan, &context(), 0);
    assert!(least.encode_utf16().count() <= 4_000);
    assert_eq!(markdown::wrong(&least), None, "{least}");
    let (summary, _) = comment::summary(&plan, &context(), comment::SUMMARY);
    assert!(summary.len() <= comment::SUMMARY);
    assert_eq!(markdown::wrong(&summary), None, "{summary}");
    let same = compare(record.as_bytes(), record.as_bytes()).expect("a record of ours");
    assert!(same.same(), "{}", same.text);
    let secrets = marked(input);
    let count = secrets.len();
    if count > 0 {
        let all = format!("{comment}{least}{summary}{record}{plan:?}");
        for secret in secrets {
            assert!(
                !all.contains(&secret),
                "{secret} is seen: {:?} in {}",
                all.find(&secret).map(|at| &all[at.saturating_sub(200)..at]),
                String::from_utf8_lossy(input).replace("ä😀", "")
            );
        }
    }
    Some(count)
}

/// The canaries that an input marks sensitive, found in another way than ours.
fn marked(input: &[u8]) -> Vec<String> {
    fn leaves(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) if text.contains("canary-secret-") => found.push(text.clone()),
            Value::Array(elements) => elements.iter().for_each(|element| leaves(element, found)),
            Value::Object(members) => members.values().for_each(|member| leaves(member, found)),
            _ => {}
        }
    }
    fn walk(value: &Value, marks: &Value, found: &mut Vec<String>) {
        match (value, marks) {
            (value, Value::Bool(true)) => leaves(value, found),
            (Value::Array(values), Value::Array(marks)) => {
                values.iter().zip(marks).for_each(|(v, m)| walk(v, m, found))
            }
            (Value::Object(values), Value::Object(marks)) => {
                marks.iter().for_each(|(key, mark)| walk(values.get(key).unwrap_or(&Value::Null), mark, found));
            }
            _ => {}
        }
    }
    let Ok(plan) = serde_json::from_slice::<Value>(input) else { return Vec::new() };
    let list = |name: &str| plan[name].as_array().cloned().unwrap_or_default();
    let mut changes: Vec<Value> =
        list("resource_changes").iter().chain(&list("resource_drift")).map(|c| c["change"].clone()).collect();
    changes.extend(list("deferred_changes").iter().map(|deferred| deferred["resource_change"]["change"].clone()));
    changes.extend(plan["output_changes"].as_object().into_iter().flatten().map(|(_, change)| change.clone()));
    let mut found = Vec::new();
    for change in changes {
        // A data source that left, and what does not change, is not read at all; nor is it ever written.
        for marks in ["before_sensitive", "after_sensitive"] {
            walk(&change["before"], &change[marks], &mut found);
            walk(&change["after"], &change[marks], &mut found);
        }
    }
    found
}

/// Random numbers that are the same in every run (xorshift64*, <https://doi.org/10.18637/jss.v008.i14>).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % below.max(1)
    }
}

const TEXTS: [&str; 16] = [
    "```",
    "</details>",
    "<details>",
    "@octocat",
    "a|b",
    "](http://evil.example)",
    "\u{202e}x",
    "::error::x",
    "##[group]",
    "<!-- lockgate:plan of=x -->",
    "`",
    "\n\n# x\n",
    "canary-secret-0815-value",
    "\\|",
    "live",
    "delete",
];

fn value(dice: &mut Dice) -> Value {
    match dice.roll(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!([]),
        3 => json!({}),
        4 => json!(dice.roll(1_000_000)),
        5 => json!(-1.5e300),
        6 => json!([true, false]),
        7 => json!("ä😀".repeat(dice.roll(3_000))),
        8 => json!({ TEXTS[dice.roll(TEXTS.len())]: TEXTS[dice.roll(TEXTS.len())] }),
        _ => json!(TEXTS[dice.roll(TEXTS.len())]),
    }
}

/// Changes a value somewhere within.
fn mutate(place: &mut Value, dice: &mut Dice) {
    let deeper = dice.roll(8) > 0;
    match place {
        Value::Array(elements) if deeper && !elements.is_empty() => {
            let at = dice.roll(elements.len());
            match dice.roll(24) {
                0 => drop(elements.remove(at)),
                1 => elements.push(elements[at].clone()),
                2 => {
                    let other = dice.roll(elements.len());
                    elements.swap(at, other);
                }
                _ => mutate(&mut elements[at], dice),
            }
        }
        Value::Object(members) if deeper && !members.is_empty() => {
            let keys: Vec<String> = members.keys().cloned().collect();
            let key = &keys[dice.roll(keys.len())];
            match dice.roll(24) {
                0 => drop(members.remove(key)),
                1 => {
                    let moved = members.remove(key).unwrap_or_default();
                    members.insert(TEXTS[dice.roll(TEXTS.len())].to_owned(), moved);
                }
                2 => {
                    let copy = members[&keys[dice.roll(keys.len())]].clone();
                    members.insert(key.clone(), copy);
                }
                _ => mutate(&mut members[key], dice),
            }
        }
        place => *place = value(dice),
    }
}

fn mutated(sample: &str, dice: &mut Dice) -> Vec<u8> {
    match dice.roll(4) {
        0 => {
            let mut bytes = sample.as_bytes().to_vec();
            bytes.truncate(dice.roll(bytes.len()));
            bytes
        }
        1 => {
            let mut bytes = sample.as_bytes().to_vec();
            for _ in 0..=dice.roll(4) {
                let at = dice.roll(bytes.len());
                bytes[at] = dice.roll(256) as u8;
            }
            let from = dice.roll(bytes.len());
            let to = (from + dice.roll(30)).min(bytes.len());
            if dice.roll(2) == 0 {
                bytes.drain(from..to);
            }
            bytes
        }
        _ => {
            let mut value: Value = serde_json::from_str(sample).expect("a sample");
            for skipped in ["planned_values", "prior_state", "configuration"] {
                value.as_object_mut().expect("an object").remove(skipped);
            }
            for _ in 0..=dice.roll(5) {
                mutate(&mut value, dice);
            }
            value.to_string().into_bytes()
        }
    }
}

#[test]
fn ten_thousand_cuts_and_mutations_do_no_harm() {
    let seed = std::env::var("PLAN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x10c6_6a7e);
    let mut dice = Dice(seed);
    let (mut plans, mut with_secrets) = (0, 0);
    for round in 0..10_000 {
        let found = body(&mutated(SAMPLES[round % SAMPLES.len()].1, &mut dice));
        plans += usize::from(found.is_some());
        with_secrets += usize::from(found > Some(0));
    }
    assert!(plans > 2_000 && with_secrets > 500, "too few were plans at all: {plans}, {with_secrets} with secrets");
}

#[test]
fn the_corpus_does_no_harm() {
    for (_, text) in SAMPLES {
        body(text.as_bytes());
    }
    for text in [
        "",
        "{",
        "{}",
        "[]",
        "null",
        "\u{feff}{}",
        "{\"format_version\":\"1.2\"",
        "{\"format_version\":1.2}",
        "{\"format_version\":null}",
        "{\"format_version\":\"1.2\",\"resource_changes\":[null,1,\"x\",[],{}]}",
        "{\"format_version\":\"1.2\",\"resource_drift\":[null,{}],\"deferred_changes\":[null,{}],\"checks\":[null],\"relevant_attributes\":[0]}",
        "{\"format_version\":\"1.2\",\"output_changes\":{\"\":null,\"a\":{\"actions\":[1]}}}",
        "{\"format_version\":\"1.2\",\"action_invocations\":[{}],\"deferred_action_invocations\":[{\"action_invocation\":{}}]}",
        "{\"format_version\":\"1.2\",\"format_version\":\"0.1\",\"resource_changes\":[],\"resource_changes\":null}",
    ] {
        body(text.as_bytes());
    }
    body(&[0xff, 0xfe]);
    body(&[0xff, 0xfe, 0x7b, 0x00, 0x22]);
    body(&[0xfe, 0xff, 0xd8, 0x00]);
    body(b"{\"format_version\":\"1.2\",\"x\":\"\xff\"}");
}
