//! The file for code scanning.

use super::*;

fn runs(sarif: &Value) -> &Vec<Value> {
    sarif["runs"].as_array().expect("runs")
}

fn results(run: &Value) -> &Vec<Value> {
    run["results"].as_array().expect("results")
}

/// What GitHub asks for, besides the schema.
pub(super) fn fits(sarif: &Value) {
    assert_eq!(sarif["version"], "2.1.0");
    assert!(runs(sarif).len() <= 20);
    let mut ids = Vec::new();
    for run in runs(sarif) {
        let id = run["automationDetails"]["id"].as_str().expect("an id");
        assert!(id.starts_with("lockgate/") && id.ends_with('/'), "{id}");
        ids.push(id);
        let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
        assert!(results(run).len() <= 5_000 && rules.len() <= 25_000);
        for rule in rules {
            assert!(rule["properties"]["tags"].as_array().is_some_and(|tags| tags.len() <= 20));
            if let Some(severity) = rule["properties"]["security-severity"].as_str() {
                assert!(severity.parse::<f64>().is_ok_and(|severity| (0.0..=10.0).contains(&severity)));
            }
        }
        for result in results(run) {
            let at = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
            assert_eq!(rules[at]["id"], result["ruleId"]);
            let location = &result["locations"][0]["physicalLocation"];
            let uri = location["artifactLocation"]["uri"].as_str().expect("a URI");
            assert!(!uri.is_empty() && !uri.starts_with('/') && !uri.contains(['\\', ':', ' ', '#', '?']), "{uri}");
            assert!(!uri.split('/').any(|part| part == ".."), "{uri}");
            let number = |name: &str| location["region"][name].as_u64();
            assert!(number("startLine").is_some_and(|line| line >= 1) && number("endLine") >= number("startLine"));
            assert!(number("startColumn").is_none_or(|column| column >= 1));
            assert!(result["partialFingerprints"]["primaryLocationLineHash"].is_string());
            assert!(!result["message"]["text"].as_str().expect("a text").is_empty());
        }
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "GitHub refuses two runs of one id");
}

#[test]
fn plan_trap_36_each_scanner_has_a_run_of_its_own_and_a_merged_finding_stands_in_one() {
    let assessment = assess(scan(samples()), None, vec![], vec![], policy());
    let sarif = sarif_of(&assessment);
    fits(&sarif);
    let names: Vec<&str> = runs(&sarif).iter().filter_map(|run| run["tool"]["driver"]["name"].as_str()).collect();
    assert_eq!(names, ["cargo-audit", "clippy", "tfsec", "trivy"]);
    let sum: usize = runs(&sarif).iter().map(|run| results(run).len()).sum();
    assert_eq!(sum, assessment.outcome().total);
    let both = results(&runs(&sarif)[2]).iter().find(|result| result["ruleId"] == "AWS-0107").expect("there");
    assert_eq!(both["properties"]["sources"], json!(["tfsec AVD-AWS-0107", "trivy AWS-0107"]));
    assert!(both["message"]["text"].as_str().is_some_and(|text| text.contains("(found by tfsec, trivy)")));
}

#[test]
fn plan_trap_36_an_empty_run_stays_and_one_that_failed_is_left_out() {
    let clean = tfsec::read(b"{\"results\":null}", &roots());
    let gap = NotScanned::all(Tool::Trivy, "it fell over", "start it again");
    let head = Scan::new([clean, Err(gap), clippy::read(BROKEN.as_bytes(), &roots())], &[], &files);
    let names = |policy: Policy| -> Vec<String> {
        let sarif = sarif_of(&assess(head.clone(), None, vec![], vec![], policy));
        fits(&sarif);
        runs(&sarif).iter().map(|run| run["tool"]["driver"]["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(policy()), ["tfsec"]);
}

#[test]
fn plan_trap_36_a_scanner_that_may_leave_a_part_undone_says_so_in_its_run() {
    let asked = trivy::Asked { packages: true, ..asked(&FOLDER) };
    let report = trivy::read(b"{\"SchemaVersion\":2}", &roots(), &asked);
    let head = Scan::new([report], &[], &files);
    let assessment = assess(head.clone(), None, vec![], vec![], policy());
    assert!(runs(&sarif_of(&assessment)).is_empty());
    let allowed = Policy::allowing(["trivy/vulnerabilities"]).expect("a name");
    let sarif = sarif_of(&assess(head, None, vec![], vec![], Policy { allowed, ..policy() }));
    assert_eq!(runs(&sarif)[0]["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn plan_trap_36_of_too_many_results_the_worst_are_kept() {
    let mut findings: Vec<Finding> = (1..=6_000).map(|n| lint(&format!("clippy::rule_{n}"), "src/lib.rs", 1)).collect();
    findings[5_999].severity = Severity::Critical;
    let sarif = sarif_of(&assess(found(findings), None, vec![], vec![], policy()));
    fits(&sarif);
    assert_eq!(results(&runs(&sarif)[0]).len(), 5_000);
    assert_eq!(results(&runs(&sarif)[0])[0]["ruleId"], "clippy::rule_6000");
}

#[test]
fn plan_trap_36_columns_are_counted_in_utf_16_units() {
    let mut finding = lint("clippy::x", "src/a.rs", 1);
    finding.place.columns = Some((3, 6));
    let text = |_: &str| Some("😀ä let".to_owned());
    let sarif = sarif_of(&assess(found_in(vec![finding.clone()], &text), None, vec![], vec![], policy()));
    let region = &results(&runs(&sarif)[0])[0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(*region, json!({"startLine": 1, "startColumn": 4, "endLine": 1, "endColumn": 7}));
    // Without the text nobody knows.
    let sarif = sarif_of(&assess(found_in(vec![finding], &()), None, vec![], vec![], policy()));
    let region = &results(&runs(&sarif)[0])[0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(*region, json!({"startLine": 1, "endLine": 1}));
}

#[test]
fn plan_trap_36_what_lies_outside_has_a_relative_address_and_text_makes_no_links() {
    let mut finding = misconfiguration(Tool::Trivy, "AWS-0107", "x", (1, 1), "");
    finding.place.path = roots().relative("git::https://example.com/a b/x:y.tf").0;
    finding.place.inside = false;
    finding.title = "see [here](https://evil.example) \\ \u{202e}".to_owned();
    let sarif = sarif_of(&assess(found(vec![finding]), None, vec![], vec![], policy()));
    fits(&sarif);
    let result = &results(&runs(&sarif)[0])[0];
    assert_eq!(result["message"]["text"], "see \\[here\\](https://evil.example) \\\\ \u{fffd}");
}

#[test]
fn plan_trap_36_two_parts_of_a_repository_have_categories_of_their_own() {
    let assessment = assess(found(vec![lint("clippy::x", "src/lib.rs", 1)]), None, vec![], vec![], policy());
    for (category, wanted) in
        [("", "lockgate/clippy/"), ("lambdas", "lockgate/clippy/lambdas/"), ("a/../b", "lockgate/clippy/a..b/")]
    {
        let mut out = Vec::new();
        super::super::sarif::write(&assessment, category, &mut out).expect("written");
        let sarif: Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(runs(&sarif)[0]["automationDetails"]["id"], wanted);
    }
}

#[test]
fn plan_trap_32_security_is_scored_and_style_is_not() {
    let mut scored = advisory(Tool::CargoAudit, "RUSTSEC-2020-0071", &[], ("time", "0.1.43"), "Cargo.lock");
    scored.score = Some(62);
    let sarif =
        sarif_of(&assess(found(vec![scored, lint("clippy::x", "src/lib.rs", 1)]), None, vec![], vec![], policy()));
    let properties = |run: usize| &runs(&sarif)[run]["tool"]["driver"]["rules"][0]["properties"];
    assert_eq!(properties(0)["security-severity"], "6.2");
    assert_eq!(properties(1)["security-severity"], Value::Null);
}

#[test]
fn what_is_suppressed_is_there_with_its_reason() {
    let entries = suppress(
        "[[suppression]]\nid = \"clippy::x\"\npath = \"src/\"\nreason = \"because\"\nowner = \"me\"\nexpires = 2027-01-31\n",
    );
    let sarif = sarif_of(&assess(found(vec![lint("clippy::x", "src/lib.rs", 1)]), None, entries, vec![], policy()));
    let suppressions = &results(&runs(&sarif)[0])[0]["suppressions"];
    assert_eq!(*suppressions, json!([{"kind": "external", "status": "accepted", "justification": "because"}]));
}
