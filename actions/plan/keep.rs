//! Where a plan record is kept: in a file, or in S3 under a key that is made of the plan's digest.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::Plan;
use crate::{aws, object, runner};

/// A place for a record.
#[derive(Debug)]
pub(crate) enum Keep {
    /// A file.
    File(PathBuf),
    /// A prefix in a bucket, and the file that the record is in until its digest is known.
    Objects {
        /// The bucket.
        bucket: String,
        /// What its keys begin with, with a slash at its end.
        prefix: String,
        /// The file.
        file: PathBuf,
        /// Where the file is.
        _folder: TempDir,
    },
}

impl Keep {
    /// A file's name, or `s3://bucket/prefix/`.
    ///
    /// # Errors
    /// If it is neither.
    pub(crate) fn new(place: &str) -> Result<Self> {
        let Some((bucket, prefix)) = object::named(place)? else { return Ok(Self::File(PathBuf::from(place))) };
        ensure!(
            prefix.ends_with('/'),
            "{place} names one object; records are kept by their digests, below s3://bucket/prefix/"
        );
        let folder = tempfile::tempdir().context("no folder for the plan record can be made")?;
        let file = folder.path().join("record");
        Ok(Self::Objects { bucket: bucket.to_owned(), prefix: prefix.to_owned(), file, _folder: folder })
    }

    /// The file that the record is written to.
    pub(crate) fn file(&self) -> &Path {
        match self {
            Self::File(file) | Self::Objects { file, .. } => file,
        }
    }

    /// Brings the record to its place, which is returned. Into a bucket none goes in a dry run, nor of a plan that failed,
    /// which cannot be approved.
    pub(crate) async fn store(&self, plan: &Plan, dry_run: bool) -> Result<Option<String>> {
        let (bucket, prefix, file) = match self {
            Self::File(file) => return Ok(file.exists().then(|| file.display().to_string())),
            Self::Objects { .. } if dry_run || plan.errored || plan.digest.is_empty() => return Ok(None),
            Self::Objects { bucket, prefix, file, .. } => (bucket, prefix, file),
        };
        let key = format!("{prefix}{}.json", plan.digest);
        let bytes = fs::read(file).context("the plan record cannot be read again")?;
        let digest = Sha256::digest(&bytes);
        let client = object::client(&aws::config().await?);
        let new = object::write_once(&client, (bucket, &key), bytes.into(), &digest).await?;
        let place = format!("s3://{bucket}/{key}");
        runner::say(format_args!("the plan record {} {place}", if new { "is in" } else { "was in" }));
        Ok(Some(place))
    }
}
