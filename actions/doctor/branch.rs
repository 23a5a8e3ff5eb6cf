//! Judges the branch that delivers. All trust stands on it: what is merged into it is built, planned, applied and promoted, by
//! workflows that it brings itself.

use serde_json::json;

use super::{
    facts::{Facts, Known, MAIN, Rule},
    finding::{Finding, Status},
    fix::Fixes,
};

/// Judges it.
pub(super) fn judge(facts: &Facts, fixes: &Fixes) -> [Finding; 2] {
    [default(&facts.repository.default_branch, fixes), reviews(&facts.rules, fixes)]
}

fn default(branch: &str, fixes: &Fixes) -> Finding {
    let what = "default branch";
    if branch == MAIN {
        return Finding::new(Status::Ok, what, branch);
    }
    let says =
        format!("is {branch}, but the roles trust {MAIN} alone, and the workflows deliver it: rename the branch");
    Finding::new(Status::Wrong, what, says).fixed_by([fixes.rename_branch(branch, MAIN)])
}

fn reviews(rules: &Known<Vec<Rule>>, fixes: &Fixes) -> Finding {
    let what = format!("rules of {MAIN}");
    let rules = match rules {
        Ok(rules) => rules,
        Err(refusal) => return Finding::unknown(what, refusal, "Metadata: read"),
    };
    // Of several the strictest holds.
    let wanted = rules.iter().filter(|rule| rule.r#type == "pull_request");
    let wanted = wanted.map(|rule| rule.parameters.as_ref().and_then(|all| all.required_approving_review_count));
    let says = match wanted.max().map(Option::unwrap_or_default) {
        Some(1) => return Finding::new(Status::Ok, what, "a pull request with an approving review"),
        Some(count @ 2..) => {
            return Finding::new(Status::Ok, what, format!("a pull request with {count} approving reviews"));
        }
        Some(0) => "no ruleset wants an approving review: whoever may merge delivers what nobody else saw",
        None => "no ruleset wants pull requests: whoever may push delivers what nobody else saw",
    };
    let rule = json!({"type": "pull_request", "parameters": {
        "required_approving_review_count": 1,
        "dismiss_stale_reviews_on_push": true,
        "require_last_push_approval": true,
        "require_code_owner_review": false,
        "required_review_thread_resolution": false,
    }});
    let ruleset = json!({
        "name": MAIN,
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [format!("refs/heads/{MAIN}")], "exclude": []}},
        "rules": [{"type": "deletion"}, {"type": "non_fast_forward"}, rule],
    });
    let fix = [fixes.post("/rulesets", &ruleset), fixes.page("rules")];
    Finding::new(Status::Wrong, what, says).fixed_by(fix)
}
