//! A registry of images: Debian's `docker-registry` (<https://distribution.github.io/distribution/>) on a free port, its
//! content in a temporary folder, its requests counted by its own access log.
//!
//! What it does not do, of what ECR does: immutable tags, a token service, an answer about a repository that was not made
//! before the push, and ECR's errors.

use crate::tools::docker_registry;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running registry; it ends when dropped.
#[derive(Debug)]
pub struct Registry {
    /// Where it listens, on loopback, without TLS.
    pub address: SocketAddr,
    log: PathBuf,
    _folder: TempDir,
    _child: Child,
}

impl Registry {
    /// Starts an empty one. With `htpasswd` (lines `user:bcrypt`), only those users may use it.
    ///
    /// # Errors
    /// If the program cannot be had or does not start.
    pub async fn start(htpasswd: Option<&str>) -> Result<Self> {
        let program = docker_registry().await?.path;
        let folder = tempfile::tempdir().context("failed to make a folder for the registry")?;
        let (settings, log) = (folder.path().join("config.yml"), folder.path().join("access.log"));
        // The access log is switched on by being left alone; port 0 is any free one, which the log tells.
        fs::write(
            &settings,
            "version: 0.1\nlog: {level: info}\nhttp: {addr: '127.0.0.1:0'}\nstorage: {filesystem: {}}\n",
        )?;
        let mut command = Command::new(&program);
        command.arg("serve").arg(&settings).env_clear();
        command.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", folder.path().join("content"));
        command.env("OTEL_TRACES_EXPORTER", "none");
        if let Some(users) = htpasswd {
            let file = folder.path().join("htpasswd");
            fs::write(&file, users)?;
            command.env("REGISTRY_AUTH", "htpasswd").env("REGISTRY_AUTH_HTPASSWD_REALM", "registry");
            command.env("REGISTRY_AUTH_HTPASSWD_PATH", file);
        }
        command.stdin(Stdio::null()).stdout(File::create(&log)?).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("failed to start {}", program.display()))?;
        let said = child.stderr.take().context("the registry has no stderr")?;
        let address = listening(said).await?;
        Ok(Self { address, log, _folder: folder, _child: child })
    }

    /// What it was asked so far, each as `METHOD path status`.
    ///
    /// # Errors
    /// If its access log cannot be read.
    pub fn requests(&self) -> Result<Vec<String>> {
        let text = fs::read_to_string(&self.log).context("failed to read the registry's access log")?;
        // host - user [time] "METHOD path HTTP/1.1" status bytes "referer" "agent"
        let request = |line: &str| {
            let mut quoted = line.split('"').skip(1);
            let (asked, answer) = (quoted.next()?, quoted.next()?);
            let mut asked = asked.split(' ');
            Some(format!("{} {} {}", asked.next()?, asked.next()?, answer.split_whitespace().next()?))
        };
        Ok(text.lines().filter_map(request).collect())
    }
}

/// Reads the log until it tells the port, and goes on reading so that the registry never waits for a reader.
async fn listening(said: tokio::process::ChildStderr) -> Result<SocketAddr> {
    let mut lines = BufReader::new(said).lines();
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line().await? {
        let address =
            line.split_once("listening on ").and_then(|(_, rest)| rest.split(['"', ' ', ',']).next()?.parse().ok());
        if let Some(address) = address {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(address);
        }
        seen.push(line);
    }
    anyhow::bail!("docker-registry ended before it listened:\n{}", seen.join("\n"))
}
