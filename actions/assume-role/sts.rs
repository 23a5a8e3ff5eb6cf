//! The call to STS, and which of its failures another try can heal
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>).

use std::time::Duration;

use anyhow::anyhow;
use aws_config::retry::RetryConfig;
use aws_sdk_sts::{
    Client,
    config::Builder,
    error::{ProvideErrorMetadata, SdkError},
    types::{AssumedRoleUser, Credentials},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::date_time::Format;
use tokio::time::Instant;

use super::{
    role::{Role, account_of},
    token::{Claims, Endpoint, NoToken, harmless},
};
use crate::{aws, http, runner, secret::Secret};

/// What to ask for.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) role: Role,
    pub(super) region: String,
    pub(super) audience: String,
    pub(super) session_name: String,
    /// Seconds.
    pub(super) duration: i32,
    /// With the credentials at hand instead of the runner's token.
    pub(super) chain: bool,
}

/// How long to try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Attempts in all.
    pub(super) attempts: u32,
    /// The longest pause after the first attempt; it doubles with each.
    pub(super) pause: Duration,
    /// No attempt begins or goes on after this time.
    pub(super) total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 4, pause: Duration::from_secs(1), total: Duration::from_secs(28) }
    }
}

/// Credentials for a while.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) access_key_id: Secret,
    pub(super) secret_access_key: Secret,
    pub(super) session_token: Secret,
    /// RFC 3339.
    pub(super) expiration: String,
    /// The assumed role's ARN, if STS said one.
    pub(super) arn: Option<String>,
}

impl Session {
    /// The account, if the ARN tells it.
    pub(super) fn account(&self) -> Option<&str> {
        account_of(self.arn.as_deref()?)
    }

    /// Masks everything of it that is secret. The id of the key is none to AWS, but it is to log readers.
    fn mask(&self) {
        [&self.access_key_id, &self.secret_access_key, &self.session_token].into_iter().for_each(runner::mask);
    }
}

/// Why there are no credentials.
#[derive(Debug)]
pub(super) struct Refusal {
    /// STS's error code; none if no answer of STS is the reason.
    pub(super) code: Option<String>,
    /// What was said, on one line.
    pub(super) said: String,
    /// Of the last token that was shown to STS.
    pub(super) claims: Option<Claims>,
    /// Whether it might work later, with nothing changed.
    pub(super) heals: bool,
    after: Option<Duration>,
}

impl Refusal {
    fn of(error: anyhow::Error) -> Self {
        Self { code: None, said: format!("{error:#}"), claims: None, heals: false, after: None }
    }
}

/// Assumes the role: one token and one call if all goes well. A denial ends it at once; each further attempt, if there is
/// any, has a token of its own, because the last one may have expired meanwhile.
pub(super) async fn assume(order: &Order, patience: Patience) -> Result<Session, Refusal> {
    let http = http::Client::default();
    let endpoint = (!order.chain).then(Endpoint::of_runner).transpose().map_err(Refusal::of)?;
    let client = client(order, &http).await;
    let deadline = Instant::now() + patience.total;
    let (mut attempt, mut expired) = (1, false);
    loop {
        let tried = match &endpoint {
            Some(endpoint) => tokio::time::timeout_at(deadline, web_identity(order, &http, endpoint, &client)).await,
            None => tokio::time::timeout_at(deadline, chained(order, &client)).await,
        };
        let refusal = match tried {
            Ok(Ok(session)) => {
                session.mask();
                return Ok(session);
            }
            Ok(Err(refusal)) => refusal,
            Err(_) => {
                let said = format!("no answer within {} s", patience.total.as_secs());
                return Err(Refusal { code: None, said, claims: None, heals: true, after: None });
            }
        };
        // A token that expired on its way is worth one new one; one that expires at once is a matter of clocks.
        let again = refusal.heals && attempt < patience.attempts && !(expired && refusal.is_expired());
        let pause = refusal.after.unwrap_or_else(|| jitter(patience.pause * 2u32.pow(attempt - 1)));
        if !again || Instant::now() + pause >= deadline {
            return Err(refusal);
        }
        runner::say(format_args!(
            "attempt {attempt} of {}: {}; the next in {:.1} s",
            patience.attempts,
            refusal.said,
            pause.as_secs_f32()
        ));
        expired |= refusal.is_expired();
        attempt += 1;
        tokio::time::sleep(pause).await;
    }
}

async fn client(order: &Order, http: &http::Client) -> Client {
    let loader = aws::loader(Some(&order.region)).http_client(http.for_sdk());
    // With a token STS wants no signature: looking for credentials would only cost time.
    let loader = if order.chain { loader } else { loader.no_credentials() };
    let config = loader.load().await;
    Client::from_conf(Builder::from(&config).retry_config(RetryConfig::disabled()).build())
}

async fn web_identity(
    order: &Order,
    http: &http::Client,
    endpoint: &Endpoint,
    sts: &Client,
) -> Result<Session, Refusal> {
    let token = endpoint.token(http, &order.audience).await.map_err(|none| match none {
        NoToken::Heals(said, after) => Refusal { code: None, said: harmless(&said), claims: None, heals: true, after },
        NoToken::Final(error) => Refusal::of(error),
    })?;
    let answer = sts
        .assume_role_with_web_identity()
        .role_arn(&order.role.arn)
        .role_session_name(&order.session_name)
        .duration_seconds(order.duration)
        .web_identity_token(token.jwt.expose())
        .send()
        .await;
    match answer {
        Ok(answer) => Session::of(answer.credentials, answer.assumed_role_user),
        Err(error) => Err(Refusal { claims: Some(token.claims), ..refusal(&error) }),
    }
}

async fn chained(order: &Order, sts: &Client) -> Result<Session, Refusal> {
    let answer = sts
        .assume_role()
        .role_arn(&order.role.arn)
        .role_session_name(&order.session_name)
        .duration_seconds(order.duration)
        .send()
        .await;
    match answer {
        Ok(answer) => Session::of(answer.credentials, answer.assumed_role_user),
        Err(error) => Err(refusal(&error)),
    }
}

impl Session {
    fn of(credentials: Option<Credentials>, user: Option<AssumedRoleUser>) -> Result<Self, Refusal> {
        let unusable = || {
            Refusal::of(anyhow!(
                "STS answered without usable credentials: AWS_ENDPOINT_URL_STS, if set, is none of AWS"
            ))
        };
        let credentials = credentials.ok_or_else(unusable)?;
        let expiration = credentials.expiration.fmt(Format::DateTime).map_err(|_| unusable())?;
        Ok(Self {
            access_key_id: credentials.access_key_id.into(),
            secret_access_key: credentials.secret_access_key.into(),
            session_token: credentials.session_token.into(),
            expiration,
            arn: user.map(|user| harmless(&user.arn)),
        })
    }
}

impl Refusal {
    /// Whether STS found the token too old.
    pub(super) fn is_expired(&self) -> bool {
        self.code.as_deref().is_some_and(|code| code.starts_with("ExpiredToken"))
    }
}

fn refusal<E>(error: &SdkError<E, HttpResponse>) -> Refusal
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let code = error.as_service_error().and_then(|service| service.code()).map(harmless);
    let status = error.raw_response().map(|response| response.status().as_u16());
    let message = error.as_service_error().and_then(|service| service.message()).unwrap_or_default();
    let heals = match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => !asks_for_credentials(error),
        _ => heals(code.as_deref(), status.unwrap_or_default(), message),
    };
    let after = error.raw_response().and_then(|response| http::retry_after(response.headers().get("retry-after")?));
    Refusal { said: harmless(&said(error, status)), code, claims: None, heals, after }
}

fn said<E>(error: &SdkError<E, HttpResponse>, status: Option<u16>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    match (error.as_service_error(), status) {
        (Some(service), _) if service.code().is_some() => aws::explain(error),
        (_, Some(status)) => format!("STS answered {status}, with nothing that can be read"),
        _ => format!("STS: {}", http::chain(error)),
    }
}

/// The SDK reports missing credentials as a request that could not be sent.
fn asks_for_credentials<E: std::error::Error + 'static>(error: &SdkError<E, HttpResponse>) -> bool {
    let text = http::chain(error);
    text.contains("credentials") || text.contains("identity")
}

/// What waiting heals. Everything else is a decision of STS, and asking again only costs time.
fn heals(code: Option<&str>, status: u16, message: &str) -> bool {
    match code.unwrap_or_default() {
        "IDPCommunicationError" => true,
        code if code.starts_with("ExpiredToken") => true,
        // STS fetches the issuer's keys itself, and says so in this way when it could not.
        "InvalidIdentityToken" => message.contains("retrieve verification key"),
        code if code.contains("Throttl") || code.contains("TooManyRequests") || code == "RequestLimitExceeded" => true,
        _ => status == 429 || status >= 500,
    }
}

/// Between nothing and `most`, so that jobs which failed together do not come back together.
fn jitter(most: Duration) -> Duration {
    let share = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    most.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trap_01_only_what_can_heal_is_tried_again() {
        for (code, status, message, expected) in [
            (Some("AccessDenied"), 403, "Not authorized to perform sts:AssumeRoleWithWebIdentity", false),
            (Some("ValidationError"), 400, "", false),
            (Some("PackedPolicyTooLarge"), 400, "", false),
            (Some("IDPRejectedClaim"), 403, "", false),
            (Some("RegionDisabledException"), 403, "", false),
            (Some("InvalidIdentityToken"), 400, "No OpenIDConnect provider found in your account", false),
            (Some("InvalidIdentityToken"), 400, "Couldn't retrieve verification key from your identity provider", true),
            (Some("IDPCommunicationError"), 400, "", true),
            (Some("ExpiredTokenException"), 400, "", true),
            (Some("Throttling"), 400, "Rate exceeded", true),
            (Some("InternalFailure"), 500, "", true),
            (None, 429, "", true),
            (None, 503, "", true),
            (None, 404, "", false),
        ] {
            assert_eq!(heals(code, status, message), expected, "{code:?} {status} {message}");
        }
    }
}
