//! How a GitHub environment is protected: who may let a job in, from which branches, after how long.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::github::{GitHub, Refusal};

/// What a name's characters in a path are, besides letters and digits, as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// GitHub lists at most this many branch policies in an answer.
const PAGE: usize = 100;

/// How a GitHub environment is protected: <https://docs.github.com/en/rest/deployments/environments>
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Protection {
    /// Its name as GitHub has it, which may differ in case from the one that was asked for.
    pub name: String,
    /// Which branches' jobs may name it.
    pub branches: Branches,
    /// Of whom one has to approve a job: logins of people, slugs of teams.
    pub reviewers: Vec<String>,
    /// How long a job waits, in minutes.
    pub wait_minutes: u64,
    /// Whether the one who started a run may not approve its jobs.
    pub prevent_self_review: bool,
}

/// Which branches' jobs may name an environment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Branches {
    /// Every one, and every tag.
    All,
    /// Those that are protected, whichever they are.
    Protected,
    /// Those whose names match one of these patterns, if there are any; patterns of tags begin with `tag:`, which no
    /// branch's name can.
    Named(Vec<String>),
}

impl Branches {
    /// Who is let in, where it is not this branch alone.
    pub(crate) fn told(&self, branch: &str) -> String {
        let let_in = match self {
            Self::Named(patterns) if patterns.is_empty() => return "lets in nobody: no branch is named".to_owned(),
            Self::Named(patterns) => patterns.join(", "),
            Self::All => "every branch and tag".to_owned(),
            Self::Protected => "every protected branch".to_owned(),
        };
        format!("lets in {let_in}: more than {branch} alone, or something else, can reach its role")
    }
}

impl Protection {
    /// None if there is no such environment. Needs the right Actions: read.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn read(github: &GitHub, name: &str) -> Result<Option<Self>, Refusal> {
        let route = route(name);
        let shown: Shown = match github.get(&route).await {
            Ok(shown) => shown,
            Err(refusal) if refusal.status == Some(404) => return Ok(None),
            Err(refusal) => return Err(refusal),
        };
        let branches = match &shown.deployment_branch_policy {
            Some(policy) if policy.custom_branch_policies => {
                let policies = format!("{route}/deployment-branch-policies");
                let patterns: Vec<Pattern> = github.members(&policies, "branch_policies", PAGE).await?;
                Branches::Named(patterns.into_iter().map(Pattern::shown).collect())
            }
            Some(policy) if policy.protected_branches => Branches::Protected,
            _ => Branches::All,
        };
        Ok(Some(shown.with(branches)))
    }

    /// Whether jobs of this branch alone may name it.
    #[must_use]
    pub fn lets_in_only(&self, branch: &str) -> bool {
        // Git allows none of the pattern's special characters in a branch's name: an equal pattern matches nothing else.
        matches!(&self.branches, Branches::Named(patterns) if patterns.len() == 1 && patterns[0] == branch)
    }
}

/// Where an environment is, below its repository.
pub(crate) fn route(name: &str) -> String {
    format!("/environments/{}", encoded(name))
}

/// A name as one part of a path.
pub(crate) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

/// An environment as GitHub shows it.
#[derive(Deserialize)]
struct Shown {
    name: String,
    #[serde(default)]
    protection_rules: Vec<Rule>,
    deployment_branch_policy: Option<Policy>,
}

impl Shown {
    fn with(self, branches: Branches) -> Protection {
        let rules = &self.protection_rules;
        let reviewers = rules.iter().flat_map(|rule| rule.reviewers.iter().flatten());
        let name = |reviewer: &Reviewer| reviewer.reviewer.as_ref().and_then(|it| it.login.clone().or(it.slug.clone()));
        Protection {
            branches,
            reviewers: reviewers.filter_map(name).collect(),
            wait_minutes: rules.iter().filter_map(|rule| rule.wait_timer).max().unwrap_or(0),
            prevent_self_review: rules.iter().any(|rule| rule.prevent_self_review == Some(true)),
            name: self.name,
        }
    }
}

#[derive(Deserialize)]
struct Policy {
    protected_branches: bool,
    custom_branch_policies: bool,
}

/// A rule of any kind: each has its own members.
#[derive(Deserialize)]
struct Rule {
    wait_timer: Option<u64>,
    reviewers: Option<Vec<Reviewer>>,
    prevent_self_review: Option<bool>,
}

#[derive(Deserialize)]
struct Reviewer {
    reviewer: Option<Account>,
}

/// A person or a team.
#[derive(Deserialize)]
struct Account {
    login: Option<String>,
    slug: Option<String>,
}

#[derive(Deserialize)]
struct Pattern {
    name: String,
    r#type: Option<String>,
}

impl Pattern {
    fn shown(self) -> String {
        if self.r#type.as_deref() == Some("tag") { format!("tag:{}", self.name) } else { self.name }
    }
}
