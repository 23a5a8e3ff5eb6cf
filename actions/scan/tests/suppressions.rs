//! The reviewed file.

use super::{
    super::suppressions::{FILE, Since, State, read},
    *,
};

const ENTRY: &str = "[[suppression]]\nid = \"AVD-AWS-0107\"\npath = \"terraform/main.tf\"\nreason = \"a bastion\"\nowner = \"@example/net\"\nexpires = 2027-01-31\n";

fn one() -> Finding {
    misconfiguration(Tool::Trivy, "AWS-0107", "terraform/main.tf", (10, 10), "aws_security_group.service")
}

fn judged(entries: &str, today: Date, head: Vec<Finding>, base_has: Vec<Finding>) -> Assessment {
    let entries = read(entries, date(2026, 11, 1)).expect("fine");
    assess(found(head), base(found(base_has)), entries, Vec::new(), Policy { today, ..policy() })
}

#[test]
fn plan_trap_35_an_entry_holds_through_its_last_day_and_no_longer() {
    for (today, state, passed) in [(date(2027, 1, 31), State::Active, true), (date(2027, 2, 1), State::Expired, false)]
    {
        let assessment = judged(ENTRY, today, vec![one()], vec![]);
        let outcome = assessment.outcome();
        assert_eq!((assessment.suppressions[0].state, outcome.passed()), (state, passed), "{today}");
        assert_eq!(outcome.expired, usize::from(!passed));
        if !passed {
            let named =
                outcome.reasons.iter().any(|reason| reason == "the suppression of AVD-AWS-0107 expired on 2027-01-31");
            assert!(named, "{:?}", outcome.reasons);
            assert!(comment_of(&assessment).contains("### Expired suppressions"));
        }
    }
}

#[test]
fn plan_trap_35_an_expired_entry_fails_though_what_it_is_about_is_old_or_gone() {
    for head in [vec![one()], vec![]] {
        assert!(!judged(ENTRY, date(2027, 2, 1), head, vec![one()]).outcome().passed());
    }
}

#[test]
fn plan_trap_35_an_entry_for_nothing_is_an_error_and_one_for_what_this_change_mends_is_not() {
    let nothing = judged(ENTRY, TODAY, vec![], vec![]);
    assert_eq!(nothing.suppressions[0].state, State::Unknown);
    assert!(nothing.outcome().reasons[0].contains("matches nothing"));
    let mended = judged(ENTRY, TODAY, vec![], vec![one()]);
    assert_eq!(mended.suppressions[0].state, State::Unneeded);
    assert!(mended.outcome().passed());
    assert!(comment_of(&mended).contains("### Suppressions no longer needed"));
}

#[test]
fn what_was_not_scanned_says_nothing_about_an_entry() {
    let gap = NotScanned::all(Tool::Trivy, "it fell over", "start it again");
    let mut head = found(vec![]);
    head.not_scanned.push(gap);
    let assessment = assess(head, base(found(vec![])), suppress(ENTRY), vec![], policy());
    assert_eq!(assessment.suppressions[0].state, State::Unjudged);
}

#[test]
fn plan_trap_35_a_new_or_longer_entry_is_shown() {
    let longer = ENTRY.replace("2027-01-31", "2027-06-30");
    for (before, after, since) in
        [("", ENTRY, Since::New), (ENTRY, longer.as_str(), Since::Changed), (ENTRY, ENTRY, Since::Base)]
    {
        let base = Base { scan: found(vec![one()]), files: &files, suppressions: suppress(before) };
        let assessment = assess(found(vec![one()]), Some(base), suppress(after), vec![], policy());
        assert_eq!(assessment.suppressions[0].since, since);
        let shown = comment_of(&assessment).contains("### Suppressions that this change brings");
        assert_eq!(shown, since != Since::Base);
    }
}

#[test]
fn plan_trap_35_entries_that_are_not_as_they_have_to_be_are_refused() {
    for (change, wanted) in [
        (("id = \"AVD-AWS-0107\"", "id = \"*\"\npackage = \"x\"\nx"), "cannot be read"),
        (("path = \"terraform/main.tf\"", ""), "needs a path or a package"),
        (
            ("AVD-AWS-0107\"\npath = \"terraform/main.tf\"", "AWS-*\"\npackage = \"time\""),
            "with a wildcard it needs a path",
        ),
        (("\"AVD-AWS-0107\"", "\"\""), "is no id"),
        (("AVD-AWS-0107", "AVD*0107"), "is no id"),
        (("AVD-AWS-0107", "a`b"), "is no id"),
        (("terraform/main.tf", "../x"), "is no path"),
        (("terraform/main.tf", "/etc/passwd"), "is no path"),
        (("terraform/main.tf", "./"), "is no path"),
        (("a bastion", " "), "its reason is empty"),
        (("@example/net", ""), "its owner is empty"),
        (("owner = \"@example/net\"\n", ""), "owner"),
        (("2027-01-31", "\"2027-01-31\""), "datetime"),
        (("2027-01-31", "2027-01-31T00:00:00Z"), "expires is a date"),
        (("2027-01-31", "2028-01-31"), "a year at most"),
        (("[[suppression]]", "[[suppressions]]"), "unknown field"),
    ] {
        let text = ENTRY.replace(change.0, change.1);
        assert_ne!(text, ENTRY, "{change:?}");
        let error = format!("{:#}", read(&text, TODAY).expect_err(&text));
        assert!(error.contains(wanted) && error.contains(FILE), "{change:?}: {error}");
    }
    assert!(format!("{:#}", read(&ENTRY.repeat(2), TODAY).expect_err("twice")).contains("there twice"));
}

#[test]
fn an_entry_matches_by_path_folder_package_and_any_name() {
    let mut cve =
        advisory(Tool::CargoAudit, "RUSTSEC-2020-0071", &["CVE-2020-26235"], ("time", "0.1.43"), "Cargo.lock");
    cve.title = "x".to_owned();
    for (id, of, wanted) in [
        ("AWS-0107", "path = \"terraform/\"", 1),
        ("AWS-0107", "path = \"terra/\"", 0),
        ("AWS-*", "path = \"terraform/\"", 1),
        ("*", "path = \"terraform/\"", 1),
        ("RUSTSEC-2020-0071", "package = \"time\"", 1),
        ("cve-2020-26235", "package = \"time@0.1.43\"", 1),
        ("CVE-2020-26235", "package = \"time@0.1.44\"", 0),
        ("CVE-2020-26235", "package = \"tim\"", 0),
        ("CVE-2020-26235", "path = \"Cargo.lock\"\npackage = \"time\"", 1),
    ] {
        let text = ENTRY.replace("AVD-AWS-0107", id).replace("path = \"terraform/main.tf\"", of);
        let assessment = judged(&text, TODAY, vec![one(), cve.clone()], vec![]);
        assert_eq!(assessment.outcome().suppressed, wanted, "{id} {of}");
    }
}
