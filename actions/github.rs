//! GitHub's REST API (<https://docs.github.com/en/rest>, version 2022-11-28), by octocrab over the one HTTP client.

pub(crate) mod compare;
mod retry;

use std::{fmt, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use aws_smithy_runtime_api::client::http::HttpConnectorSettings;
use http::{HeaderName, HeaderValue, Uri, header};
use octocrab::{
    AuthState, Octocrab, OctocrabBuilder,
    service::middleware::{base_uri::BaseUriLayer, extra_headers::ExtraHeadersLayer},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{aws, secret::Secret};

pub use retry::Patience;

/// GitHub lists at most this many elements in an answer.
pub(crate) const PAGE: usize = 100;

/// More pages than these are not read: a hundred thousand comments are no conversation.
const PAGES: usize = 1_000;

/// Why nothing is written, and what to do.
pub(crate) const NO_TOKEN: &str = "there is no token for GitHub; give the input `token`";

/// How GitHub is reached.
#[derive(Clone, Debug, clap::Args)]
pub struct Access {
    /// Token for GitHub's API
    #[arg(long, env = "INPUT_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<Secret>,
    /// Login that the token writes as; only its comments and issues are taken for own ones
    #[arg(long, env = "INPUT_AUTHOR", value_name = "LOGIN", default_value = "github-actions[bot]")]
    pub author: String,
    /// Repository on GitHub, owner/name
    #[arg(long, env = "GITHUB_REPOSITORY", value_name = "OWNER/NAME", hide_env_values = true)]
    pub repository: Option<String>,
    /// Where the API is
    #[arg(long, env = "GITHUB_API_URL", value_name = "URL", default_value = "https://api.github.com")]
    pub api_url: String,
}

/// One repository, seen as one author.
#[derive(Clone)]
pub struct GitHub {
    crab: Octocrab,
    route: String,
    /// The login that the token writes as.
    pub author: String,
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub").field("route", &self.route).field("author", &self.author).finish_non_exhaustive()
    }
}

/// What GitHub, or the way to it, answered instead of doing what was asked.
#[derive(Debug)]
pub struct Refusal {
    /// The answer's status; none if there was no answer.
    pub status: Option<u16>,
    /// GitHub's own words, or what happened to the request.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "GitHub answered {status}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<octocrab::Error> for Refusal {
    fn from(error: octocrab::Error) -> Self {
        match error {
            octocrab::Error::GitHub { source, .. } => {
                let details = source.errors.iter().flatten().filter_map(|error| {
                    error["message"].as_str().or_else(|| error.as_str()).or_else(|| error["code"].as_str())
                });
                let details: Vec<_> = details.collect();
                let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
                Self { status: Some(source.status_code.as_u16()), message: format!("{}{details}", source.message) }
            }
            // Its own texts carry backtraces, their causes do not.
            other => Self { status: None, message: format!("GitHub cannot be reached: {}", innermost(&other)) },
        }
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

impl Access {
    /// The repository, if there is a token to see it with.
    ///
    /// # Errors
    /// If the repository or the API's URL is none.
    pub fn connect(&self) -> Result<Option<GitHub>> {
        let Some(token) = &self.token else { return Ok(None) };
        let repository = self.repository.as_deref().context("no repository is named; set GITHUB_REPOSITORY")?;
        GitHub::new(&self.api_url, repository, token, &self.author, Patience::default()).map(Some)
    }
}

impl GitHub {
    /// `repository` (`owner/name`) at the API of this URL: `https://api.github.com`, or `https://<host>/api/v3` of a GitHub
    /// Enterprise Server.
    ///
    /// # Errors
    /// If one of them is not as it should be.
    pub fn new(api: &str, repository: &str, token: &Secret, author: &str, patience: Patience) -> Result<Self> {
        ensure!(
            repository.split('/').count() == 2
                && repository.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
                && repository.chars().all(|c| c.is_ascii_alphanumeric() || "-._/".contains(c)),
            "{repository:?} is no repository; it is owner/name"
        );
        ensure!(
            crate::http::is_private(api),
            "the API's URL {api:?} is neither https nor on this machine; the token would travel in clear"
        );
        let base: Uri = api.trim_end_matches('/').parse().with_context(|| format!("{api:?} is no URL of an API"))?;
        let connector = aws::connector(&HttpConnectorSettings::builder().connect_timeout(aws::CONNECT).build(), None);
        let service = tower::service_fn(move |request| retry::send(connector.clone(), patience, request));
        let headers = [
            (header::USER_AGENT, HeaderValue::from_static(concat!("lockgate/", env!("CARGO_PKG_VERSION")))),
            (header::ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
            (HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28")),
        ];
        let crab = OctocrabBuilder::new_empty()
            .with_service(service)
            .with_layer(&BaseUriLayer::new(base))
            .with_layer(&ExtraHeadersLayer::new(Arc::new(headers.into())))
            .with_auth(AuthState::AccessToken { token: token.expose().to_owned().into() })
            .build()
            .map_err(|never| match never {})?;
        Ok(Self { crab, route: format!("/repos/{repository}"), author: author.to_owned() })
    }

    /// What is at `route`, below the repository.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn get<T: DeserializeOwned>(&self, route: &str) -> Result<T, Refusal> {
        Ok(self.crab.get(format!("{}{route}", self.route), None::<&()>).await?)
    }

    /// All elements of the list at `route`, page by page.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn list<T: DeserializeOwned>(&self, route: &str) -> Result<Vec<T>, Refusal> {
        self.pages(route, PAGE, Ok).await
    }

    /// All elements of the list that answers of `route` have in this member, page by page of `size`, which must not be more
    /// than GitHub lists there.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn members<T: DeserializeOwned>(
        &self,
        route: &str,
        member: &str,
        size: usize,
    ) -> Result<Vec<T>, Refusal> {
        let unread =
            |why: String| Refusal { status: None, message: format!("GitHub's {member} cannot be read: {why}") };
        let items = |mut page: Map<String, Value>| {
            let list = page.remove(member).ok_or_else(|| unread("there are none in its answer".to_owned()))?;
            serde_json::from_value(list).map_err(|error| unread(error.to_string()))
        };
        self.pages(route, size, items).await
    }

    async fn pages<P: DeserializeOwned, T>(
        &self,
        route: &str,
        size: usize,
        items: impl Fn(P) -> Result<Vec<T>, Refusal>,
    ) -> Result<Vec<T>, Refusal> {
        let mut all = Vec::new();
        let sign = if route.contains('?') { '&' } else { '?' };
        // Not by the `Link` header: octocrab gives its token to no URL with a host but github.com's own.
        for page in 1..=PAGES {
            let found = items(self.get(&format!("{route}{sign}per_page={size}&page={page}")).await?)?;
            let last = found.len() < size;
            all.extend(found);
            if last {
                return Ok(all);
            }
        }
        Err(Refusal { status: None, message: format!("{route} has more than {} elements", size * PAGES) })
    }

    /// Makes something at `route`. Where the answer is lost, it may have been made nevertheless.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn post<T: DeserializeOwned>(&self, route: &str, body: &(impl Serialize + ?Sized)) -> Result<T, Refusal> {
        Ok(self.crab.post(format!("{}{route}", self.route), Some(body)).await?)
    }

    /// Changes what is at `route`.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn patch<T: DeserializeOwned>(
        &self,
        route: &str,
        body: &(impl Serialize + ?Sized),
    ) -> Result<T, Refusal> {
        Ok(self.crab.patch(format!("{}{route}", self.route), Some(body)).await?)
    }

    /// Deletes what is at `route`; what is not there (any more) is deleted.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn delete(&self, route: &str) -> Result<(), Refusal> {
        let answer = self.crab._delete(format!("{}{route}", self.route), None::<&()>).await?;
        match octocrab::map_github_error(answer).await.map_err(Refusal::from) {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.status == Some(404) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }
}

/// How long to wait before the `attempt`-th try (from 1) of something, at most: a random part of a growing time.
pub(crate) fn pause(least: Duration, attempt: u32) -> Duration {
    let most = least.saturating_mul(1 << attempt.min(10));
    let part = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    most.mul_f64(part)
}
