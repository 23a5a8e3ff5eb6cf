//! Deployments and what became of them: <https://docs.github.com/en/rest/deployments>.

use super::call::{Call, Outcome, Reply};
use super::show::{node, time, user};
use super::state::{Deployment, DeploymentStatus, Repository};
use serde_json::{Value, json};

fn show(call: &Call<'_>, repository: &Repository, deployment: &Deployment) -> Value {
    let url = call.url(&repository.about, &format!("/deployments/{}", deployment.id));
    json!({
        "id": deployment.id,
        "node_id": node("DE", deployment.id),
        "url": url,
        "statuses_url": format!("{url}/statuses"),
        "repository_url": call.url(&repository.about, ""),
        "sha": deployment.sha,
        "ref": deployment.git_ref,
        "task": deployment.task,
        "payload": deployment.payload,
        "environment": deployment.environment,
        "original_environment": deployment.environment,
        "production_environment": deployment.production,
        "transient_environment": deployment.transient,
        "description": deployment.description,
        "creator": user(call, &deployment.creator),
        "created_at": time(deployment.created_at),
        "updated_at": time(deployment.updated_at),
    })
}

fn show_status(call: &Call<'_>, repository: &Repository, of: &Deployment, status: &DeploymentStatus) -> Value {
    let url = call.url(&repository.about, &format!("/deployments/{}", of.id));
    json!({
        "id": status.id,
        "node_id": node("DES", status.id),
        "url": format!("{url}/statuses/{}", status.id),
        "deployment_url": url,
        "repository_url": call.url(&repository.about, ""),
        "state": status.state,
        "description": status.description,
        "environment": of.environment,
        "environment_url": status.environment_url,
        "log_url": status.log_url,
        "target_url": status.log_url,
        "creator": user(call, &status.creator),
        "created_at": time(status.created_at),
        "updated_at": time(status.created_at),
    })
}

pub(super) fn list(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let is = |name, value: &str| call.query.get(name).is_none_or(|asked| asked == value || asked == "none");
    let fits = |it: &&Deployment| {
        is("sha", &it.sha) && is("ref", &it.git_ref) && is("task", &it.task) && is("environment", &it.environment)
    };
    let found = repository.deployments.values().rev().filter(fits);
    Ok(call.page(repository, found, 30).list(|deployment| show(call, repository, deployment)))
}

pub(super) fn get(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    Ok(Reply::json(200, show(call, repository, find(call, repository)?)))
}

fn find<'a>(call: &Call<'_>, repository: &'a Repository) -> Result<&'a Deployment, Reply> {
    repository.deployments.get(&call.number("deployment_id")).ok_or_else(Reply::not_found)
}

pub(super) fn create(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let git_ref = call.text("ref").unwrap_or_default();
    let Some(sha) = repository.commit(&git_ref) else {
        let message = format!("No ref found for: {git_ref}");
        return Err(Reply::error(422, &message, "/deployments/deployments#create-a-deployment"));
    };
    let environment = call.text("environment").unwrap_or_else(|| "production".to_owned());
    let deployment = Deployment {
        id: call.id(),
        git_ref,
        sha,
        task: call.text("task").unwrap_or_else(|| "deploy".to_owned()),
        description: call.text("description"),
        payload: call.body.get("payload").cloned().unwrap_or_else(|| json!({})),
        production: call.body["production_environment"].as_bool().unwrap_or(environment == "production"),
        transient: call.body["transient_environment"] == true,
        creator: call.user.clone(),
        created_at: call.now,
        updated_at: call.now,
        statuses: Vec::new(),
        environment: environment.clone(),
    };
    // An environment that nobody made comes into being, without any protection.
    repository.environments.entry(environment).or_default();
    let shown = show(call, repository, &deployment);
    let place = call.url(&repository.about, &format!("/deployments/{}", deployment.id));
    repository.deployments.insert(deployment.id, deployment);
    Ok(Reply::json(201, shown).header("location", &place))
}

pub(super) fn statuses(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let deployment = find(call, repository)?;
    let all = deployment.statuses.iter().rev();
    Ok(call.page(repository, all, 30).list(|status| show_status(call, repository, deployment, status)))
}

pub(super) fn create_status(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let deployment = find(call, repository)?;
    let (id, environment) = (deployment.id, deployment.environment.clone());
    let text = |name| call.text(name).unwrap_or_default();
    let log_url = call.text("log_url").unwrap_or_else(|| text("target_url"));
    let status = DeploymentStatus {
        id: call.id(),
        state: text("state"),
        description: text("description"),
        log_url,
        environment_url: text("environment_url"),
        creator: call.user.clone(),
        created_at: call.now,
    };
    if status.description.chars().count() > 140 {
        let message = "description is too long (maximum is 140 characters)";
        let error =
            json!({ "resource": "DeploymentStatus", "code": "custom", "field": "description", "message": message });
        return Err(Reply::invalid(json!([error]), "/deployments/statuses#create-a-deployment-status"));
    }
    let shown = show_status(call, repository, deployment, &status);
    // A success ends what was deployed there before, unless that is switched off or the environment is for users.
    let ends = status.state == "success" && call.body["auto_inactive"] != false;
    for (other, deployment) in &mut repository.deployments {
        if *other == id {
            deployment.updated_at = call.now;
            deployment.statuses.push(status.clone());
        } else if ends && deployment.environment == environment && !deployment.production && !deployment.transient {
            let live = deployment.statuses.last().is_some_and(|last| last.state == "success");
            if live {
                let ended = DeploymentStatus { id: call.id(), state: "inactive".to_owned(), ..status.clone() };
                deployment.statuses.push(ended);
            }
        }
    }
    Ok(Reply::json(201, shown))
}
