//! Tests of reading, merging, comparing, judging and of what is said. Tests of a trap that other scan gates fall into bear its
//! number, `plan_trap_NN_`, from the list of traps of plans and scans; `docs/traps.md` has a list of its own.

mod comparing;
mod gate;
mod golden;
mod inline;
mod markdown;
mod merging;
mod mutations;
mod reading;
mod said;
mod sarif;
mod suppressions;

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use serde_json::{Value, json};

use super::{
    report::{cargo_audit, clippy, tfsec, trivy},
    suppressions::Suppression,
    *,
};

pub(super) const AUDIT: &str = include_str!("../../tests/scan/cargo-audit.json");
pub(super) const CLIPPY: &str = include_str!("../../tests/scan/clippy.json");
pub(super) const BROKEN: &str = include_str!("../../tests/scan/clippy-broken.json");
pub(super) const TFSEC: &str = include_str!("../../tests/scan/tfsec.json");
pub(super) const TRIVY: &str = include_str!("../../tests/scan/trivy.json");
pub(super) const IMAGE: &str = include_str!("../../tests/scan/trivy-image.json");

pub(super) const TODAY: Date = date(2026, 11, 21);

/// The files in which the samples were found.
pub(super) fn files(path: &str) -> Option<String> {
    let text = match path {
        "Cargo.lock" => include_str!("../../tests/scan/files/Cargo.lock.txt"),
        "Dockerfile" => include_str!("../../tests/scan/files/container.txt"),
        "settings.py" => include_str!("../../tests/scan/files/settings.txt"),
        "src/lib.rs" => include_str!("../../tests/scan/files/lib.rs.txt"),
        "terraform/main.tf" => include_str!("../../tests/scan/files/main.tf.txt"),
        "terraform/queue/main.tf" => include_str!("../../tests/scan/files/queue.tf.txt"),
        _ => return None,
    };
    Some(text.to_owned())
}

pub(super) fn roots() -> Roots {
    Roots::new(&["/builds/calls"])
}

pub(super) fn asked(parts: &[Part]) -> trivy::Asked {
    trivy::Asked { parts: Some(parts.iter().copied().collect()), ..trivy::Asked::default() }
}

pub(super) const FOLDER: [Part; 3] = [Part::Vulnerabilities, Part::Misconfigurations, Part::Secrets];

/// The samples, as a job would read them.
pub(super) fn samples() -> Vec<Result<Report, NotScanned>> {
    let image = trivy::Asked { image: Some("query".to_owned()), ..asked(&[Part::Vulnerabilities, Part::Secrets]) };
    vec![
        cargo_audit::read(AUDIT.as_bytes(), "Cargo.lock", files("Cargo.lock").as_deref()),
        clippy::read(CLIPPY.as_bytes(), &roots()),
        tfsec::read(TFSEC.as_bytes(), &roots()),
        trivy::read(TRIVY.as_bytes(), &roots(), &trivy::Asked { packages: true, ..asked(&FOLDER) }),
        trivy::read(IMAGE.as_bytes(), &roots(), &image),
    ]
}

pub(super) fn scan(reports: Vec<Result<Report, NotScanned>>) -> Scan {
    Scan::new(reports, &[], &files)
}

pub(super) fn policy() -> Policy {
    Policy { fail_on: Severity::Medium, allowed: Default::default(), everything: false, today: TODAY }
}

pub(super) fn base(scan: Scan) -> Option<Base<'static>> {
    Some(Base { scan, files: &files, suppressions: Vec::new() })
}

pub(super) fn context() -> comment::Context {
    comment::Context {
        links: Links {
            server: "https://github.com".to_owned(),
            repository: "example/calls".to_owned(),
            commit: "6c1003f0a1b2c3d4e5f60718293a4b5c6d7e8f90".to_owned(),
        },
        run: Some("https://github.com/example/calls/actions/runs/812".to_owned()),
        secrets: vec!["ghs_0123456789abcdef0123".to_owned()],
    }
}

pub(super) fn comment_of(assessment: &Assessment) -> String {
    let text = comment::comment(assessment, &context(), comment::COMMENT).0;
    assert_eq!(markdown::wrong(&text), None, "{text}");
    text
}

pub(super) fn sarif_of(assessment: &Assessment) -> Value {
    let mut out = Vec::new();
    super::sarif::write(assessment, "", &mut out).expect("written");
    serde_json::from_slice(&out).expect("JSON")
}

/// A misconfiguration of a scanner.
pub(super) fn misconfiguration(tool: Tool, rule: &str, path: &str, lines: (u32, u32), resource: &str) -> Finding {
    let mut finding = Finding::new(tool, rule, Kind::Misconfiguration, Severity::High);
    finding.title = format!("{rule} at {path}");
    finding.place = Place { path: path.to_owned(), inside: true, lines: Some(lines), columns: None };
    finding.resource = (!resource.is_empty()).then(|| resource.to_owned());
    finding
}

pub(super) fn lint(rule: &str, path: &str, line: u32) -> Finding {
    let mut finding = Finding::new(Tool::Clippy, rule, Kind::Lint, Severity::Medium);
    finding.title = format!("{rule} is bad style");
    finding.place = Place { path: path.to_owned(), inside: true, lines: Some((line, line)), columns: None };
    finding
}

pub(super) fn advisory(tool: Tool, rule: &str, aliases: &[&str], package: (&str, &str), path: &str) -> Finding {
    let mut finding = Finding::new(tool, rule, Kind::Vulnerability, Severity::High);
    finding.aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
    finding.title = format!("{rule} breaks {}", package.0);
    finding.package = Some(finding::Package { name: package.0.to_owned(), version: package.1.to_owned(), fixed: None });
    finding.place = Place { path: path.to_owned(), inside: true, ..Place::default() };
    finding
}

/// A scan by one scanner that went well.
pub(super) fn found(findings: Vec<Finding>) -> Scan {
    found_in(findings, &files)
}

pub(super) fn found_in(findings: Vec<Finding>, files: &dyn Files) -> Scan {
    let mut reports: BTreeMap<Tool, Report> = BTreeMap::new();
    for finding in findings {
        let tool = finding.tool();
        let report = reports.entry(tool).or_insert_with(|| Report {
            tool,
            version: Some("1.2.3".to_owned()),
            scanned: [finding.kind.part()].into(),
            not_scanned: Vec::new(),
            findings: Vec::new(),
            notes: Vec::new(),
        });
        report.scanned.insert(finding.kind.part());
        report.findings.push(finding);
    }
    Scan::new(reports.into_values().map(Ok), &[], files)
}

pub(super) fn suppress(text: &str) -> Vec<Suppression> {
    super::suppressions::read(text, TODAY).unwrap_or_else(|error| panic!("{error:#}"))
}
