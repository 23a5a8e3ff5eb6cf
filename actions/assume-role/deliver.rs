//! How the credentials reach whoever works with them.

use std::env;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::Session;
use crate::{
    failure::{Blame, Failure},
    runner,
};

/// Where the credentials go.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Format {
    /// Into the environment of the job's later steps, to the job's end
    Env,
    /// Into this step's outputs: only steps that name them have them
    Outputs,
    /// To stdout, as the SDKs' `credential_process` wants them
    Process,
}

impl Format {
    /// Whether there is somewhere to put them; known before anything is asked for.
    pub(super) fn check(self) -> Result<()> {
        let file = match self {
            Self::Env => "GITHUB_ENV",
            Self::Outputs => "GITHUB_OUTPUT",
            Self::Process => return Ok(()),
        };
        ensure!(
            env::var_os(file).is_some_and(|path| !path.is_empty()),
            "{file} is not set: only a GitHub runner passes credentials on to later steps; elsewhere use --format process \
             (see --help)"
        );
        Ok(())
    }

    /// Gives them on. They are masked already.
    pub(super) fn deliver(self, session: &Session, region: &str) -> Result<(), Failure> {
        match self {
            Self::Env => environment(session, region).usage()?,
            Self::Outputs => outputs(session).usage()?,
            // An SDK asks as often as it likes: that is no result of the step it runs in.
            Self::Process => return process(session).usage(),
        }
        let facts = || -> Result<()> {
            runner::output("account", session.account().unwrap_or_default())?;
            runner::output("role-arn", session.arn.as_deref().unwrap_or_default())?;
            runner::output("expiration", &session.expiration)
        };
        facts().usage()
    }
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html>
fn environment(session: &Session, region: &str) -> Result<()> {
    runner::export("AWS_ACCESS_KEY_ID", session.access_key_id.expose())?;
    runner::export("AWS_SECRET_ACCESS_KEY", session.secret_access_key.expose())?;
    runner::export("AWS_SESSION_TOKEN", session.session_token.expose())?;
    runner::export("AWS_REGION", region)?;
    runner::export("AWS_DEFAULT_REGION", region)
}

fn outputs(session: &Session) -> Result<()> {
    runner::output("access-key-id", session.access_key_id.expose())?;
    runner::output("secret-access-key", session.secret_access_key.expose())?;
    runner::output("session-token", session.session_token.expose())
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>
fn process(session: &Session) -> Result<()> {
    let answer = json!({
        "Version": 1,
        "AccessKeyId": session.access_key_id.expose(),
        "SecretAccessKey": session.secret_access_key.expose(),
        "SessionToken": session.session_token.expose(),
        "Expiration": session.expiration,
    });
    runner::data(&serde_json::to_string(&answer).context("the credentials cannot be written as JSON")?)
}
