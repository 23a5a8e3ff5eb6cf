//! An emulated AWS: ministack with credentials and policies enforced, one process that ends with this one.
//!
//! What it does not do, of what the rehearsal touches: it runs no container images (the function host does), splits no
//! traffic between versions (the function host does), knows no partial batch responses or retry limits of DynamoDB
//! streams (the function host does), and checks no signature of its root user.

use crate::folders;
use crate::tools::ministack;
use anyhow::{Context, Result, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::OnceCell;

/// The emulated account.
pub const ACCOUNT: &str = "111122223333";
/// The emulated region.
pub const REGION: &str = "eu-central-1";
/// The access key of the account's root user; the secret is the same word.
pub const ROOT_KEY: &str = "rehearsal";

/// How long a minute of an alarm's period lasts here, in seconds.
const ALARM_MINUTE: &str = "2";

/// How long it may take to answer after its start.
const READY: Duration = Duration::from_secs(60);

/// Ports that are tried before a start fails.
const PORTS: u32 = 3;

/// How a start differs from the usual.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Functions whose invocations are forwarded, each to a URL.
    pub forward: Vec<(String, String)>,
    /// Where its log goes; nowhere if not said.
    pub log: Option<PathBuf>,
}

/// Where an alias of a function points from some moment on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AliasMove {
    /// When, in seconds since 1970.
    pub at: f64,
    /// The function's name.
    pub function: String,
    /// The alias's name.
    pub alias: String,
    /// The version that gets what no other gets.
    pub version: String,
    /// The shares of other versions, from 0 to 1.
    pub weights: BTreeMap<String, f64>,
}

/// A running emulated AWS.
#[derive(Debug)]
pub struct Emulator {
    /// Its one endpoint, `http://127.0.0.1:<port>`.
    pub url: String,
    child: Child,
    // The process ends when this pipe closes.
    _stdin: Option<ChildStdin>,
}

impl Emulator {
    /// Starts one on a free port and waits until it answers.
    ///
    /// # Errors
    /// If ministack cannot be installed or does not come up; its log is named.
    pub async fn start(options: &Options) -> Result<Self> {
        Self::start_on(options, free_port).await
    }

    /// Between the moment in which a port is found free and that in which ministack listens on it, somebody else may take
    /// it: then the next one is tried.
    async fn start_on(options: &Options, mut ports: impl FnMut() -> Result<u16>) -> Result<Self> {
        let mut tried = 1;
        loop {
            match Self::on_port(options, ports()?).await {
                Err(_) if tried < PORTS => tried += 1,
                ended => return ended,
            }
        }
    }

    async fn on_port(options: &Options, port: u16) -> Result<Self> {
        let packages = ministack().await?;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).context("the system gave no random bytes")?;
        let nonce = nonce.map(|byte| format!("{byte:02x}")).concat();
        let log = || match &options.log {
            Some(path) => Ok(Stdio::from(File::options().create(true).append(true).open(path)?)),
            None => anyhow::Ok(Stdio::null()),
        };
        // It keeps a key and its process's number there.
        let own = folders::rehearsal()?.join("emulator");
        std::fs::create_dir_all(&own).with_context(|| format!("failed to create {}", own.display()))?;
        let mut command = Command::new("python3");
        command.arg("-c").arg(concat!(include_str!("emulator/alarms.py"), include_str!("emulator/launch.py")));
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"));
        command.env("PYTHONPATH", &packages.path).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("STATE_DIR", &own).env("TMPDIR", &own);
        command.envs([
            ("AUTH", "true"),
            ("BIND_HOST", "127.0.0.1"),
            ("IOT_MTLS_ENABLED", "0"),
            ("SFTP_ENABLED", "0"),
            ("LOG_LEVEL", "WARNING"),
            ("MINISTACK_ACCOUNT_ID", ACCOUNT),
            ("MINISTACK_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ROOT_KEY),
            ("AWS_SECRET_ACCESS_KEY", ROOT_KEY),
            // AWS waits a minute and more before it tries an asynchronous invocation again.
            ("LAMBDA_ASYNC_RETRY_BASE_SECONDS", "0.2"),
            // An alarm looks back over minutes; metrics themselves stay by the minute.
            ("REHEARSAL_ALARM_MINUTE_SECONDS", ALARM_MINUTE),
        ]);
        command.env("GATEWAY_PORT", port.to_string()).env("REHEARSAL_NONCE", &nonce);
        for (function, url) in &options.forward {
            command.env(format!("MINISTACK_LAMBDA_PROXY_{function}"), url);
        }
        command.stdin(Stdio::piped()).stdout(log()?).stderr(log()?).kill_on_drop(true);
        let mut child = command.spawn().context("failed to start ministack")?;
        let stdin = child.stdin.take();
        let mut emulator = Self { url: format!("http://127.0.0.1:{port}"), child, _stdin: stdin };
        emulator.wait_until_ready(&nonce, options.log.as_deref()).await?;
        Ok(emulator)
    }

    /// Waits until the process that was started here answers: that something answers on its port is not enough.
    async fn wait_until_ready(&mut self, nonce: &str, log: Option<&Path>) -> Result<()> {
        let seen = || log.map_or_else(String::new, |log| format!("; its log is {}", log.display()));
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("ministack ended with {status} before it was ready{}", seen());
            }
            match self.own("nonce").await {
                Ok(found) if found == nonce => return Ok(()),
                Ok(found) => bail!("on {} answers another program, {found:?}, than the one just started", self.url),
                Err(_) if started.elapsed() < READY => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(error) => {
                    let waited = format!("ministack did not answer within {} s{}", READY.as_secs(), seen());
                    return Err(error).context(waited);
                }
            }
        }
    }

    /// The calls it has refused so far because nobody had signed them, each as `METHOD path`. Calls of an HTTP API and of
    /// the registry are none of them.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn unsigned(&self) -> Result<Vec<String>> {
        serde_json::from_str(&self.own("unsigned").await?).context("the emulated AWS did not answer a list")
    }

    /// Every call that made or moved an alias so far, oldest first.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn aliases(&self) -> Result<Vec<AliasMove>> {
        serde_json::from_str(&self.own("aliases").await?).context("the emulated AWS did not answer moves of aliases")
    }

    /// What the launcher, not AWS, answers.
    async fn own(&self, what: &str) -> Result<String> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let url = format!("{}/_rehearsal/{what}", self.url);
        let answer = client.get(url.parse()?).await.with_context(|| format!("failed to ask {url}"))?;
        let body = answer.into_body().collect().await.with_context(|| format!("failed to read the answer of {url}"))?;
        Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
    }

    /// Settings of SDK clients that speak to it as the account's root user.
    pub async fn config(&self) -> SdkConfig {
        self.config_as(Credentials::from_keys(ROOT_KEY, ROOT_KEY, None)).await
    }

    /// Settings of SDK clients that speak to it with these credentials.
    pub async fn config_as(&self, credentials: Credentials) -> SdkConfig {
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .endpoint_url(&self.url)
            .credentials_provider(credentials)
            .http_client(http)
            .load()
            .await
    }
}

/// The one emulator of this test process; it ends with the process.
///
/// # Panics
/// If it does not start: the message says what to do.
#[expect(clippy::expect_used, reason = "tests want the message, not a result")]
pub async fn shared() -> &'static Emulator {
    static SHARED: OnceCell<Emulator> = OnceCell::const_new();
    SHARED.get_or_init(async || Emulator::start(&Options::default()).await.expect("no emulated AWS")).await
}

/// A port that nobody listens on now.
///
/// # Errors
/// If the system has none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to find a free port")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn another_emulator_on_the_port_is_not_taken_for_this_one() {
        let other = shared().await;
        let mut ports = [other.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("its port")]
            .into_iter()
            .chain(std::iter::repeat_with(|| free_port().expect("a port")));
        let ours = Emulator::start_on(&Options::default(), || ports.next().context("endless")).await.expect("a start");
        assert_ne!(ours.url, other.url);
        assert!(ours.unsigned().await.expect("a list").is_empty());
    }
}
