//! Whatever stands in a plan, a ledger or `drift.toml`: the text holds together, fits, and hides what it must.

use super::*;
use crate::page::COMMENT;
use crate::plan::{comment::Tier, tests::markdown::wrong};

const EVIL: &str = "```\n</details>\n<!-- lockgate:drift of=production -->@octocat #12 <img src=x onerror=alert(1)> | a | \
                    https://evil.example [x](http://evil) `` ` \\| \\\\| | ::error::x ##[group]\u{202e}\u{1b}[31m\u{200b} \
                    www.evil.example ~~~ ''' \"\"\" -->";

fn evil_report() -> Report {
    let address = format!("aws_x.y[\"{EVIL}\"]");
    let after = json!({ "a": EVIL, EVIL: [EVIL], "m": format!("a\n{EVIL}"), "n": { EVIL: EVIL } });
    let before = json!({ "a": "x", EVIL: [], "m": "a\nb", "n": {} });
    let mut drift = resource(&address, &["update"], &before, &after);
    drift["type"] = json!(EVIL);
    let gone = resource(EVIL, &["delete"], &json!({ "a": 1 }), &json!(null));
    let quiet = resource(&format!("{EVIL}.q"), &["update"], &json!({ EVIL: 1 }), &json!({ EVIL: 2 }));
    let mut other = resource(&format!("aws_z.{EVIL}"), &[EVIL], &json!(EVIL), &json!([EVIL]));
    other["previous_address"] = json!(EVIL);
    other["change"]["importing"] = json!({ "id": EVIL });
    other["deposed"] = json!(EVIL);
    let text = json!({ "format_version": "1.2", "resource_drift": [drift, gone, quiet],
        "resource_changes": [resource(&address, &["update"], &after, &before), resource(EVIL, &["create"], &json!(null), &json!({})), other],
        "deferred_changes": [{ "reason": EVIL, "resource_change": resource("aws_d.d", &["create"], &json!(null), &json!({})) }],
        "action_invocations": [{ "address": EVIL }],
        "output_changes": { EVIL: { "actions": [EVIL], "before": EVIL, "after": 1, "before_sensitive": false, "after_sensitive": false } } });
    let ignore = |address: &str| Ignore {
        address: address.to_owned(),
        attribute: "a*".to_owned(),
        reason: EVIL.to_owned(),
        owner: EVIL.to_owned(),
        expires: "2026-11-20".parse().expect("a day"),
        environment: None,
    };
    let day = "2027-01-01".parse().expect("a day");
    let ignores = Ignores {
        entries: vec![
            ignore(EVIL),
            Ignore { expires: day, ..ignore("none") },
            Ignore { expires: day, ..ignore("aws_x.y*") },
        ],
    };
    let alias = |moving| AliasFact {
        function: EVIL.to_owned(),
        alias: EVIL.to_owned(),
        found: Some(Routing {
            version: EVIL.to_owned(),
            weights: vec![(EVIL.to_owned(), f64::NAN), (EVIL.to_owned(), 0.3)],
        }),
        recorded: Some(Routing::all(EVIL)),
        moving,
        code: vec![Code { version: EVIL.to_owned(), identity: EVIL.to_owned(), release: None }],
    };
    let moving = Moving {
        from: EVIL.to_owned(),
        to: EVIL.to_owned(),
        release: EVIL.to_owned(),
        began: jiff::Timestamp::UNIX_EPOCH,
        held: true,
    };
    let plan = plan(&text.to_string());
    Report::new(
        Plans { refresh: None, full: Some(&plan) },
        &[alias(None), alias(Some(moving)), AliasFact { found: None, ..alias(None) }],
        &ignores,
        "staging",
        now(),
    )
    .expect("a report")
}

#[test]
fn plan_traps_01_to_06_nothing_breaks_out_of_its_place() {
    let report = evil_report();
    assert_eq!((report.ignored.len(), report.unused_ignores.len(), report.expired_ignores.len()), (1, 1, 1));
    for evil in ["staging", "a --> <b>@x", "``` ` | 'x'; rm", EVIL] {
        let run = Some(format!("https://{evil}"));
        let evil = evil.to_owned();
        let context = Context {
            environment: evil.clone(),
            root: evil.clone(),
            applied: Some(evil.clone()),
            live: Some(evil.clone()),
            commit: Some(evil),
            run: if run.as_deref() == Some("https://staging") { context().run } else { run },
        };
        let steps = decide(&report, &context, &[], US);
        let [Step::Open { title, body, .. }] = &steps[..] else { panic!("opened") };
        assert!(!title.chars().any(crate::markdown::hostile));
        assert_eq!(wrong(body), None, "{body}");
        // Found again by the marker it wrote.
        let known = Candidate { number: 5, open: true, author: US, body: body.clone(), ..Candidate::default() };
        assert_eq!(decide(&report, &context, std::slice::from_ref(&known), US), [Step::Nothing(Some(5))]);
        for text in [summary::summary(&report, &context, &steps).0, summary::file(&report, &context)] {
            assert_eq!(wrong(&text), None, "{text}");
        }
        let gone = decide(&aliases_only(&[]), &context, &[known], US);
        let [Step::CloseWith { comment, .. }] = &gone[..] else { panic!("closed") };
        assert_eq!(wrong(comment), None, "{comment}");
    }
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }

    fn text(&mut self, most: usize) -> String {
        let letters = ['a', '"', '`', '|', '<', '\n', 'ä', '😀', '\u{202e}', '#', ':', '@', '1', ' '];
        (0..self.below(most)).map(|_| letters[self.below(letters.len())]).collect()
    }
}

fn random_report(dice: &mut Dice, count: usize) -> Report {
    let mut resources = Vec::new();
    for number in 0..count {
        let attributes = (0..dice.below(12)).map(|_| Attribute {
            path: dice.text(60),
            detail: format!("! {}\n", crate::markdown::plain(&dice.text(400))).into(),
            effect: dice.below(3) > 0,
            after: [7; 32],
        });
        let attributes: Vec<Attribute> = attributes.collect();
        let what = match dice.below(4) {
            0 => What::Deleted,
            1 => What::NotApplied(dice.text(40)),
            _ => What::Changed,
        };
        let effect = dice.below(4) > 0;
        let address = format!("aws_x.{}[{number}]", dice.text(200));
        resources.push(Drifted { address, deposed: None, kind: dice.text(20), what, attributes, effect });
    }
    let routing = |dice: &mut Dice| Some(dice.text(30)).filter(|text| !text.is_empty());
    let aliases = (0..dice.below(40)).map(|_| AliasDrift {
        function: dice.text(80),
        alias: dice.text(20),
        found: if dice.below(2) == 0 { Found::Moved } else { Found::Missing },
        is: routing(dice),
        recorded: routing(dice),
    });
    let aliases = aliases.collect();
    let ignore = |dice: &mut Dice| Ignore {
        address: dice.text(500),
        attribute: dice.text(500),
        reason: dice.text(500),
        owner: dice.text(500),
        expires: "2027-01-01".parse().expect("a day"),
        environment: None,
    };
    let unused_ignores = (0..dice.below(200)).map(|_| ignore(dice)).collect();
    let expired_ignores = (0..dice.below(50)).map(|_| Hidden { ignore: ignore(dice), places: 1 }).collect();
    let digest = "0".repeat(64);
    Report { resources, aliases, unused_ignores, expired_ignores, digest, ..Report::default() }
}

#[test]
fn plan_trap_10_every_size_of_report_fits_holds_together_and_says_what_is_left_out() {
    let mut dice = Dice(812);
    let mut tiers = Vec::new();
    for count in [0, 1, 3, 10, 30, 100, 300, 1_000, 3_000] {
        for _ in 0..if count > 300 { 1 } else { 6 } {
            let report = random_report(&mut dice, count);
            let (body, tier) = issue::body(&report, &context());
            assert!(body.encode_utf16().count() <= COMMENT);
            assert_eq!(wrong(&body), None, "{body}");
            assert!(body.starts_with("<!-- lockgate:drift of=staging -->\n") && body.contains("\n---\n- root "));
            let cut = body.contains("Not everything fits here");
            assert_eq!(cut, tier > Tier::Full, "{count} {tier:?}");
            let (summary, full) = summary::summary(&report, &context(), &[]);
            assert!(summary.len() <= crate::plan::comment::SUMMARY && full <= tier);
            assert_eq!(wrong(&summary), None);
            tiers.push(tier);
        }
    }
    for tier in [Tier::Full, Tier::Attributes, Tier::Addresses, Tier::Counts] {
        assert!(tiers.contains(&tier), "{tier:?} never occurs");
    }
}

#[test]
fn plan_trap_20_and_21_values_that_are_marked_or_look_secret_are_not_shown() {
    let secret = ["canary", "0815", "value"].join("-");
    let mut marked = resource("aws_x.y", &["update"], &json!({"pw": "x"}), &json!({"pw": secret}));
    marked["change"]["after_sensitive"] = json!({ "pw": true });
    let named = resource("aws_x.z", &["update"], &json!({"password": "x"}), &json!({"password": "hunter22hunter"}));
    // The same value where nothing marks it, in a text and in a key.
    let copy = resource(
        &format!("aws_x.w[\"{secret}\"]"),
        &["update"],
        &json!({"note": "x"}),
        &json!({"note": format!("is {secret}"), secret.as_str(): 1}),
    );
    let refresh = refresh(&[marked, named, copy]);
    let report = Report::new(Plans::of_one(&refresh), &[], &Ignores::default(), "staging", now()).expect("a report");
    let text = summary::file(&report, &context());
    assert!(text.contains("(sensitive value)") && text.contains("(hidden: looks like a secret)"), "{text}");
    assert!(!text.contains("0815") && !text.contains("hunter22"), "{text}");
}

#[test]
fn plan_trap_20_what_one_plan_marks_is_hidden_in_what_the_other_says() {
    let secret = ["canary", "0815", "value"].join("-");
    let copy = resource("aws_x.w", &["update"], &json!({"note": "x"}), &json!({"note": format!("is {secret}")}));
    let mut marked = resource("aws_x.y", &["update"], &json!({"pw": "x"}), &json!({"pw": secret}));
    marked["change"]["after_sensitive"] = json!({ "pw": true });
    let back = resource("aws_x.w", &["update"], &json!({"note": "y"}), &json!({"note": "x"}));
    let report = judged(&refresh(std::slice::from_ref(&copy)), &full(&[], &[marked, back]));
    let text = summary::file(&report, &context());
    assert!(text.contains("\"x\" -> \"is (hidden)\"") && !text.contains("0815"), "{text}");
}
