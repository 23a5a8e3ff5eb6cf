//! Lambda aliases: reading and moving them so that nobody's move is lost.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html>
//!
//! Every update names the `RevisionId` that was read, and all of the routing: an omitted one would keep old weights. A new
//! owner of the lock begins by writing each alias as it is ([`Aliases::fence`]), which makes every revision that an older
//! owner still knows stale: one that stalled and wakes up late changes nothing.

use std::{fmt, time::Duration};

use anyhow::{Context, Result, anyhow};
use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_lambda::{
    Client,
    config::Builder,
    error::SdkError,
    operation::update_alias::{UpdateAliasError, UpdateAliasOutput},
    types::AliasRoutingConfiguration,
};

use crate::{aws, pace};

/// Attempts for one move: Lambda's control plane takes 15 calls a second for the whole account.
const ATTEMPTS: u32 = 6;

/// The first pause between two attempts; each next one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);

/// The longest pause, whatever Lambda asks for: a lease must not run out meanwhile.
const LONGEST: Duration = Duration::from_secs(10);

/// Where an alias sends its traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// The version that gets what the other one does not.
    pub version: String,
    /// Another version and its part of the traffic, above 0 and below 1.
    pub other: Option<(String, f64)>,
}

impl Traffic {
    /// All of it to one version.
    #[must_use]
    pub fn all(version: &str) -> Self {
        Self { version: version.to_owned(), other: None }
    }

    /// `part` of it to `new`, the rest to `old`.
    #[must_use]
    pub fn split(old: &str, new: &str, part: f64) -> Self {
        Self { version: old.to_owned(), other: Some((new.to_owned(), part)) }
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.other {
            None => write!(f, "100 % to version {}", self.version),
            Some((new, part)) => {
                write!(
                    f,
                    "{:.0} % to version {new}, {:.0} % to version {}",
                    part * 100.0,
                    100.0 - part * 100.0,
                    self.version
                )
            }
        }
    }
}

/// An alias as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// The function's name in AWS.
    pub function: String,
    /// The alias.
    pub name: String,
    /// Its main version.
    pub version: String,
    /// Other versions and their parts of the traffic; AWS allows one.
    pub weights: Vec<(String, f64)>,
    /// Changes with every update.
    pub revision: String,
}

impl Alias {
    /// Whether it sends its traffic there already.
    #[must_use]
    pub fn sends(&self, traffic: &Traffic) -> bool {
        let same =
            |(one, part): &(String, f64), (other, wanted): &(String, f64)| one == other && (part - wanted).abs() < 1e-6;
        self.version == traffic.version
            && match (&self.weights[..], &traffic.other) {
                ([], None) => true,
                ([weight], Some(other)) => same(weight, other),
                _ => false,
            }
    }

    /// How its traffic goes, as people read it.
    #[must_use]
    pub fn shown(&self) -> String {
        let rest = 1.0 - self.weights.iter().map(|(_, part)| part).sum::<f64>();
        let mut parts = vec![format!("{:.0} % to version {}", rest * 100.0, self.version)];
        parts.extend(self.weights.iter().map(|(version, part)| format!("{:.0} % to version {version}", part * 100.0)));
        parts.join(", ")
    }
}

/// Why an alias was not moved.
#[derive(Debug)]
pub enum Error {
    /// Somebody else changed it since it was read.
    Stale(String),
    /// It could not be read or written.
    Failed(anyhow::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale(alias) => {
                write!(f, "{alias} was changed by somebody else since it was read")
            }
            Self::Failed(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for Error {}

/// The aliases of an account and region.
#[derive(Clone, Debug)]
pub struct Aliases {
    client: Client,
    // Moves are not retried by the SDK: after a lost answer, a second request with the same revision always fails.
    once: Client,
}

impl Aliases {
    /// By these settings.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let once = Builder::from(config).retry_config(RetryConfig::disabled()).build();
        Self { client: Client::new(config), once: Client::from_conf(once) }
    }

    /// Reads an alias.
    ///
    /// # Errors
    /// If there is none, or Lambda cannot be asked.
    pub async fn read(&self, function: &str, name: &str) -> Result<Alias> {
        let found = self.find(function, name).await?;
        found.with_context(|| format!("alias {name} of {function} cannot be read: there is none"))
    }

    /// Reads an alias. None if there is none of this name, or no such function.
    ///
    /// # Errors
    /// If Lambda cannot be asked.
    pub async fn find(&self, function: &str, name: &str) -> Result<Option<Alias>> {
        pace::lambda().await;
        let alias = match self.client.get_alias().function_name(function).name(name).send().await {
            Err(error) if aws::is(&error, "ResourceNotFoundException") => return Ok(None),
            alias => {
                alias.map_err(|error| anyhow!("alias {name} of {function} cannot be read: {}", aws::explain(&error)))?
            }
        };
        let routing = alias.routing_config.and_then(|routing| routing.additional_version_weights);
        read(function, name, alias.function_version, routing, alias.revision_id).map(Some)
    }

    /// Sends the traffic of `alias`, as it was read, somewhere. An answer that was lost is looked up, never guessed.
    ///
    /// # Errors
    /// [`Error::Stale`] if it was changed meanwhile.
    pub async fn send(&self, alias: &Alias, traffic: &Traffic) -> Result<Alias, Error> {
        let named = || format!("alias {} of {}", alias.name, alias.function);
        let failed = |why: String| Error::Failed(anyhow!("{} cannot be moved: {why}", named()));
        let mut pause = PAUSE;
        let mut unheard = false;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.update(alias, traffic).await {
                Ok(done) => return written(alias, done).map_err(Error::Failed),
                Err(error) => error,
            };
            let explained = aws::explain(&error);
            let status = error.raw_response().map(|response| response.status().as_u16());
            let mut wait = pause;
            match error.as_service_error() {
                Some(UpdateAliasError::PreconditionFailedException(_)) if !unheard => {
                    return Err(Error::Stale(named()));
                }
                Some(UpdateAliasError::ResourceConflictException(_)) => {}
                Some(UpdateAliasError::TooManyRequestsException(busy)) => {
                    let seconds = busy.retry_after_seconds().and_then(|seconds| seconds.parse().ok());
                    wait = seconds.map_or(pause, Duration::from_secs).min(LONGEST);
                }
                // The answer is lost, the move perhaps not.
                None | Some(UpdateAliasError::PreconditionFailedException(_)) => unheard = true,
                Some(_) if status.is_some_and(|status| status >= 500) => unheard = true,
                Some(_) => return Err(failed(explained)),
            }
            if unheard {
                let now = self.read(&alias.function, &alias.name).await.map_err(Error::Failed)?;
                if now.revision != alias.revision {
                    return if now.sends(traffic) { Ok(now) } else { Err(Error::Stale(named())) };
                }
            }
            if attempt == ATTEMPTS {
                return Err(failed(format!("{explained} ({ATTEMPTS} attempts)")));
            }
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
    }

    /// Writes an alias as it is, so that no revision which another process knows is good any more; returns it with the
    /// new one. Somebody who moves it at this moment is let pass once more.
    ///
    /// # Errors
    /// If it cannot be read or written, or keeps changing.
    pub async fn fence(&self, function: &str, name: &str) -> Result<Alias, Error> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let alias = self.read(function, name).await.map_err(Error::Failed)?;
            let now = Traffic { version: alias.version.clone(), other: alias.weights.first().cloned() };
            match self.send(&alias, &now).await {
                Err(Error::Stale(named)) => last = Some(Error::Stale(named)),
                done => return done,
            }
        }
        Err(last.unwrap_or_else(|| Error::Stale(format!("alias {name} of {function}"))))
    }

    async fn update(&self, alias: &Alias, traffic: &Traffic) -> Result<UpdateAliasOutput, SdkError<UpdateAliasError>> {
        let weights = traffic.other.clone().into_iter().collect();
        pace::lambda().await;
        self.once
            .update_alias()
            .function_name(&alias.function)
            .name(&alias.name)
            .function_version(&traffic.version)
            .routing_config(AliasRoutingConfiguration::builder().set_additional_version_weights(Some(weights)).build())
            .revision_id(&alias.revision)
            .send()
            .await
    }
}

fn written(alias: &Alias, done: UpdateAliasOutput) -> Result<Alias> {
    let routing = done.routing_config.and_then(|routing| routing.additional_version_weights);
    read(&alias.function, &alias.name, done.function_version, routing, done.revision_id)
}

fn read(
    function: &str,
    name: &str,
    version: Option<String>,
    weights: Option<std::collections::HashMap<String, f64>>,
    revision: Option<String>,
) -> Result<Alias> {
    let (Some(version), Some(revision)) = (version, revision) else {
        return Err(anyhow!("Lambda did not say which version alias {name} of {function} has, or its revision"));
    };
    let mut weights: Vec<_> = weights.unwrap_or_default().into_iter().filter(|(_, part)| *part > 0.0).collect();
    weights.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(Alias { function: function.to_owned(), name: name.to_owned(), version, weights, revision })
}
