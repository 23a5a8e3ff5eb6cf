//! The repository's settings, as docs/adoption.md says and `lockgate doctor` checks.

use crate::stage::{GITHUB_REPOSITORY, Stage};
use anyhow::{Context, Result};
use stand_ins::emulator::{ACCOUNT, REGION};
use stand_ins::github::{Branches, Environment, Github, Role, User};

/// Who opens pull requests.
pub(crate) const CONTRIBUTOR: &str = "octocat";

/// Who merges them.
pub(crate) const MAINTAINER: &str = "hubot";

/// Who approves deployments, and starts rollbacks.
pub(crate) const OPERATOR: &str = "monalisa";

/// Makes the environments and variables, and the ruleset of main.
pub(super) fn set(github: &Github, stage: &Stage) -> Result<()> {
    let bootstrap = stage.bootstrap.as_ref().context("the act bootstrap was not played")?;
    let output = |name: &str| bootstrap.text(&[name]);
    let variables = [
        ("LOCKGATE_ROLES", bootstrap.json("roles")?),
        ("LOCKGATE_STATE_BUCKET", output("state_bucket")?),
        ("LOCKGATE_LOCK_TABLE", output("lock_table")?),
        ("LOCKGATE_ARTIFACTS_BUCKET", output("artifacts_bucket")?),
        ("AWS_ACCOUNT_ID", ACCOUNT.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
    ];
    let environment = |reviewed: bool| Environment {
        reviewers: if reviewed { vec![User::named(OPERATOR)] } else { Vec::new() },
        branches: Branches::Named(vec!["main".to_owned()]),
        ..Environment::default()
    };
    let environments = [
        ("staging", false),
        ("staging-approval", true),
        ("staging-promote", false),
        ("staging-rollback", false),
        ("production", true),
        ("production-promote", false),
        ("production-rollback", false),
    ];
    github.edit(GITHUB_REPOSITORY, |repository| {
        for (login, role) in [(CONTRIBUTOR, Role::Write), (MAINTAINER, Role::Admin), (OPERATOR, Role::Write)] {
            repository.collaborators.insert(login.to_owned(), role);
        }
        for (name, reviewed) in environments {
            repository.environments.insert(name.to_owned(), environment(reviewed));
        }
        repository.approvals.insert("main".to_owned(), 1);
        repository.variables.extend(variables.map(|(name, value)| (name.to_owned(), value)));
        repository.workflows.insert("on-rollback.yml".to_owned());
        repository.code_scanning = true;
        repository.actions.sha_pinning_required = true;
    })
}
