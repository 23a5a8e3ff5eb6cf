//! What GitHub says of a job in its token.

use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// How long a token is good, in seconds.
const GOOD_FOR: u64 = 300;

/// The claims that tokens have besides those of every JWT.
pub(super) const NAMES: &[&str] = &[
    "sub",
    "aud",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "ref",
    "sha",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "run_id",
    "run_number",
    "run_attempt",
    "actor",
    "actor_id",
    "workflow",
    "workflow_ref",
    "workflow_sha",
    "head_ref",
    "base_ref",
    "event_name",
    "ref_type",
    "environment",
    "job_workflow_ref",
    "job_workflow_sha",
    "repository_visibility",
    "runner_environment",
];

/// A job, as far as its token tells.
#[derive(Debug, Clone)]
pub struct Job {
    /// The repository's owner.
    pub owner: String,
    /// The owner's id.
    pub owner_id: u64,
    /// The repository, without its owner.
    pub repository: String,
    /// The repository's id.
    pub repository_id: u64,
    /// Whether the subject carries both ids, as it does for repositories made since July 2026.
    pub immutable_subject: bool,
    /// Such as `refs/heads/main`.
    pub git_ref: String,
    /// The commit that the run is for.
    pub sha: String,
    /// The environment that the job names.
    pub environment: Option<String>,
    /// What started the run, such as `workflow_dispatch`.
    pub event: String,
    /// The run's id.
    pub run_id: u64,
    /// Which attempt of it, from 1.
    pub run_attempt: u64,
    /// The file of the workflow that was started, such as `.github/workflows/on-main.yml`.
    pub workflow: String,
    /// The file that holds the job, if it is another one: a reusable workflow of the same repository.
    pub called: Option<String>,
    /// Who started the run.
    pub actor: String,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            owner: "acme".into(),
            owner_id: 1001,
            repository: "calls".into(),
            repository_id: 2002,
            immutable_subject: false,
            git_ref: "refs/heads/main".into(),
            sha: "0123456789abcdef0123456789abcdef01234567".into(),
            environment: None,
            event: "push".into(),
            run_id: 4711,
            run_attempt: 1,
            workflow: ".github/workflows/on-main.yml".into(),
            called: None,
            actor: "octocat".into(),
        }
    }
}

impl Job {
    /// The subject: what nearly every trust policy compares.
    #[must_use]
    pub fn subject(&self) -> String {
        let Self { owner, owner_id, repository, repository_id, .. } = self;
        let name = if self.immutable_subject {
            format!("{owner}@{owner_id}/{repository}@{repository_id}")
        } else {
            format!("{owner}/{repository}")
        };
        match (&self.environment, self.event.as_str()) {
            (Some(environment), _) => format!("repo:{name}:environment:{}", environment.replace(':', "%3A")),
            (None, "pull_request") => format!("repo:{name}:pull_request"),
            (None, _) => format!("repo:{name}:ref:{}", self.git_ref),
        }
    }

    pub(super) fn claims(&self, issuer: &str, audience: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let file = |path: &str| format!("{}/{}/{path}@{}", self.owner, self.repository, self.git_ref);
        let mut claims = json!({
            "iss": issuer,
            "aud": audience,
            "sub": self.subject(),
            "jti": format!("{:016x}", getrandom::u64().unwrap_or_default()),
            "iat": now,
            "nbf": now - 1,
            "exp": now + GOOD_FOR,
            "ref": self.git_ref,
            "ref_type": if self.git_ref.starts_with("refs/tags/") { "tag" } else { "branch" },
            "sha": self.sha,
            "repository": format!("{}/{}", self.owner, self.repository),
            "repository_id": self.repository_id.to_string(),
            "repository_owner": self.owner,
            "repository_owner_id": self.owner_id.to_string(),
            "repository_visibility": "private",
            "run_id": self.run_id.to_string(),
            "run_number": "1",
            "run_attempt": self.run_attempt.to_string(),
            "actor": self.actor,
            "actor_id": "3003",
            "event_name": self.event,
            "head_ref": "",
            "base_ref": "",
            "workflow": self.workflow.rsplit('/').next().map(|name| name.trim_end_matches(".yml")),
            "workflow_ref": file(&self.workflow),
            "workflow_sha": self.sha,
            "job_workflow_ref": file(self.called.as_deref().unwrap_or(&self.workflow)),
            "job_workflow_sha": self.sha,
            "runner_environment": "github-hosted",
        });
        if let Some(environment) = &self.environment {
            claims.as_object_mut().unwrap_or(&mut Map::new()).insert("environment".into(), json!(environment));
        }
        claims
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subject_has_githubs_forms() {
        let job = Job::default();
        assert_eq!(job.subject(), "repo:acme/calls:ref:refs/heads/main");
        let pull_request = Job { event: "pull_request".into(), ..job.clone() };
        assert_eq!(pull_request.subject(), "repo:acme/calls:pull_request");
        let environment = Job { environment: Some("eu:staging".into()), immutable_subject: true, ..job };
        assert_eq!(environment.subject(), "repo:acme@1001/calls@2002:environment:eu%3Astaging");
    }
}
