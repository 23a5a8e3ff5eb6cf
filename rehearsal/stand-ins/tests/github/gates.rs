//! Jobs begin when GitHub would let them.

use crate::NONE;
use crate::client::ask;
use stand_ins::github::{Branches, Environment, Gates, Github, Review, User};
use std::io::Write;
use std::net::TcpStream;
use std::pin::pin;
use std::thread::{self, JoinHandle};

const REPOSITORY: &str = "acme/calls";

/// A GitHub with a repository whose environment `staging` takes jobs of `main` alone and has a reviewer.
fn reviewed(prevent_self_review: bool) -> (Github, Gates) {
    let github = Github::start().expect("a GitHub");
    github.add_repository(REPOSITORY, true);
    let environment = Environment {
        reviewers: vec![User::named("octo-reviewer")],
        prevent_self_review,
        branches: Branches::Named(vec!["main".to_owned()]),
        ..Environment::default()
    };
    github.edit(REPOSITORY, |it| it.environments.insert("staging".to_owned(), environment)).expect("a repository");
    let gates = github.gates().expect("gates");
    (github, gates)
}

/// What a job is told, which is waited for elsewhere.
type Told = JoinHandle<(u16, String)>;

fn told(told: Told) -> (u16, String) {
    told.join().expect("an answer")
}

fn said(status: u16, sentence: &str) -> (u16, String) {
    (status, sentence.to_owned())
}

fn post(gates: &Gates, path: &str) -> Told {
    let url = format!("{}{path}", gates.url);
    thread::spawn(move || {
        let answer = ask("POST", &url, "", &NONE);
        (answer.status, String::from_utf8(answer.bytes).expect("text"))
    })
}

/// A run's job that wants to begin.
fn job(gates: &Gates, run: u64, branch: &str, environment: &str) -> Told {
    let what = "repository=acme%2Fcalls&actor=octocat&job=apply";
    post(gates, &format!("/job?{what}&run={run}&ref=refs%2Fheads%2F{branch}&environment={environment}"))
}

/// A run that asks something of the concurrency group `apply staging`.
fn group(gates: &Gates, what: &str, run: u64) -> Told {
    post(gates, &format!("/{what}?repository=acme%2Fcalls&run={run}&group=apply%20staging"))
}

#[tokio::test]
async fn an_approval_lets_the_runs_job_begin_and_nobody_elses() {
    let (github, gates) = reviewed(false);
    let seventh = job(&gates, 7, "main", "staging");
    let waiting = gates.awaited(REPOSITORY, "staging").await;
    assert_eq!((waiting.run, waiting.job.as_str(), waiting.actor.as_str()), (7, "apply", "octocat"));
    assert_eq!((waiting.git_ref.as_str(), waiting.repository.as_str()), ("refs/heads/main", REPOSITORY));
    // GitHub does not tell capitals apart in an environment's name: they lead around no protection.
    let eighth = job(&gates, 8, "main", "Staging");
    assert_eq!(gates.awaited_of(REPOSITORY, 8, "staging").await.environment, "staging");
    assert!(github.review(REPOSITORY, 9, "staging", "octo-reviewer", true, "").is_err(), "it does not wait");

    github.review(REPOSITORY, 7, "staging", "octo-reviewer", true, "looks good").expect("a review");
    assert_eq!(told(seventh), said(200, "The deployment to staging was approved by octo-reviewer."));
    let left: Vec<_> = gates.waiting().iter().map(|waiting| waiting.run).collect();
    assert_eq!(left, [8]);
    github.review(REPOSITORY, 8, "staging", "octo-reviewer", false, "").expect("a review");
    assert_eq!(told(eighth), said(403, "The deployment to staging was rejected by octo-reviewer."));
    assert_eq!(gates.waiting(), []);

    let reviews = gates.reviews();
    let brief: Vec<_> = reviews.iter().map(|it| (it.run, it.job.as_str(), it.approved, it.comment.as_str())).collect();
    assert_eq!(brief, [(7, "apply", true, "looks good"), (8, "apply", false, "")]);
    let Review { environment, login, .. } = &reviews[0];
    assert_eq!((environment.as_str(), login.as_str()), ("staging", "octo-reviewer"));

    // An approval is for jobs that wait, not for those that come later.
    let later = job(&gates, 7, "main", "staging");
    assert_eq!(gates.awaited(REPOSITORY, "staging").await.run, 7);
    drop(gates);
    assert_eq!(told(later).0, 503);
}

#[tokio::test]
async fn who_reviews_is_a_reviewer_and_did_not_start_the_run_where_that_is_prevented() {
    for prevented in [true, false] {
        let (github, gates) = reviewed(prevented);
        let add = |it: &mut stand_ins::github::Repository| {
            it.environments.get_mut("staging").expect("an environment").reviewers.push(User::named("octocat"));
        };
        github.edit(REPOSITORY, add).expect("a repository");
        let waits = job(&gates, 7, "main", "staging");
        gates.awaited(REPOSITORY, "staging").await;
        let stranger = github.review(REPOSITORY, 7, "staging", "mallory", true, "").expect_err("no reviewer");
        assert!(stranger.to_string().contains("mallory is no reviewer of staging"), "{stranger}");
        let own = github.review(REPOSITORY, 7, "staging", "Octocat", true, "");
        assert_eq!(own.is_err(), prevented, "{own:?}");
        if prevented {
            assert_eq!((gates.waiting().len(), gates.reviews()), (1, vec![]));
            github.review(REPOSITORY, 7, "staging", "octo-reviewer", true, "").expect("a review");
        }
        assert_eq!(told(waits).0, 200);
    }
}

#[test]
fn a_branch_that_may_not_deploy_is_refused_at_once() {
    let (github, gates) = reviewed(false);
    let refused = "Branch \"change\" is not allowed to deploy to staging due to environment protection rules.";
    assert_eq!(told(job(&gates, 7, "change", "staging")), said(403, refused));
    github
        .edit(REPOSITORY, |it| it.environments.get_mut("staging").expect("it").branches = Branches::Protected)
        .expect("a repository");
    assert_eq!(told(job(&gates, 7, "main", "staging")).0, 403);
    assert_eq!((gates.waiting(), gates.reviews()), (vec![], vec![]));
}

#[test]
fn an_environment_that_nobody_made_comes_into_being_without_protection() {
    let (github, gates) = reviewed(false);
    assert_eq!(told(job(&gates, 7, "change", "try")), said(200, "No review of try is needed."));
    let made = github.repository(REPOSITORY).expect("a repository").environments;
    assert!(made["try"].reviewers.is_empty());
    assert_eq!(made.len(), 2);
}

#[tokio::test]
async fn one_run_has_a_group_and_one_waits_for_it() {
    let (_github, gates) = reviewed(false);
    assert_eq!(told(group(&gates, "queue", 7)), said(200, "Run 7 has apply staging."));
    assert_eq!(told(group(&gates, "queue", 7)).0, 200);
    let eighth = group(&gates, "queue", 8);
    gates.queued(REPOSITORY, "apply staging", 8).await;
    let ninth = group(&gates, "queue", 9);
    assert_eq!(told(eighth), said(409, "superseded by run 9"));
    gates.queued(REPOSITORY, "apply staging", 9).await;
    // Who has nothing gives nothing back.
    assert_eq!(told(group(&gates, "leave", 8)).0, 200);
    gates.queued(REPOSITORY, "apply staging", 9).await;
    assert_eq!(told(group(&gates, "leave", 7)).0, 200);
    assert_eq!(told(ninth), said(200, "Run 9 has apply staging."));

    let tenth = group(&gates, "queue", 10);
    gates.queued(REPOSITORY, "apply staging", 10).await;
    assert_eq!(told(group(&gates, "leave", 10)).0, 200);
    assert_eq!(told(tenth), said(409, "run 10 left the queue"));
    let other = post(&gates, "/queue?repository=acme%2Fcalls&run=11&group=apply%20production");
    assert_eq!(told(other).0, 200);
}

#[tokio::test]
async fn a_run_that_has_a_group_asked_for_it_as_one_that_waits_did() {
    let (_github, gates) = reviewed(false);
    assert_eq!(told(group(&gates, "queue", 7)).0, 200);
    gates.asked(REPOSITORY, "apply staging", 7).await;
    let mut eighth = pin!(gates.asked(REPOSITORY, "apply staging", 8));
    tokio::select! {
        biased;
        () = &mut eighth => panic!("it has not asked yet"),
        () = std::future::ready(()) => {}
    }
    let waits = group(&gates, "queue", 8);
    eighth.await;
    assert_eq!(told(group(&gates, "leave", 8)).0, 200);
    assert_eq!(told(waits).0, 409);
}

#[tokio::test]
async fn who_hangs_up_waits_no_more() {
    let (_github, gates) = reviewed(false);
    assert_eq!(told(group(&gates, "queue", 7)).0, 200);
    let address = gates.url.strip_prefix("http://").expect("a URL");
    let mut eighth = TcpStream::connect(address).expect("a running server");
    let asks = "POST /queue?repository=acme%2Fcalls&run=8&group=apply%20staging HTTP/1.1\r\nhost: x\r\n\r\n";
    eighth.write_all(asks.as_bytes()).expect("a request");
    gates.queued(REPOSITORY, "apply staging", 8).await;
    drop(eighth);
    assert_eq!(told(group(&gates, "leave", 7)).0, 200);
    // Were the eighth still there, the ninth would wait for it for ever.
    assert_eq!(told(group(&gates, "queue", 9)).0, 200);
}

#[test]
fn what_is_no_question_is_refused() {
    let (_github, gates) = reviewed(false);
    let status = |path: &str| told(post(&gates, path)).0;
    assert_eq!(status("/queue?repository=acme/calls&run=7"), 400);
    assert_eq!(status("/queue?repository=acme/calls&run=seven&group=x"), 400);
    assert_eq!(status("/queue?repository=acme/calls&run=7&group=x%0A::error::y"), 400);
    assert_eq!(status("/queue?repository=acme/gone&run=7&group=x"), 404);
    assert_eq!(status("/other"), 404);
    assert_eq!(ask("GET", &format!("{}/queue", gates.url), "", &NONE).status, 405);
}
