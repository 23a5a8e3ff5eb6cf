//! `drift.toml`.

use std::fs;

use crate::kit::{World, drifted};

const IGNORE: &str = "[[ignore]]\naddress = \"*.aws_lambda_function.*\"\nattribute = \"*\"\n\
                      reason = \"load test\"\nowner = \"calls team\"\nexpires = ";

/// A day in so many days.
fn day(days: i64) -> String {
    let day = jiff::Timestamp::now() + jiff::Span::new().hours(24 * days);
    day.strftime("%Y-%m-%d").to_string()
}

#[test]
fn what_the_repository_ignores_is_no_drift_until_its_day_is_over() {
    let world = World::new();
    let all = world.run(&drifted());
    fs::write(world.path("drift.toml"), format!("{IGNORE}{}\n", day(10))).expect("written");
    let less = world.run(&drifted());
    assert_eq!((all.output("resources"), less.output("resources")), ("7", "5"), "{}", less.said);
    assert!(less.summary.contains("load test") && less.summary.contains("calls team"));
    fs::write(world.path("drift.toml"), format!("{IGNORE}{}\n", day(-3))).expect("written");
    let again = world.run(&drifted());
    assert_eq!(again.output("digest"), all.output("digest"));
    assert!(again.summary.contains("**expired**"), "{}", again.summary);
}

#[test]
fn ignores_that_are_none_end_the_run_before_anything_is_looked_at() {
    let world = World::new();
    fs::write(world.path("drift.toml"), format!("{IGNORE}{}\n", day(900))).expect("written");
    let done = world.run(&drifted());
    assert_eq!(done.code, Some(2), "{}", done.said);
    assert!(done.said.contains("entry 1") && world.github.requests().is_empty(), "{}", done.said);

    let other = World::new();
    let done = other.run_with(&drifted(), &["--ignores", "accepted.toml"], &[]);
    assert_eq!(done.code, Some(2));
    assert!(done.said.contains("accepted.toml"), "a file that is named has to be there: {}", done.said);
}
