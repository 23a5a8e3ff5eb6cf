//! What a repository is set to: itself, its environments, its workflows' rights, variables
//! (<https://docs.github.com/en/rest/deployments/environments>, <https://docs.github.com/en/rest/actions>), its rules.

use super::call::{Call, Outcome, Reply};
use super::show::{self, node, time, user};
use super::state::{Branches, Environment, Repository};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn repository(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    Ok(Reply::json(200, show::repository(call, repository)))
}

pub(super) fn environments(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let page = call.page(repository, repository.environments.iter(), 30);
    Ok(page.counted("environments", |(name, environment)| show_environment(call, repository, name, environment)))
}

pub(super) fn environment(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let (name, environment) = find(call, repository)?;
    Ok(Reply::json(200, show_environment(call, repository, name, environment)))
}

fn find<'a>(call: &Call<'_>, repository: &'a Repository) -> Result<(&'a String, &'a Environment), Reply> {
    repository.environments.get_key_value(call.name("environment_name")).ok_or_else(Reply::not_found)
}

/// An id for what has none of its own here: the same for the same names.
fn id(names: &[&str]) -> u64 {
    names.join("/").bytes().fold(11, |sum: u64, byte| (sum * 31 + u64::from(byte)) % 1_000_000_007)
}

fn show_environment(call: &Call<'_>, repository: &Repository, name: &str, environment: &Environment) -> Value {
    let number = id(&[&repository.about.full_name(), name]);
    let encoded = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    let rule = |kind: &str, more: Value| {
        let id = id(&[name, kind]);
        show::merged(json!({ "id": id, "node_id": node("GA", id), "type": kind }), more)
    };
    let mut rules = Vec::new();
    if environment.wait_timer > 0 {
        rules.push(rule("wait_timer", json!({ "wait_timer": environment.wait_timer })));
    }
    if !environment.reviewers.is_empty() {
        let one = |reviewer| json!({ "type": "User", "reviewer": user(call, reviewer) });
        let reviewers: Value = environment.reviewers.iter().map(one).collect();
        let more = json!({ "reviewers": reviewers, "prevent_self_review": environment.prevent_self_review });
        rules.push(rule("required_reviewers", more));
    }
    let (protected, named) = match &environment.branches {
        Branches::All => (false, false),
        Branches::Protected => (true, false),
        Branches::Named(_) => (false, true),
    };
    let restricted = protected || named;
    if restricted {
        rules.push(rule("branch_policy", json!({})));
    }
    let policy = json!({ "protected_branches": protected, "custom_branch_policies": named });
    json!({
        "id": number,
        "node_id": node("EN", number),
        "name": name,
        "url": call.url(&repository.about, &format!("/environments/{encoded}")),
        "html_url": call.page_url(&repository.about, &format!("/deployments/activity_log?environments_filter={encoded}")),
        "created_at": time(repository.about.created_at),
        "updated_at": time(repository.about.created_at),
        "can_admins_bypass": true,
        "protection_rules": rules,
        "deployment_branch_policy": restricted.then_some(policy),
    })
}

pub(super) fn branch_policies(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let (name, environment) = find(call, repository)?;
    let patterns = match &environment.branches {
        Branches::Named(patterns) => patterns.as_slice(),
        Branches::All | Branches::Protected => &[],
    };
    Ok(call.page(repository, patterns, 30).counted("branch_policies", |pattern| {
        let id = id(&[name, "branch", pattern]);
        json!({ "id": id, "node_id": node("DBP", id), "name": pattern, "type": "branch" })
    }))
}

/// The rules of a branch's rulesets: the one for pull requests, if there is one. Classic branch protection has none.
/// <https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch>
pub(super) fn rules(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let branch = call.name("branch");
    let approvals = repository.approvals.get(branch);
    let source = repository.about.full_name();
    Ok(call.page(repository, approvals, 30).list(|approvals| {
        json!({
            "type": "pull_request",
            "ruleset_source_type": "Repository",
            "ruleset_source": source,
            "ruleset_id": id(&[&source, branch]),
            "parameters": {
                "required_approving_review_count": approvals,
                "dismiss_stale_reviews_on_push": true,
                "require_code_owner_review": false,
                "require_last_push_approval": true,
                "required_review_thread_resolution": false,
            },
        })
    }))
}

pub(super) fn environment_variables(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let (_, environment) = find(call, repository)?;
    Ok(variables_of(call, repository, &environment.variables))
}

pub(super) fn variables(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    Ok(variables_of(call, repository, &repository.variables))
}

fn variables_of(call: &Call<'_>, repository: &Repository, variables: &BTreeMap<String, String>) -> Reply {
    let since = time(repository.about.created_at);
    call.page(repository, variables, 10).counted(
        "variables",
        |(name, value)| json!({ "name": name, "value": value, "created_at": since, "updated_at": since }),
    )
}

pub(super) fn permissions(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let actions = &repository.actions;
    if !actions.enabled {
        return Ok(Reply::json(200, json!({ "enabled": false })));
    }
    let mut shown = json!({
        "enabled": true,
        "allowed_actions": actions.allowed,
        "sha_pinning_required": actions.sha_pinning_required,
    });
    if actions.allowed == "selected" {
        let place = call.url(&repository.about, "/actions/permissions/selected-actions");
        shown["selected_actions_url"] = json!(place);
    }
    Ok(Reply::json(200, shown))
}

pub(super) fn workflow_permissions(_: &Call<'_>, repository: &mut Repository) -> Outcome {
    let actions = &repository.actions;
    let shown = json!({
        "default_workflow_permissions": actions.default_permissions,
        "can_approve_pull_request_reviews": actions.may_approve,
    });
    Ok(Reply::json(200, shown))
}

pub(super) fn subject(_: &Call<'_>, repository: &mut Repository) -> Outcome {
    let shown = match &repository.actions.subject {
        None => json!({ "use_default": true }),
        Some(claims) => json!({ "use_default": false, "include_claim_keys": claims }),
    };
    Ok(Reply::json(200, shown))
}
