//! What a repository holds. Tests read it and change it at will.

use super::dispatches::Dispatch;
use super::identity::User;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a person may do in a repository; each may what those before may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// See it, and comment.
    Read,
    /// Push to it.
    Write,
    /// Change its settings.
    Admin,
}

/// What a repository is, as other repositories' pull requests show it too.
#[derive(Debug, Clone)]
pub struct About {
    /// Its id.
    pub id: u64,
    /// Whose it is.
    pub owner: User,
    /// Its name without the owner's.
    pub name: String,
    /// Whether only its owner, its collaborators and its own jobs know of it.
    pub private: bool,
    /// Whether it is a fork of another.
    pub fork: bool,
    /// Such as `main`.
    pub default_branch: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl About {
    /// `owner/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner.login, self.name)
    }
}

/// A repository.
#[derive(Debug, Clone)]
pub struct Repository {
    /// What it is.
    pub about: About,
    /// Who may do what in it, by login; the owner may all.
    pub collaborators: BTreeMap<String, Role>,
    /// The commits of its branches, by their names.
    pub branches: BTreeMap<String, String>,
    /// Issues and pull requests, by number: at GitHub each pull request is an issue too.
    pub issues: BTreeMap<u64, Issue>,
    /// Their comments, by id.
    pub comments: BTreeMap<u64, Comment>,
    /// Which pull requests a commit belongs to, besides those whose head or merge commit it is.
    pub pulls_of: BTreeMap<String, BTreeSet<u64>>,
    /// Check runs, by id.
    pub check_runs: BTreeMap<u64, CheckRun>,
    /// Deployments, by id.
    pub deployments: BTreeMap<u64, Deployment>,
    /// Environments, by name.
    pub environments: BTreeMap<String, Environment>,
    /// Whether SARIF files are taken.
    pub code_scanning: bool,
    /// SARIF files, by the id that their upload gave.
    pub sarifs: BTreeMap<String, Sarif>,
    /// The workflow files that `workflow_dispatch` starts, such as `on-rollback.yml`.
    pub workflows: BTreeSet<String>,
    /// What was dispatched, in order.
    pub dispatches: Vec<Dispatch>,
    /// The tarballs (`.tar.gz`), by ref.
    pub tarballs: BTreeMap<String, Bytes>,
    /// The variables of all its workflows.
    pub variables: BTreeMap<String, String>,
    /// Its settings for workflows.
    pub actions: Actions,
}

impl Repository {
    pub(super) fn new(about: About) -> Self {
        Self {
            about,
            collaborators: BTreeMap::new(),
            branches: BTreeMap::new(),
            issues: BTreeMap::new(),
            comments: BTreeMap::new(),
            pulls_of: BTreeMap::new(),
            check_runs: BTreeMap::new(),
            deployments: BTreeMap::new(),
            environments: BTreeMap::new(),
            code_scanning: true,
            sarifs: BTreeMap::new(),
            workflows: BTreeSet::new(),
            dispatches: Vec::new(),
            tarballs: BTreeMap::new(),
            variables: BTreeMap::new(),
            actions: Actions::default(),
        }
    }

    /// The comments of an issue or pull request, in order.
    #[must_use]
    pub fn comments_of(&self, number: u64) -> Vec<&Comment> {
        self.comments.values().filter(|comment| comment.number == number).collect()
    }

    /// The commit that a branch or a commit's own id means.
    #[must_use]
    pub fn commit(&self, git_ref: &str) -> Option<String> {
        let short = git_ref.strip_prefix("refs/").unwrap_or(git_ref);
        let branch = self.branches.get(short.strip_prefix("heads/").unwrap_or(short));
        let is_commit = git_ref.len() == 40 && git_ref.bytes().all(|it| it.is_ascii_hexdigit());
        branch.cloned().or_else(|| is_commit.then(|| git_ref.to_owned()))
    }

    /// The number of the next issue or pull request.
    pub(super) fn next_number(&self) -> u64 {
        self.issues.keys().max().map_or(1, |last| last + 1)
    }
}

/// An issue, or with `pull` a pull request.
#[derive(Debug, Clone)]
pub struct Issue {
    /// Its id, which is no number that people see.
    pub id: u64,
    /// What people see.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: Option<String>,
    /// Who opened it.
    pub user: User,
    /// Whether it is open.
    pub open: bool,
    /// Why it was closed or opened again, such as `completed`.
    pub state_reason: Option<String>,
    /// The labels' names.
    pub labels: BTreeSet<String>,
    /// Whether only people who may push comment on it.
    pub locked: bool,
    /// Why it was locked.
    pub lock_reason: Option<String>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was closed, unless it is open.
    pub closed_at: Option<Timestamp>,
    /// What it is besides, if it is a pull request.
    pub pull: Option<Pull>,
}

/// A pull request's own part.
#[derive(Debug, Clone)]
pub struct Pull {
    /// What it brings.
    pub head: Branch,
    /// What it goes to, in the repository itself.
    pub base: Branch,
    /// Whether it is a draft.
    pub draft: bool,
    /// The commit that merged it; before that, the commit that tries the merge.
    pub merge_commit_sha: Option<String>,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
}

/// A side of a pull request.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Its name.
    pub git_ref: String,
    /// Its last commit.
    pub sha: String,
    /// Where it is: `None` if that repository was deleted.
    pub repository: Option<About>,
}

/// A comment on an issue or a pull request.
#[derive(Debug, Clone)]
pub struct Comment {
    /// Its id.
    pub id: u64,
    /// What it is on.
    pub number: u64,
    /// Its Markdown.
    pub body: String,
    /// Who wrote it.
    pub user: User,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

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
