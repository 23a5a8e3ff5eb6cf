//! Published versions of Lambda functions: whether one could serve, and whether it answers its probe.
//! <https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use aws_config::SdkConfig;
use aws_sdk_lambda::{
    Client,
    types::{FunctionConfiguration, PackageType, State},
};
use aws_smithy_types::timeout::TimeoutConfig;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::join_all;
use tokio::time::Instant;

use crate::{
    aws, configuration,
    ledger::{Function, Release},
    pace,
    words::Words,
};

/// The longest that a version may take to become active.
const ACTIVE: Duration = Duration::from_secs(5 * 60);

/// The longest that a probe may take: a cold start of a large image, and its reads.
const PROBE: Duration = Duration::from_secs(60);

/// GetFunction has a quota of its own (100 calls a second), which makes it the one to poll.
const POLL: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// What matters of a version before it gets traffic.
#[derive(Clone, Debug)]
pub struct Version {
    /// The function's name in AWS.
    pub function: String,
    /// Its number.
    pub number: String,
    /// `Active`, `Inactive`, `Pending`, `Failed` …
    pub state: State,
    /// Why it is in this state, with AWS's code.
    pub why: String,
    /// The role that it runs as.
    pub role: String,
    /// Where events go that it failed on.
    pub dead_letters: Option<String>,
    /// The hash of its configuration.
    pub configuration: String,
    /// What it runs, as a release names it: a zip's SHA-256 in hex, an image's digest. None where Lambda does not say.
    pub code: Option<String>,
}

/// Why a probe was not answered.
#[derive(Debug)]
pub enum Unanswered {
    /// The version failed, or said something else: with what it said.
    Wrong(Words),
    /// It could not be asked, which says nothing about it.
    Unasked(anyhow::Error),
}

/// The functions of an account and region.
#[derive(Clone, Debug)]
pub struct Versions {
    client: Client,
}

impl Versions {
    /// By these settings.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Reads a version. None if there is none of this number.
    ///
    /// # Errors
    /// If Lambda cannot be asked.
    pub async fn read(&self, function: &str, number: &str) -> Result<Option<Version>> {
        let answer = self.client.get_function().function_name(function).qualifier(number).send().await;
        let answer = match answer {
            Err(error) if aws::is(&error, "ResourceNotFoundException") => return Ok(None),
            answer => answer.map_err(|error| anyhow!("{function} cannot be read: {}", aws::explain(&error)))?,
        };
        let facts = answer.configuration.with_context(|| format!("Lambda said nothing about {function}:{number}"))?;
        let image = answer.code.and_then(|code| code.resolved_image_uri);
        Ok(Some(version(function, number, &facts, image.as_deref())))
    }

    /// The functions' provisioned concurrency on an alias: AWS refuses weights on such an alias.
    ///
    /// # Errors
    /// If Lambda cannot be asked.
    pub async fn provisioned(&self, function: &str, alias: &str) -> Result<bool> {
        pace::lambda().await;
        let get = self.client.get_provisioned_concurrency_config().function_name(function).qualifier(alias);
        match get.send().await {
            Ok(_) => Ok(true),
            Err(error) if aws::is(&error, "ProvisionedConcurrencyConfigNotFoundException") => Ok(false),
            Err(error) => {
                Err(anyhow!("provisioned concurrency of {function} cannot be read: {}", aws::explain(&error)))
            }
        }
    }

    /// Waits until a version could serve; one that Lambda has put away is woken by its probe.
    ///
    /// # Errors
    /// If there is none, it failed (with the reason), or it takes more than five minutes.
    pub async fn active(&self, function: &str, number: &str, probe: &str) -> Result<Version> {
        let began = Instant::now();
        let mut pause = POLL.0;
        let mut woken = false;
        loop {
            let version = self.read(function, number).await?;
            let version = version.with_context(|| format!("there is no version {number} of {function} (any more)"))?;
            match &version.state {
                State::Active => return Ok(version),
                // Its first invocation fails and makes it pending: the answer does not matter.
                State::Inactive if !woken => {
                    woken = true;
                    let _ = self.invoke(function, number, probe).await;
                }
                State::Inactive | State::Pending => {}
                state => bail!("version {number} of {function} is {state}: {}; {}", version.why, advice(&version.why)),
            }
            ensure!(
                began.elapsed() < ACTIVE,
                "version {number} of {function} is still {} after {} s: {}",
                version.state,
                ACTIVE.as_secs(),
                version.why
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLL.1);
        }
    }

    /// Waits until every version of a release could serve.
    ///
    /// # Errors
    /// What [`Self::active`] says of each that could not.
    pub async fn awake(&self, release: &Release) -> Result<()> {
        let one = async |function: &Function| {
            let Some(version) = &function.version else { return Ok(()) };
            self.active(&function.function, version, &function.probe).await.map(drop)
        };
        let done = join_all(release.functions.values().map(one)).await;
        let asleep: Vec<_> = done.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
        ensure!(asleep.is_empty(), "{}", asleep.join("; "));
        Ok(())
    }

    /// Invokes exactly this version with its probe, which has no side effects.
    ///
    /// # Errors
    /// If it cannot be invoked, reports an error, or does not answer `"lockgate": "ok"`.
    pub async fn probe(&self, function: &str, number: &str, probe: &str) -> Result<(), Unanswered> {
        let (answer, error) = self.invoke(function, number, probe).await.map_err(Unanswered::Unasked)?;
        if let Some(error) = error {
            let what = format!("version {number} of {function} fails ({error})");
            return Err(Unanswered::Wrong(Words::new(what, shown(&answer))));
        }
        let said: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
        if said["lockgate"] != "ok" {
            let what = format!("version {number} of {function} does not answer its probe by \"lockgate\": \"ok\"");
            return Err(Unanswered::Wrong(Words::new(what, shown(&answer))));
        }
        Ok(())
    }

    /// What a version answers, and its function error if that is one.
    async fn invoke(&self, function: &str, number: &str, event: &str) -> Result<(Vec<u8>, Option<String>)> {
        let patient = TimeoutConfig::builder().operation_attempt_timeout(PROBE).operation_timeout(PROBE).build();
        let invoke = self.client.invoke().function_name(function).qualifier(number).payload(event.as_bytes().into());
        let patient = aws_sdk_lambda::config::Builder::default().timeout_config(patient);
        let answer = invoke.customize().config_override(patient).send().await;
        let answer = answer
            .map_err(|error| anyhow!("version {number} of {function} cannot be invoked: {}", aws::explain(&error)))?;
        let payload = answer.payload.map(aws_sdk_lambda::primitives::Blob::into_inner).unwrap_or_default();
        Ok((payload, answer.function_error))
    }
}

/// `image` is the address with the digest that Lambda resolved an image's tag to.
fn version(function: &str, number: &str, facts: &FunctionConfiguration, image: Option<&str>) -> Version {
    let code = facts.state_reason_code().map(|code| format!("{}: ", code.as_str())).unwrap_or_default();
    let zip = || Some(hex::encode(STANDARD.decode(facts.code_sha256()?).ok()?));
    let is_image = facts.package_type() == Some(&PackageType::Image);
    Version {
        function: function.to_owned(),
        number: number.to_owned(),
        // Lambda gives no state for versions from before there were states; they serve.
        state: facts.state().cloned().unwrap_or(State::Active),
        why: format!("{code}{}", facts.state_reason().unwrap_or("no reason given")),
        role: facts.role().unwrap_or_default().to_owned(),
        dead_letters: facts.dead_letter_config().and_then(|set| set.target_arn()).map(str::to_owned),
        configuration: configuration::hash(facts),
        code: if is_image { image.and_then(|image| Some(image.split_once('@')?.1.to_owned())) } else { zip() },
    }
}

/// What to do about a version that failed.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html>
fn advice(why: &str) -> &'static str {
    let code = why.split(':').next().unwrap_or_default();
    match code {
        "ImageAccessDenied" => "the repository's policy must let lambda.amazonaws.com read the image",
        "ImageDeleted" => "the image is gone from its repository: release the tree again",
        "InvalidImage" => "Lambda cannot run this image: build it with `lockgate package`, which checks it",
        "FunctionError.InvalidEntryPoint" => "the image's entrypoint is no program that can be run",
        "FunctionError.PermissionDenied" => "Lambda's user may not read or run a file of the image",
        "InsufficientRolePermissions" => "the function's role lacks a right that Lambda needs to set it up",
        "EniLimitExceeded" | "SubnetOutOfIPAddresses" => "the subnets have no address left",
        "DisabledKMSKey" | "InvalidStateKMSKey" | "KMSKeyAccessDenied" | "KMSKeyNotFound" => {
            "Lambda cannot use the key that encrypts its environment"
        }
        _ => "mend the cause and release again",
    }
}

/// The beginning of an answer.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(300).collect()
}
