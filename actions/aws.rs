//! How every AWS client is made. Endpoints come from the SDK's own settings (`AWS_ENDPOINT_URL*`), so that a stand-in
//! needs no code: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.

use std::{sync::OnceLock, time::Duration};

use anyhow::{Result, ensure};
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sts::{config::SharedAsyncSleep, error::SdkError};
use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};

/// How long a connection may take to come about.
pub const CONNECT: Duration = Duration::from_secs(3);

/// How long one attempt of a call may take, its answer read.
pub const ATTEMPT: Duration = Duration::from_secs(10);

/// How long a call may take with all its attempts.
pub const OPERATION: Duration = Duration::from_secs(40);

/// The one HTTP client: rustls with ring, the system's certificates, proxies as `HTTPS_PROXY` and `NO_PROXY` say. What
/// uses the same value shares its connections; `http::Client` makes the requests that are no calls of an SDK.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    let made = OnceLock::new();
    http_client_fn(move |settings, components| {
        made.get_or_init(|| connector(settings, components.sleep_impl())).clone()
    })
}

/// What every HTTP client is made of; without a sleep of its own it takes the runtime's.
pub(crate) fn connector(settings: &HttpConnectorSettings, sleep: Option<SharedAsyncSleep>) -> SharedHttpConnector {
    let mut builder = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .proxy_config(ProxyConfig::from_env())
        .connector_settings(settings.clone());
    builder.set_sleep_impl(sleep);
    SharedHttpConnector::new(builder.build())
}

/// What the settings of every client begin with: timeouts, and retries of what can heal by waiting (429, 5xx, a broken
/// connection), four attempts in all.
#[must_use]
pub fn loader(region: Option<&str>) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(4));
    match region {
        Some(region) => loader.region(Region::new(region.to_owned())),
        None => loader,
    }
}

/// Settings of every AWS client, with the credentials and region of the environment.
///
/// # Errors
/// If no region is set.
pub async fn config() -> Result<SdkConfig> {
    let config = loader(None).load().await;
    ensure!(
        config.region().is_some(),
        "no AWS region is set; run `lockgate assume-role` first, or set AWS_REGION to the one to deploy to"
    );
    Ok(config)
}

/// What a failed call says: AWS's code and message, or what happened to the request.
pub fn explain<E, R>(error: &SdkError<E, R>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug,
{
    match error.as_service_error() {
        Some(service) => match (service.code(), service.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            _ => DisplayErrorContext(service).to_string(),
        },
        None => DisplayErrorContext(error).to_string(),
    }
}

/// Whether AWS answered with this error code.
pub fn is<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, code: &str) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some(code)
}
