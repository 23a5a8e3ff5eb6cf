//! OCI images on disk: their types, how a layer is compressed, and what Lambda asks of them:
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md>.

mod check;
mod content;
pub(crate) mod gzip;
mod layout;

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest as sha};
use serde::{Deserialize, Serialize};

pub(crate) use self::{
    content::Kind,
    layout::{Layout, MARKER},
};

/// A blob by digest. The order of the fields is the order of the bytes that `lockgate package` writes.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// What an image runs on, in Go's words (`amd64`, `linux`).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Platform {
    pub(crate) architecture: String,
    pub(crate) os: String,
}

/// A list of manifests, as `index.json` is one.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub(crate) schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) media_type: Option<String>,
    pub(crate) manifests: Vec<Descriptor>,
}

/// The media types of one kind of image. Lambda takes either kind, but no mixture.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) index: &'static str,
    pub(crate) manifest: &'static str,
    pub(crate) config: &'static str,
    pub(crate) layer: &'static str,
}

/// As the OCI writes them.
pub(crate) const OCI: Family = Family {
    name: "OCI",
    index: "application/vnd.oci.image.index.v1+json",
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

/// As Docker writes them: <https://distribution.github.io/distribution/spec/manifest-v2-2/>.
pub(crate) const DOCKER: Family = Family {
    name: "Docker",
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

/// The digest of some bytes, `sha256:<hex>`. By ring here, which is more than twice as fast as `sha2` where the processor
/// has no instruction for it: every byte of an image is hashed twice.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(sha(&SHA256, bytes)))
}
