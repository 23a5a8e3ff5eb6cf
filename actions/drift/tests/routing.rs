//! Aliases against the ledger.

use super::*;

fn fact(found: Option<Routing>, recorded: Option<&str>) -> AliasFact {
    let recorded = recorded.map(Routing::all);
    AliasFact {
        function: "ingest-staging".to_owned(),
        alias: "live".to_owned(),
        found,
        recorded,
        ..AliasFact::default()
    }
}

fn split(version: &str, other: &str) -> Routing {
    Routing { version: version.to_owned(), weights: vec![(other.to_owned(), 0.1)] }
}

fn moving(began: &str, held: bool) -> Option<Moving> {
    let text = |text: &str| text.to_owned();
    let began = began.parse().expect("a time");
    Some(Moving { from: text("6"), to: text("7"), release: text("r813-abc"), began, held })
}

fn found(fact: AliasFact) -> Vec<Found> {
    aliases_only(&[fact]).aliases.into_iter().map(|drift| drift.found).collect()
}

#[test]
fn an_alias_is_where_the_ledger_says_or_it_drifted() {
    assert_eq!(found(fact(Some(Routing::all("6")), Some("6"))), []);
    assert_eq!(found(fact(Some(Routing::all("7")), Some("6"))), [Found::Moved]);
    assert_eq!(found(fact(None, Some("6"))), [Found::Missing]);
    // Before the first promotion nothing is recorded.
    assert_eq!(found(fact(None, None)), []);
    assert_eq!(found(fact(Some(Routing::all("1")), None)), []);
}

#[test]
fn weights_that_an_aborted_canary_left_are_drift_and_those_of_a_running_one_are_not() {
    assert_eq!(found(fact(Some(split("6", "7")), Some("6"))), [Found::Weights]);
    assert_eq!(found(fact(Some(split("6", "7")), None)), [Found::Weights]);
    let none = Routing { version: "6".to_owned(), weights: vec![("7".to_owned(), 0.0)] };
    assert_eq!(found(fact(Some(none), Some("6"))), []);
    let running = |began, held| AliasFact { moving: moving(began, held), ..fact(Some(split("6", "7")), Some("6")) };
    assert_eq!(found(running("2026-11-21T03:55:00Z", true)), []);
    assert_eq!(found(running("2026-11-21T03:55:00Z", false)), []);
    assert_eq!(found(running("2026-11-21T01:00:00Z", true)), []);
    for left in [running("2026-11-21T01:00:00Z", false), running("2026-11-19T01:00:00Z", true)] {
        assert!(matches!(&found(left)[..], [Found::LeftBehind { release, .. }] if release == "r813-abc"));
    }
    // What is neither its beginning nor its end was moved by somebody else.
    let elsewhere =
        AliasFact { moving: moving("2026-11-21T03:55:00Z", true), ..fact(Some(split("6", "9")), Some("6")) };
    assert_eq!(found(elsewhere), [Found::Moved]);
}

#[test]
fn code_of_no_recorded_release_is_drift_wherever_the_alias_points() {
    let code = |version: &str, release: Option<&str>| Code {
        version: version.to_owned(),
        identity: "sha256:9f86d081".to_owned(),
        release: release.map(str::to_owned),
    };
    let mut one = fact(Some(split("6", "7")), Some("6"));
    one.code = vec![code("6", Some("r799-f5e4d3c2b1a0")), code("7", None)];
    assert_eq!(found(one), [Found::Weights, Found::Unrecorded(code("7", None))]);
}

#[test]
fn plan_trap_18_an_aliass_digest_does_not_follow_the_time() {
    let fact = AliasFact { moving: moving("2026-11-21T01:00:00Z", false), ..fact(Some(split("6", "7")), Some("6")) };
    let plan = full(&[], &[]);
    let digest = |now: &str| {
        let now = now.parse().expect("a time");
        let plans = Plans { refresh: None, full: Some(&plan) };
        Report::new(plans, std::slice::from_ref(&fact), &Ignores::default(), "staging", now).expect("a report").digest
    };
    assert_eq!(digest("2026-11-21T04:00:00Z"), digest("2026-11-22T04:00:00Z"));
    assert_ne!(digest("2026-11-21T04:00:00Z"), digest("2026-11-21T01:01:00Z"));
}

#[test]
fn routing_reads_as_parts_of_the_traffic() {
    assert_eq!(split("6", "7").words(), "90 % to version 6, 10 % to version 7");
    assert_eq!(Routing::all("6").words(), "100 % to version 6");
}
