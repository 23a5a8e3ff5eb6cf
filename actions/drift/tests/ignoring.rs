//! `drift.toml`: what it hides, and what it refuses.

use super::*;

fn entry(address: &str, attribute: &str, expires: &str) -> String {
    format!(
        "[[ignore]]\naddress = '{address}'\nattribute = '{attribute}'\nreason = 'r'\nowner = 'o'\nexpires = {expires}\n"
    )
}

fn read(text: &str) -> Ignores {
    Ignores::read(text, now()).expect("ignores")
}

fn refused(text: &str) -> String {
    format!("{:#}", Ignores::read(text, now()).expect_err("refused"))
}

fn left(entries: &[(&str, &str)]) -> Vec<String> {
    let text: String = entries.iter().map(|(address, attribute)| entry(address, attribute, "2027-01-31")).collect();
    let drift = [
        resource(
            "aws_x.y[\"a\"]",
            &["update"],
            &json!({"t": {"o": 1, "p": 1}, "m": 1}),
            &json!({"t": {"o": 2, "p": 2}, "m": 2}),
        ),
        resource("aws_x.z", &["delete"], &json!({"a": 1}), &json!(null)),
    ];
    let refresh = refresh(&drift);
    let report = Report::new(Plans::of_one(&refresh), &[], &read(&text), "staging", now()).expect("a report");
    told(&report)
}

#[test]
fn an_entry_hides_its_attribute_and_what_lies_below_it() {
    let (first, second) = ("aws_x.y[\"a\"]: changed m t.o t.p", "aws_x.z: deleted");
    assert_eq!(left(&[]), [first, second]);
    assert_eq!(left(&[("aws_x.y[\"a\"]", "t")]), ["aws_x.y[\"a\"]: changed m", second]);
    assert_eq!(left(&[("aws_x.y[\"a\"]", "t.o")]), ["aws_x.y[\"a\"]: changed m t.p", second]);
    assert_eq!(left(&[("aws_x.y[*]", "t.*")]), ["aws_x.y[\"a\"]: changed m", second]);
    assert_eq!(left(&[("aws_*", "m"), ("*.y*", "t")]), [second]);
    assert_eq!(left(&[("aws_x.y", "t"), ("aws_x", "*"), ("aws_x.y[\"a\"]", "t.o.x")]), [first, second]);
}

#[test]
fn only_a_star_hides_that_a_resource_is_gone() {
    assert_eq!(left(&[("aws_x.z", "a")]).len(), 2);
    assert_eq!(left(&[("aws_x.z", "*")]), ["aws_x.y[\"a\"]: changed m t.o t.p"]);
}

#[test]
fn an_entry_holds_to_the_end_of_its_day_in_utc_and_no_longer() {
    let drift = [resource("aws_x.y", &["update"], &json!({"a": 1}), &json!({"a": 2}))];
    let refresh = refresh(&drift);
    let ignores = read(&(entry("aws_x.y", "a", "2026-12-01") + &entry("aws_x.gone", "a", "2026-12-02")));
    let report = |now: &str| {
        let now = now.parse().expect("a time");
        Report::new(Plans::of_one(&refresh), &[], &ignores, "staging", now).expect("a report")
    };
    let last = report("2026-12-01T23:59:59Z");
    assert!(!last.drifted() && last.expired_ignores.is_empty());
    assert_eq!((last.ignored[0].places, last.unused_ignores.len()), (1, 1));
    let after = report("2026-12-02T00:00:00Z");
    assert!(after.drifted() && after.ignored.is_empty());
    assert_eq!(after.expired_ignores[0].ignore.address, "aws_x.y");
    assert_eq!(after.expired_ignores[0].places, 1);
    let text = summary::file(&after, &context());
    assert!(text.contains("**expired** on 2026-12-01") && text.contains("**finds nothing** to hide"), "{text}");
}

#[test]
fn an_entry_may_be_for_one_environment() {
    let drift = [resource("aws_x.y", &["update"], &json!({"a": 1}), &json!({"a": 2}))];
    let refresh = refresh(&drift);
    let ignores = read(&(entry("aws_x.y", "a", "2026-12-01") + "environment = 'production'\n"));
    let report =
        |environment| Report::new(Plans::of_one(&refresh), &[], &ignores, environment, now()).expect("a report");
    assert!(report("staging").drifted() && report("staging").unused_ignores.is_empty());
    assert!(!report("production").drifted());
}

#[test]
fn what_is_not_understood_is_refused_with_what_to_write() {
    let good = entry("aws_x.y", "a", "2027-01-31");
    assert_eq!(read(&good).entries.len(), 1);
    assert_eq!(read("").entries.len(), 0);
    for (text, wanted) in [
        (good.clone() + "until = 'x'\n", "unknown field `until`"),
        ("[[ignores]]\n".to_owned(), "unknown field `ignores`"),
        (good.replace("owner = 'o'\n", ""), "missing field `owner`"),
        (good.replace("attribute = 'a'\n", ""), "missing field `attribute`"),
        (good.replace("'r'", "' '"), "its reason is empty"),
        (entry("**", "a", "2027-01-31"), "stars alone"),
        (entry("a", "a", "2027-11-23"), "more than 366 days away; take 2027-11-22"),
        (entry("a", "a", "2027-01-31T00:00:00Z"), "without time and quotes"),
        (entry("a", "a", "'2027-01-31'"), "drift.toml"),
        (good.clone() + &good, "entry 2 is entry 1 again"),
        (entry(&"a".repeat(501), "a", "2027-01-31"), "longer than 500"),
    ] {
        assert!(refused(&text).contains(wanted), "{wanted}: {}", refused(&text));
    }
    assert_eq!(read(&entry("a", "a", "2027-11-22")).entries.len(), 1);
}
