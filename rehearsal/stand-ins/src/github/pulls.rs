//! Pull requests: <https://docs.github.com/en/rest/pulls/pulls>.

use super::call::{Call, Outcome, Reply};
use super::issues::{self, labels};
use super::show::{about, association, merged, node, time, user};
use super::state::{Branch, Issue, Pull, Repository};
use serde_json::{Value, json};

fn branch(call: &Call<'_>, branch: &Branch) -> Value {
    let owner = branch.repository.as_ref().map(|repository| &repository.owner);
    json!({
        "label": format!("{}:{}", owner.map_or("unknown", |owner| &owner.login), branch.git_ref),
        "ref": branch.git_ref,
        "sha": branch.sha,
        "user": owner.map(|owner| user(call, owner)),
        "repo": branch.repository.as_ref().map(|it| about(call, it)),
    })
}

/// As in lists.
fn show(call: &Call<'_>, repository: &Repository, issue: &Issue, pull: &Pull) -> Value {
    let below = |rest: &str| call.url(&repository.about, &format!("/pulls/{}{rest}", issue.number));
    let page = call.page_url(&repository.about, &format!("/pull/{}", issue.number));
    let as_issue = |rest: &str| call.url(&repository.about, &format!("/issues/{}{rest}", issue.number));
    let statuses = call.url(&repository.about, &format!("/statuses/{}", pull.head.sha));
    let links = json!({
        "self": { "href": below("") },
        "html": { "href": page },
        "issue": { "href": as_issue("") },
        "comments": { "href": as_issue("/comments") },
        "review_comments": { "href": below("/comments") },
        "review_comment": { "href": call.url(&repository.about, "/pulls/comments{/number}") },
        "commits": { "href": below("/commits") },
        "statuses": { "href": statuses },
    });
    let sides = json!({ "head": branch(call, &pull.head), "base": branch(call, &pull.base), "_links": links });
    let shown = json!({
        "id": issue.id,
        "node_id": node("PR", issue.id),
        "number": issue.number,
        "url": below(""),
        "html_url": page,
        "diff_url": format!("{page}.diff"),
        "patch_url": format!("{page}.patch"),
        "issue_url": as_issue(""),
        "commits_url": below("/commits"),
        "review_comments_url": below("/comments"),
        "review_comment_url": call.url(&repository.about, "/pulls/comments{/number}"),
        "comments_url": as_issue("/comments"),
        "statuses_url": statuses,
        "state": if issue.open { "open" } else { "closed" },
        "locked": issue.locked,
        "active_lock_reason": issue.lock_reason,
        "title": issue.title,
        "body": issue.body,
        "user": user(call, &issue.user),
        "author_association": association(repository, &issue.user),
        "labels": labels(call, repository, issue),
        "assignee": null,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "milestone": null,
        "draft": pull.draft,
        "auto_merge": null,
        "created_at": time(issue.created_at),
        "updated_at": time(issue.updated_at),
        "closed_at": issue.closed_at.map(time),
        "merged_at": pull.merged_at.map(time),
        "merge_commit_sha": pull.merge_commit_sha,
    });
    merged(shown, sides)
}

/// All pull requests with their own part, newest first.
fn all(repository: &Repository) -> impl Iterator<Item = (&Issue, &Pull)> {
    repository.issues.values().rev().filter_map(|issue| Some((issue, issue.pull.as_ref()?)))
}

pub(super) fn get(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let issue = issues::find(repository, call.number("pull_number"))?;
    let pull = issue.pull.as_ref().ok_or_else(Reply::not_found)?;
    let more = json!({
        "merged": pull.merged_at.is_some(),
        "merged_by": pull.merged_by.as_ref().map(|by| user(call, by)),
        "mergeable": issue.open.then_some(true),
        "mergeable_state": if issue.open { "clean" } else { "unknown" },
        "rebaseable": issue.open.then_some(true),
        "comments": repository.comments_of(issue.number).len(),
        "review_comments": 0,
        "maintainer_can_modify": false,
        "commits": 1,
        "additions": 0,
        "deletions": 0,
        "changed_files": 0,
    });
    Ok(Reply::json(200, merged(show(call, repository, issue, pull), more)))
}

pub(super) fn list(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let state = call.asked("state", "open");
    let fits = |(issue, pull): &(&Issue, &Pull)| {
        let owner = pull.head.repository.as_ref().map_or("", |it| &it.owner.login);
        (state == "all" || (state == "open") == issue.open)
            // `head` is `owner:branch`; GitHub ignores one without an owner.
            && call.query.get("head").and_then(|head| head.split_once(':')).is_none_or(|head| head == (owner, &pull.head.git_ref))
            && call.query.get("base").is_none_or(|base| *base == pull.base.git_ref)
    };
    let mut found: Vec<_> = all(repository).filter(fits).collect();
    let sort = call.asked("sort", "created");
    if sort == "updated" {
        found.sort_by_key(|(issue, _)| std::cmp::Reverse(issue.updated_at));
    }
    if call.asked("direction", "desc") == "asc" {
        found.reverse();
    }
    Ok(call.page(repository, found, 30).list(|(issue, pull)| show(call, repository, issue, pull)))
}

/// `GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls`.
pub(super) fn of_commit(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let sha = call.name("commit_sha");
    let listed = repository.pulls_of.get(sha);
    let fits = |(issue, pull): &(&Issue, &Pull)| {
        pull.head.sha == sha
            || (pull.merged_at.is_some() && pull.merge_commit_sha.as_deref() == Some(sha))
            || listed.is_some_and(|numbers| numbers.contains(&issue.number))
    };
    let found: Vec<_> = all(repository).filter(fits).collect();
    Ok(call.page(repository, found, 30).list(|(issue, pull)| show(call, repository, issue, pull)))
}
