//! Branches and the default branch's commits: <https://docs.github.com/en/rest/branches/branches>,
//! <https://docs.github.com/en/rest/commits/commits#compare-two-commits>. A history is a line here: each commit has the
//! one before it as its only parent, a merge squashes, and what was never pushed is unknown.

use super::Github;
use super::call::{Call, Outcome, Reply};
use super::dispatches::{Dispatch, Event};
use super::identity::User;
use super::setup::account;
use super::show::{time, user};
use super::state::{self, Commit, Repository};
use anyhow::{Context, Result, ensure};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// What a branch's name keeps of itself in a URL.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'/');

/// How many commits a comparison shows that nobody asked for in pages.
const MOST: usize = 250;

impl Github {
    /// Pushes a commit to the default branch, which starts workflows.
    ///
    /// # Errors
    /// As [`Github::repository`], or if the commit is in the branch already.
    pub fn push(&self, full_name: &str, sha: &str, message: &str, login: &str) -> Result<()> {
        self.pushed(full_name, login, |repository| {
            let branch = repository.about.default_branch.clone();
            Ok((branch, commit(sha, message, account(login))))
        })
    }

    /// Squashes a pull request into its base, whose head is this commit from now on, which starts workflows. `login` is
    /// who merges; the commit's author is who opened the pull request.
    ///
    /// # Errors
    /// As [`Github::push`], or if there is no such open pull request.
    pub fn merge(&self, full_name: &str, number: u64, merge_commit_sha: &str, login: &str) -> Result<()> {
        self.pushed(full_name, login, |repository| {
            ensure!(!knows(repository, merge_commit_sha), known(merge_commit_sha));
            let issue = repository.issues.get_mut(&number).filter(|issue| issue.open);
            let found = issue.and_then(|issue| issue.pull.take().map(|pull| (issue, pull)));
            let (issue, mut pull) =
                found.with_context(|| format!("there is no open pull request {number} in {full_name}"))?;
            let (now, by) = (state::now(), account(login));
            (issue.open, issue.closed_at, issue.updated_at) = (false, Some(now), now);
            (pull.merged_at, pull.merge_commit_sha) = (Some(now), Some(merge_commit_sha.to_owned()));
            (issue.closed_by, pull.merged_by) = (Some(by.clone()), Some(by));
            let message = format!("{} (#{number})", issue.title);
            let branch = pull.base.git_ref.clone();
            issue.pull = Some(pull);
            Ok((branch, commit(merge_commit_sha, &message, issue.user.clone())))
        })
    }

    /// Puts a commit on a branch.
    fn pushed(
        &self,
        full_name: &str,
        login: &str,
        change: impl FnOnce(&mut Repository) -> Result<(String, Commit)>,
    ) -> Result<()> {
        let sender = account(login);
        let dispatch = self.edit(full_name, |repository| {
            let (branch, commit) = change(repository)?;
            ensure!(!knows(repository, &commit.sha), known(&commit.sha));
            let before = repository.branches.insert(branch.clone(), commit.sha.clone());
            let event = Event::Push {
                git_ref: format!("refs/heads/{branch}"),
                before: before.unwrap_or_else(|| "0".repeat(40)),
                after: commit.sha.clone(),
            };
            if branch == repository.about.default_branch {
                repository.history.push(commit);
            }
            let dispatch = Dispatch { repository: repository.about.full_name(), sender, event };
            // What a job's token pushes starts nothing:
            // https://docs.github.com/en/actions/concepts/security/github_token#when-github_token-triggers-workflow-runs
            Ok((dispatch.sender != User::actions()).then(|| {
                repository.dispatches.push(dispatch.clone());
                dispatch
            }))
        })??;
        dispatch.iter().for_each(|dispatch| self.tell(dispatch));
        Ok(())
    }
}

fn commit(sha: &str, message: &str, author: User) -> Commit {
    Commit { sha: sha.to_owned(), message: message.to_owned(), author, at: state::now() }
}

fn knows(repository: &Repository, sha: &str) -> bool {
    repository.history.iter().any(|commit| commit.sha == sha)
}

fn known(sha: &str) -> String {
    format!("the commit {sha} is in the history already: push another")
}

pub(super) fn branches(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let asked = call.query.get("protected").map(|text| text == "true");
    let fits = |(name, _): &(&String, &String)| asked.is_none_or(|asked| repository.protected.contains(*name) == asked);
    let found = repository.branches.iter().filter(fits);
    Ok(call.page(repository, found, 30).list(|(name, sha)| {
        json!({
            "name": name,
            "commit": { "sha": sha, "url": call.url(&repository.about, &format!("/commits/{sha}")) },
            "protected": repository.protected.contains(name),
        })
    }))
}

pub(super) fn compare(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let unknown = || Reply::error(404, "Not Found", "/commits/commits#compare-two-commits");
    let history = &repository.history;
    let place = |name: &str| {
        let sha = repository.commit(name)?;
        history.iter().position(|commit| commit.sha == sha)
    };
    let found = call.name("basehead").split_once("...");
    let found = found.and_then(|(base, head)| Some((base, head, place(base)?, place(head)?)));
    let (base_name, head_name, base, head) = found.ok_or_else(unknown)?;
    let status = match head.cmp(&base) {
        std::cmp::Ordering::Greater => "ahead",
        std::cmp::Ordering::Equal => "identical",
        std::cmp::Ordering::Less => "behind",
    };
    let below = |base: &str, head: &str| {
        format!("/compare/{}...{}", utf8_percent_encode(base, NAME), utf8_percent_encode(head, NAME))
    };
    let owner = &repository.about.owner.login;
    let named = |at: usize| format!("{owner}:{}", history[at].sha);
    let page = call.page_url(&repository.about, &below(base_name, head_name));
    let others = json!({
        "url": call.url(&repository.about, &below(base_name, head_name)),
        "html_url": page,
        "permalink_url": call.page_url(&repository.about, &format!("/compare/{}...{}", named(base), named(head))),
        "diff_url": format!("{page}.diff"),
        "patch_url": format!("{page}.patch"),
        "base_commit": show(call, repository, base),
        "merge_base_commit": show(call, repository, base.min(head)),
        "status": status,
        "ahead_by": head.saturating_sub(base),
        "behind_by": base.saturating_sub(head),
        "total_commits": head.saturating_sub(base),
    });
    let mut commits = base + 1..head + 1;
    let mut size = 30;
    if !call.query.contains_key("page") && !call.query.contains_key("per_page") {
        commits.start = commits.start.max(commits.end.saturating_sub(MOST));
        size = MOST;
    }
    Ok(call.page(repository, commits, size).within(others, "commits", |at| show(call, repository, at)))
}

/// The commit at a place of the history.
fn show(call: &Call<'_>, repository: &Repository, at: usize) -> Value {
    let commit = &repository.history[at];
    let place = |kind: &str, sha: &str| call.url(&repository.about, &format!("/{kind}/{sha}"));
    let page = |sha: &str| call.page_url(&repository.about, &format!("/commit/{sha}"));
    let author = &commit.author;
    let email = format!("{}+{}@users.noreply.github.com", author.id, author.login);
    let person = json!({ "name": author.login, "email": email, "date": time(commit.at) });
    let before = at.checked_sub(1).map(|before| &repository.history[before].sha);
    let parent = |sha| json!({ "sha": sha, "url": place("commits", sha), "html_url": page(sha) });
    json!({
        "url": place("commits", &commit.sha),
        "sha": commit.sha,
        "node_id": format!("C_{}", commit.sha),
        "html_url": page(&commit.sha),
        "comments_url": place("commits", &format!("{}/comments", commit.sha)),
        "commit": {
            "url": place("git/commits", &commit.sha),
            "author": person,
            "committer": person,
            "message": commit.message,
            "comment_count": 0,
            // There are no trees: this one has the commit's own id.
            "tree": { "sha": commit.sha, "url": place("git/trees", &commit.sha) },
        },
        "author": user(call, author),
        "committer": user(call, author),
        "parents": before.map(|sha| parent(sha.as_str())).into_iter().collect::<Vec<_>>(),
    })
}
