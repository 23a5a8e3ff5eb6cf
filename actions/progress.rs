//! How a delivery goes on, told on GitHub by each of its jobs: by the statuses of a deployment
//! (<https://docs.github.com/en/rest/deployments/statuses>), and by a section of one comment on the pull request that was
//! merged, with a section for each environment that the next job writes anew.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    event::Event,
    github::{Access, GitHub, NO_TOKEN, Refusal},
    http::query_value,
    markdown, page, runner,
    sticky::comment::{Sticky, pull_request_of, write_on_merged},
    who,
};

/// The comment's name in its marker.
pub(crate) const COMMENT: &str = "deploy";

/// How long the jobs of several environments leave each other to write the same comment: they seldom write at once, and each
/// step of a delivery waits for it.
const SETTLE: Duration = Duration::from_millis(500);

/// GitHub takes a description of 140 characters; a cut one says how much is missing.
const DESCRIPTION: usize = 110;

/// So many earlier deployments of an environment are looked at whether they were left unfinished.
const EARLIER: usize = 5;

/// Where to tell.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Told {
    #[command(flatten)]
    pub(crate) github: Access,
    /// Pull request to comment on [default: the run's, else the one that its commit came by]
    #[arg(long, env = "INPUT_PULL_REQUEST", value_name = "N")]
    pub(crate) pull_request: Option<u64>,
    /// Deployment on GitHub that is told how it goes on: `lockgate check`'s output deployment
    #[arg(long, env = "INPUT_DEPLOYMENT", value_name = "ID")]
    pub(crate) deployment: Option<u64>,
}

/// The state of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It waits for a job.
    Queued,
    /// It waits for a person.
    Pending,
    /// It is under way.
    InProgress,
    /// What it brings serves.
    Success,
    /// It was stopped, or taken back.
    Failure,
    /// Something outside of it failed.
    Error,
    /// A later one has taken its place.
    Inactive,
}

#[derive(Debug, Deserialize)]
struct Made {
    id: u64,
}

impl Told {
    /// Says of the deployment how it goes on; where it cannot be said, that is no reason to stop.
    pub(crate) async fn status(&self, state: State, description: &str, url: Option<&str>) {
        let Some(id) = self.deployment else { return };
        let said = async {
            let Some(github) = self.github.connect()? else { return Ok(()) };
            status(&github, id, state, description, url).await?;
            anyhow::Ok(())
        };
        if let Err(error) = said.await {
            runner::warning(format_args!("the deployment's status was not written: {error:#}"));
        }
    }

    /// Whether nobody has said of the deployment how it ended. Where that cannot be read, nobody says more of it.
    pub(crate) async fn is_under_way(&self) -> bool {
        let Some(id) = self.deployment else { return false };
        let read = async {
            let Some(github) = self.github.connect()? else { return Ok(false) };
            anyhow::Ok(is_under_way(&github, id).await?)
        };
        read.await.unwrap_or_else(|error| {
            runner::warning(format_args!("the deployment's status was not read: {error:#}"));
            false
        })
    }

    /// The pull request to tell.
    ///
    /// # Errors
    /// If GitHub refuses to say by which pull request the commit came.
    pub(crate) async fn number(&self, github: &GitHub, event: &Event) -> Result<Option<u64>> {
        match (self.pull_request, &event.pull_request, who::commit()) {
            (Some(number), ..) => Ok(Some(number)),
            (None, Some(pull), _) => Ok(Some(pull.number)),
            (None, None, Some(commit)) => pull_request_of(github, &commit).await,
            (None, None, None) => Ok(None),
        }
    }

    /// Writes the section of `subject` into the comment, as `render` makes it for the room that it is given.
    ///
    /// # Errors
    /// If GitHub refuses, or cannot be reached.
    pub(crate) async fn comment(&self, event: &Event, subject: &str, render: impl Fn(usize) -> String) -> Result<()> {
        let Some(github) = self.github.connect()? else {
            runner::notice(format_args!("no comment was written: {NO_TOKEN}"));
            return Ok(());
        };
        let Some(number) = self.number(&github, event).await? else {
            runner::notice("no comment was written: the commit came by no pull request");
            return Ok(());
        };
        comment(&github, number, subject, render).await
    }
}

/// See [`Told::comment`].
pub(crate) async fn comment(
    github: &GitHub,
    number: u64,
    subject: &str,
    render: impl Fn(usize) -> String,
) -> Result<()> {
    let sticky = Sticky { action: COMMENT, subject, most: page::COMMENT, settle: SETTLE };
    write_on_merged(github, number, sticky, render).await?.say(number);
    Ok(())
}

/// Makes a deployment and returns its id; those before it in the environment that nobody ended are over by it.
///
/// # Errors
/// See [`Refusal`].
pub(crate) async fn create(
    github: &GitHub,
    commit: &str,
    environment: &str,
    release: &str,
    production: bool,
) -> Result<u64, Refusal> {
    let earlier: Vec<Made> =
        github.get(&format!("/deployments?environment={}&per_page={EARLIER}", query_value(environment))).await?;
    let new = json!({
        "ref": commit,
        "environment": environment,
        "description": markdown::short(&format!("Release {release}"), DESCRIPTION),
        "payload": {"release": release, "run": who::run()},
        "production_environment": production,
        "auto_merge": false,
        // What has to pass before is the workflow's business.
        "required_contexts": [],
    });
    let made: Made = github.post("/deployments", &new).await?;
    // It is there, and the later jobs need its id, whatever becomes of those before it.
    if let Err(error) = end(github, earlier, release).await {
        runner::warning(format_args!("an earlier deployment of {environment} was not ended: {error}"));
    }
    Ok(made.id)
}

/// Ends those of these deployments that nobody ended.
async fn end(github: &GitHub, earlier: Vec<Made>, release: &str) -> Result<(), Refusal> {
    for Made { id } in earlier {
        if is_under_way(github, id).await? {
            status(github, id, State::Inactive, &format!("Release {release} came after it"), None).await?;
        }
    }
    Ok(())
}

/// Whether the last status of a deployment, if there is one, is none of an end.
async fn is_under_way(github: &GitHub, id: u64) -> Result<bool, Refusal> {
    let last: Vec<Last> = github.get(&format!("/deployments/{id}/statuses?per_page=1")).await?;
    Ok(last.first().is_none_or(|last| ["queued", "pending", "in_progress"].contains(&last.state.as_str())))
}

#[derive(Debug, Deserialize)]
struct Last {
    state: String,
}

/// Adds a status to a deployment.
///
/// # Errors
/// See [`Refusal`].
pub(crate) async fn status(
    github: &GitHub,
    id: u64,
    state: State,
    description: &str,
    url: Option<&str>,
) -> Result<(), Refusal> {
    let mut new = json!({ "state": state, "description": markdown::short(description, DESCRIPTION) });
    for (name, url) in [("log_url", who::run_url().as_deref()), ("environment_url", url)] {
        if let Some(url) = url.filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
            new[name] = url.into();
        }
    }
    github.post::<serde_json::Value>(&format!("/deployments/{id}/statuses"), &new).await.map(drop)
}
