//! Reports as scanners write them, whole and broken.

use super::*;

fn audit(text: &str) -> Result<Report, NotScanned> {
    cargo_audit::read(text.as_bytes(), "Cargo.lock", files("Cargo.lock").as_deref())
}

fn audit_of(change: impl Fn(&mut Value)) -> Result<Report, NotScanned> {
    let mut value: Value = serde_json::from_str(AUDIT).expect("JSON");
    change(&mut value);
    audit(&value.to_string())
}

fn read_trivy(value: &Value, parts: &[Part]) -> Result<Report, NotScanned> {
    trivy::read(value.to_string().as_bytes(), &roots(), &asked(parts))
}

fn read_clippy(text: &str) -> Result<Report, NotScanned> {
    clippy::read(text.as_bytes(), &roots())
}

fn read_tfsec(text: &str) -> Result<Report, NotScanned> {
    tfsec::read(text.as_bytes(), &roots())
}

/// A reader, with a report of its scanner.
type Reader = (&'static str, fn(&[u8]) -> Result<Report, NotScanned>, &'static str);

pub(super) const READERS: [Reader; 4] = [
    ("cargo-audit", |bytes| cargo_audit::read(bytes, "Cargo.lock", None), AUDIT),
    ("clippy", |bytes| clippy::read(bytes, &roots()), CLIPPY),
    ("tfsec", |bytes| tfsec::read(bytes, &roots()), TFSEC),
    ("trivy", |bytes| trivy::read(bytes, &roots(), &asked(&FOLDER)), TRIVY),
];

#[test]
fn plan_trap_31_nothing_and_noise_are_not_scanned() {
    for (name, read, _) in READERS {
        for (text, why) in [
            ("", "printed nothing"),
            (" \n\t\n", "printed nothing"),
            ("\u{feff}", "printed nothing"),
            ("fatal: no database", "printed no"),
            ("{}", ""),
            ("{\"error\":\"x\"}", ""),
            ("[]", ""),
            ("null", "printed no"),
        ] {
            // An empty list is an old Trivy's report of nothing, which was asked for something.
            if (name, text) == ("trivy", "[]") {
                continue;
            }
            let gap = read(text.as_bytes()).map(|_| ()).expect_err(text);
            assert_eq!(gap.name(), name);
            assert!(gap.why.contains(why) && !gap.next.is_empty(), "{name}: {gap:?}");
        }
    }
}

#[test]
fn plan_trap_31_a_report_that_ends_too_early_is_not_scanned() {
    for (name, read, whole) in READERS {
        let mut gaps = 0;
        for cut in 1..whole.trim_end().len() {
            if let Ok(report) = read(&whole.as_bytes()[..cut]) {
                assert!(report.scanned.is_empty() && !report.not_scanned.is_empty(), "{name} cut at {cut}");
            }
            gaps += 1;
        }
        assert!(gaps > 1_000);
        let report = read(whole.as_bytes()).expect("whole");
        assert!(report.not_scanned.is_empty() && !report.scanned.is_empty() && !report.findings.is_empty(), "{name}");
    }
}

#[test]
fn plan_trap_31_a_banner_before_the_document_is_passed_over() {
    let banner = "======\ntfsec is joining {the} Trivy [family]\n======\n";
    for (name, read, whole) in READERS {
        let report = read(format!("\u{feff}{banner}{whole}").as_bytes()).expect(name);
        let plain = read(whole.as_bytes()).expect(name);
        assert_eq!(report.findings, plain.findings, "{name}");
    }
}

#[test]
fn plan_trap_31_no_results_of_tfsec_is_clean() {
    for text in ["{\"results\": null}", "{\n\t\"results\": []\n}\n"] {
        let report = read_tfsec(text).expect("a report");
        assert_eq!((report.findings.len(), report.scanned), (0, [Part::Misconfigurations].into()));
    }
}

#[test]
fn tfsec_lists_what_passed_on_request_and_words_where_now_are_numbers() {
    let mut value: Value = serde_json::from_str(TFSEC).expect("JSON");
    let count = value["results"].as_array().expect("a list").len();
    for (status, left) in [
        (json!(1), count - 1),
        (json!(2), count - 1),
        (json!("failed"), count),
        (json!("passed"), count - 1),
        (json!(null), count),
    ] {
        value["results"][0]["status"] = status.clone();
        assert_eq!(read_tfsec(&value.to_string()).expect("a report").findings.len(), left, "{status}");
    }
    value["results"][0]["status"] = json!(0);
    value["results"][0]["rule_id"] = json!("");
    assert_eq!(read_tfsec(&value.to_string()).expect("a report").findings[0].id, "aws-s3-enable-bucket-encryption");
}

#[test]
fn plan_trap_31_an_audit_without_database_or_packages_is_not_scanned() {
    let empty = audit_of(|audit| audit["database"]["advisory-count"] = json!(0)).map(|_| ()).expect_err("no database");
    assert!(empty.why.contains("database was empty"));
    let none = audit_of(|audit| audit["lockfile"]["dependency-count"] = json!(0)).map(|_| ()).expect_err("no packages");
    assert!(none.why.contains("no packages"));
    audit_of(|audit| audit["vulnerabilities"]["count"] = json!(7)).map(|_| ()).expect_err("a count");
}

#[test]
fn plan_trap_32_an_audits_severity_is_that_of_its_vector() {
    for (vector, severity, score) in [
        (json!("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H"), Severity::Medium, Some(55)),
        (json!("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), Severity::Critical, Some(98)),
        (json!("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"), Severity::Critical, Some(93)),
        (json!("CVSS:9.9/AV:N"), Severity::Unknown, None),
        (json!(null), Severity::Unknown, None),
    ] {
        let report = audit_of(|audit| audit["vulnerabilities"]["list"][0]["advisory"]["cvss"] = vector.clone());
        let finding = report.expect("a report").findings.swap_remove(0);
        assert_eq!((finding.severity, finding.score), (severity, score), "{vector}");
    }
}

#[test]
fn an_audit_says_where_the_package_stands_and_what_mends_it() {
    let report = audit(AUDIT).expect("a report");
    let time = report.findings.iter().find(|finding| finding.has_id("RUSTSEC-2020-0071")).expect("time");
    assert_eq!((time.place.path.as_str(), time.place.lines), ("Cargo.lock", Some((11, 15))));
    assert_eq!(time.url.as_deref(), Some("https://rustsec.org/advisories/RUSTSEC-2020-0071"));
    assert!(time.aliases.iter().any(|alias| alias == "CVE-2020-26235"), "{:?}", time.aliases);
    assert!(
        time.package.as_ref().and_then(|package| package.fixed.as_ref()).is_some_and(|fixed| fixed.contains("0.2.23"))
    );
}

#[test]
fn warnings_of_an_audit_are_findings_of_their_kind_in_both_forms() {
    let entry = |kind: &str, advisory: Value| json!({"kind": kind, "package": {"name": "time", "version": "0.1.43"}, "advisory": advisory, "affected": null, "versions": null});
    let id = |id: &str| json!({"id": id, "title": "t", "description": "d", "aliases": []});
    let by_kind = json!({"unmaintained": [entry("unmaintained", id("RUSTSEC-2024-0001"))], "unsound": [entry("unsound", id("RUSTSEC-2024-0002"))], "yanked": [entry("yanked", Value::Null)], "strange": [entry("strange", id("RUSTSEC-2024-0003"))]});
    let list: Vec<Value> = by_kind
        .as_object()
        .expect("an object")
        .values()
        .flat_map(|list| list.as_array().expect("a list"))
        .cloned()
        .collect();
    for warnings in [by_kind, Value::from(list)] {
        let report = audit_of(|audit| {
            audit["vulnerabilities"] = json!({"found": false, "count": 0, "list": []});
            audit["warnings"] = warnings.clone();
        });
        let mut got: Vec<_> =
            report.expect("a report").findings.iter().map(|f| (f.kind, f.severity, f.id.clone())).collect();
        got.sort();
        let wanted = [
            (Kind::Unsound, Severity::Medium, "RUSTSEC-2024-0002"),
            (Kind::Yanked, Severity::Low, "yanked"),
            (Kind::Unmaintained, Severity::Low, "RUSTSEC-2024-0001"),
            (Kind::Notice, Severity::Low, "RUSTSEC-2024-0003"),
        ];
        assert_eq!(got, wanted.map(|(kind, severity, id)| (kind, severity, id.to_owned())));
    }
}

#[test]
fn plan_trap_35_what_an_audit_was_told_to_ignore_is_noted() {
    let report = audit_of(|audit| audit["settings"]["ignore"] = json!(["RUSTSEC-2020-0071"])).expect("a report");
    assert_eq!(report.notes, ["cargo-audit was told by its own settings to ignore 1 of its ids"]);
}

#[test]
fn a_lint_comes_once_for_library_and_tests_and_has_its_link() {
    let report = read_clippy(CLIPPY).expect("a report");
    let mut ids: Vec<&str> = report.findings.iter().map(|finding| finding.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(
        ids,
        [
            "clippy::bool_assert_comparison",
            "clippy::len_zero",
            "clippy::needless_return",
            "clippy::useless_format",
            "unused_variables"
        ]
    );
    let format = report.findings.iter().find(|finding| finding.id == "clippy::useless_format").expect("there");
    assert_eq!(format.severity, Severity::Medium);
    assert_eq!((format.place.path.as_str(), format.place.lines), ("src/lib.rs", Some((12, 12))));
    assert!(format.url.as_ref().is_some_and(|url| url.starts_with("https://rust-lang.github.io/rust-clippy/")));
}

#[test]
fn plan_trap_31_code_that_does_not_build_was_not_looked_at() {
    let report = read_clippy(BROKEN).expect("a report");
    assert_eq!(
        report.findings.iter().map(|finding| (finding.id.as_str(), finding.severity)).collect::<Vec<_>>(),
        [("E0308", Severity::High)]
    );
    assert!(report.scanned.is_empty());
    assert!(report.not_scanned[0].why.contains("does not build"));
    let endless: String =
        CLIPPY.lines().filter(|line| !line.contains("build-finished")).map(|line| format!("{line}\n")).collect();
    assert!(read_clippy(&endless).expect("a report").not_scanned[0].why.contains("ends before"));
}

fn diagnostic(change: impl Fn(&mut Value)) -> Finding {
    let mut message = json!({"reason": "compiler-message", "message": {
    "message": "m", "code": {"code": "clippy::x", "explanation": null}, "level": "warning", "children": [],
    "rendered": "\u{1b}[33mwarning\u{1b}[0m: m",
    "spans": [
        {"file_name": "src/other.rs", "line_start": 9, "line_end": 9, "column_start": 1, "column_end": 2, "is_primary": false, "expansion": null},
        {"file_name": "src/lib.rs", "line_start": 2, "line_end": 3, "column_start": 5, "column_end": 1, "is_primary": true, "expansion": null}
    ]}});
    change(&mut message["message"]);
    let mut findings = read_clippy(&format!("{message}\n{{\"reason\":\"build-finished\",\"success\":true}}"))
        .expect("a report")
        .findings;
    assert_eq!(findings.len(), 1);
    findings.swap_remove(0)
}

#[test]
fn plan_trap_38_a_diagnostic_stands_where_the_repository_has_it() {
    let at = |finding: Finding| (finding.place.path, finding.place.inside, finding.place.lines);
    assert_eq!(at(diagnostic(|_| {})), ("src/lib.rs".to_owned(), true, Some((2, 3))));
    let named = |name: &'static str| move |m: &mut Value| m["spans"][1]["file_name"] = json!(name);
    assert_eq!(at(diagnostic(named("/builds/calls/src/a.rs"))).0, "src/a.rs");
    let registry = "/cargo/registry/src/example-0/time-0.1.43/src/lib.rs";
    assert_eq!(at(diagnostic(named(registry))), ("time-0.1.43/src/lib.rs".to_owned(), false, Some((2, 3))));
    // A macro of another crate: where it was called.
    let called = at(diagnostic(|m| {
        m["spans"][1]["file_name"] = json!(registry);
        m["spans"][1]["expansion"] = json!({"span": m["spans"][0].clone(), "macro_decl_name": "x!"});
    }));
    assert_eq!(called, ("src/other.rs".to_owned(), true, Some((9, 9))));
    assert_eq!(at(diagnostic(|m| m["spans"] = json!([]))), ("Cargo.toml".to_owned(), true, None));
}

#[test]
fn plan_trap_05_colours_are_taken_out() {
    assert_eq!(diagnostic(|m| m["message"] = json!("\u{1b}[1;31mred\u{1b}[0m text")).title, "red text");
}

#[test]
fn plan_trap_31_trivy_without_results_is_clean_only_in_what_it_was_asked() {
    let nothing = json!({"SchemaVersion": 2, "ArtifactName": ".", "ArtifactType": "filesystem"});
    let report = read_trivy(&nothing, &[Part::Misconfigurations, Part::Secrets]).expect("a report");
    assert_eq!((report.findings.len(), report.scanned.len()), (0, 2));
    let unknown = trivy::read(nothing.to_string().as_bytes(), &roots(), &trivy::Asked::default());
    assert!(unknown.map(|_| ()).expect_err("unknown").why.contains("nothing in its report shows"));
    let packages = trivy::Asked { packages: true, ..asked(&FOLDER) };
    let report = trivy::read(nothing.to_string().as_bytes(), &roots(), &packages).expect("a report");
    assert_eq!(report.not_scanned[0].name(), "trivy/vulnerabilities");
    assert!(!report.scanned.contains(&Part::Vulnerabilities) && report.scanned.contains(&Part::Secrets));
    let next = json!({"SchemaVersion": 3, "Results": []});
    assert!(read_trivy(&next, &FOLDER).map(|_| ()).expect_err("3").why.contains("schema version 3"));
}

#[test]
fn plan_trap_31_of_a_report_from_elsewhere_only_what_it_shows_was_scanned() {
    let report = trivy::read(TRIVY.as_bytes(), &roots(), &trivy::Asked::default()).expect("a report");
    assert!(report.scanned.contains(&Part::Misconfigurations) && !report.scanned.contains(&Part::Licences));
}

#[test]
fn trivy_lists_what_passed_and_its_old_form_is_a_list() {
    let found = |id: &str, status: &str| json!({"ID": id, "Title": "t", "Severity": "HIGH", "Status": status, "CauseMetadata": {"StartLine": 3, "EndLine": 2, "Resource": "x.y", "Code": {"Lines": [{"Highlighted": "\u{1b}[38m"}]}}});
    let results = json!([{"Target": "./terraform\\main.tf", "Class": "config", "Misconfigurations": [found("AVD-AWS-0107", "PASS"), found("AVD-AWS-0104", "FAIL"), found("AWS-0089", "EXCEPTION")]}]);
    for report in [json!({"SchemaVersion": 2, "Results": results}), results.clone()] {
        let findings = read_trivy(&report, &[Part::Misconfigurations]).expect("a report").findings;
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (findings[0].id.as_str(), findings[0].place.path.as_str(), findings[0].place.lines),
            ("AWS-0104", "terraform/main.tf", Some((3, 3)))
        );
    }
}

#[test]
fn plan_trap_38_a_module_from_elsewhere_is_found_where_it_is_called() {
    let report = json!({"SchemaVersion": 2, "Results": [{"Target": "git::https://example.com/vpc.git/main.tf", "Class": "config", "Misconfigurations": [{
        "ID": "AWS-0107", "Severity": "HIGH", "Status": "FAIL", "CauseMetadata": {"StartLine": 30, "EndLine": 31, "Occurrences": [
            {"Resource": "a", "Filename": "git::https://example.com/vpc.git/sub.tf", "Location": {"StartLine": 1, "EndLine": 2}},
            {"Resource": "module.vpc", "Filename": "terraform/main.tf", "Location": {"StartLine": 25, "EndLine": 27}}]}}]}]});
    let place = read_trivy(&report, &[Part::Misconfigurations]).expect("a report").findings.swap_remove(0).place;
    assert_eq!((place.path.as_str(), place.inside, place.lines), ("terraform/main.tf", true, Some((25, 27))));
}

#[test]
fn plan_trap_38_paths_that_lead_out_point_nowhere() {
    for (path, wanted, inside) in [
        ("/github/workspace/a/./b.tf", "a/b.tf", true),
        ("/builds/calls/x/../a.tf", "a.tf", true),
        ("/builds/callsign/a.tf", "builds/callsign/a.tf", false),
        ("../../etc/passwd", "etc/passwd", false),
        ("/github/workspace/../../etc/passwd", "etc/passwd", false),
        ("C:\\work\\a.tf", "work/a.tf", false),
        ("(container workspace)/a/b/c.tf", "a/b/c.tf", false),
        ("git::https://example.com/x.git", "example.com/x.git", false),
        ("a\nb", "a\nb", false),
        ("", "unknown", false),
    ] {
        let (got, is_inside) = roots().relative(path);
        assert_eq!((got.as_str(), is_inside), (wanted, inside), "{path}");
    }
    assert_eq!(roots().below("terraform").relative("main.tf").0, "terraform/main.tf");
}

#[test]
fn plan_trap_38_only_what_is_a_file_of_the_repository_counts_as_one() {
    let scan =
        found(vec![misconfiguration(Tool::Trivy, "AWS-0107", "terraform-aws-modules/vpc/aws/main.tf", (3, 4), "")]);
    assert!(!scan.commit.findings[0].place.inside);
}

#[test]
fn licences_that_ask_for_little_are_no_findings() {
    let licence = |name: &str, category: &str, severity: &str| json!({"Severity": severity, "Category": category, "PkgName": "p", "FilePath": "", "Name": name, "Link": ""});
    let report = json!({"SchemaVersion": 2, "Results": [{"Target": "Cargo.lock", "Class": "license", "Licenses": [licence("MIT", "notice", "LOW"), licence("AGPL-3.0", "forbidden", "CRITICAL"), licence("Odd", "unknown", "UNKNOWN")]}]});
    let findings = read_trivy(&report, &[Part::Licences]).expect("a report").findings;
    assert_eq!(
        findings.iter().map(|f| (f.id.as_str(), f.severity)).collect::<Vec<_>>(),
        [("AGPL-3.0", Severity::Critical), ("Odd", Severity::Unknown)]
    );
}

#[test]
fn a_folder_gives_no_file_that_lies_outside_and_waits_for_no_pipe() {
    let place = std::env::temp_dir().join(format!("lockgate-scan-{}", std::process::id()));
    std::fs::create_dir_all(place.join("in")).expect("made");
    std::fs::write(place.join("secret"), "x").expect("written");
    std::fs::write(place.join("in/a"), "text").expect("written");
    std::os::unix::fs::symlink("../secret", place.join("in/link")).expect("linked");
    std::os::unix::fs::symlink("/dev/zero", place.join("in/zero")).expect("linked");
    let folder = Folder::new(&place.join("in")).expect("a folder");
    let got = ["a", "./x/../a", "link", "zero", "../secret", "", ".", "none"].map(|path| folder.text(path));
    std::fs::remove_dir_all(&place).expect("removed");
    let text = Some("text".to_owned());
    assert_eq!(got, [text.clone(), text, None, None, None, None, None, None]);
}
