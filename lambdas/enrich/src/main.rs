//! Wires `enrich` to the Lambda runtime: logs, configuration, clients.

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use enrich::{Config, Enrich};
use lambda_runtime::{LambdaEvent, run, service_fn, tracing};
use serde_json::value::RawValue;
use std::process::ExitCode;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Never below INFO: the SDK's own debug lines would repeat whole records.
    tracing::subscriber::fmt().json().without_time().with_target(false).with_max_level(tracing::Level::INFO).init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("failed to start: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_env()?;
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    // A request that hangs would hold the shard until Lambda ends the invocation, and with it all that was done.
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(12))
        .build();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts).load().await;
    let enrich = Enrich::new(config, &sdk);
    run(service_fn(async |event: LambdaEvent<Box<RawValue>>| enrich.invoke(&event.payload).await)).await
}
