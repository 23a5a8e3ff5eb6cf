//! What a repository holds. Tests read it and change it at will.

mod delivery;

use super::dispatches::Dispatch;
use super::identity::User;
use bytes::Bytes;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

pub use delivery::{Actions, Branches, CheckRun, Deployment, DeploymentStatus, Environment, Sarif};

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
    /// The names of those that are protected.
    pub protected: BTreeSet<String>,
    /// How many approvals a ruleset wants of the pull requests into a branch, by its name.
    pub approvals: BTreeMap<String, u8>,
    /// The commits of the default branch, oldest first, each the parent of the next.
    pub history: Vec<Commit>,
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
            protected: BTreeSet::new(),
            approvals: BTreeMap::new(),
            history: Vec::new(),
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

/// A commit, without what it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its id, 40 hexadecimal digits.
    pub sha: String,
    /// Its message.
    pub message: String,
    /// Who wrote it.
    pub author: User,
    /// When it was made.
    pub at: Timestamp,
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
    /// Who closed it, unless it is open.
    pub closed_by: Option<User>,
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
    /// Who merged it.
    pub merged_by: Option<User>,
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
    /// What it said before, oldest first: GitHub keeps each edit, and shows it to everybody who may read.
    pub edits: Vec<String>,
    /// Who wrote it.
    pub user: User,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The time, in whole seconds as GitHub keeps it.
pub(super) fn now() -> Timestamp {
    whole(Timestamp::now())
}

/// A time without what GitHub does not keep of it.
pub(super) fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
