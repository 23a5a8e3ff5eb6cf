//! Check runs: <https://docs.github.com/en/rest/checks/runs>.

use super::call::{Call, Outcome, Reply};
use super::identity::User;
use super::show::{merged, node, time, user};
use super::state::{CheckRun, Repository};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The app that job tokens belong to has this id.
const ACTIONS: u64 = 15_368;

fn show(call: &Call<'_>, repository: &Repository, run: &CheckRun) -> Value {
    let url = call.url(&repository.about, &format!("/check-runs/{}", run.id));
    let page = call.page_url(&repository.about, &format!("/runs/{}", run.id));
    let output = json!({
        "title": run.output["title"],
        "summary": run.output["summary"],
        "text": run.output["text"],
        "annotations_count": run.annotations.len(),
        "annotations_url": format!("{url}/annotations"),
    });
    json!({
        "id": run.id,
        "node_id": node("CR", run.id),
        "name": run.name,
        "head_sha": run.head_sha,
        "external_id": run.external_id,
        "url": url,
        "html_url": page,
        "details_url": run.details_url.as_ref().unwrap_or(&page),
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": run.started_at.map(time),
        "completed_at": run.completed_at.map(time),
        "check_suite": { "id": 1 },
        "output": output,
        "app": app(call),
        "pull_requests": [],
    })
}

fn app(call: &Call<'_>) -> Value {
    let since = time(Timestamp::UNIX_EPOCH);
    json!({
        "id": ACTIONS,
        "node_id": node("A", ACTIONS),
        "slug": "github-actions",
        "name": "GitHub Actions",
        "owner": user(call, &User::named("github")),
        "description": "Automate your workflow from idea to production",
        "external_url": format!("{}/features/actions", call.web()),
        "html_url": format!("{}/apps/github-actions", call.web()),
        "created_at": since,
        "updated_at": since,
        "permissions": {},
        "events": [],
    })
}

pub(super) fn create(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    if call.role.is_some() {
        return Err(Reply::error(403, "You must authenticate via a GitHub App.", "/checks/runs#create-a-check-run"));
    }
    let mut run = CheckRun {
        id: call.id(),
        name: String::new(),
        head_sha: call.text("head_sha").unwrap_or_default(),
        status: "queued".to_owned(),
        conclusion: None,
        external_id: None,
        details_url: None,
        output: json!({}),
        annotations: Vec::new(),
        started_at: Some(call.now),
        completed_at: None,
    };
    change(call, &mut run);
    let shown = show(call, repository, &run);
    repository.check_runs.insert(run.id, run);
    Ok(Reply::json(201, shown))
}

pub(super) fn update(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    if call.role.is_some() {
        return Err(Reply::error(403, "You must authenticate via a GitHub App.", "/checks/runs#update-a-check-run"));
    }
    let id = call.number("check_run_id");
    change(call, repository.check_runs.get_mut(&id).ok_or_else(Reply::not_found)?);
    let run = repository.check_runs.get(&id).ok_or_else(Reply::not_found)?;
    Ok(Reply::json(200, show(call, repository, run)))
}

/// Takes over what the body names; a conclusion completes a run, and annotations are added to those there are.
fn change(call: &Call<'_>, run: &mut CheckRun) {
    let keep = |new: Option<String>, old: &mut Option<String>| *old = new.or(old.take());
    run.name = call.text("name").unwrap_or_else(|| std::mem::take(&mut run.name));
    run.status = call.text("status").unwrap_or_else(|| std::mem::take(&mut run.status));
    keep(call.text("conclusion"), &mut run.conclusion);
    keep(call.text("external_id"), &mut run.external_id);
    keep(call.text("details_url"), &mut run.details_url);
    run.started_at = call.time("started_at").or(run.started_at);
    run.completed_at = call.time("completed_at").or(run.completed_at);
    if call.body["conclusion"].is_string() {
        run.status = "completed".to_owned();
        run.completed_at = run.completed_at.or(Some(call.now));
    }
    let mut output = call.body["output"].clone();
    if let Some(annotations) = output.as_object_mut().and_then(|output| output.remove("annotations")) {
        run.annotations.extend(annotations.as_array().cloned().unwrap_or_default());
    }
    run.output = merged(std::mem::take(&mut run.output), output);
}

/// `GET /repos/{owner}/{repo}/commits/{ref}/check-runs`: of each name the latest, unless `filter` says `all`.
pub(super) fn of_commit(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let sha = repository
        .commit(call.name("ref"))
        .ok_or_else(|| Reply::error(422, &format!("No commit found for SHA: {}", call.name("ref")), "/checks/runs"))?;
    let fits = |run: &&CheckRun| {
        run.head_sha == sha
            && call.query.get("check_name").is_none_or(|name| *name == run.name)
            && call.query.get("status").is_none_or(|status| *status == run.status)
            && call.query.get("app_id").is_none_or(|app| *app == ACTIONS.to_string())
    };
    let mut found: Vec<&CheckRun> = repository.check_runs.values().rev().filter(fits).collect();
    if call.asked("filter", "latest") == "latest" {
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|run| seen.insert(&run.name));
    }
    Ok(call.page(repository, found, 30).counted("check_runs", |run| show(call, repository, run)))
}
