//! The whole text of an issue and of a summary, in `actions/tests/drift/`: a change of their look is seen in review. With
//! `WRITE_GOLDEN=DIR` the new texts are written there.

use super::*;
use crate::plan::tests::markdown::wrong;

#[test]
fn texts_look_as_they_did() {
    let ignores = "
        [[ignore]]
        address = 'module.service.aws_s3_bucket.landing'
        attribute = 'tags.owner'
        reason = 'the owner moves | see @calls'
        owner = 'calls team'
        expires = 2027-01-31
        [[ignore]]
        address = 'module.service.aws_sqs_queue.*'
        attribute = 'policy'
        reason = 'set by hand'
        owner = 'calls team'
        expires = 2027-01-31
        [[ignore]]
        address = 'module.service.aws_iam_role_policy.ingest'
        attribute = 'policy'
        reason = 'an incident'
        owner = 'calls team'
        expires = 2026-11-20
    ";
    let ignores = Ignores::read(ignores, now()).expect("ignores");
    let (refresh, full) = (plan(REFRESH), plan(FULL));
    let text = |text: &str| text.to_owned();
    let name = |function: &str| AliasFact { function: text(function), alias: text("live"), ..AliasFact::default() };
    let facts = [
        AliasFact {
            found: Some(Routing { version: text("6"), weights: vec![(text("7"), 0.1)] }),
            recorded: Some(Routing::all("6")),
            moving: Some(Moving {
                from: text("6"),
                to: text("7"),
                release: text("r813-77aa88bb99cc"),
                began: "2026-11-20T22:10:00Z".parse().expect("a time"),
                held: false,
            }),
            ..name("enrich-staging")
        },
        AliasFact {
            found: Some(Routing::all("9")),
            recorded: Some(Routing::all("6")),
            code: vec![Code { version: text("9"), identity: text("sha256:9f86d081884c7d65"), release: None }],
            ..name("ingest-staging")
        },
        AliasFact { found: Some(Routing::all("4")), recorded: Some(Routing::all("4")), ..name("query-staging") },
    ];
    let plans = Plans { refresh: Some(&refresh), full: Some(&full) };
    let report = Report::new(plans, &facts, &ignores, "staging", now()).expect("a report");
    let none = aliases_only(&[]);
    let steps = decide(&report, &context(), &[], US);
    let golden = [
        ("issue", issue::body(&report, &context()).0, include_str!("../../tests/drift/issue.md")),
        ("summary", summary::summary(&report, &context(), &steps).0, include_str!("../../tests/drift/summary.md")),
        ("none", summary::file(&none, &context()), include_str!("../../tests/drift/none.md")),
    ];
    let mut different = Vec::new();
    for (name, got, wanted) in golden {
        assert_eq!(wrong(&got), None, "{name}: {got}");
        assert!(!got.contains("0815") && !got.contains("0816"), "a secret");
        if got != wanted {
            if let Some(folder) = std::env::var_os("WRITE_GOLDEN") {
                std::fs::write(std::path::Path::new(&folder).join(format!("{name}.md")), &got).expect("written");
            }
            different.push(format!("{name}.md is now:\n{got}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
