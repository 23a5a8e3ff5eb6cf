//! What is new is new by its content.

use super::*;

fn rust(lines: &[&str]) -> impl Files {
    let text = lines.join("\n");
    move |path: &str| (path.starts_with("src/")).then(|| text.clone())
}

fn new(head: (Vec<Finding>, &dyn Files), base: (Vec<Finding>, &dyn Files)) -> (Vec<bool>, usize) {
    let comparison = compare(&Commit::new(head.0, head.1), &Commit::new(base.0, base.1), base.1);
    (comparison.new, comparison.fixed.len())
}

#[test]
fn plan_trap_34_lines_that_shift_make_nothing_new() {
    let before = rust(&["fn a() {}", "let x = y.unwrap();"]);
    let after = rust(&["// more", "", "fn a() {}", "    let x  =  y.unwrap();"]);
    let got = new(
        (vec![lint("clippy::unwrap", "src/a.rs", 4)], &after),
        (vec![lint("clippy::unwrap", "src/a.rs", 2)], &before),
    );
    assert_eq!(got, (vec![false], 0));
}

#[test]
fn plan_trap_34_the_same_line_once_more_is_new() {
    let before = rust(&["y.unwrap();"]);
    let after = rust(&["y.unwrap();", "y.unwrap();"]);
    let head = vec![lint("clippy::unwrap", "src/a.rs", 1), lint("clippy::unwrap", "src/a.rs", 2)];
    let got = new((head, &after), (vec![lint("clippy::unwrap", "src/a.rs", 1)], &before));
    assert_eq!(got, (vec![false, true], 0));
}

#[test]
fn plan_trap_34_another_line_with_the_same_lint_is_new_and_the_old_one_fixed() {
    let before = rust(&["y.unwrap();"]);
    let after = rust(&["z.unwrap();"]);
    let one = || vec![lint("clippy::unwrap", "src/a.rs", 1)];
    assert_eq!(new((one(), &after), (one(), &before)), (vec![true], 1));
}

#[test]
fn plan_trap_34_a_renamed_file_brings_nothing_new() {
    let text = rust(&["y.unwrap();"]);
    let got =
        new((vec![lint("clippy::unwrap", "src/b.rs", 1)], &text), (vec![lint("clippy::unwrap", "src/a.rs", 1)], &text));
    assert_eq!(got, (vec![false], 0));
}

#[test]
fn plan_trap_34_a_copy_in_another_file_is_new() {
    let text = rust(&["y.unwrap();"]);
    let head = vec![lint("clippy::unwrap", "src/a.rs", 1), lint("clippy::unwrap", "src/b.rs", 1)];
    assert_eq!(new((head, &text), (vec![lint("clippy::unwrap", "src/a.rs", 1)], &text)), (vec![false, true], 0));
}

#[test]
fn plan_trap_34_nothing_but_a_rule_is_not_known_again_in_another_file() {
    let got =
        new((vec![lint("clippy::unwrap", "src/b.rs", 1)], &()), (vec![lint("clippy::unwrap", "src/a.rs", 1)], &()));
    assert_eq!(got, (vec![true], 1));
}

#[test]
fn a_block_may_change_inside_and_its_resource_stays_the_same() {
    let before = rust(&["resource {", "a = 1", "b = 2", "c = 3", "}"]);
    let after = rust(&["resource {", "a = 1", "b = 7", "c = 3", "d = 4", "}"]);
    let at = |last| vec![misconfiguration(Tool::Tfsec, "AVD-AWS-0088", "src/a.tf", (1, last), "aws_s3_bucket.x")];
    assert_eq!(new((at(6), &after), (at(5), &before)), (vec![false], 0));
}

#[test]
fn a_line_of_a_resource_that_became_wrong_is_new_though_another_was_mended() {
    let before = rust(&["ssh = \"0.0.0.0/0\"", "web = \"10.0.0.0/8\""]);
    let after = rust(&["ssh = \"10.0.0.0/8\"", "web = \"0.0.0.0/0\""]);
    let at =
        |line| vec![misconfiguration(Tool::Tfsec, "AVD-AWS-0107", "src/a.tf", (line, line), "aws_security_group.x")];
    assert_eq!(new((at(2), &after), (at(1), &before)), (vec![true], 1));
}

#[test]
fn plan_trap_34_an_advisory_on_a_package_that_the_base_has_is_not_new() {
    let old = advisory(Tool::CargoAudit, "RUSTSEC-2020-0071", &[], ("time", "0.1.43"), "Cargo.lock");
    let same = || vec![old.clone()];
    assert_eq!(new((same(), &files), (same(), &files)), (vec![false], 0));
    // Even if the base's scan was made before it came out, or not at all.
    assert_eq!(new((same(), &files), (vec![], &files)), (vec![false], 0));
    assert_eq!(new((same(), &files), (vec![], &())), (vec![true], 0));
    let other = advisory(Tool::CargoAudit, "RUSTSEC-2020-0071", &[], ("time", "0.1.42"), "Cargo.lock");
    assert_eq!(new((vec![other], &files), (same(), &files)), (vec![true], 1));
}

#[test]
fn fingerprints_are_the_same_in_whichever_order_reports_come() {
    let of = |reports: Vec<Result<Report, NotScanned>>| -> Vec<(String, String)> {
        let findings = scan(reports).commit.findings;
        findings.into_iter().map(|finding| (finding.id, finding.fingerprint)).collect()
    };
    let forth = of(samples());
    let mut reports = samples();
    reports.reverse();
    for report in reports.iter_mut().flatten() {
        report.findings.reverse();
    }
    assert_eq!(forth, of(reports));
    let mut prints: Vec<&String> = forth.iter().map(|(_, print)| print).collect();
    prints.sort();
    prints.dedup();
    assert_eq!(prints.len(), forth.len(), "no two are known by the same");
}

#[test]
fn a_fingerprint_is_the_one_that_the_documentation_computes() {
    let scan = found_in(vec![lint("clippy::unwrap", "src/a.rs", 2)], &rust(&["", "  y . unwrap()\t;"]));
    assert_eq!(scan.commit.findings[0].fingerprint, "6029c4cb5826a0bcb3b6fd5673177ca5");
}

#[test]
fn a_base_is_kept_in_a_target_folder_outside_of_the_checkout_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let [here, beside, link] = ["checkout", "beside", "link"].map(|name| folder.path().join(name));
    std::fs::create_dir(&here).expect("a checkout");
    assert_eq!(outside(&here.join("target"), &here), None, "the head's scanners would read it");
    let kept = outside(&beside, &here).expect("it is made");
    assert_eq!(kept, beside.canonicalize().expect("it is there"));
    std::os::unix::fs::symlink(here.join("target"), &link).expect("a link");
    assert_eq!(outside(&link, &here), None, "a link leads back into the checkout");
}
