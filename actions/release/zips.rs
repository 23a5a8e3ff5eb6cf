//! Zips in the artifacts bucket, under a key that is made of their hash.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{
    object,
    package::{Package, Packages},
    runner,
};

/// The key of a function's zip.
pub(super) fn key(name: &str, sha256: &str) -> String {
    format!("functions/{name}/{sha256}.zip")
}

/// Uploads every zip that is not there yet.
pub(super) async fn upload(config: &SdkConfig, bucket: &str, folder: &Path, packages: &Packages) -> Result<()> {
    let client = object::client(config);
    for (name, package) in &packages.functions {
        let Package::Zip { path, sha256, .. } = package else { continue };
        let key = key(name, sha256);
        let bytes: Bytes = std::fs::read(folder.join(path)).with_context(|| format!("{path} cannot be read"))?.into();
        let digest = Sha256::digest(&bytes);
        ensure!(hex::encode(digest) == *sha256, "{path} is not the file that packages.json tells of; package again");
        if object::write_once(&client, (bucket, &key), bytes, &digest).await? {
            runner::say(format_args!("{name}: uploaded {key}"));
        } else {
            runner::say(format_args!("{name}: {key} is there already"));
        }
    }
    Ok(())
}
