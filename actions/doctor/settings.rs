//! Judges what workflows may do by the repository's settings, and what their OIDC tokens say they are.

use super::{
    facts::{Facts, Known, Permissions, Repository, Subject, Workflows},
    finding::{Finding, Status},
    fix::{Fixes, quoted},
};

const ADMINISTRATION: &str = "Administration: read";
const PERMISSIONS: &str = "/actions/permissions";
const WORKFLOWS: &str = "/actions/permissions/workflow";
const SUBJECT: &str = "/actions/oidc/customization/sub";

/// Judges all of them.
pub(super) fn judge(facts: &Facts, fixes: &Fixes) -> Vec<Finding> {
    let mut found = permissions(&facts.permissions, fixes);
    found.extend(workflows(&facts.workflows, fixes));
    found.push(subject(&facts.subject, fixes));
    found.push(ids(&facts.subject, &facts.repository, fixes));
    found
}

fn permissions(permissions: &Known<Permissions>, fixes: &Fixes) -> Vec<Finding> {
    let now = match permissions {
        Ok(now) => now,
        Err(refusal) => return vec![Finding::unknown("Actions settings", refusal, ADMINISTRATION)],
    };
    let fix = |allowed: &str| {
        let flags = format!(
            "-F enabled=true -f {} -F sha_pinning_required=true",
            quoted(&format!("allowed_actions={allowed}"))
        );
        [fixes.put(PERMISSIONS, &flags), fixes.page("actions")]
    };
    if !now.enabled {
        let off = Finding::new(Status::Wrong, "Actions", "are switched off: nothing is delivered");
        return vec![off.fixed_by(fix("all"))];
    }
    let on = Finding::new(Status::Ok, "Actions", "are switched on");
    let allowed = now.allowed_actions.as_deref().unwrap_or("all");
    let pinned = now.sha_pinning_required == Some(true);
    let what = "allowed actions";
    let which = match (allowed, pinned) {
        (_, true) => Finding::new(Status::Ok, what, format!("{allowed}, each named by its commit")),
        ("local_only" | "selected", _) => Finding::new(Status::Ok, what, allowed),
        _ => {
            let says = format!(
                "{allowed}, and named by tags and branches that can be moved: require commits, or select which"
            );
            Finding::new(Status::Warning, what, says).fixed_by(fix(allowed))
        }
    };
    vec![on, which]
}

fn workflows(workflows: &Known<Workflows>, fixes: &Fixes) -> Vec<Finding> {
    let now = match workflows {
        Ok(now) => now,
        Err(refusal) => return vec![Finding::unknown("workflow permissions", refusal, ADMINISTRATION)],
    };
    let one = |what: &str, fine: bool, says: String| {
        if fine {
            return Finding::new(Status::Ok, what, says);
        }
        let flags = "-f default_workflow_permissions=read -F can_approve_pull_request_reviews=false";
        Finding::new(Status::Wrong, what, says).fixed_by([fixes.put(WORKFLOWS, flags), fixes.page("actions")])
    };
    let default = &now.default_workflow_permissions;
    let reads = default == "read";
    let says = if reads {
        "read".to_owned()
    } else {
        format!("{default}: a workflow that forgets `permissions:` may change everything")
    };
    let approves = now.can_approve_pull_request_reviews;
    let approval = if approves {
        "workflows may approve pull requests: a branch could approve itself"
    } else {
        "workflows may not approve"
    };
    vec![one("workflow permissions", reads, says), one("pull request approval", !approves, approval.to_owned())]
}

fn subject(subject: &Known<Subject>, fixes: &Fixes) -> Finding {
    let what = "OIDC subject";
    let now = match subject {
        Ok(now) => now,
        Err(refusal) => return Finding::unknown(what, refusal, "Actions: read"),
    };
    let keys = now.include_claim_keys.as_deref().unwrap_or_default();
    if now.use_default || keys == ["repo", "context"] {
        return Finding::new(Status::Ok, what, "GitHub's own");
    }
    let made = if keys.is_empty() { "as the organisation says".to_owned() } else { format!("of {}", keys.join(", ")) };
    let says =
        format!("is made {made}; the roles' trust (terraform/modules/github-oidc-role) knows GitHub's own alone");
    Finding::new(Status::Wrong, what, says).fixed_by([fixes.put(SUBJECT, "-F use_default=true")])
}

/// Whether the subject carries ids is for `terraform/bootstrap` to know.
fn ids(subject: &Known<Subject>, repository: &Repository, fixes: &Fixes) -> Finding {
    let what = "ids in the subject";
    let says = format!("github_repository is {}", repository.full_name);
    match subject.as_ref().ok().and_then(|subject| subject.use_immutable_subject) {
        Some(false) => Finding::new(
            Status::Note,
            what,
            format!("none; for terraform/bootstrap, {says} and github_repository_ids null"),
        ),
        Some(true) => {
            let says = format!("yes: terraform/bootstrap has to know them ({says})");
            Finding::new(Status::Note, what, says).fixed_by([variable(repository)])
        }
        None => {
            let says = format!(
                "GitHub does not say. Repositories made, renamed or transferred since July 2026 have them: if this prints \
                 true, give them to terraform/bootstrap ({says})"
            );
            let ask = fixes.get(SUBJECT, ".use_immutable_subject");
            Finding::new(Status::Note, what, says).fixed_by([ask, variable(repository)])
        }
    }
}

fn variable(repository: &Repository) -> String {
    let ids = format!("{{owner=\"{}\",repository=\"{}\"}}", repository.owner.id, repository.id);
    format!("export TF_VAR_github_repository_ids={}", quoted(&ids))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::facts::Owner;

    fn fixes() -> Fixes {
        Fixes::new("https://github.com", "o/n")
    }

    fn of(use_default: bool, keys: Option<&[&str]>, ids: Option<bool>) -> Known<Subject> {
        let include_claim_keys = keys.map(|keys| keys.iter().map(|&key| key.to_owned()).collect());
        Ok(Subject { use_default, include_claim_keys, use_immutable_subject: ids })
    }

    #[test]
    fn a_subject_of_other_claims_is_wrong_and_githubs_own_written_out_is_not() {
        for (subject_of, status) in [
            (of(true, Some(&["actor"]), None), Status::Ok),
            (of(false, Some(&["repo", "context"]), None), Status::Ok),
            (of(false, Some(&["context", "repo"]), None), Status::Wrong),
            (of(false, Some(&["repo", "job_workflow_ref"]), None), Status::Wrong),
            (of(false, None, None), Status::Wrong),
        ] {
            let found = subject(&subject_of, &fixes());
            assert_eq!(found.status, status, "{subject_of:?}");
        }
    }

    #[test]
    fn terraform_is_told_the_ids_only_where_tokens_have_them() {
        let repository = Repository {
            full_name: "o/n".to_owned(),
            default_branch: "main".to_owned(),
            id: 7,
            owner: Owner { id: 3 },
        };
        let export = "export TF_VAR_github_repository_ids='{owner=\"3\",repository=\"7\"}'";
        let fix = |subject| ids(&subject, &repository, &fixes()).fix;
        assert_eq!(fix(of(true, None, Some(true))), [export]);
        assert!(fix(of(true, None, Some(false))).is_empty());
        let ask = "gh api repos/o/n/actions/oidc/customization/sub --jq .use_immutable_subject";
        assert_eq!(fix(of(true, None, None)), [ask, export]);
    }

    #[test]
    fn actions_by_tags_that_can_be_moved_are_a_warning() {
        let of = |allowed: &str, pinned| {
            let now =
                Permissions { enabled: true, allowed_actions: Some(allowed.to_owned()), sha_pinning_required: pinned };
            permissions(&Ok(now), &fixes())[1].status
        };
        assert_eq!(of("all", None), Status::Warning);
        assert_eq!(of("all", Some(true)), Status::Ok);
        assert_eq!((of("selected", None), of("local_only", Some(false))), (Status::Ok, Status::Ok));
    }
}
