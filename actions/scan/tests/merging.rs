//! What is the same stands once, and nothing else does.

use super::{finding::Source, merge::merge, *};

fn sources(finding: &Finding) -> Vec<String> {
    finding.sources.iter().map(|Source { tool, rule }| format!("{tool} {rule}")).collect()
}

#[test]
fn plan_trap_33_tfsec_and_trivy_agree_on_a_misconfiguration() {
    let merged = merge([
        misconfiguration(Tool::Trivy, "AWS-0107", "a.tf", (10, 10), "aws_security_group.x"),
        misconfiguration(Tool::Tfsec, "AVD-AWS-0107", "a.tf", (10, 10), "aws_security_group.x"),
    ]);
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].id, "AWS-0107");
    assert_eq!(sources(&merged[0]), ["tfsec AVD-AWS-0107", "trivy AWS-0107"]);
}

#[test]
fn plan_trap_33_lines_that_overlap_are_enough_and_so_is_the_resource() {
    for (lines, resource, wanted) in
        [((8, 12), "", 1), ((20, 20), "aws_x.y", 1), ((20, 20), "aws_x.z", 2), ((11, 12), "", 2)]
    {
        let merged = merge([
            misconfiguration(Tool::Tfsec, "AVD-AWS-0107", "a.tf", (10, 10), "aws_x.y"),
            misconfiguration(Tool::Trivy, "AWS-0107", "a.tf", lines, resource),
        ]);
        assert_eq!(merged.len(), wanted, "{lines:?} {resource}");
    }
}

#[test]
fn plan_trap_33_one_of_two_is_not_swallowed() {
    let merged = merge([
        misconfiguration(Tool::Tfsec, "AVD-AWS-0107", "a.tf", (1, 20), "aws_x.y"),
        misconfiguration(Tool::Trivy, "AWS-0107", "a.tf", (5, 5), "aws_x.y"),
        misconfiguration(Tool::Trivy, "AWS-0107", "a.tf", (9, 9), "aws_x.y"),
    ]);
    assert_eq!(merged.len(), 2);
    let both: Vec<usize> = merged.iter().map(|finding| finding.sources.len()).collect();
    assert_eq!(both.iter().sum::<usize>(), 3);
}

#[test]
fn plan_trap_33_the_nearest_lines_go_together() {
    let merged = merge([
        misconfiguration(Tool::Tfsec, "AVD-AWS-0107", "a.tf", (10, 10), "aws_x.y"),
        misconfiguration(Tool::Tfsec, "AVD-AWS-0107", "a.tf", (17, 17), "aws_x.y"),
        misconfiguration(Tool::Trivy, "AWS-0107", "a.tf", (17, 17), "aws_x.y"),
        misconfiguration(Tool::Trivy, "AWS-0107", "a.tf", (10, 10), "aws_x.y"),
    ]);
    let at: Vec<_> = merged.iter().map(|finding| (finding.place.lines, finding.sources.len())).collect();
    assert_eq!(at, [(Some((10, 10)), 2), (Some((17, 17)), 2)]);
}

#[test]
fn plan_trap_33_other_rules_and_other_files_stay_apart() {
    let merged = merge([
        misconfiguration(Tool::Tfsec, "AVD-AWS-0107", "a.tf", (10, 10), ""),
        misconfiguration(Tool::Trivy, "AWS-0104", "a.tf", (10, 10), ""),
        misconfiguration(Tool::Trivy, "AWS-0107", "b.tf", (10, 10), ""),
    ]);
    assert_eq!(merged.len(), 3);
}

#[test]
fn plan_trap_33_an_advisory_is_one_under_all_its_names() {
    let merged = merge([
        advisory(
            Tool::CargoAudit,
            "RUSTSEC-2020-0071",
            &["CVE-2020-26235", "GHSA-wcg3-cvx6-7396"],
            ("time", "0.1.43"),
            "Cargo.lock",
        ),
        advisory(Tool::Trivy, "ghsa-WCG3-cvx6-7396", &[], ("time", "0.1.43"), "Cargo.lock"),
        advisory(Tool::Trivy, "CVE-2020-26235", &["RUSTSEC-2020-0071"], ("time", "0.1.43"), "Cargo.lock"),
    ]);
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].id, "CVE-2020-26235");
    assert_eq!(merged[0].aliases, ["GHSA-wcg3-cvx6-7396", "RUSTSEC-2020-0071"]);
    assert_eq!(sources(&merged[0]).len(), 3);
}

#[test]
fn plan_trap_33_names_meet_through_a_third_one() {
    let merged = merge([
        advisory(Tool::Trivy, "CVE-1", &[], ("time", "1.0.0"), "Cargo.lock"),
        advisory(Tool::Trivy, "GHSA-1", &[], ("time", "1.0.0"), "Cargo.lock"),
        advisory(Tool::CargoAudit, "RUSTSEC-1", &["CVE-1", "GHSA-1"], ("time", "1.0.0"), "Cargo.lock"),
    ]);
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].sources.len(), 3);
}

#[test]
fn plan_trap_33_two_lock_files_and_two_versions_stay_two() {
    let cve = |version, path| advisory(Tool::Trivy, "CVE-2020-26235", &[], ("time", version), path);
    let merged = merge([cve("0.1.43", "Cargo.lock"), cve("0.1.43", "tools/Cargo.lock"), cve("0.1.44", "Cargo.lock")]);
    assert_eq!(merged.len(), 3);
}

#[test]
fn plan_trap_32_the_worse_opinion_counts_and_no_opinion_is_none() {
    let of = |tool, severity| {
        let mut finding = advisory(tool, "CVE-1", &[], ("time", "1.0.0"), "Cargo.lock");
        finding.severity = severity;
        finding
    };
    for (a, b, wanted) in [
        (Severity::Medium, Severity::High, Severity::High),
        (Severity::Low, Severity::Unknown, Severity::Low),
        (Severity::Unknown, Severity::Critical, Severity::Critical),
    ] {
        assert_eq!(merge([of(Tool::CargoAudit, a), of(Tool::Trivy, b)])[0].severity, wanted);
    }
}

#[test]
fn lints_of_library_and_tests_are_one_but_two_things_of_one_line_are_two() {
    let mut other = lint("unused_imports", "src/lib.rs", 3);
    other.title = "unused import: `b`".to_owned();
    let merged = merge([lint("unused_imports", "src/lib.rs", 3), lint("unused_imports", "src/lib.rs", 3), other]);
    assert_eq!(merged.len(), 2);
}

#[test]
fn ten_thousand_findings_of_one_rule_in_one_file_are_merged_in_pairs() {
    let of = |tool, rule| (1..=10_000).map(move |n| misconfiguration(tool, rule, "a.tf", (n * 3, n * 3 + 1), ""));
    let merged = merge(of(Tool::Tfsec, "AVD-AWS-0107").chain(of(Tool::Trivy, "AWS-0107")));
    assert_eq!(merged.len(), 10_000);
    assert!(merged.iter().all(|finding| finding.sources.len() == 2));
}
