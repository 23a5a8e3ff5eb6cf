//! Objects in S3 whose keys say what is in them: what is there once is never written again.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use aws_config::SdkConfig;
use aws_sdk_s3::{Client, error::SdkError, primitives::ByteStream, types::ChecksumAlgorithm};
use aws_smithy_types::timeout::TimeoutConfig;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use tokio::io::AsyncReadExt;

use crate::aws;

/// How long a transfer may take; a zip for Lambda has at most 250 MB unpacked.
const TRANSFER: Duration = Duration::from_secs(300);

/// Attempts for one key that another run writes at the same time.
const ATTEMPTS: u32 = 5;

/// The pause between them.
const PAUSE: Duration = Duration::from_secs(1);

/// Bucket and key of `s3://bucket/key`; nothing if it is another name, such as a file's.
///
/// # Errors
/// If bucket or key is missing.
pub(crate) fn named(place: &str) -> Result<Option<(&str, &str)>> {
    let Some(object) = place.strip_prefix("s3://") else { return Ok(None) };
    let parts = object.split_once('/').filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
    parts.map(Some).with_context(|| format!("{place} is no object, which is named s3://bucket/key"))
}

/// A client that has time for large objects.
pub(crate) fn client(config: &SdkConfig) -> Client {
    let patient = TimeoutConfig::builder()
        .connect_timeout(aws::CONNECT)
        .operation_attempt_timeout(TRANSFER)
        .operation_timeout(TRANSFER * 2)
        .build();
    Client::from_conf(aws_sdk_s3::config::Builder::from(config).timeout_config(patient).build())
}

/// Reads an object of at most `most` bytes; of a larger one, so many.
///
/// # Errors
/// If it is not there, or may not be read.
pub(crate) async fn read(client: &Client, bucket: &str, key: &str, most: u64) -> Result<Vec<u8>> {
    let object = client.get_object().bucket(bucket).key(key).send().await;
    let object = object.map_err(|error| anyhow!("{}; the role needs s3:GetObject on it", aws::explain(&error)))?;
    let mut bytes = Vec::new();
    object.body.into_async_read().take(most).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// Writes an object with this SHA-256, unless there is one of that key, which then stays. Returns whether it was written.
///
/// # Errors
/// If S3 refuses: with the right that is needed.
pub(crate) async fn write_once(
    client: &Client,
    (bucket, key): (&str, &str),
    bytes: Bytes,
    sha256: &[u8],
) -> Result<bool> {
    let digest = STANDARD.encode(sha256);
    // S3 checks the digest itself, and refuses a key that is taken.
    let put = async || {
        let put = client.put_object().bucket(bucket).key(key).if_none_match("*");
        let put = put.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_sha256(&digest);
        put.body(ByteStream::from(bytes.clone())).send().await
    };
    let mut done = put().await;
    // Two runs write one key at the same time: S3 asks the slower one to try again.
    for _ in 1..ATTEMPTS {
        if !is_status(&done, 409) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        done = put().await;
    }
    match done {
        Ok(_) => Ok(true),
        refused if is_status(&refused, 412) => Ok(false),
        Err(error) => {
            let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
            Err(anyhow!(
                "{key} cannot be written to {bucket}: {}; the role needs s3:PutObject on {folder}/*",
                aws::explain(&error)
            ))
        }
    }
}

fn is_status<T, E>(done: &Result<T, SdkError<E>>, status: u16) -> bool {
    matches!(done, Err(SdkError::ServiceError(error)) if error.raw().status().as_u16() == status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_a_bucket_and_a_key() {
        assert_eq!(named("s3://b/plans/x.json").expect("an object"), Some(("b", "plans/x.json")));
        assert_eq!(named("plans/x.json").expect("a file"), None);
        for place in ["s3://", "s3://b", "s3://b/", "s3:///x"] {
            assert!(named(place).is_err(), "{place}");
        }
    }
}
