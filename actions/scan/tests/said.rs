//! The comment: what stands in it, and that nothing breaks out of it.

use super::*;
use crate::scrub::Scrubber;

/// Everything that somebody hostile may write, in every place where a text stands.
fn hostile() -> Assessment {
    let evil = "`` ``` ~~~~ </details> <!-- --> <img src=x> @org/team #12 ](http://evil) [x](https://evil.example) a|b \\| **b** \u{202e}\u{1b}[31m\u{200b}\n::error::x\n##[group]y\n- [ ] z\n> q";
    let mut findings = Vec::new();
    for tool in Tool::ALL {
        for kind in [Kind::Vulnerability, Kind::Misconfiguration, Kind::Secret, Kind::Licence, Kind::Lint] {
            let mut finding = Finding::new(tool, evil, kind, Severity::High);
            finding.title = format!("{evil}{tool}");
            finding.message = evil.repeat(10);
            finding.url = text::url("https://rustsec.org/a](http://evil)");
            finding.resource = Some(evil.to_owned());
            finding.package = Some(finding::Package {
                name: evil.to_owned(),
                version: evil.to_owned(),
                fixed: Some(evil.to_owned()),
            });
            finding.place = Place {
                path: format!("a b/{evil}{}.tf", kind.name()),
                inside: true,
                lines: Some((1, 2)),
                columns: Some((1, 1)),
            };
            findings.push(finding);
        }
    }
    let half = findings.split_off(findings.len() / 2);
    let everything = |_: &str| Some("x\ny\n".to_owned());
    let mut head = found_in(findings.iter().chain(&half).cloned().collect(), &everything);
    head.not_scanned =
        vec![NotScanned::all(Tool::Trivy, evil, evil), NotScanned::part(Tool::Clippy, Part::Lints, evil, evil)];
    head.ran.values_mut().for_each(|ran| ran.version = Some(evil.to_owned()));
    let base_scan = Scan { not_scanned: head.not_scanned.clone(), ..found_in(half, &everything) };
    let entry = |id: &str| Suppression {
        id: id.to_owned(),
        path: Some(evil.to_owned()),
        package: Some(evil.to_owned()),
        reason: evil.to_owned(),
        owner: evil.to_owned(),
        expires: date(2026, 1, 1),
        line: 3,
    };
    let inline =
        vec![crate::scan::inline::Ignore { path: evil.to_owned(), line: 3, what: "#[allow]", text: evil.to_owned() }];
    let base = Base { scan: base_scan, files: &(), suppressions: vec![] };
    assess(head, Some(base), vec![entry("AWS-0107"), entry(evil)], inline, policy())
}

#[test]
fn plan_trap_02_03_and_04_whatever_a_scanner_says_stays_in_its_code() {
    let assessment = hostile();
    for most in [0, 5_000, 10_000, 20_000, comment::COMMENT] {
        let text = comment::comment(&assessment, &context(), most).0;
        assert_eq!(markdown::wrong(&text), None, "{most}\n{text}");
    }
    let summary = comment::summary(&assessment, &context(), comment::SUMMARY).0;
    assert_eq!(markdown::wrong(&summary), None, "{summary}");
}

#[test]
fn plan_trap_08_the_comment_begins_with_its_marker_and_the_summary_has_none() {
    let assessment = hostile();
    let text = comment_of(&assessment);
    assert_eq!(text.lines().next(), Some("<!-- lockgate:scan of=. -->"));
    assert_eq!(crate::sticky::marker::sections("scan", &text).len(), 1);
    assert!(!comment::summary(&assessment, &context(), comment::SUMMARY).0.contains("<!-- lockgate"));
}

#[test]
fn plan_trap_10_headline_table_and_gaps_stay_when_space_ends() {
    let mut head = found((1..=5_000).map(|n| lint(&format!("clippy::rule_{n}"), "src/lib.rs", n % 20 + 1)).collect());
    head.not_scanned = vec![NotScanned::all(Tool::Trivy, "it fell over", "start it again")];
    let assessment = assess(head, base(found(vec![])), vec![], vec![], policy());
    for most in [4_000, 9_000, comment::COMMENT] {
        let (text, left) = comment::comment(&assessment, &context(), most);
        assert!(text.encode_utf16().count() <= most);
        assert_eq!(markdown::wrong(&text), None);
        for wanted in [
            "## ❌ Scan: 5000 new, 5000 of them too severe, 1 not scanned",
            "**Not everything was scanned.**",
            "it fell over",
            "| **all** | 0 | 0 | 5000 (**5000 new**) |",
            "| trivy | not scanned |",
            "[run](",
        ] {
            assert!(text.contains(wanted), "{most}: {wanted}\n{}", &text[..text.len().min(3_000)]);
        }
        assert!(left > 0 && text.contains(&format!("- and {left} more")), "{most} {left}");
    }
}

#[test]
fn plan_trap_11_a_summary_is_never_over_its_limit() {
    let long = "ä😀".repeat(300);
    let findings = (1..=20_000).map(|n| {
        let mut finding = lint(&format!("clippy::rule_{n}"), "src/lib.rs", 1);
        finding.title.clone_from(&long);
        finding
    });
    let assessment = assess(found(findings.collect()), None, vec![], vec![], policy());
    let text = comment::summary(&assessment, &context(), comment::SUMMARY).0;
    assert!(text.len() <= comment::SUMMARY && text.len() > comment::SUMMARY / 2);
    assert_eq!(markdown::wrong(&text), None);
}

#[test]
fn a_secret_that_was_found_is_in_nothing_that_is_said() {
    let key = "AKIA1234";
    let report = json!({"SchemaVersion": 2, "Results": [{"Target": "settings.py", "Class": "secret", "Secrets": [
        {"RuleID": "aws-access-key-id", "Category": "AWS", "Severity": "CRITICAL", "Title": "AWS Access Key ID", "StartLine": 1, "EndLine": 1,
         "Match": key, "Code": {"Lines": [{"Number": 1, "Content": key, "Highlighted": key}]}}]}]});
    let report = trivy::read(report.to_string().as_bytes(), &roots(), &asked(&[Part::Secrets])).expect("a report");
    let secret_file = |path: &str| (path == "settings.py").then(|| format!("key = \"{key}\""));
    let head = Scan::new([Ok(report)], &[], &secret_file);
    assert!(!format!("{head:?}").contains(key));
    let assessment = assess(head, None, vec![], vec![], policy());
    let all =
        format!("{}{}{:?}", comment_of(&assessment), sarif_of(&assessment), annotations::annotations(&assessment));
    assert!(all.contains("aws-access-key-id") && !all.contains(key));
}

#[test]
fn a_token_that_a_scanner_printed_as_it_fell_over_is_hidden() {
    let token = context().secrets.swap_remove(0);
    let gap = NotScanned::all(Tool::Trivy, format!("401 with {token}"), "start it again");
    let assessment = assess(Scan { not_scanned: vec![gap], ..Scan::default() }, None, vec![], vec![], policy());
    let text = comment_of(&assessment);
    assert!(text.contains("401 with (hidden)") && !text.contains(&token), "{text}");
}

#[test]
fn a_known_secret_that_a_scanner_quotes_is_in_nothing_that_is_said() {
    let secret = "correct-horse-battery";
    let mut quoting = lint("clippy::x", "src/lib.rs", 1);
    quoting.title = format!("{secret} is a constant");
    quoting.message = format!("take {secret} out");
    quoting.resource = Some(format!("aws_x.{secret}"));
    quoting.url = Some(format!("https://rustsec.org/{secret}"));
    let gap = NotScanned::part(Tool::Clippy, Part::Lints, secret, "start it again");
    let said = Report {
        tool: Tool::Clippy,
        version: None,
        scanned: [Part::Lints].into(),
        not_scanned: vec![gap],
        findings: vec![quoting],
        notes: Vec::new(),
    };
    let mut read = Ok(said);
    crate::scan::report::clean(&mut read, &Scrubber::knowing(&[secret.to_owned()]));
    let assessment = assess(Scan::new([read], &[], &files), None, vec![], vec![], policy());
    let said = annotations::annotations(&assessment);
    let all = format!("{}{}{said:?}", comment_of(&assessment), sarif_of(&assessment));
    assert!(all.contains("(hidden) is a constant") && !all.contains(secret), "{all}");
}

#[test]
fn links_go_only_to_files_of_the_repository_and_to_those_who_explain() {
    let mut outside = lint("clippy::x", "registry/x.rs", 1);
    outside.place.inside = false;
    outside.url = text::url("https://github.com/other/project/issues/1");
    let text = comment_of(&assess(found(vec![outside]), None, vec![], vec![], policy()));
    assert!(text.contains("`registry/x.rs:1`") && !text.contains("](https://github.com/example/calls/blob"), "{text}");
    assert_eq!(
        text::url("https://rustsec.org/advisories/RUSTSEC-2020-0071").as_deref(),
        Some("https://rustsec.org/advisories/RUSTSEC-2020-0071")
    );
    for bad in [
        "http://rustsec.org/a",
        "https://rustsec.org.evil.example/a",
        "https://rustsec.org/a)b",
        "https://rustsec.org@evil.example/",
        "javascript:x",
    ] {
        assert_eq!(text::url(bad), None, "{bad}");
    }
    let mut odd = lint("clippy::x", "src/a b(c)#d?%.rs", 2);
    odd.place.lines = Some((2, 4));
    let scan = found_in(vec![odd], &|_: &str| Some("a\nb\nc\nd".to_owned()));
    let text = comment_of(&assess(scan, None, vec![], vec![], policy()));
    assert!(text.contains("/src/a%20b%28c%29%23d%3F%25.rs#L2-L4)"), "{text}");
}

#[test]
fn a_new_ignore_in_the_code_is_shown_and_counted() {
    let inline = crate::scan::inline::ignores("src/lib.rs", "#[allow(dead_code)]");
    let assessment = assess(found(vec![]), base(found(vec![])), vec![], inline, policy());
    assert!(comment_of(&assessment).contains("### 1 new ignore in the code itself"));
    assert!(assessment.outcome().passed());
}
