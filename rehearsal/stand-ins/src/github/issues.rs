//! Issues: <https://docs.github.com/en/rest/issues/issues>. Pull requests are among them.

use super::call::{Call, Outcome, Reply};
use super::show::{association, node, time, user};
use super::state::{Issue, Repository, Role};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The most characters of a comment's or an issue's text.
const LONGEST: usize = 65_536;

pub(super) fn too_long(body: &str) -> bool {
    body.chars().count() > LONGEST
}

/// The issue or pull request of this number.
pub(super) fn find(repository: &Repository, number: u64) -> Result<&Issue, Reply> {
    repository.issues.get(&number).ok_or_else(Reply::not_found)
}

pub(super) fn show(call: &Call<'_>, repository: &Repository, issue: &Issue) -> Value {
    let about = &repository.about;
    let below = |rest: &str| call.url(about, &format!("/issues/{}{rest}", issue.number));
    let kind = if issue.pull.is_some() { "pull" } else { "issues" };
    let page = call.page_url(about, &format!("/{kind}/{}", issue.number));
    let mut shown = json!({
        "id": issue.id,
        "node_id": node("I", issue.id),
        "number": issue.number,
        "url": below(""),
        "html_url": page,
        "repository_url": call.url(about, ""),
        "labels_url": below("/labels{/name}"),
        "comments_url": below("/comments"),
        "events_url": below("/events"),
        "timeline_url": below("/timeline"),
        "title": issue.title,
        "body": issue.body,
        "user": user(call, &issue.user),
        "author_association": association(repository, &issue.user),
        "labels": labels(call, repository, issue),
        "state": if issue.open { "open" } else { "closed" },
        "state_reason": issue.state_reason,
        "locked": issue.locked,
        "active_lock_reason": issue.lock_reason,
        "assignee": null,
        "assignees": [],
        "milestone": null,
        "comments": repository.comments_of(issue.number).len(),
        "created_at": time(issue.created_at),
        "updated_at": time(issue.updated_at),
        "closed_at": issue.closed_at.map(time),
        "closed_by": null,
        "performed_via_github_app": null,
    });
    if let Some(pull) = &issue.pull {
        shown["draft"] = json!(pull.draft);
        shown["pull_request"] = json!({
            "url": call.url(about, &format!("/pulls/{}", issue.number)),
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "merged_at": pull.merged_at.map(time),
        });
    }
    shown
}

pub(super) fn labels(call: &Call<'_>, repository: &Repository, issue: &Issue) -> Value {
    let one = |name: &String| {
        let id = name.bytes().fold(7, |sum: u64, byte| (sum * 31 + u64::from(byte)) % 1_000_000_007);
        let encoded = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
        json!({
            "id": id,
            "node_id": node("LA", id),
            "url": call.url(&repository.about, &format!("/labels/{encoded}")),
            "name": name,
            "color": "ededed",
            "default": false,
            "description": "",
        })
    };
    issue.labels.iter().map(one).collect()
}

pub(super) fn list(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let state = call.asked("state", "open");
    let since: Option<Timestamp> = call.query.get("since").and_then(|since| since.parse().ok());
    let labels: Vec<&str> = call.asked("labels", "").split(',').filter(|label| !label.is_empty()).collect();
    let fits = |issue: &&Issue| {
        (state == "all" || (state == "open") == issue.open)
            && call.query.get("creator").is_none_or(|creator| *creator == issue.user.login)
            && labels.iter().all(|label| issue.labels.contains(*label))
            && since.is_none_or(|since| issue.updated_at >= since)
    };
    let mut all: Vec<&Issue> = repository.issues.values().filter(fits).collect();
    match call.asked("sort", "created") {
        "updated" => all.sort_by_key(|issue| issue.updated_at),
        "comments" => all.sort_by_key(|issue| repository.comments_of(issue.number).len()),
        _ => {}
    }
    if call.asked("direction", "desc") == "desc" {
        all.reverse();
    }
    Ok(call.page(repository, all, 30).list(|issue| show(call, repository, issue)))
}

pub(super) fn get(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let issue = find(repository, call.number("issue_number"))?;
    let mut shown = show(call, repository, issue);
    // Lists do not say it.
    shown["closed_by"] = issue.closed_by.as_ref().map_or(Value::Null, |by| user(call, by));
    Ok(Reply::json(200, shown))
}

pub(super) fn create(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let title = checked_title(call)?.unwrap_or_default();
    let body = checked_body(call)?;
    let number = repository.next_number();
    let issue = Issue {
        id: call.id(),
        number,
        title,
        body,
        user: call.user.clone(),
        open: true,
        state_reason: None,
        // GitHub drops them in silence, where somebody may only read.
        labels: if call.role == Some(Role::Read) { BTreeSet::new() } else { named(&call.body["labels"]) },
        locked: false,
        lock_reason: None,
        created_at: call.now,
        updated_at: call.now,
        closed_at: None,
        closed_by: None,
        pull: None,
    };
    let shown = show(call, repository, &issue);
    let place = call.url(&repository.about, &format!("/issues/{number}"));
    repository.issues.insert(number, issue);
    Ok(Reply::json(201, shown).header("location", &place))
}

pub(super) fn update(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let number = call.number("issue_number");
    let (title, body) = (checked_title(call)?, checked_body(call)?);
    let issue = repository.issues.get_mut(&number).ok_or_else(Reply::not_found)?;
    if call.role == Some(Role::Read) && issue.user != *call.user {
        return Err(Reply::error(403, "Must have admin rights to Repository.", ""));
    }
    issue.title = title.unwrap_or_else(|| issue.title.clone());
    if call.body.get("body").is_some() {
        issue.body = body;
    }
    if call.body["labels"].is_array() {
        issue.labels = named(&call.body["labels"]);
    }
    let (open, reason) = (call.text("state").map(|state| state == "open"), call.text("state_reason"));
    if let Some(open) = open.filter(|open| *open != issue.open) {
        issue.open = open;
        issue.closed_at = (!open).then_some(call.now);
        issue.closed_by = (!open).then(|| call.user.clone());
        issue.state_reason = reason.or_else(|| Some(if open { "reopened" } else { "completed" }.to_owned()));
    }
    issue.updated_at = call.now;
    get(call, repository)
}

pub(super) fn lock(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    set_lock(call, repository, true)
}

pub(super) fn unlock(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    set_lock(call, repository, false)
}

fn set_lock(call: &Call<'_>, repository: &mut Repository, locked: bool) -> Outcome {
    let issue = repository.issues.get_mut(&call.number("issue_number")).ok_or_else(Reply::not_found)?;
    issue.locked = locked;
    issue.lock_reason = call.text("lock_reason").filter(|_| locked);
    issue.updated_at = call.now;
    Ok(Reply::empty(204))
}

/// Labels come by name or as objects.
fn named(labels: &Value) -> BTreeSet<String> {
    let name = |label: &Value| label.as_str().or_else(|| label["name"].as_str()).map(ToOwned::to_owned);
    labels.as_array().into_iter().flatten().filter_map(name).collect()
}

fn checked_title(call: &Call<'_>) -> Result<Option<String>, Reply> {
    let Some(title) = call.body.get("title").filter(|title| !title.is_null()) else { return Ok(None) };
    let title = title.as_str().map_or_else(|| title.to_string(), ToOwned::to_owned);
    let wrong = match title.trim().chars().count() {
        0 => json!({ "resource": "Issue", "code": "missing_field", "field": "title" }),
        1..=256 => return Ok(Some(title)),
        _ => json!({
            "resource": "Issue", "code": "custom", "field": "title",
            "message": "title is too long (maximum is 256 characters)",
        }),
    };
    Err(Reply::invalid(json!([wrong]), "/issues/issues"))
}

fn checked_body(call: &Call<'_>) -> Result<Option<String>, Reply> {
    let body = call.text("body");
    if body.as_deref().is_some_and(too_long) {
        let message = "body is too long (maximum is 65536 characters)";
        let error = json!({ "resource": "Issue", "code": "custom", "field": "body", "message": message });
        return Err(Reply::invalid(json!([error]), "/issues/issues"));
    }
    Ok(body)
}
