//! The outcome.

use super::*;

fn outcome(head: Scan, base_scan: Option<Scan>, policy: Policy) -> Outcome {
    assess(head, base_scan.and_then(base), vec![], vec![], policy).outcome()
}

fn at(severity: Severity) -> Finding {
    let mut finding = lint("clippy::x", "src/lib.rs", 3);
    finding.severity = severity;
    finding
}

#[test]
fn only_what_is_new_and_bad_enough_stops_a_change() {
    let empty = || Some(found(vec![]));
    for (severity, passed) in
        [(Severity::High, false), (Severity::Medium, false), (Severity::Unknown, false), (Severity::Low, true)]
    {
        assert_eq!(outcome(found(vec![at(severity)]), empty(), policy()).passed(), passed, "{severity}");
        assert!(outcome(found(vec![at(severity)]), Some(found(vec![at(severity)])), policy()).passed());
    }
    let strict = Policy { fail_on: Severity::Critical, ..policy() };
    let outcome = outcome(found(vec![at(Severity::High)]), empty(), strict);
    assert!(outcome.passed());
    assert_eq!((outcome.total, outcome.new, outcome.blocking), (1, 1, 0));
}

#[test]
fn without_a_base_everything_is_new() {
    let outcome = outcome(found(vec![at(Severity::High)]), None, policy());
    assert_eq!(outcome.reasons, ["1 new finding of severity medium or worse"]);
}

#[test]
fn plan_trap_34_on_the_schedule_everything_counts() {
    let everything = Policy { everything: true, ..policy() };
    let same = || found(vec![at(Severity::High)]);
    assert_eq!(outcome(same(), Some(same()), everything).reasons, ["1 finding of severity medium or worse"]);
}

#[test]
fn plan_trap_31_what_was_not_scanned_shuts_the_gate_unless_it_is_allowed_by_name() {
    let gap = || vec![NotScanned::part(Tool::Trivy, Part::Vulnerabilities, "no database", "fetch it")];
    let head = || Scan { not_scanned: gap(), ..found(vec![]) };
    let got = outcome(head(), Some(found(vec![])), policy());
    assert_eq!(got.reasons, ["trivy/vulnerabilities was not scanned, which is not the same as clean"]);
    for (name, passed) in [("trivy/vulnerabilities", true), ("trivy", true), ("trivy/secrets", false), ("tfsec", false)]
    {
        let allowed = Policy::allowing([name]).expect("a name");
        assert_eq!(outcome(head(), Some(found(vec![])), Policy { allowed, ..policy() }).passed(), passed, "{name}");
    }
    for name in ["trivvy", "trivy/x", "", "*"] {
        Policy::allowing([name]).expect_err(name);
    }
}

#[test]
fn plan_trap_31_a_required_scanner_without_report_was_not_run() {
    let scan = Scan::new([tfsec::read(TFSEC.as_bytes(), &roots())], &Tool::ALL, &files);
    let names: Vec<String> = scan.not_scanned.iter().map(NotScanned::name).collect();
    assert_eq!(names, ["cargo-audit", "clippy", "trivy"]);
}

#[test]
fn a_base_that_could_not_be_scanned_makes_nothing_known() {
    let base_scan = Scan { not_scanned: vec![NotScanned::all(Tool::Clippy, "does not build", "x")], ..found(vec![]) };
    let assessment = assess(found(vec![at(Severity::High)]), base(base_scan), vec![], vec![], policy());
    assert_eq!(assessment.outcome().blocking, 1);
    assert!(comment_of(&assessment).contains("**clippy** of the base, so that what it finds is new"));
}

#[test]
fn plan_trap_31_what_was_not_scanned_is_not_fixed() {
    let before = || found(vec![at(Severity::High), misconfiguration(Tool::Trivy, "AWS-0107", "x.tf", (1, 1), "")]);
    let clean = Scan::new([clippy::read(b"{\"reason\":\"build-finished\",\"success\":true}", &roots())], &[], &files);
    assert_eq!(outcome(clean, Some(before()), policy()).fixed, 1);
    let broken = Scan::new([clippy::read(BROKEN.as_bytes(), &roots())], &[], &files);
    assert_eq!(outcome(broken, Some(before()), policy()).fixed, 0);
}

#[test]
fn annotations_are_the_ten_worst_new_ones_in_files() {
    let mut findings: Vec<Finding> = (1..=12).map(|line| lint("clippy::x", "src/lib.rs", line)).collect();
    findings[11].severity = Severity::Critical;
    let mut outside = at(Severity::Critical);
    outside.place = Place { path: "registry/x.rs".to_owned(), ..Place::default() };
    findings.push(outside);
    let known = found(vec![lint("clippy::x", "src/lib.rs", 1)]);
    let assessment = assess(found(findings), base(known), vec![], vec![], policy());
    let shown = annotations::annotations(&assessment);
    assert_eq!(shown.len(), annotations::MOST);
    assert_eq!(shown[0].lines, Some((12, 12)));
    assert_eq!(shown[0].title, "clippy::x (critical, clippy)");
    assert!(shown.iter().all(|one| one.path == "src/lib.rs" && one.lines != Some((1, 1))));
    assert!(shown.iter().all(|one| one.level == annotations::Level::Error));
}

#[test]
fn plan_trap_06_an_annotation_is_one_line_and_hides_nothing() {
    let mut finding = at(Severity::High);
    finding.title = "x\n::error::y\u{202e}\u{1b}[31m".to_owned();
    let shown = annotations::annotations(&assess(found(vec![finding]), None, vec![], vec![], policy()));
    assert_eq!(shown[0].message, "x\\n::error::y\\u{202e}\\u{1b}[31m");
}
