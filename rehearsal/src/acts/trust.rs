//! Who may take which role: every role is tried with the token of every kind of job.

use crate::http;
use crate::stage::{GITHUB_REPOSITORY, Stage};
use crate::story::Checks;
use anyhow::{Context, Result};
use serde_json::Value;
use stand_ins::oidc::{GITHUB, Issuer, Job};
use std::collections::BTreeSet;

/// Jobs by what GitHub says of them, and the roles that they may take.
const JOBS: [(&str, &str, Option<&str>, &[&str]); 19] = [
    ("push", "refs/heads/mine", None, &[]),
    ("workflow_dispatch", "refs/heads/mine", None, &[]),
    // Also where a GitHub environment lets in more than main, which the act *merge* shows that ours do not.
    ("push", "refs/heads/mine", Some("staging"), &[]),
    ("push", "refs/heads/mine", Some("staging-approval"), &[]),
    ("push", "refs/heads/mine", Some("staging-promote"), &[]),
    ("workflow_dispatch", "refs/heads/mine", Some("staging-rollback"), &[]),
    ("push", "refs/heads/mine", Some("production"), &[]),
    ("push", "refs/heads/mine", Some("production-promote"), &[]),
    ("workflow_dispatch", "refs/heads/mine", Some("production-rollback"), &[]),
    ("pull_request", "refs/pull/7/merge", None, &["plan"]),
    ("push", "refs/heads/main", None, &["check/production", "check/staging", "drift", "release"]),
    ("push", "refs/heads/main", Some("staging"), &["deploy/staging"]),
    ("push", "refs/heads/main", Some("staging-approval"), &["deploy/staging"]),
    ("push", "refs/heads/main", Some("staging-promote"), &["promote/staging"]),
    ("workflow_dispatch", "refs/heads/main", Some("staging-rollback"), &["rollback/staging"]),
    ("push", "refs/heads/main", Some("production"), &["deploy/production"]),
    // Production is always approved, so nobody makes this one: a job that names it has GitHub make it, open to all.
    ("push", "refs/heads/main", Some("production-approval"), &[]),
    ("push", "refs/heads/main", Some("production-promote"), &["promote/production"]),
    ("workflow_dispatch", "refs/heads/main", Some("production-rollback"), &["rollback/production"]),
];

/// Checks that each of these jobs may take its own roles and no other.
pub(super) async fn trust(stage: &Stage, checks: &mut Checks, roles: &str) -> Result<()> {
    let roles: Value = serde_json::from_str(roles).context("the roles are no JSON")?;
    let issuer = Issuer::start_as(Some(GITHUB))?;
    let mut tried = 0;
    let mut wrong = Vec::new();
    for (event, git_ref, environment, expected) in JOBS {
        let token = token(&issuer, event, git_ref, environment).await?;
        let (mut taken, mut all) = (BTreeSet::new(), Vec::new());
        for (name, role) in roles.as_object().into_iter().flatten() {
            match role.as_object() {
                Some(more) => all.extend(more.iter().map(|(of, role)| (format!("{name}/{of}"), role))),
                None => all.push((name.clone(), role)),
            }
        }
        for (name, role) in all {
            tried += 1;
            if takes(stage, role.as_str().context("an ARN")?, &token).await? {
                taken.insert(name);
            }
        }
        if taken != expected.iter().map(ToString::to_string).collect() {
            wrong.push(format!("{event} on {git_ref} in {environment:?} takes {taken:?}, not {expected:?}"));
        }
    }
    let detail =
        if wrong.is_empty() { format!("{tried} tries of {} kinds of jobs", JOBS.len()) } else { wrong.join("; ") };
    checks.that(
        "a branch's own workflow reaches no role, a pull request plan's, and each other job its own",
        wrong.is_empty(),
        detail,
    );
    Ok(())
}

async fn token(issuer: &Issuer, event: &str, git_ref: &str, environment: Option<&str>) -> Result<String> {
    let (owner, name) = GITHUB_REPOSITORY.split_once('/').context("owner and name")?;
    let grant = issuer.grant(Job {
        owner: owner.to_owned(),
        repository: name.to_owned(),
        event: event.to_owned(),
        git_ref: git_ref.to_owned(),
        environment: environment.map(str::to_owned),
        ..Job::default()
    })?;
    let url = format!("{}&audience=sts.amazonaws.com", grant.url);
    let request = ::http::Request::get(url).header("authorization", format!("Bearer {}", grant.bearer));
    let answer = http::send(&http::client(), request.body(bytes::Bytes::new().into())?).await?;
    let answer: Value = serde_json::from_slice(answer.body()).context("the issuer's answer is no JSON")?;
    answer["value"].as_str().map(str::to_owned).with_context(|| format!("the issuer gave no token: {answer}"))
}

async fn takes(stage: &Stage, role: &str, token: &str) -> Result<bool> {
    let take = aws_sdk_sts::Client::new(&stage.sdk).assume_role_with_web_identity();
    match take.role_arn(role).role_session_name("trust").web_identity_token(token).send().await {
        Ok(_) => Ok(true),
        Err(error) => {
            let denied = error.raw_response().is_some_and(|answer| answer.status().as_u16() == 403);
            anyhow::ensure!(denied, "STS does not say whether {role} may be taken: {error:?}");
            Ok(false)
        }
    }
}
