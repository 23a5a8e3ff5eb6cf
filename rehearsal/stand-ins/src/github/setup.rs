//! What tests and the rehearsal do with a GitHub besides asking it over HTTP.

use super::call::next;
use super::identity::{Identity, User};
use super::state::{About, Branch, Comment, Deployment, Issue, Pull, Repository};
use super::{Github, locked, state};
use anyhow::{Context, Result};
use std::collections::BTreeSet;

/// A pull request to be opened; the default is one from a branch of the repository itself to `main`.
#[derive(Debug, Clone)]
pub struct NewPull {
    /// Its title.
    pub title: String,
    /// Who opens it.
    pub user: String,
    /// The branch that it brings.
    pub head_ref: String,
    /// The last commit of that.
    pub head_sha: String,
    /// The fork that the branch is in (`owner/name`), if it is one; the fork need not have been added.
    pub fork: Option<String>,
    /// The branch that it goes to.
    pub base_ref: String,
    /// The last commit of that.
    pub base_sha: String,
    /// The commit that tries the merge, which `refs/pull/<number>/merge` is.
    pub merge_commit_sha: Option<String>,
}

impl Default for NewPull {
    fn default() -> Self {
        Self {
            title: "Change something".to_owned(),
            user: "octocat".to_owned(),
            head_ref: "change".to_owned(),
            head_sha: "1".repeat(40),
            fork: None,
            base_ref: "main".to_owned(),
            base_sha: "0".repeat(40),
            merge_commit_sha: None,
        }
    }
}

impl Github {
    /// Adds an empty repository (`owner/name`) with the branch `main`, or does nothing if it is there.
    pub fn add_repository(&self, full_name: &str, private: bool) {
        let about = self.about(full_name, private, false);
        let main = (about.default_branch.clone(), "0".repeat(40));
        let mut repositories = locked(&self.shared.repositories);
        let new = || Repository { branches: [main].into(), ..Repository::new(about) };
        repositories.entry(full_name.to_lowercase()).or_insert_with(new);
    }

    fn about(&self, full_name: &str, private: bool, fork: bool) -> About {
        let (owner, name) = full_name.split_once('/').unwrap_or(("nobody", full_name));
        About {
            id: self.id(),
            owner: User::named(owner),
            name: name.to_owned(),
            private,
            fork,
            default_branch: "main".to_owned(),
            created_at: state::now(),
        }
    }

    fn id(&self) -> u64 {
        next(&self.shared.ids)
    }

    /// A repository as it is now.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn repository(&self, full_name: &str) -> Result<Repository> {
        self.edit(full_name, |repository| repository.clone())
    }

    /// Looks at a repository, or changes it, while nobody else does.
    ///
    /// # Errors
    /// As [`Github::repository`].
    pub fn edit<T>(&self, full_name: &str, change: impl FnOnce(&mut Repository) -> T) -> Result<T> {
        let mut repositories = locked(&self.shared.repositories);
        let repository = repositories.get_mut(&full_name.to_lowercase());
        repository.map(change).with_context(|| format!("there is no repository {full_name}: add it first"))
    }

    /// Opens a pull request and gives its number.
    ///
    /// # Errors
    /// As [`Github::repository`].
    pub fn add_pull(&self, full_name: &str, new: NewPull) -> Result<u64> {
        let (id, fork) = (self.id(), new.fork.map(|fork| self.about(&fork, false, true)));
        self.edit(full_name, |repository| {
            let about = repository.about.clone();
            let head = Branch {
                git_ref: new.head_ref,
                sha: new.head_sha,
                repository: Some(fork.unwrap_or_else(|| about.clone())),
            };
            let base = Branch { git_ref: new.base_ref, sha: new.base_sha, repository: Some(about) };
            let merge_commit_sha = new.merge_commit_sha;
            let pull = Pull { head, base, draft: false, merge_commit_sha, merged_at: None, merged_by: None };
            insert(repository, id, new.title, &new.user, Some(pull))
        })
    }

    /// Opens an issue and gives its number.
    ///
    /// # Errors
    /// As [`Github::repository`].
    pub fn add_issue(&self, full_name: &str, title: &str, login: &str) -> Result<u64> {
        let id = self.id();
        self.edit(full_name, |repository| insert(repository, id, title.to_owned(), login, None))
    }

    /// Comments on an issue or a pull request and gives the comment's id.
    ///
    /// # Errors
    /// As [`Github::repository`]; whether the number is one of something is not looked at.
    pub fn add_comment(&self, full_name: &str, number: u64, login: &str, body: &str) -> Result<u64> {
        let (id, now) = (self.id(), state::now());
        let (user, body) = (account(login), body.to_owned());
        let comment = Comment { id, number, body, edits: Vec::new(), user, created_at: now, updated_at: now };
        self.edit(full_name, |repository| repository.comments.insert(id, comment))?;
        Ok(id)
    }

    /// Makes a deployment of a commit, of which nobody has said anything yet, and gives its id.
    ///
    /// # Errors
    /// As [`Github::repository`].
    pub fn add_deployment(&self, full_name: &str, sha: &str, environment: &str) -> Result<u64> {
        let (id, now) = (self.id(), state::now());
        let deployment = Deployment {
            id,
            git_ref: sha.to_owned(),
            sha: sha.to_owned(),
            task: "deploy".to_owned(),
            environment: environment.to_owned(),
            description: None,
            payload: serde_json::json!({}),
            production: false,
            transient: false,
            creator: User::actions(),
            created_at: now,
            updated_at: now,
            statuses: Vec::new(),
        };
        self.edit(full_name, |repository| repository.deployments.insert(id, deployment))?;
        Ok(id)
    }

    /// A token as a job of this repository has, with these permissions as in the workflow's `permissions:` and no others.
    #[must_use]
    pub fn token(&self, full_name: &str, permissions: &[(&str, &str)]) -> String {
        let named = |(name, level): &(&str, &str)| (name.replace('-', "_"), (*level).to_owned());
        let permissions = permissions.iter().map(named).collect();
        self.issue("ghs", Identity::Job { repository: full_name.to_owned(), permissions })
    }

    /// A token of a person, who may what the repositories' owners and collaborators may.
    #[must_use]
    pub fn user_token(&self, login: &str) -> String {
        self.issue("ghp", Identity::Person(User::named(login)))
    }

    fn issue(&self, kind: &str, identity: Identity) -> String {
        let token = format!("{kind}_{:036}", self.id());
        locked(&self.shared.tokens).insert(token.clone(), identity);
        token
    }
}

pub(super) fn account(login: &str) -> User {
    if login == User::actions().login { User::actions() } else { User::named(login) }
}

fn insert(repository: &mut Repository, id: u64, title: String, login: &str, pull: Option<Pull>) -> u64 {
    let (number, now) = (repository.next_number(), state::now());
    let issue = Issue {
        id,
        number,
        title,
        body: None,
        user: account(login),
        open: true,
        state_reason: None,
        labels: BTreeSet::new(),
        locked: false,
        lock_reason: None,
        created_at: now,
        updated_at: now,
        closed_at: None,
        closed_by: None,
        pull,
    };
    repository.issues.insert(number, issue);
    number
}
