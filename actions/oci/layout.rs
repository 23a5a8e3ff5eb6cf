//! An OCI image layout on disk, read as Lambda would judge it:
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, de::DeserializeOwned};

use super::{DOCKER, Descriptor, Family, Index, OCI, Platform, check, content::Content};

/// The file by which a folder says that it is a layout, and what it says.
pub(crate) const MARKER: (&str, &str) = ("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);

/// The most bytes of a JSON document in an image; registries take no larger manifest.
const JSON: u64 = 4 << 20;

/// How deep an index may be in another one.
const DEPTH: usize = 4;

/// What helps against every kind of index that Lambda refuses.
const SINGLE: &str = "build for one platform and without attestations: \
                      `docker buildx build --platform linux/amd64 --provenance=false --sbom=false`";

/// An image that Lambda would take as far as its manifest and configuration tell; [`Layout::check`] tells the rest.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) manifest: Descriptor,
    /// The manifest as it is on disk: its digest is that of these bytes, so nobody may write it anew.
    pub(crate) bytes: Vec<u8>,
    pub(crate) platform: Platform,
    /// The user the program runs as, if the image names one.
    pub(crate) user: String,
    pub(super) program: String,
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
    pub(super) diff_ids: Vec<String>,
    folder: PathBuf,
}

/// The manifest: <https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    media_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// The configuration: <https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md>.
#[derive(Deserialize)]
struct Config {
    #[serde(flatten)]
    platform: Option<Platform>,
    config: Option<Execution>,
    rootfs: Option<RootFs>,
    history: Option<Vec<Step>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Execution {
    user: Option<String>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    empty_layer: bool,
}

impl Layout {
    /// Reads index, manifest and configuration; an index around one image is taken off.
    ///
    /// # Errors
    /// Why Lambda would refuse the image, and what to do about it; or which file cannot be read.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        Self::find(folder).with_context(|| format!("{} is no image that Lambda runs", folder.display()))
    }

    fn find(folder: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Marker {
            image_layout_version: String,
        }
        let marker = fs::read(folder.join(MARKER.0));
        let marker = marker.with_context(|| format!("{} cannot be read, so it is no image layout", MARKER.0))?;
        let Marker { image_layout_version: version } = parse(&marker, MARKER.0)?;
        ensure!(version == "1.0.0", "its layout version is {version}, not 1.0.0");
        let index = fs::read(folder.join("index.json")).context("index.json cannot be read")?;
        let mut descriptor = single(parse(&index, "index.json")?)?;
        let mut depth = 0;
        while [OCI.index, DOCKER.index].contains(&descriptor.media_type.as_str()) {
            depth += 1;
            ensure!(depth <= DEPTH, "its index holds {DEPTH} more, one in the other; {SINGLE}");
            descriptor = single(parse(&json(folder, &descriptor)?, "an index")?)?;
        }
        Self::of(folder, descriptor)
    }

    fn of(folder: &Path, descriptor: Descriptor) -> Result<Self> {
        let kind = &descriptor.media_type;
        let family = [&OCI, &DOCKER].into_iter().find(|family| family.manifest == kind);
        let family =
            family.with_context(|| format!("its manifest is of type {kind}, which is no image's; {SINGLE}"))?;
        let bytes = json(folder, &descriptor)?;
        let manifest: Manifest = parse(&bytes, "the manifest")?;
        // The OCI lets a manifest leave its type to whoever names it; Docker does not.
        let called = manifest.media_type.as_deref().or((family.name == OCI.name).then_some(OCI.manifest));
        ensure!(called == Some(kind), "the manifest calls itself {called:?}, its index {kind}; build the image again");
        typed(&manifest.config, family.config, family)?;
        ensure!(!manifest.layers.is_empty(), "it has no layer; copy a program into it");
        for layer in &manifest.layers {
            typed(layer, family.layer, family)?;
        }
        let config: Config = parse(&json(folder, &manifest.config)?, "the configuration")?;
        let platform = config.platform.unwrap_or_default();
        let Platform { architecture, os } = &platform;
        ensure!(
            os == "linux" && ["amd64", "arm64"].contains(&architecture.as_str()),
            "its configuration is made for {os:?} on {architecture:?}; Lambda runs linux on amd64 or arm64: build with \
             `--platform`, or set it by `crane mutate --set-platform linux/amd64`"
        );
        let layers = manifest.layers.len();
        let diff_ids = config.rootfs.and_then(|rootfs| rootfs.diff_ids).unwrap_or_default();
        ensure!(layers == diff_ids.len(), "{layers} layers have {} diff_ids; build the image again", diff_ids.len());
        // A configuration may leave its history out; one that has it has an entry for each layer.
        if let Some(history) = config.history {
            let told = history.iter().filter(|step| !step.empty_layer).count();
            ensure!(
                told == layers,
                "{layers} layers have {told} entries in the history, so one of the two is wrong; build the image again"
            );
        }
        let execution = config.config.unwrap_or_default();
        let words = [execution.entrypoint, execution.cmd].into_iter().flatten().flatten();
        let program = words.into_iter().next().context("it has no entrypoint; set ENTRYPOINT to the program's path")?;
        ensure!(
            program.starts_with('/'),
            "its entrypoint {program} is no absolute path; set ENTRYPOINT [\"/{program}\"], or where it is"
        );
        let layout = Self {
            manifest: descriptor,
            bytes,
            platform,
            user: execution.user.unwrap_or_default(),
            program,
            config: manifest.config,
            layers: manifest.layers,
            diff_ids,
            folder: folder.to_owned(),
        };
        for blob in layout.blobs() {
            sized(&layout.path(blob)?, blob)?;
        }
        Ok(layout)
    }

    /// Reads every layer and gives the image's files: digests, diff_ids and the program are as the image says.
    ///
    /// # Errors
    /// As [`Layout::read`].
    pub(crate) fn check(&self) -> Result<Content> {
        check::content(self).with_context(|| format!("{} is no image that Lambda runs", self.folder.display()))
    }

    /// What a push sends besides the manifest, each blob once: the layers and the configuration.
    pub(crate) fn blobs(&self) -> Vec<&Descriptor> {
        let mut blobs: Vec<&Descriptor> = Vec::new();
        for blob in self.layers.iter().chain([&self.config]) {
            if !blobs.iter().any(|known| known.digest == blob.digest) {
                blobs.push(blob);
            }
        }
        blobs
    }

    /// A blob's file.
    pub(crate) fn path(&self, blob: &Descriptor) -> Result<PathBuf> {
        path(&self.folder, blob)
    }
}

/// The one image of an index.
fn single(index: Index) -> Result<Descriptor> {
    let mut found: Vec<Descriptor> = Vec::new();
    for manifest in index.manifests {
        // Several tags of one image are entries with one digest.
        if !found.iter().any(|known| known.digest == manifest.digest) {
            found.push(manifest);
        }
    }
    let attestations = found.iter().filter(|manifest| attests(manifest)).count();
    ensure!(
        attestations == 0,
        "it holds {attestations} attestation(s) (provenance or SBOM) beside its image, which makes it an index, and Lambda \
         takes a single manifest; {SINGLE}"
    );
    let platforms = found.iter().filter_map(|manifest| manifest.platform.as_ref());
    let platforms: Vec<_> = platforms.map(|platform| format!("{}/{}", platform.os, platform.architecture)).collect();
    let mut found = found.into_iter();
    match (found.next(), found.len()) {
        (Some(only), 0) => Ok(only),
        (None, _) => bail!("it holds no manifest; write an image into it"),
        (Some(_), more) => {
            bail!("it holds {} manifests ({}); Lambda takes exactly one: {SINGLE}", more + 1, platforms.join(", "))
        }
    }
}

/// How BuildKit marks what is no image: <https://docs.docker.com/build/metadata/attestations/attestation-storage/>.
fn attests(manifest: &Descriptor) -> bool {
    manifest.annotations.get("vnd.docker.reference.type").is_some_and(|kind| kind == "attestation-manifest")
        || manifest.platform.as_ref().is_some_and(|platform| platform.os == "unknown")
}

fn typed(blob: &Descriptor, expected: &str, family: &Family) -> Result<()> {
    let Descriptor { media_type, digest, .. } = blob;
    let other = if family.name == OCI.name { &DOCKER } else { &OCI };
    let fix = if [other.config, other.layer].contains(&media_type.as_str()) {
        format!("the manifest is {}'s, so all types must be: build the image again with one tool", family.name)
    } else if media_type.ends_with("zstd") {
        "Lambda is only known to take gzip: build with `--output type=oci,compression=gzip,force-compression=true`"
            .into()
    } else if [".tar", "layer.v1.tar"].iter().any(|end| media_type.ends_with(end)) {
        "Lambda refuses layers that are not compressed: build the image again with gzip layers".into()
    } else {
        "this is no image for containers".into()
    };
    ensure!(media_type == expected, "{digest} is of type {media_type}, not {expected}; {fix}");
    Ok(())
}

fn path(folder: &Path, blob: &Descriptor) -> Result<PathBuf> {
    let hex = blob.digest.strip_prefix("sha256:").filter(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    });
    let hex = hex.with_context(|| format!("{:?} is no SHA-256 digest; build the image again", blob.digest))?;
    Ok(folder.join("blobs/sha256").join(hex))
}

fn sized(path: &Path, blob: &Descriptor) -> Result<()> {
    let Descriptor { digest, size, .. } = blob;
    let actual = fs::metadata(path).with_context(|| format!("{digest} cannot be read at {}", path.display()))?.len();
    ensure!(actual == *size, "{digest} has {actual} bytes, not {size}; the layout is damaged, write it again");
    Ok(())
}

/// A small blob, whole; its size and digest fit.
fn json(folder: &Path, blob: &Descriptor) -> Result<Vec<u8>> {
    let path = path(folder, blob)?;
    sized(&path, blob)?;
    ensure!(blob.size <= JSON, "{} has {} bytes, and no registry takes more than {JSON}", blob.digest, blob.size);
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(JSON).read_to_end(&mut bytes));
    read.with_context(|| format!("{} cannot be read", blob.digest))?;
    let actual = super::digest(&bytes);
    ensure!(actual == blob.digest, "{} has other content; the layout is damaged, write it again", blob.digest);
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    serde_json::from_slice(bytes).with_context(|| format!("{what} is not as expected"))
}
