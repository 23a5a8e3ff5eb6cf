//! Comments on issues and pull requests: <https://docs.github.com/en/rest/issues/comments>.

use super::call::{Call, Outcome, Reply};
use super::issues::{find, too_long};
use super::show::{association, node, time, user};
use super::state::{Comment, Repository, Role};
use serde_json::{Value, json};

const CREATE: &str = "/issues/comments#create-an-issue-comment";

pub(super) fn show(call: &Call<'_>, repository: &Repository, comment: &Comment) -> Value {
    let about = &repository.about;
    let is_pull = repository.issues.get(&comment.number).is_some_and(|issue| issue.pull.is_some());
    let kind = if is_pull { "pull" } else { "issues" };
    json!({
        "id": comment.id,
        "node_id": node("IC", comment.id),
        "url": call.url(about, &format!("/issues/comments/{}", comment.id)),
        "html_url": call.page_url(about, &format!("/{kind}/{}#issuecomment-{}", comment.number, comment.id)),
        "issue_url": call.url(about, &format!("/issues/{}", comment.number)),
        "user": user(call, &comment.user),
        "author_association": association(repository, &comment.user),
        "body": comment.body,
        "created_at": time(comment.created_at),
        "updated_at": time(comment.updated_at),
        "performed_via_github_app": null,
    })
}

pub(super) fn list(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let number = call.number("issue_number");
    find(repository, number)?;
    let since = call.query.get("since").and_then(|since| since.parse().ok());
    let all = repository.comments.values().filter(|comment| {
        comment.number == number && since.is_none_or(|since: jiff::Timestamp| comment.updated_at >= since)
    });
    Ok(call.page(repository, all, 30).list(|comment| show(call, repository, comment)))
}

pub(super) fn get(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let comment = repository.comments.get(&call.number("comment_id")).ok_or_else(Reply::not_found)?;
    Ok(Reply::json(200, show(call, repository, comment)))
}

pub(super) fn create(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let number = call.number("issue_number");
    // An app's token may write, and still is nobody who may push: it cannot comment either.
    if find(repository, number)?.locked && call.role < Some(Role::Write) {
        let documentation = "https://docs.github.com/articles/locking-conversations/";
        return Err(Reply::error(403, "Unable to create comment because issue is locked.", documentation));
    }
    let body = checked(call, CREATE)?;
    let comment = Comment {
        id: call.id(),
        number,
        body,
        edits: Vec::new(),
        user: call.user.clone(),
        created_at: call.now,
        updated_at: call.now,
    };
    let shown = show(call, repository, &comment);
    if let Some(issue) = repository.issues.get_mut(&number) {
        issue.updated_at = call.now;
    }
    let place = call.url(&repository.about, &format!("/issues/comments/{}", comment.id));
    repository.comments.insert(comment.id, comment);
    Ok(Reply::json(201, shown).header("location", &place))
}

pub(super) fn update(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let id = call.number("comment_id");
    let comment = repository.comments.get_mut(&id).ok_or_else(Reply::not_found)?;
    own(call, comment)?;
    let body = checked(call, "/issues/comments#update-an-issue-comment")?;
    comment.edits.push(std::mem::replace(&mut comment.body, body));
    comment.updated_at = call.now;
    get(call, repository)
}

pub(super) fn delete(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let id = call.number("comment_id");
    own(call, repository.comments.get(&id).ok_or_else(Reply::not_found)?)?;
    repository.comments.remove(&id);
    Ok(Reply::empty(204))
}

/// Other people's comments are for those who may push; a job's token needs its permission alone.
fn own(call: &Call<'_>, comment: &Comment) -> Result<(), Reply> {
    if call.role.is_some_and(|role| role < Role::Write) && comment.user != *call.user {
        return Err(Reply::error(403, "Must have admin rights to Repository.", ""));
    }
    Ok(())
}

/// The body's Markdown, unless it is too long or blank.
fn checked(call: &Call<'_>, documentation: &str) -> Result<String, Reply> {
    let body = call.text("body").unwrap_or_default();
    if too_long(&body) {
        let message = "Body is too long (maximum is 65536 characters)";
        let error = json!({ "resource": "IssueComment", "code": "unprocessable", "field": "data", "message": message });
        return Err(Reply::invalid(json!([error]), documentation));
    }
    if body.trim().is_empty() {
        let error = json!({ "resource": "IssueComment", "code": "unprocessable", "field": "data", "message": "Body cannot be blank" });
        return Err(Reply::invalid(json!([error]), documentation));
    }
    Ok(body)
}
