//! Images on disk, made to measure.

use std::{fs, path::Path, time::Duration};

use flate2::{Compression, write::GzEncoder};
use lockgate::push_image::{Image, Login, Patience, Settings};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// An image's parts, to be changed before they are written.
pub(crate) struct Draft {
    pub(crate) folder: TempDir,
    pub(crate) config: Value,
    pub(crate) manifest: Value,
}

impl Draft {
    /// An image of a program and `layers` more layers of so many bytes, which do not compress.
    pub(crate) fn new(seed: u32, layers: usize, size: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut files = vec![tar("bootstrap", 0o755, b"\x7fELF")];
        files.extend((0..layers).map(|layer| tar(&format!("data/{layer}"), 0o644, &noise(seed + layer as u32, size))));
        let descriptors: Vec<_> = files
            .iter()
            .map(|tar| blob(folder.path(), "application/vnd.oci.image.layer.v1.tar+gzip", &gzip(tar)))
            .collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": { "Entrypoint": ["/bootstrap"], "Labels": { "seed": seed.to_string() } },
            "rootfs": { "type": "layers", "diff_ids": files.iter().map(|tar| digest(tar)).collect::<Vec<_>>() },
            "history": files.iter().map(|_| json!({ "created_by": "test" })).collect::<Vec<_>>(),
        });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "layers": descriptors,
        });
        Self { folder, config, manifest }
    }

    /// Writes the image and gives its digest. The manifest is no canonical JSON: its bytes must survive.
    pub(crate) fn write(&mut self) -> String {
        let kind = self.manifest["config"]["mediaType"].as_str().unwrap_or("application/vnd.oci.image.config.v1+json");
        let kind = kind.to_owned();
        self.manifest["config"] = blob(self.folder.path(), &kind, &serde_json::to_vec(&self.config).expect("JSON"));
        let kind =
            self.manifest["mediaType"].as_str().unwrap_or("application/vnd.oci.image.manifest.v1+json").to_owned();
        let descriptor = blob(self.folder.path(), &kind, format!("{:#}\n", self.manifest).as_bytes());
        self.index(std::slice::from_ref(&descriptor));
        text(&descriptor["digest"])
    }

    /// Writes `index.json` with these manifests.
    pub(crate) fn index(&self, manifests: &[Value]) {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        fs::write(self.folder.path().join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).expect("an own folder");
        fs::write(self.folder.path().join("index.json"), index.to_string()).expect("an own folder");
    }

    /// What `index.json` lists.
    pub(crate) fn listed(&self) -> Vec<Value> {
        let index = fs::read(self.folder.path().join("index.json")).expect("an index");
        let index: Value = serde_json::from_slice(&index).expect("JSON");
        index["manifests"].as_array().expect("a list").clone()
    }

    pub(crate) fn image(&self, registry: &str, name: &str, tag: &str) -> Image {
        let layout = self.folder.path().to_owned();
        Image { repository: format!("{registry}/{name}"), tag: tag.to_owned(), layout }
    }
}

/// Settings that do not wait long.
pub(crate) fn settings(login: Login) -> Settings {
    let patience = Patience {
        attempts: 3,
        backoff: Duration::from_millis(1),
        longest: Duration::from_secs(2),
        stall: Duration::from_millis(500),
    };
    Settings { patience, ..Settings::new(login) }
}

/// Writes a blob and gives its descriptor.
pub(crate) fn blob(folder: &Path, kind: &str, bytes: &[u8]) -> Value {
    let digest = digest(bytes);
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("an own folder");
    fs::write(blobs.join(&digest["sha256:".len()..]), bytes).expect("an own folder");
    json!({ "mediaType": kind, "digest": digest, "size": bytes.len() })
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

pub(crate) fn tar(path: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, path, content).expect("a small file");
    tar.into_inner().expect("a small archive")
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Bytes without pattern, the same for the same seed.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed) << 32 | 0x9e37_79b9;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}
