//! The runner's OIDC token: how a job asks for one, and what it claims
//! (<https://docs.github.com/en/actions/reference/security/oidc>).

use std::{env, fmt::Write as _, fs, time::Duration};

use anyhow::{Result, anyhow, bail};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    http::{self, Trouble},
    runner,
    secret::Secret,
};

/// How long the runner's service may take to make a token.
const WITHIN: Duration = Duration::from_secs(10);

/// A token has about 2 kB; more than this is none.
const LIMIT: usize = 64 * 1024;

/// Where a job asks for its token. The URL names the job, so it is not logged.
#[derive(Debug)]
pub(super) struct Endpoint {
    url: Secret,
    bearer: Secret,
}

/// A token.
#[derive(Debug)]
pub(super) struct Token {
    /// The token itself: whoever has it is this job for some minutes.
    pub(super) jwt: Secret,
    /// What it claims.
    pub(super) claims: Claims,
}

/// Why there is no token.
#[derive(Debug)]
pub(super) enum NoToken {
    /// Another try may help, after this time if the service said one.
    Heals(String, Option<Duration>),
    /// No further try helps.
    Final(anyhow::Error),
}

impl Endpoint {
    /// What the runner gives to a job that may have a token.
    ///
    /// # Errors
    /// The job may not: why, as far as the event tells, and what to change.
    pub(super) fn of_runner() -> Result<Self> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let given = (variable("ACTIONS_ID_TOKEN_REQUEST_URL"), variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
        let (Some(url), Some(bearer)) = given else { bail!(why_there_is_none()) };
        Ok(Self { url: url.into(), bearer: bearer.into() })
    }

    /// A new token for `audience`, masked before it is given.
    pub(super) async fn token(&self, client: &http::Client, audience: &str) -> Result<Token, NoToken> {
        let base = self.url.expose();
        let separator = if base.contains('?') { '&' } else { '?' };
        let url = format!("{base}{separator}audience={}", http::query_value(audience));
        let headers =
            [("authorization", format!("Bearer {}", self.bearer.expose())), ("accept", "application/json".to_owned())];
        let answer = client.get(&url, &headers, LIMIT, WITHIN).await.map_err(|trouble| match trouble {
            Trouble::Transport(why) => NoToken::Heals(format!("the runner's token service: {why}"), None),
            other => NoToken::Final(anyhow!("the runner's token service cannot be used: {other}")),
        })?;
        match answer.status {
            200 => Self::read(&answer.body).map_err(NoToken::Final),
            status @ (429 | 500..) => {
                Err(NoToken::Heals(format!("the runner's token service answered {status}"), answer.retry_after))
            }
            status => Err(NoToken::Final(anyhow!(
                "the runner's token service answered {status}: the job's right to ask for tokens may have ended with \
                 the job that it was given to; do not pass ACTIONS_ID_TOKEN_REQUEST_TOKEN on to other jobs"
            ))),
        }
    }

    fn read(body: &[u8]) -> Result<Token> {
        #[derive(Deserialize)]
        struct Answer {
            value: String,
        }
        // The parser's own words might quote the token.
        let answer: Answer = serde_json::from_slice(body)
            .map_err(|_| anyhow!("the runner's token service answered without a token; run the job again"))?;
        let jwt = Secret::new(answer.value);
        runner::mask(&jwt);
        let claims = Claims::of(&jwt);
        Ok(Token { jwt, claims })
    }
}

/// A job without a token: a fork's pull request, a missing permission, or no runner at all.
fn why_there_is_none() -> String {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if !is("GITHUB_ACTIONS", "true") {
        return "there is no OIDC token outside of a GitHub runner (ACTIONS_ID_TOKEN_REQUEST_URL is not set); on other \
                machines sign in as yourself and use --chain"
            .to_owned();
    }
    if env::var("GITHUB_EVENT_NAME").is_ok_and(|event| event.starts_with("pull_request")) && from_a_fork() {
        return "GitHub gives no OIDC token to a pull request from a fork: its code must not reach the cloud. Skip this \
                job for forks (if: github.event.pull_request.head.repo.full_name == github.repository), or do the \
                work after the merge; never use pull_request_target for it"
            .to_owned();
    }
    "this job may not ask for an OIDC token (ACTIONS_ID_TOKEN_REQUEST_URL is not set): add `permissions: { id-token: \
     write }` to the job; if it is in a reusable workflow, to the job that calls it as well"
        .to_owned()
}

/// Whether the event is a pull request whose head is in another repository, or in none any more.
fn from_a_fork() -> bool {
    let event = env::var_os("GITHUB_EVENT_PATH").and_then(|path| fs::read(path).ok());
    let event: Option<Value> = event.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    event.is_some_and(|event| {
        let repository = |side: &str| event["pull_request"][side]["repo"]["full_name"].as_str().map(str::to_owned);
        repository("base").is_some() && repository("head") != repository("base")
    })
}

/// What a token claims. Branches, workflows and environments are named by people: the text is made harmless for a log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// The claims of a token that is only looked at, not trusted; none if it is no JWT.
    pub(super) fn of(jwt: &Secret) -> Self {
        let payload = jwt.expose().split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        Self(payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    #[cfg(test)]
    pub(super) fn from_json(claims: Value) -> Option<Self> {
        Some(Self(claims.as_object()?.clone()))
    }

    /// A claim as text; an array's first entry.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let text = match self.0.get(name)? {
            Value::String(text) => text.clone(),
            Value::Array(values) => values.first()?.as_str()?.to_owned(),
            other => other.to_string(),
        };
        Some(harmless(&text))
    }
}

/// `text` on one line, and nothing that a runner takes for a command.
pub(super) fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
        } else {
            safe.push(c);
        }
    }
    safe.replace("##[", "## [")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(payload: &str) -> Claims {
        Claims::of(&format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(payload)).into())
    }

    #[test]
    fn claims_are_read_and_made_harmless() {
        let claims =
            claims(r#"{"sub":"repo:a/b:ref:x\n::set-output name=x::##[error]y","aud":["sts"],"run_attempt":1}"#);
        assert_eq!(claims.get("sub").as_deref(), Some(r"repo:a/b:ref:x\u{a}::set-output name=x::## [error]y"));
        assert_eq!(claims.get("aud").as_deref(), Some("sts"));
        assert_eq!(claims.get("run_attempt").as_deref(), Some("1"));
        assert_eq!(claims.get("environment"), None);
    }

    #[test]
    fn trap_11_what_is_no_token_claims_nothing() {
        for jwt in ["", "a.b", "a.!.c", "e30.W10.x", "e30.e30"] {
            assert_eq!(Claims::of(&jwt.to_owned().into()).get("sub"), None, "{jwt}");
        }
    }
}
