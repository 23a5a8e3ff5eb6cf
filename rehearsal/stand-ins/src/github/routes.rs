//! Which operation is answered by what, and what it asks of the caller.

use super::call::{Call, Outcome};
use super::identity::{Level, Needs};
use super::state::{Repository, Role};
use super::{checks, comments, deployments, dispatches, history, issues, pulls, scanning, settings, tarball};

/// Answers an operation on a repository.
pub(super) type Handler = fn(&Call<'_>, &mut Repository) -> Outcome;

/// `GET /user` alone is about no repository.
pub(super) const USER: &str = "GET /user";

/// Reading what everybody may read in a public repository; in a private one this permission is needed.
const fn open(any: &'static [(&'static str, Level)]) -> Needs {
    Needs { any, role: Role::Read, public: true }
}

/// Something for those who have one of these permissions, or this role.
const fn closed(any: &'static [(&'static str, Level)], role: Role) -> Needs {
    Needs { any, role, public: false }
}

use Level::{Read, Write};

const COMMENT: &[(&str, Level)] = &[("issues", Write), ("pull_requests", Write)];

/// What answers the operation of this name, such as `GET /repos/{owner}/{repo}`.
pub(super) fn route(operation: &str) -> Option<(Needs, Handler)> {
    let (method, path) = operation.split_once(' ')?;
    let below = path.strip_prefix("/repos/{owner}/{repo}")?;
    let found: (Needs, Handler) = match (method, below) {
        ("GET", "") => (open(&[]), settings::repository),
        ("GET", "/actions/oidc/customization/sub") => (closed(&[("actions", Read)], Role::Read), settings::subject),
        ("GET", "/actions/permissions") => (closed(&[("administration", Read)], Role::Admin), settings::permissions),
        ("GET", "/actions/permissions/workflow") => {
            (closed(&[("administration", Read)], Role::Admin), settings::workflow_permissions)
        }
        ("GET", "/actions/variables") => (closed(&[("actions_variables", Read)], Role::Write), settings::variables),
        ("POST", "/actions/workflows/{workflow_id}/dispatches") => {
            (closed(&[("actions", Write)], Role::Write), dispatches::workflow)
        }
        ("POST", "/check-runs") => (closed(&[("checks", Write)], Role::Write), checks::create),
        ("PATCH", "/check-runs/{check_run_id}") => (closed(&[("checks", Write)], Role::Write), checks::update),
        ("GET", "/branches") => (open(&[("contents", Read)]), history::branches),
        ("POST", "/code-scanning/sarifs") => (closed(&[("security_events", Write)], Role::Write), scanning::upload),
        ("GET", "/code-scanning/sarifs/{sarif_id}") => {
            (closed(&[("security_events", Read)], Role::Write), scanning::status)
        }
        ("GET", "/commits/{commit_sha}/pulls") => (open(&[("pull_requests", Read)]), pulls::of_commit),
        ("GET", "/commits/{ref}/check-runs") => (open(&[("checks", Read)]), checks::of_commit),
        ("GET", "/compare/{basehead}") => (open(&[("contents", Read)]), history::compare),
        ("GET", "/deployments") => (open(&[("deployments", Read)]), deployments::list),
        ("POST", "/deployments") => (closed(&[("deployments", Write)], Role::Write), deployments::create),
        ("GET", "/deployments/{deployment_id}") => (open(&[("deployments", Read)]), deployments::get),
        ("GET", "/deployments/{deployment_id}/statuses") => (open(&[("deployments", Read)]), deployments::statuses),
        ("POST", "/deployments/{deployment_id}/statuses") => {
            (closed(&[("deployments", Write)], Role::Write), deployments::create_status)
        }
        ("POST", "/dispatches") => (closed(&[("contents", Write)], Role::Write), dispatches::repository),
        ("GET", "/environments") => (open(&[("actions", Read)]), settings::environments),
        ("GET", "/environments/{environment_name}") => (open(&[("actions", Read)]), settings::environment),
        ("GET", "/environments/{environment_name}/deployment-branch-policies") => {
            (open(&[("actions", Read)]), settings::branch_policies)
        }
        ("GET", "/environments/{environment_name}/variables") => {
            (closed(&[("environments", Read)], Role::Write), settings::environment_variables)
        }
        ("GET", "/issues") => (open(&[("issues", Read), ("pull_requests", Read)]), issues::list),
        ("POST", "/issues") => (closed(&[("issues", Write)], Role::Read), issues::create),
        ("GET", "/issues/{issue_number}") => (open(&[("issues", Read), ("pull_requests", Read)]), issues::get),
        ("PATCH", "/issues/{issue_number}") => (closed(COMMENT, Role::Read), issues::update),
        ("GET", "/issues/{issue_number}/comments") => {
            (open(&[("issues", Read), ("pull_requests", Read)]), comments::list)
        }
        ("POST", "/issues/{issue_number}/comments") => (closed(COMMENT, Role::Read), comments::create),
        ("PUT", "/issues/{issue_number}/lock") => (closed(COMMENT, Role::Write), issues::lock),
        ("DELETE", "/issues/{issue_number}/lock") => (closed(COMMENT, Role::Write), issues::unlock),
        ("GET", "/issues/comments/{comment_id}") => (open(&[("issues", Read), ("pull_requests", Read)]), comments::get),
        ("PATCH", "/issues/comments/{comment_id}") => (closed(COMMENT, Role::Read), comments::update),
        ("DELETE", "/issues/comments/{comment_id}") => (closed(COMMENT, Role::Read), comments::delete),
        ("GET", "/pulls") => (open(&[("pull_requests", Read)]), pulls::list),
        ("GET", "/pulls/{pull_number}") => (open(&[("pull_requests", Read)]), pulls::get),
        ("GET", "/rules/branches/{branch}") => (open(&[]), settings::rules),
        ("GET", "/tarball/{ref}") => (open(&[("contents", Read)]), tarball::redirect),
        _ => return None,
    };
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_described_operation_is_answered() {
        let listed = include_str!("../../openapi/paths.txt").lines();
        for operation in listed.filter(|line| !line.starts_with('#') && *line != USER) {
            assert!(route(operation).is_some(), "{operation} is described and not answered");
        }
    }
}
