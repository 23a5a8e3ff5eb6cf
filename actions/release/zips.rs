//! Zips in the artifacts bucket, under a key that is made of their hash: what is there once is never written again.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use aws_config::SdkConfig;
use aws_sdk_s3::{Client, error::SdkError, primitives::ByteStream, types::ChecksumAlgorithm};
use aws_smithy_types::timeout::TimeoutConfig;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{
    aws,
    package::{Package, Packages},
    runner,
};

/// How long an upload may take; a zip for Lambda has at most 250 MB unpacked.
const UPLOAD: std::time::Duration = std::time::Duration::from_secs(300);

/// Attempts for one key that another run writes at the same time.
const ATTEMPTS: u32 = 5;

/// The pause between them.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// The key of a function's zip.
pub(super) fn key(name: &str, sha256: &str) -> String {
    format!("functions/{name}/{sha256}.zip")
}

/// Uploads every zip that is not there yet.
pub(super) async fn upload(config: &SdkConfig, bucket: &str, folder: &Path, packages: &Packages) -> Result<()> {
    let patient = TimeoutConfig::builder()
        .connect_timeout(aws::CONNECT)
        .operation_attempt_timeout(UPLOAD)
        .operation_timeout(UPLOAD * 2)
        .build();
    let client = Client::from_conf(aws_sdk_s3::config::Builder::from(config).timeout_config(patient).build());
    for (name, package) in &packages.functions {
        let Package::Zip { path, sha256, .. } = package else { continue };
        let key = key(name, sha256);
        let bytes: Bytes = std::fs::read(folder.join(path)).with_context(|| format!("{path} cannot be read"))?.into();
        let digest = Sha256::digest(&bytes);
        ensure!(hex::encode(digest) == *sha256, "{path} is not the file that packages.json tells of; package again");
        // S3 checks the digest itself, and refuses a key that is taken.
        let put = async || {
            let put = client.put_object().bucket(bucket).key(&key).if_none_match("*");
            let put = put.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_sha256(STANDARD.encode(digest));
            put.body(ByteStream::from(bytes.clone())).send().await
        };
        let mut done = put().await;
        // Two environments release one tree at the same time: S3 asks the slower one to try again.
        for _ in 1..ATTEMPTS {
            if !is_status(&done, 409) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            done = put().await;
        }
        match done {
            Ok(_) => runner::say(format_args!("{name}: uploaded {key}")),
            refused if is_status(&refused, 412) => runner::say(format_args!("{name}: {key} is there already")),
            Err(error) => {
                return Err(anyhow!(
                    "{key} cannot be uploaded to {bucket}: {}; the role needs s3:PutObject on functions/*",
                    aws::explain(&error)
                ));
            }
        }
    }
    Ok(())
}

fn is_status<T, E>(done: &Result<T, SdkError<E>>, status: u16) -> bool {
    matches!(done, Err(SdkError::ServiceError(error)) if error.raw().status().as_u16() == status)
}
