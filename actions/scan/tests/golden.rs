//! The whole comment of some pull requests, in `actions/tests/scan/`: a change of its look is seen in review. With
//! `WRITE_GOLDEN=DIR` the new texts are written there.

use super::*;

const ENTRIES: &str = r#"
[[suppression]]
id = "AWS-0088"
path = "terraform/"
reason = "The landing bucket holds nothing that is secret."
owner = "@example/data"
expires = 2027-03-31

[[suppression]]
id = "AWS-0096"
path = "terraform/queue/main.tf"
reason = "Until the key is there."
owner = "@example/data"
expires = 2026-11-20
"#;

/// A first scan, a change that brings something and loses sight of something, and one that brings nothing.
fn changes() -> [(&'static str, Assessment); 3] {
    let clean =
        |path: &str| files(path).map(|text| text.replace("0.1.43", "0.2.23").replace("aws_security_group", "aws_x"));
    let mut before = samples();
    for report in before.iter_mut().flatten() {
        report.findings.retain(|finding| !finding.has_id("AWS-0107") && finding.kind != Kind::Vulnerability);
    }
    let mut gone = lint("clippy::gone", "src/gone.rs", 1);
    gone.title = "it was here".to_owned();
    before
        .iter_mut()
        .flatten()
        .filter(|report| report.tool == Tool::Clippy)
        .for_each(|report| report.findings.push(gone.clone()));
    let before = Base { scan: Scan::new(before, &[], &clean), files: &clean, suppressions: vec![] };
    let mut head = samples();
    head[1] = clippy::read(BROKEN.as_bytes(), &roots());
    let inline =
        crate::scan::inline::ignores("terraform/queue/main.tf", &files("terraform/queue/main.tf").unwrap_or_default());
    let changed = assess(scan(head), Some(before), suppress(ENTRIES), inline, policy());
    let known = assess(scan(samples()), base(scan(samples())), vec![], vec![], policy());
    [("first", assess(scan(samples()), None, vec![], vec![], policy())), ("change", changed), ("known", known)]
}

#[test]
fn comments_look_as_they_did() {
    let mut different = Vec::new();
    let golden = [
        include_str!("../../tests/scan/first.md"),
        include_str!("../../tests/scan/change.md"),
        include_str!("../../tests/scan/known.md"),
    ];
    for ((name, assessment), wanted) in changes().into_iter().zip(golden) {
        let got = comment_of(&assessment);
        if got != wanted {
            if let Some(folder) = std::env::var_os("WRITE_GOLDEN") {
                std::fs::write(std::path::Path::new(&folder).join(format!("{name}.md")), &got).expect("written");
            }
            different.push(format!("{name}.md is now:\n{got}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
