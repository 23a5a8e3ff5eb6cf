//! Who asks: people and the tokens of jobs, and what each may do.

use super::call::Reply;
use super::state::{Repository, Role};
use std::collections::BTreeMap;

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The account's name; an app's ends in `[bot]`.
    pub login: String,
    /// The account's id.
    pub id: u64,
}

impl User {
    /// Whom a job's token acts as: `github-actions[bot]`, whose id is the same everywhere on github.com.
    #[must_use]
    pub fn actions() -> Self {
        Self { login: "github-actions[bot]".to_owned(), id: 41_898_282 }
    }

    /// Somebody of this name; the same name is the same person.
    #[must_use]
    pub fn named(login: &str) -> Self {
        let sum = login.bytes().fold(0, |sum: u64, byte| (sum * 31 + u64::from(byte)) % 9_000_000);
        Self { login: login.to_owned(), id: 1_000_000 + sum }
    }

    /// Whether it is an app.
    #[must_use]
    pub fn is_bot(&self) -> bool {
        self.login.ends_with("[bot]")
    }
}

/// Whose a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A job's: what its `permissions:` grant, in one repository.
    Job {
        /// `owner/name`.
        repository: String,
        /// As in a workflow, but with the API's names: `pull_requests` is `write`.
        permissions: BTreeMap<String, String>,
    },
    /// A person's, with all that the person may.
    Person(User),
}

impl Identity {
    /// Who acts.
    #[must_use]
    pub fn user(&self) -> User {
        match self {
            Self::Job { .. } => User::actions(),
            Self::Person(user) => user.clone(),
        }
    }

    /// What a person may do in a repository: `None` for jobs, and for people who may not even see it.
    pub(super) fn role(&self, repository: &Repository) -> Option<Role> {
        let Self::Person(user) = self else { return None };
        if user.login == repository.about.owner.login {
            return Some(Role::Admin);
        }
        let granted = repository.collaborators.get(&user.login).copied();
        granted.or((!repository.about.private).then_some(Role::Read))
    }

    /// Whether the repository exists for this identity.
    fn sees(&self, repository: &Repository) -> bool {
        match self {
            Self::Job { repository: own, .. } => {
                !repository.about.private || own.eq_ignore_ascii_case(&repository.about.full_name())
            }
            Self::Person(_) => self.role(repository).is_some(),
        }
    }

    /// Refuses what this identity may not do, as GitHub does. What may be done by rights on pull requests is about one
    /// only if `is_pull`.
    pub(super) fn check(&self, repository: &Repository, needs: &Needs, is_pull: bool) -> Result<(), Reply> {
        if !self.sees(repository) {
            return Err(Reply::not_found());
        }
        let free = needs.public && !repository.about.private;
        let granted = match self {
            Self::Job { repository: own, permissions } => {
                let here = own.eq_ignore_ascii_case(&repository.about.full_name());
                let has = |(name, level): &(&str, Level)| {
                    let granted = permissions.get(*name).map(String::as_str);
                    here && (is_pull || *name != "pull_requests" || needs.any.len() == 1)
                        && match level {
                            Level::Read => matches!(granted, Some("read" | "write")),
                            Level::Write => granted == Some("write"),
                        }
                };
                needs.any.is_empty() || needs.any.iter().any(has)
            }
            Self::Person(_) => self.role(repository) >= Some(needs.role),
        };
        if free || granted {
            return Ok(());
        }
        let (message, accepted) = match self {
            Self::Job { .. } => ("Resource not accessible by integration", needs.accepted()),
            Self::Person(_) => ("Must have admin rights to Repository.", String::new()),
        };
        let refusal = Reply::error(403, message, "");
        Err(if accepted.is_empty() { refusal } else { refusal.header("x-accepted-github-permissions", &accepted) })
    }
}

/// How much a permission allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Read,
    Write,
}

/// What an operation asks of who calls it:
/// <https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps>.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    /// One of these suffices for an app's token; none is needed if there is none.
    pub(super) any: &'static [(&'static str, Level)],
    /// Of a person.
    pub(super) role: Role,
    /// Whether everybody may in a public repository.
    pub(super) public: bool,
}

impl Needs {
    fn accepted(&self) -> String {
        let show =
            |(name, level): &(&str, Level)| format!("{name}={}", if *level == Level::Read { "read" } else { "write" });
        self.any.iter().map(show).collect::<Vec<_>>().join("; ")
    }
}
