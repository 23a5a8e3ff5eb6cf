//! An image FROM scratch, put together in memory: <https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md>.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;
use tar::{EntryType, Header};

use super::{archive::BOOTSTRAP, certificates};
use crate::oci::{Descriptor, OCI, Platform, digest, gzip};

/// No clock: an image is as old as its tree, and the tree does not say.
const CREATED: &str = "1970-01-01T00:00:00Z";
/// `nobody` by convention of distroless images; numeric because there is no `/etc/passwd`.
const USER: &str = "65532:65532";
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

// The order of the fields is the order of the bytes, here and below: no map decides it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: &'static str,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Debug, Serialize)]
struct Config {
    created: &'static str,
    #[serde(flatten)]
    platform: Platform,
    config: Execution,
    rootfs: RootFs,
    history: Vec<Step>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Execution {
    user: &'static str,
    env: Vec<String>,
    entrypoint: Vec<String>,
    working_dir: &'static str,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct RootFs {
    #[serde(rename = "type")]
    kind: &'static str,
    diff_ids: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Step {
    created: &'static str,
    created_by: &'static str,
}

/// A single-platform image, ready to be written.
pub(crate) struct Image {
    pub(super) manifest: Descriptor,
    /// Manifest, configuration and compressed layers by hex SHA-256.
    pub(super) blobs: BTreeMap<String, Vec<u8>>,
}

impl Image {
    /// The image that runs `binary` on `architecture` (`amd64` or `arm64`); `name` is its title. Its first layer is the
    /// same in every image.
    pub(crate) fn new(name: &str, architecture: &str, binary: &[u8]) -> Result<Self> {
        let platform = Platform { architecture: architecture.into(), os: "linux".into() };
        let layers = [
            ("certificate authorities", layer(CERTIFICATES, 0o644, certificates::bundle().as_bytes())?),
            ("program", layer(BOOTSTRAP, 0o755, binary)?),
        ];
        let config = Config {
            created: CREATED,
            platform: platform.clone(),
            config: Execution {
                user: USER,
                env: vec!["PATH=/".into(), format!("SSL_CERT_FILE=/{CERTIFICATES}")],
                entrypoint: vec![format!("/{BOOTSTRAP}")],
                working_dir: "/",
                labels: BTreeMap::from([("org.opencontainers.image.title".into(), name.into())]),
            },
            rootfs: RootFs {
                kind: "layers",
                diff_ids: layers.iter().map(|(_, layer)| layer.diff_id.clone()).collect(),
            },
            history: layers.iter().map(|(what, _)| Step { created: CREATED, created_by: what }).collect(),
        };

        let mut blobs = BTreeMap::new();
        let mut add = |media_type: &str, digest: String, bytes: Vec<u8>| {
            let size = bytes.len() as u64;
            blobs.insert(digest.trim_start_matches("sha256:").to_owned(), bytes);
            Descriptor { media_type: media_type.into(), digest, size, platform: None, annotations: BTreeMap::new() }
        };
        let config = json(&config)?;
        let manifest = Manifest {
            schema_version: 2,
            media_type: OCI.manifest,
            config: add(OCI.config, digest(&config), config),
            layers: layers.into_iter().map(|(_, layer)| add(OCI.layer, layer.digest, layer.bytes)).collect(),
        };
        let manifest = json(&manifest)?;
        let manifest = Descriptor { platform: Some(platform), ..add(OCI.manifest, digest(&manifest), manifest) };
        Ok(Self { manifest, blobs })
    }

    /// The bytes of all blobs.
    pub(super) fn size(&self) -> usize {
        self.blobs.values().map(Vec::len).sum()
    }
}

pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).context("an image's JSON cannot be written down")
}

/// A layer of one file, with the folders above it: readable by any user, owned by root, without times and names.
pub(crate) fn layer(path: &str, mode: u32, content: &[u8]) -> Result<gzip::Gzip> {
    gzip::compress(&archive(path, mode, content)?)
}

fn archive(path: &str, mode: u32, content: &[u8]) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::with_capacity(content.len() + 4096));
    for (end, _) in path.match_indices('/') {
        append(&mut tar, &path[..=end], EntryType::Directory, 0o755, &[])?;
    }
    append(&mut tar, path, EntryType::Regular, mode, content)?;
    tar.into_inner().context("a layer could not be packed")
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, kind: EntryType, mode: u32, content: &[u8]) -> Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, path, content).with_context(|| format!("{path} could not be packed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_program_is_one_digest() {
        let digests: Vec<_> = ["enrich", "enrich", "query"]
            .into_iter()
            .map(|name| Image::new(name, "amd64", b"\x7fELF program").expect("a small image").manifest.digest)
            .collect();
        assert_eq!(digests[0], digests[1]);
        assert_ne!(digests[0], digests[2], "the title tells them apart");
    }

    #[test]
    fn images_share_the_layer_of_certificates() {
        let blobs = |name, program: &[u8]| Image::new(name, "amd64", program).expect("a small image").blobs;
        let (one, other) = (blobs("enrich", b"one"), blobs("query", b"other"));
        let shared: Vec<_> = one.keys().filter(|digest| other.contains_key(*digest)).collect();
        assert_eq!(shared.len(), 1, "of three blobs and the manifest");
        assert!(one[shared[0]].len() > 100_000, "the certificates are the big one");
    }

    #[test]
    fn a_layer_tells_nothing_of_its_making() {
        let layer = layer("a/b/program", 0o755, b"content").expect("a small layer");
        assert_eq!(layer.bytes[4..8], [0; 4], "gzip's time");
        assert_eq!(layer.bytes[9], 255, "gzip's operating system");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&layer.bytes[..]));
        let entries: Vec<_> = archive
            .entries()
            .expect("a readable layer")
            .map(|entry| {
                let entry = entry.expect("a readable entry");
                let header = entry.header();
                let field = |bytes: Option<&[u8]>| bytes.unwrap_or_default().iter().filter(|byte| **byte != 0).count();
                assert_eq!((header.uid().ok(), header.gid().ok(), header.mtime().ok()), (Some(0), Some(0), Some(0)));
                assert_eq!(field(header.username_bytes()) + field(header.groupname_bytes()), 0, "names of owners");
                (entry.path().expect("a path").display().to_string(), header.mode().expect("a mode"))
            })
            .collect();
        let expected = [("a/", 0o755), ("a/b/", 0o755), ("a/b/program", 0o755)];
        assert_eq!(entries, expected.map(|(path, mode)| (path.to_owned(), mode)));
    }

    /// Another compressor gives other bytes: then every digest changes once, and on purpose.
    #[test]
    fn a_layer_is_these_bytes() {
        let layer = layer(BOOTSTRAP, 0o755, &b"program".repeat(9999)).expect("a small layer");
        let actual = [layer.diff_id, layer.digest];
        assert_eq!(
            actual,
            [
                "sha256:fa15f9ec0591192158dfe58f4564bdba80578bf71f5a3e30931a101abe7c1363",
                "sha256:9ab384d0d16c9ddf610da0abc135e3db632498a15796c75b9157784c4b8cbf83"
            ]
        );
    }
}
