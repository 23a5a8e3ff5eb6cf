//! What comes to the default branch: who is told, and what lies between two of its commits.

use crate::NONE;
use crate::client::ask;
use serde_json::{Value, json};
use stand_ins::github::{Event, Github, NewPull, User};
use std::sync::{Arc, Mutex};

/// The commit of this number.
fn sha(at: usize) -> String {
    format!("{at:040x}")
}

/// A GitHub whose repository has so many commits, from number 1 on, and a token to read them.
fn with_commits(count: usize) -> (Github, String) {
    let github = Github::start().expect("a GitHub");
    github.add_repository("acme/calls", true);
    for at in 1..=count {
        github.push("acme/calls", &sha(at), &format!("Change {at}"), "octocat").expect("a push");
    }
    let token = github.token("acme/calls", &[("contents", "read")]);
    (github, token)
}

fn numbers(body: &Value) -> Vec<usize> {
    let sha = |commit: &Value| usize::from_str_radix(commit["sha"].as_str().expect("a commit"), 16).expect("a number");
    body["commits"].as_array().expect("commits").iter().map(sha).collect()
}

#[test]
fn what_lies_between_two_commits_is_told_oldest_first() {
    let (github, token) = with_commits(5);
    let compare = |base: &str, head: &str| {
        ask("GET", &format!("{}/repos/acme/calls/compare/{base}...{head}", github.url), &token, &NONE)
    };
    let ahead = compare(&sha(2), "main").body;
    assert_eq!(
        (&ahead["status"], &ahead["ahead_by"], &ahead["behind_by"], &ahead["total_commits"]),
        (&json!("ahead"), &json!(3), &json!(0), &json!(3))
    );
    assert_eq!(numbers(&ahead), [3, 4, 5]);
    let first = &ahead["commits"][0];
    assert_eq!((&first["commit"]["message"], &first["author"]["login"]), (&json!("Change 3"), &json!("octocat")));
    assert_eq!((&first["parents"][0]["sha"], &ahead["merge_base_commit"]["sha"]), (&json!(sha(2)), &json!(sha(2))));

    let behind = compare(&sha(4), &sha(1)).body;
    assert_eq!((&behind["status"], &behind["behind_by"], numbers(&behind)), (&json!("behind"), &json!(3), vec![]));
    assert_eq!(
        (&behind["merge_base_commit"]["sha"], behind["base_commit"]["parents"][0]["sha"].as_str()),
        (&json!(sha(1)), Some(sha(3).as_str()))
    );
    let same = compare("main", &sha(5)).body;
    assert_eq!((&same["status"], numbers(&same)), (&json!("identical"), vec![]));

    for (base, head) in [(sha(9), sha(1)), (sha(1), "gone".to_owned())] {
        assert_eq!(compare(&base, &head).status, 404);
    }
    let encoded = format!("{}/repos/acme/calls/compare/{}%2E..{}", github.url, sha(1), "refs%2Fheads/main");
    assert_eq!(numbers(&ask("GET", &encoded, &token, &NONE).body), [2, 3, 4, 5]);
    let no_range = format!("{}/repos/acme/calls/compare/main", github.url);
    assert_eq!(ask("GET", &no_range, &token, &NONE).status, 404);
    assert_eq!(github.violations(), [""; 0]);
}

#[test]
fn long_comparisons_end_with_the_newest_and_come_in_pages_from_the_oldest() {
    let (github, token) = with_commits(260);
    let whole = format!("{}/repos/acme/calls/compare/{}...main", github.url, sha(1));
    let newest = ask("GET", &whole, &token, &NONE);
    assert_eq!((newest.body["total_commits"].as_u64(), newest.link("next")), (Some(259), None));
    assert_eq!(numbers(&newest.body), (11..=260).collect::<Vec<_>>());

    let mut page = ask("GET", &format!("{whole}?per_page=100"), &token, &NONE);
    let mut seen = numbers(&page.body);
    while let Some(next) = page.link("next") {
        page = ask("GET", &next, &token, &NONE);
        assert_eq!(page.body["total_commits"], 259);
        seen.extend(numbers(&page.body));
    }
    assert_eq!(seen, (2..=260).collect::<Vec<_>>());
    assert_eq!(github.violations(), [""; 0]);
}

#[test]
fn pushes_and_merges_are_told_unless_a_job_pushes() {
    let (github, _) = with_commits(1);
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    github.on_dispatch(move |github, dispatch| {
        // Who is told finds the branch as it is told.
        let head = github.repository(&dispatch.repository).expect("a repository").commit("main").expect("a branch");
        let Event::Push { git_ref, before, after } = dispatch.event.clone() else { panic!("{dispatch:?}") };
        assert_eq!(head, after);
        telling.lock().expect("a list").push((dispatch.sender.login.clone(), git_ref, before, after));
    });
    let number = github.add_pull("acme/calls", NewPull::default()).expect("a pull request");
    github.merge("acme/calls", number, &sha(2), "octo-maintainer").expect("a merge");
    github.push("acme/calls", &sha(3), "Release", "github-actions[bot]").expect("a push");
    github.push("acme/calls", &sha(4), "Hurry", "octocat").expect("a push");
    let main = "refs/heads/main".to_owned();
    let expected =
        [("octo-maintainer".to_owned(), main.clone(), sha(1), sha(2)), ("octocat".to_owned(), main, sha(3), sha(4))];
    assert_eq!(*told.lock().expect("a list"), expected);

    let kept = github.repository("acme/calls").expect("a repository");
    let messages: Vec<_> = kept.history.iter().map(|commit| commit.message.as_str()).collect();
    assert_eq!(messages, ["Change 1", "Change something (#1)", "Release", "Hurry"]);
    assert_eq!(kept.history[1].author, User::named("octocat"));
    let token = github.token("acme/calls", &[("pull-requests", "read")]);
    let shown = ask("GET", &format!("{}/repos/acme/calls/pulls/{number}", github.url), &token, &NONE).body;
    assert_eq!(shown["merged_by"]["login"], "octo-maintainer");
    assert!(github.merge("acme/calls", number, &sha(5), "octocat").is_err(), "it is merged already");
    assert!(github.push("acme/calls", &sha(2), "Again", "octocat").is_err(), "it is in the history already");
    assert_eq!(github.violations(), [""; 0]);
}

#[test]
fn protected_branches_are_told_apart() {
    let (github, token) = with_commits(1);
    let made = github.edit("acme/calls", |it| {
        it.branches.insert("change".to_owned(), sha(2));
        it.protected.insert("main".to_owned())
    });
    assert!(made.expect("a repository"));
    let names = |query: &str| {
        let list = ask("GET", &format!("{}/repos/acme/calls/branches{query}", github.url), &token, &NONE).body;
        list.as_array().expect("a list").iter().map(|it| it["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["change", "main"]);
    assert_eq!(names("?protected=true"), ["main"]);
    assert_eq!(names("?protected=false"), ["change"]);
    assert_eq!(github.violations(), [""; 0]);
}
