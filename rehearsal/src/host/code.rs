//! A version's own bytes: a zip from the artifacts bucket by its hash, an image from the registry by its digest.

use crate::http;
use ::http::Request;
use anyhow::{Context, Result, bail, ensure};
use aws_config::SdkConfig;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::Full;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// What a version runs.
#[derive(Debug, Clone)]
pub(super) struct Code {
    /// The folder its package is unpacked in.
    pub(super) root: PathBuf,
    /// The program in it.
    pub(super) program: PathBuf,
}

/// Unpacks a zip package; `sha256` is Lambda's own `CodeSha256`, in Base64.
pub(super) async fn zip(config: &SdkConfig, bucket: &str, stem: &str, sha256: &str, cache: &Path) -> Result<Code> {
    let digest = hex::encode(BASE64_STANDARD.decode(sha256).context("CodeSha256 is not Base64")?);
    let root = cache.join(&digest);
    let program = root.join("bootstrap");
    if !root.is_dir() {
        let key = format!("functions/{stem}/{digest}.zip");
        let object = aws_sdk_s3::Client::new(config).get_object().bucket(bucket).key(&key).send().await;
        let object = object.with_context(|| format!("failed to get s3://{bucket}/{key}"))?;
        let bytes = object.body.collect().await?.into_bytes();
        ensure!(
            hex::encode(Sha256::digest(&bytes)) == digest,
            "s3://{bucket}/{key} holds other bytes than its name says"
        );
        unpacked(&root, |folder| Ok(zip::ZipArchive::new(Cursor::new(bytes))?.extract(folder)?))?;
    }
    Ok(Code { root, program })
}

/// An image's manifest, as far as it is needed.
/// <https://github.com/opencontainers/image-spec/blob/main/manifest.md>
#[derive(Deserialize)]
struct Manifest {
    config: Blob,
    layers: Vec<Blob>,
}

#[derive(Deserialize)]
struct Blob {
    digest: String,
}

#[derive(Deserialize)]
struct ImageConfig {
    config: RunConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RunConfig {
    entrypoint: Vec<String>,
}

/// Unpacks an image; `uri` is `<registry>/<repository>@<digest>`, of which the registry is the emulator's.
pub(super) async fn image(config: &SdkConfig, registry: &str, uri: &str, cache: &Path) -> Result<Code> {
    let (repository, digest) = uri.split_once('@').with_context(|| format!("{uri} names no digest"))?;
    let repository = repository.split_once('/').map_or(repository, |(_, name)| name);
    let root = cache.join(digest.replace(':', "-"));
    let entrypoint_file = root.join(".entrypoint");
    if !root.is_dir() {
        let puller = Puller::new(config, registry, repository).await?;
        let manifest: Manifest = serde_json::from_slice(&puller.get("manifests", digest).await?)?;
        let image: ImageConfig = serde_json::from_slice(&puller.get("blobs", &manifest.config.digest).await?)?;
        let program = image.config.entrypoint.first().context("the image has no entrypoint")?;
        let mut layers = Vec::new();
        for layer in &manifest.layers {
            layers.push(puller.get("blobs", &layer.digest).await?);
        }
        unpacked(&root, |folder| {
            for layer in &layers {
                tar::Archive::new(GzDecoder::new(&layer[..])).unpack(folder)?;
            }
            Ok(std::fs::write(folder.join(".entrypoint"), program.trim_start_matches('/'))?)
        })?;
    }
    let program = root.join(std::fs::read_to_string(&entrypoint_file)?);
    Ok(Code { root, program })
}

/// Pulls from the registry, each blob checked against its digest.
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull>
struct Puller {
    base: String,
    authorization: String,
}

impl Puller {
    async fn new(config: &SdkConfig, registry: &str, repository: &str) -> Result<Self> {
        let answer = aws_sdk_ecr::Client::new(config).get_authorization_token().send().await?;
        let token = answer.authorization_data().first().and_then(|data| data.authorization_token());
        let authorization = format!("Basic {}", token.context("ECR gave no authorization token")?);
        Ok(Self { base: format!("{registry}/v2/{repository}"), authorization })
    }

    async fn get(&self, kind: &str, digest: &str) -> Result<Bytes> {
        let url = format!("{}/{kind}/{digest}", self.base);
        let request = Request::get(&url).header("authorization", &self.authorization);
        let request = request.header("accept", "application/vnd.oci.image.manifest.v1+json");
        let answer = http::send(&http::client(), request.body(Full::default())?).await?;
        if !answer.status().is_success() {
            bail!("{url} answered {}: push the image before a function version names it", answer.status());
        }
        let found = format!("sha256:{}", hex::encode(Sha256::digest(answer.body())));
        ensure!(found == digest, "{url} answered bytes with the digest {found}");
        Ok(answer.into_body())
    }
}

/// Fills a new folder by `unpack` and puts it into place at once, so that a half unpacked one is never run.
fn unpacked(root: &Path, unpack: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let parent = root.parent().context("a cache folder has a parent")?;
    let folder = tempfile::tempdir_in(parent)?;
    unpack(folder.path())?;
    match std::fs::rename(folder.keep(), root) {
        Err(error) if !root.is_dir() => Err(error.into()),
        // Somebody else was faster with the same bytes.
        _ => Ok(()),
    }
}
