//! What starts workflows: pushes, and wishes from outside: <https://docs.github.com/en/rest/actions/workflows> and
//! <https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event>.

use super::call::{Call, Outcome, Reply};
use super::identity::User;
use super::state::Repository;
use serde_json::{Value, json};

/// A wish that workflows start.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// `owner/name`.
    pub repository: String,
    /// Who wished it.
    pub sender: User,
    /// What exactly.
    pub event: Event,
}

/// Which workflows are to start, and what they are told.
#[derive(Debug, Clone)]
pub enum Event {
    /// `workflow_dispatch`: this workflow.
    Workflow {
        /// Its file's name, such as `on-rollback.yml`.
        file: String,
        /// Where from: a branch.
        git_ref: String,
        /// Its inputs: an object.
        inputs: Value,
        /// The id that the run is to have.
        run_id: u64,
    },
    /// `repository_dispatch`: those of the default branch that wait for it.
    Repository {
        /// `types:` of the workflows.
        event_type: String,
        /// An object.
        client_payload: Value,
    },
    /// `push`: those that are in the branch.
    Push {
        /// Such as `refs/heads/main`.
        git_ref: String,
        /// The branch's commit until now; zeros if the branch is new.
        before: String,
        /// Its commit from now on.
        after: String,
    },
}

pub(super) fn workflow(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    const DOCUMENTATION: &str = "/actions/workflows#create-a-workflow-dispatch-event";
    let file = call.name("workflow_id").to_owned();
    if !repository.workflows.contains(&file) {
        return Err(Reply::error(404, "Not Found", DOCUMENTATION));
    }
    let git_ref = call.text("ref").unwrap_or_default();
    if repository.commit(&git_ref).is_none() {
        return Err(Reply::error(422, &format!("No ref found for: {git_ref}"), DOCUMENTATION));
    }
    let run_id = call.id();
    let inputs = call.body.get("inputs").cloned().unwrap_or_else(|| json!({}));
    push(call, repository, Event::Workflow { file, git_ref, inputs, run_id });
    if call.body["return_run_details"] != true {
        return Ok(Reply::empty(204));
    }
    let below = format!("/actions/runs/{run_id}");
    let (run, page) = (call.url(&repository.about, &below), call.page_url(&repository.about, &below));
    Ok(Reply::json(200, json!({ "workflow_run_id": run_id, "run_url": run, "html_url": page })))
}

pub(super) fn repository(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let client_payload = call.body.get("client_payload").cloned().unwrap_or_else(|| json!({}));
    let event_type = call.text("event_type").unwrap_or_default();
    push(call, repository, Event::Repository { event_type, client_payload });
    Ok(Reply::empty(204))
}

fn push(call: &Call<'_>, repository: &mut Repository, event: Event) {
    let dispatch = Dispatch { repository: repository.about.full_name(), sender: call.user.clone(), event };
    repository.dispatches.push(dispatch);
}
