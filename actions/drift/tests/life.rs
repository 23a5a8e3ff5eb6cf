//! The life of an environment's issue.

use super::*;
use crate::sticky::marker;

fn drift(a: u32) -> Report {
    let drift = [resource("aws_x.y", &["update"], &json!({"a": 0}), &json!({"a": a}))];
    Report::new(Plans::of_one(&refresh(&drift)), &[], &Ignores::default(), "staging", now()).expect("a report")
}

fn none() -> Report {
    aliases_only(&[])
}

fn ours(number: u64, report: &Report) -> Candidate {
    let body = issue::body(report, &context()).0;
    Candidate { number, open: true, author: US, body, ..Candidate::default() }
}

fn closed(number: u64, report: &Report, reason: &str, by: Option<u64>) -> Candidate {
    Candidate { open: false, state_reason: Some(reason.to_owned()), closed_by: by, ..ours(number, report) }
}

fn decided(report: &Report, candidates: &[Candidate]) -> Vec<Step> {
    decide(report, &context(), candidates, US)
}

#[test]
fn an_issue_is_opened_once_updated_when_the_drift_changes_and_closed_when_it_is_gone() {
    let (first, other) = (drift(1), drift(2));
    let [Step::Open { title, body, labels }] = &decided(&first, &[])[..] else { panic!("opened") };
    assert_eq!((title.as_str(), &labels[..]), ("Drift in staging", &["drift".to_owned()][..]));
    let issue = Candidate { body: body.clone(), ..ours(5, &first) };
    assert_eq!(decided(&first, std::slice::from_ref(&issue)), [Step::Nothing(Some(5))]);
    let [Step::Update { number: 5, body }] = &decided(&other, std::slice::from_ref(&issue))[..] else {
        panic!("updated")
    };
    assert!(body.contains(&other.digest) && !body.contains(&first.digest));
    let [Step::CloseWith { number: 5, comment, why: Closed::Completed }] = &decided(&none(), &[issue])[..] else {
        panic!("closed")
    };
    assert!(comment.contains("The drift is gone") && comment.contains("6c1003f0"), "{comment}");
    assert_eq!(decided(&none(), &[]), [Step::Nothing(None)]);
    assert_eq!(decided(&none(), &[closed(5, &first, "completed", Some(US))]), [Step::Nothing(None)]);
}

#[test]
fn plan_trap_18_the_same_drift_on_every_run_edits_nothing() {
    let later = Context { commit: Some("0".repeat(40)), run: None, ..context() };
    let issue = ours(5, &drift(1));
    assert_eq!(decide(&drift(1), &later, std::slice::from_ref(&issue), US), [Step::Nothing(Some(5))]);
    // GitHub's editor writes other line ends, and people write above.
    let edited = Candidate { body: format!("see #3\n\n{}", issue.body).replace('\n', "\r\n"), ..issue };
    assert_eq!(decided(&drift(1), &[edited]), [Step::Nothing(Some(5))]);
}

#[test]
fn plan_trap_18_drift_that_returns_reopens_its_issue_unless_a_person_said_not_planned() {
    let (old, new) = (drift(1), drift(2));
    for before in [
        closed(5, &old, "completed", Some(US)),
        closed(5, &old, "completed", Some(7)),
        closed(5, &old, "not_planned", Some(US)),
    ] {
        let [Step::Reopen { number: 5, comment, body }] = &decided(&new, &[before])[..] else { panic!("reopened") };
        assert!(comment.contains("The drift is back: 1 changed outside") && body.contains(&new.digest), "{comment}");
    }
    for by in [Some(7), None] {
        let refused = closed(5, &old, "not_planned", by);
        let [Step::LeaveClosed { number: 5, note, body: None }] = &decided(&old, std::slice::from_ref(&refused))[..]
        else {
            panic!("left, without a comment")
        };
        assert!(note.contains("#5"));
        let [Step::LeaveClosed { number: 5, body: Some(body), .. }] =
            &decided(&new, std::slice::from_ref(&refused))[..]
        else {
            panic!("left, with a comment")
        };
        // Once told, no more.
        let told = Candidate { body: body.clone(), ..refused };
        assert!(matches!(&decided(&new, &[told])[..], [Step::LeaveClosed { body: None, .. }]));
    }
}

#[test]
fn of_several_the_lowest_is_kept_and_the_others_are_closed_as_duplicates() {
    let report = drift(1);
    let all = [ours(9, &report), ours(5, &report), ours(7, &report), ours(9, &report)];
    let steps = decided(&report, &all);
    assert_eq!(steps[0], Step::Nothing(Some(5)));
    let closed_ones: Vec<u64> = steps[1..]
        .iter()
        .map(|step| match step {
            Step::CloseWith { number, comment, why: Closed::Duplicate } => {
                assert!(comment.contains("#5"));
                *number
            }
            step => panic!("{step:?}"),
        })
        .collect();
    assert_eq!(closed_ones, [7, 9]);
    assert_eq!(decided(&none(), &all).len(), 3);
    // An open one goes on, whatever became of an older one.
    let steps = decided(&report, &[closed(3, &report, "completed", Some(US)), ours(5, &report)]);
    assert_eq!(steps, [Step::Nothing(Some(5))]);
    // A person's word counts although an older one was closed otherwise.
    let steps = decided(&report, &[closed(3, &report, "completed", None), closed(5, &report, "not_planned", None)]);
    assert!(matches!(&steps[..], [Step::LeaveClosed { number: 5, .. }]));
}

#[test]
fn plan_trap_08_issues_of_others_and_of_other_environments_are_left_alone() {
    let report = drift(1);
    let foreign = Candidate { author: 7, ..ours(5, &report) };
    let line = marker::line("drift", "staging");
    let other = |body: String| Candidate { body, ..ours(6, &report) };
    let production = ours(6, &report).body.replace(&line, &marker::line("drift", "production"));
    for candidate in [
        foreign,
        other(production.clone()),
        other(production + &line),
        other(ours(6, &report).body.replace(&line, "")),
        other(ours(6, &report).body.replace(&line, &format!("> {line}"))),
        other(ours(6, &report).body.replace(&line, &marker::line("drift", "staging-2"))),
    ] {
        assert!(matches!(&decided(&report, std::slice::from_ref(&candidate))[..], [Step::Open { .. }]));
        assert_eq!(decided(&none(), &[candidate]), [Step::Nothing(None)]);
    }
}

#[test]
fn plan_trap_08_only_our_own_line_is_a_digest() {
    let report = drift(1);
    let issue = ours(5, &report);
    let line = format!("<!-- lockgate:drift digest={} -->", report.digest);
    assert!(issue.body.lines().nth(1) == Some(&line));
    let upper = format!("<!-- lockgate:drift digest={} -->", report.digest.to_uppercase());
    for other in [String::new(), format!(" {line}"), format!("{line}."), upper, line.replace("digest", "Digest")] {
        let body = issue.body.replace(&line, &other);
        let steps = decided(&report, &[Candidate { body, ..issue.clone() }]);
        assert!(matches!(&steps[..], [Step::Update { number: 5, .. }]), "{other}");
    }
}

#[test]
fn plan_trap_14_an_incomplete_plan_closes_nothing() {
    let mut report = none();
    report.partial = true;
    assert_eq!(decided(&report, &[ours(5, &drift(1))]), [Step::Nothing(Some(5))]);
}

#[test]
fn drift_without_effect_opens_no_issue() {
    let drift = [resource("aws_x.y", &["update"], &json!({"a": 1}), &json!({"a": 2}))];
    let report = judged(&refresh(&drift), &full(&drift, &[]));
    assert_eq!(decided(&report, &[]), [Step::Nothing(None)]);
    assert!(summary::file(&report, &context()).contains("1 changed outside without effect"));
}
