//! An image FROM scratch, put together in memory: <https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md>.

use std::{collections::BTreeMap, io::Write};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use super::{archive::BOOTSTRAP, certificates};

pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// No clock: an image is as old as its tree, and the tree does not say.
const CREATED: &str = "1970-01-01T00:00:00Z";
/// `nobody` by convention of distroless images; numeric because there is no `/etc/passwd`.
const USER: &str = "65532:65532";
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// A blob by digest. The order of the fields is the order of the bytes, here and below: no map decides it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) platform: Option<Platform>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Platform {
    pub(super) architecture: String,
    pub(super) os: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub(super) schema_version: u32,
    pub(super) media_type: String,
    pub(super) manifests: Vec<Descriptor>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) schema_version: u32,
    pub(super) media_type: String,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Config {
    pub(super) created: String,
    #[serde(flatten)]
    pub(super) platform: Platform,
    pub(super) config: Execution,
    pub(super) rootfs: RootFs,
    pub(super) history: Vec<Step>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Execution {
    pub(super) user: String,
    pub(super) env: Vec<String>,
    pub(super) entrypoint: Vec<String>,
    pub(super) working_dir: String,
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct RootFs {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) diff_ids: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Step {
    pub(super) created: String,
    pub(super) created_by: String,
}

/// A single-platform image, ready to be written.
pub(super) struct Image {
    pub(super) manifest: Descriptor,
    /// Manifest, configuration and compressed layers by hex SHA-256.
    pub(super) blobs: BTreeMap<String, Vec<u8>>,
}

impl Image {
    /// The image that runs `binary`; `name` is its title. Its first layer is the same in every image.
    pub(super) fn new(name: &str, binary: &[u8]) -> Result<Self> {
        let layers = [
            ("certificate authorities", Layer::new(CERTIFICATES, 0o644, certificates::bundle().as_bytes())?),
            ("program", Layer::new(BOOTSTRAP, 0o755, binary)?),
        ];
        let config = Config {
            created: CREATED.into(),
            platform: Platform { architecture: "amd64".into(), os: "linux".into() },
            config: Execution {
                user: USER.into(),
                env: vec!["PATH=/".into(), format!("SSL_CERT_FILE=/{CERTIFICATES}")],
                entrypoint: vec![format!("/{BOOTSTRAP}")],
                working_dir: "/".into(),
                labels: BTreeMap::from([("org.opencontainers.image.title".into(), name.into())]),
            },
            rootfs: RootFs {
                kind: "layers".into(),
                diff_ids: layers.iter().map(|(_, layer)| layer.diff_id.clone()).collect(),
            },
            history: layers
                .iter()
                .map(|(what, _)| Step { created: CREATED.into(), created_by: (*what).into() })
                .collect(),
        };

        let mut blobs = BTreeMap::new();
        let mut add = |media_type: &str, bytes: Vec<u8>| {
            let hex = hex::encode(Sha256::digest(&bytes));
            let (digest, size) = (format!("sha256:{hex}"), bytes.len());
            blobs.insert(hex, bytes);
            Descriptor { media_type: media_type.into(), digest, size, platform: None }
        };
        let platform = config.platform.clone();
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST.into(),
            config: add(CONFIG, json(&config)?),
            layers: layers.into_iter().map(|(_, layer)| add(LAYER, layer.gzip)).collect(),
        };
        let manifest = Descriptor { platform: Some(platform), ..add(MANIFEST, json(&manifest)?) };
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

struct Layer {
    diff_id: String,
    gzip: Vec<u8>,
}

impl Layer {
    /// One file, with the folders above it: readable by any user, owned by root, without times and names.
    fn new(path: &str, mode: u32, content: &[u8]) -> Result<Self> {
        let mut tar = tar::Builder::new(Vec::new());
        for (end, _) in path.match_indices('/') {
            append(&mut tar, &path[..=end], EntryType::Directory, 0o755, &[])?;
        }
        append(&mut tar, path, EntryType::Regular, mode, content)?;
        let tar = tar.into_inner().context("a layer could not be packed")?;

        // 255 is gzip's "unknown": the format would else tell the machine that packed it.
        let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
        gzip.write_all(&tar).context("a layer could not be compressed")?;
        let gzip = gzip.finish().context("a layer could not be compressed")?;
        Ok(Self { diff_id: format!("sha256:{}", hex::encode(Sha256::digest(&tar))), gzip })
    }
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
            .map(|name| Image::new(name, b"\x7fELF program").expect("a small image").manifest.digest)
            .collect();
        assert_eq!(digests[0], digests[1]);
        assert_ne!(digests[0], digests[2], "the title tells them apart");
    }

    #[test]
    fn images_share_the_layer_of_certificates() {
        let blobs = |name, program: &[u8]| Image::new(name, program).expect("a small image").blobs;
        let (one, other) = (blobs("enrich", b"one"), blobs("query", b"other"));
        let shared: Vec<_> = one.keys().filter(|digest| other.contains_key(*digest)).collect();
        assert_eq!(shared.len(), 1, "of three blobs and the manifest");
        assert!(one[shared[0]].len() > 100_000, "the certificates are the big one");
    }

    #[test]
    fn a_layer_tells_nothing_of_its_making() {
        let layer = Layer::new("a/b/program", 0o755, b"content").expect("a small layer");
        assert_eq!(layer.gzip[4..8], [0; 4], "gzip's time");
        assert_eq!(layer.gzip[9], 255, "gzip's operating system");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&layer.gzip[..]));
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
        let layer = Layer::new(BOOTSTRAP, 0o755, &b"program".repeat(9999)).expect("a small layer");
        let actual = [layer.diff_id, hex::encode(Sha256::digest(&layer.gzip))];
        assert_eq!(
            actual,
            [
                "sha256:fa15f9ec0591192158dfe58f4564bdba80578bf71f5a3e30931a101abe7c1363",
                "9c36f152cdad63f5f87fca42e193da1041283e15b73e7830cb8c029ecef6314f"
            ]
        );
    }
}
