//! What a repository is set to, read from GitHub's API.

use anyhow::anyhow;
use futures::future::try_join_all;
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::{
    failure::Failure,
    github::{GitHub, Refusal},
    protection::Protection,
};

/// GitHub lists at most this many variables in an answer.
const VARIABLES: usize = 30;

/// The branch that alone delivers: the roles' trust and the workflows name it.
pub(super) const MAIN: &str = "main";

/// What is known, or why it is not.
pub(super) type Known<T> = Result<T, Refusal>;

/// All that is judged.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) repository: Repository,
    /// By the name that was asked for.
    pub(super) environments: BTreeMap<String, Known<Option<Protection>>>,
    pub(super) variables: Known<BTreeMap<String, String>>,
    pub(super) permissions: Known<Permissions>,
    pub(super) workflows: Known<Workflows>,
    pub(super) subject: Known<Subject>,
    /// The rules of [`MAIN`].
    pub(super) rules: Known<Vec<Rule>>,
}

/// <https://docs.github.com/en/rest/repos/repos#get-a-repository>
#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    /// In the case that GitHub shows, and tokens have.
    pub(super) full_name: String,
    pub(super) default_branch: String,
    pub(super) id: u64,
    pub(super) owner: Owner,
}

#[derive(Debug, Deserialize)]
pub(super) struct Owner {
    pub(super) id: u64,
}

/// <https://docs.github.com/en/rest/actions/permissions#get-github-actions-permissions-for-a-repository>
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Permissions {
    pub(super) enabled: bool,
    pub(super) allowed_actions: Option<String>,
    pub(super) sha_pinning_required: Option<bool>,
}

/// <https://docs.github.com/en/rest/actions/permissions#get-default-workflow-permissions-for-a-repository>
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Workflows {
    pub(super) default_workflow_permissions: String,
    pub(super) can_approve_pull_request_reviews: bool,
}

/// <https://docs.github.com/en/rest/actions/oidc#get-the-customization-template-for-an-oidc-subject-claim-for-a-repository>
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Subject {
    pub(super) use_default: bool,
    pub(super) include_claim_keys: Option<Vec<String>>,
    /// Whether it has ids; servers that do not know of that do not say.
    pub(super) use_immutable_subject: Option<bool>,
}

/// A rule of a branch, from whichever ruleset: <https://docs.github.com/en/rest/repos/rules#get-rules-for-a-branch>
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Rule {
    pub(super) r#type: String,
    pub(super) parameters: Option<Parameters>,
}

/// Those of a rule for pull requests; other rules have others.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Parameters {
    pub(super) required_approving_review_count: Option<u64>,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
    value: String,
}

impl Facts {
    /// Reads them, with the environments of these names. What the token may not see becomes unknown.
    pub(super) async fn read(github: &GitHub, environments: &[String]) -> Result<Self, Failure> {
        let repository = github.get("").await.map_err(unseen)?;
        let read = environments.iter().map(async |name| known(Protection::read(github, name).await));
        let variables = async {
            let listed: Known<Vec<Variable>> =
                known(github.members("/actions/variables", "variables", VARIABLES).await)?;
            Ok(listed.map(|all| all.into_iter().map(|variable| (variable.name, variable.value)).collect()))
        };
        let (read, variables, permissions, workflows, subject, rules) = futures::try_join!(
            try_join_all(read),
            variables,
            async { known(github.get("/actions/permissions").await) },
            async { known(github.get("/actions/permissions/workflow").await) },
            async { known(github.get("/actions/oidc/customization/sub").await) },
            async { known(github.list(&format!("/rules/branches/{MAIN}")).await) },
        )?;
        let environments = environments.iter().cloned().zip(read).collect();
        Ok(Self { repository, environments, variables, permissions, workflows, subject, rules })
    }
}

/// A refusal is something to say about one thing; no answer, and an outage, are about none.
fn known<T>(read: Known<T>) -> Result<Known<T>, Failure> {
    match read {
        Err(refusal) if !matches!(refusal.status, Some(400 | 403 | 404 | 409 | 422)) => Err(unseen(refusal)),
        known => Ok(known),
    }
}

/// Why nothing can be said at all.
fn unseen(refusal: Refusal) -> Failure {
    match refusal.status {
        Some(401) => {
            Failure::Usage(anyhow!("{refusal}; give another token: INPUT_TOKEN=$(gh auth token) lockgate doctor"))
        }
        Some(403 | 404) => Failure::World(anyhow!(
            "the repository cannot be seen: {refusal}; is its name right, and may the token read it (repository permission \
             Metadata: read)?"
        )),
        _ => Failure::World(anyhow!("{refusal}; try again later")),
    }
}
