//! What a repository holds of its delivery: check runs, deployments, environments, scans, and what workflows may do.

use crate::github::User;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// A check run.
#[derive(Debug, Clone)]
pub struct CheckRun {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The commit that it is about.
    pub head_sha: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// Such as `success`, once it is completed.
    pub conclusion: Option<String>,
    /// What its maker calls it.
    pub external_id: Option<String>,
    /// Where more is to be seen.
    pub details_url: Option<String>,
    /// Title, summary and text, as last sent.
    pub output: Value,
    /// Its annotations, of all requests.
    pub annotations: Vec<Value>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

/// A deployment.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Its id.
    pub id: u64,
    /// What was asked for: a branch or a commit.
    pub git_ref: String,
    /// The commit that it meant.
    pub sha: String,
    /// Such as `deploy`.
    pub task: String,
    /// Where to.
    pub environment: String,
    /// What its maker says of it.
    pub description: Option<String>,
    /// What its maker added: an object or a text.
    pub payload: Value,
    /// Whether its maker called the environment one that users see.
    pub production: bool,
    /// Whether its environment will end some day.
    pub transient: bool,
    /// Who made it.
    pub creator: User,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its last status came, or it was made.
    pub updated_at: Timestamp,
    /// What became of it, in order.
    pub statuses: Vec<DeploymentStatus>,
}

impl Deployment {
    /// The states that it had, in order.
    #[must_use]
    pub fn states(&self) -> Vec<&str> {
        self.statuses.iter().map(|status| status.state.as_str()).collect()
    }
}

/// What became of a deployment.
#[derive(Debug, Clone)]
pub struct DeploymentStatus {
    /// Its id.
    pub id: u64,
    /// Such as `in_progress`.
    pub state: String,
    /// What its maker says of it.
    pub description: String,
    /// Where its log is.
    pub log_url: String,
    /// Where what was deployed is.
    pub environment_url: String,
    /// Who said it.
    pub creator: User,
    /// When it was said.
    pub created_at: Timestamp,
}

/// An environment that jobs may name.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// People of whom one has to approve a job.
    pub reviewers: Vec<User>,
    /// Whether the one who started a run may not approve its jobs.
    pub prevent_self_review: bool,
    /// How long a job waits, in minutes.
    pub wait_timer: u64,
    /// Which branches' jobs may name it.
    pub branches: Branches,
    /// The variables of its jobs.
    pub variables: BTreeMap<String, String>,
}

/// Which branches may deploy to an environment.
#[derive(Debug, Clone, Default)]
pub enum Branches {
    /// Every one.
    #[default]
    All,
    /// Those that are protected.
    Protected,
    /// Those whose names match one of these patterns.
    Named(Vec<String>),
}

/// An uploaded SARIF file.
#[derive(Debug, Clone)]
pub struct Sarif {
    /// The commit that was looked at.
    pub commit_sha: String,
    /// Where it is, such as `refs/heads/main` or `refs/pull/1/merge`.
    pub git_ref: String,
    /// What the upload calls the tool, if it does.
    pub tool_name: Option<String>,
    /// The file.
    pub content: Value,
}

/// What a repository lets workflows do.
#[derive(Debug, Clone)]
pub struct Actions {
    /// Whether there are any.
    pub enabled: bool,
    /// Whose actions they may use: `all`, `local_only` or `selected`.
    pub allowed: String,
    /// Whether actions have to be named by commit.
    pub sha_pinning_required: bool,
    /// What a job's token may do unless the workflow says: `read` or `write`.
    pub default_permissions: String,
    /// Whether jobs may approve pull requests.
    pub may_approve: bool,
    /// The claims that the subject of a job's OIDC token is made of: `None` for GitHub's own choice.
    pub subject: Option<Vec<String>>,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            enabled: true,
            allowed: "all".to_owned(),
            sha_pinning_required: false,
            default_permissions: "read".to_owned(),
            may_approve: false,
            subject: None,
        }
    }
}
