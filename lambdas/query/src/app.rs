//! What every request shares: the configuration, the clients, and the router made of them.

use crate::config::Config;
use crate::{land, observe, openapi};
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use std::sync::Arc;
use std::time::Duration;

/// The state of the router; cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// What the environment says.
    pub config: Arc<Config>,
    /// The tables.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The landing bucket.
    pub s3: aws_sdk_s3::Client,
}

impl App {
    /// Builds the clients; nothing is sent yet.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig) -> Self {
        Self {
            config: Arc::new(config),
            dynamodb: aws_sdk_dynamodb::Client::new(sdk),
            s3: aws_sdk_s3::Client::new(sdk),
        }
    }

    /// Every route, with limits, log lines and problem answers around them, but without authorisation: that is API
    /// Gateway's part, or [`crate::listen`]'s.
    pub fn router(&self) -> Router {
        openapi::routes()
            .0
            .with_state(self.clone())
            .layer(DefaultBodyLimit::max(land::MAX_BODY_BYTES))
            .layer(from_fn(observe::time_limit))
    }
}

/// The SDK's settings: region, credentials and endpoints from the environment, TLS by rustls with ring.
pub async fn sdk_config() -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(12))
        .build();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts).load().await
}
