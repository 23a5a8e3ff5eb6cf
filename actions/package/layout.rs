//! An OCI image layout on disk, written and read back:
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>.

use std::{fs, io::Read, path::Path};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tar::EntryType;

use super::image::{CONFIG, Config, Descriptor, INDEX, Image, Index, LAYER, MANIFEST, Manifest, Platform, json};

/// The file by which a folder says that it is a layout, and what it says.
const MARKER: (&str, &str) = ("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);

/// Puts the image at `folder`, in place of an older layout there.
pub(super) fn write(image: &Image, folder: &Path) -> Result<()> {
    // `--out` may be any folder: what there is of the function's name is removed only if it is a layout.
    if folder.exists() {
        let ours = folder.join(MARKER.0).is_file();
        ensure!(ours, "{} is in the way and no image layout; choose another --out", folder.display());
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be replaced", folder.display()))?;
    }
    let index = Index { schema_version: 2, media_type: INDEX.into(), manifests: vec![image.manifest.clone()] };
    let blobs = folder.join("blobs/sha256");
    let files = || -> Result<()> {
        fs::create_dir_all(&blobs)?;
        fs::write(folder.join(MARKER.0), MARKER.1)?;
        for (digest, bytes) in &image.blobs {
            fs::write(blobs.join(digest), bytes)?;
        }
        Ok(fs::write(folder.join("index.json"), json(&index)?)?)
    };
    files().with_context(|| format!("{} cannot be written; --out needs a folder that can be", folder.display()))
}

/// Reads the layout at `folder` back and gives its manifest's digest, if Lambda would run the image: Lambda says so
/// only after a push, and a function that once took a bad image may refuse a good one.
pub(super) fn verify(folder: &Path) -> Result<String> {
    check(folder).with_context(|| format!("{} is no image that Lambda runs; please report this", folder.display()))
}

fn check(folder: &Path) -> Result<String> {
    ensure!(fs::read_to_string(folder.join(MARKER.0))? == MARKER.1, "its version is not the expected one");
    let index: Index = parse(&fs::read(folder.join("index.json"))?, "index.json")?;
    let [manifest] = &index.manifests[..] else {
        bail!("it holds {} manifests; Lambda takes exactly one", index.manifests.len());
    };
    let digest = manifest.digest.clone();
    let manifest: Manifest = parse(&blob(folder, manifest, MANIFEST)?, "the manifest")?;
    ensure!(manifest.media_type == MANIFEST, "the manifest calls itself {}", manifest.media_type);
    let config: Config = parse(&blob(folder, &manifest.config, CONFIG)?, "the configuration")?;

    let platform = Platform { architecture: "amd64".into(), os: "linux".into() };
    ensure!(config.platform == platform, "it is made for {:?}", config.platform);
    let (layers, diff_ids) = (&manifest.layers, &config.rootfs.diff_ids);
    ensure!(layers.len() == diff_ids.len(), "{} layers have {} diff_ids", layers.len(), diff_ids.len());
    ensure!(layers.len() == config.history.len(), "{} layers have {} histories", layers.len(), config.history.len());
    let user = config.config.user.split(':').map(str::parse::<u32>);
    ensure!(user.clone().all(|id| id.is_ok_and(|id| id != 0)), "its user {:?} is root or a name", config.config.user);

    let mut programs = Vec::new();
    for (layer, diff_id) in layers.iter().zip(diff_ids) {
        let mut tar = Vec::new();
        GzDecoder::new(&blob(folder, layer, LAYER)?[..]).read_to_end(&mut tar).context("a layer is no gzip")?;
        let actual = format!("sha256:{}", hex::encode(Sha256::digest(&tar)));
        ensure!(actual == *diff_id, "a layer's diff_id is {diff_id}, its content's digest {actual}");
        programs.extend(executables(&tar)?);
    }
    let entrypoint = config.config.entrypoint.first().context("it has no entrypoint")?;
    ensure!(programs.contains(entrypoint), "its entrypoint {entrypoint} is no executable file of a layer");
    Ok(digest)
}

/// The absolute paths of a layer's executables. Lambda's user is neither the files' owner nor in their group.
fn executables(tar: &[u8]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in tar::Archive::new(tar).entries().context("a layer is no tar")? {
        let entry = entry.context("a layer is no tar")?;
        let (path, mode) = (format!("/{}", entry.path()?.display()), entry.header().mode()?);
        match entry.header().entry_type() {
            EntryType::Directory => ensure!(mode & 0o005 == 0o005, "nobody but its owner may enter {path}"),
            EntryType::Regular => ensure!(mode & 0o004 != 0, "nobody but its owner may read {path}"),
            other => bail!("{path} is a {other:?}, neither file nor folder"),
        }
        if entry.header().entry_type().is_file() && mode & 0o001 != 0 {
            found.push(path);
        }
    }
    Ok(found)
}

fn blob(folder: &Path, descriptor: &Descriptor, media_type: &str) -> Result<Vec<u8>> {
    let Descriptor { media_type: actual, digest, size, .. } = descriptor;
    ensure!(actual == media_type, "{digest} is of type {actual}, not {media_type}");
    let hex = digest.strip_prefix("sha256:").with_context(|| format!("{digest} is no SHA-256"))?;
    let bytes = fs::read(folder.join("blobs/sha256").join(hex)).with_context(|| format!("{digest} cannot be read"))?;
    ensure!(bytes.len() == *size, "{digest} has {} bytes, not {size}", bytes.len());
    ensure!(hex::encode(Sha256::digest(&bytes)) == hex, "{digest} has other content");
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    serde_json::from_slice(bytes).with_context(|| format!("{what} is not as expected"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn image() -> Image {
        Image::new("enrich", b"\x7fELF program").expect("a small image")
    }

    /// Writes an image whose `what` blob was changed by `change`, every digest above it made to fit again.
    fn refusal(what: &str, change: impl FnOnce(&mut Value)) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let mut image = image();
        let read = |image: &Image, digest: &Value| -> Value {
            let hex = digest.as_str().and_then(|digest| digest.strip_prefix("sha256:")).expect("a digest");
            serde_json::from_slice(&image.blobs[hex]).expect("JSON")
        };
        let store = |image: &mut Image, descriptor: &mut Value, value: &Value| {
            let bytes = serde_json::to_vec(value).expect("JSON");
            let hex = hex::encode(Sha256::digest(&bytes));
            descriptor["size"] = bytes.len().into();
            descriptor["digest"] = format!("sha256:{hex}").into();
            image.blobs.insert(hex, bytes);
        };
        let mut descriptor = serde_json::to_value(&image.manifest).expect("JSON");
        let mut manifest = read(&image, &descriptor["digest"]);
        let mut config = read(&image, &manifest["config"]["digest"]);
        match what {
            "config" => {
                change(&mut config);
                store(&mut image, &mut manifest["config"], &config);
            }
            "manifest" => change(&mut manifest),
            other => unreachable!("{other}"),
        }
        store(&mut image, &mut descriptor, &manifest);
        image.manifest = serde_json::from_value(descriptor).expect("a descriptor");
        write(&image, folder.path().join("enrich").as_path()).expect("a folder to write");
        format!("{:#}", verify(&folder.path().join("enrich")).expect_err("Lambda refuses this"))
    }

    #[test]
    fn what_is_written_verifies_to_the_manifest_digest() {
        let folder = tempfile::tempdir().expect("a folder");
        let (image, target) = (image(), folder.path().join("enrich"));
        for _ in ["new", "in place of the first"] {
            write(&image, &target).expect("a folder to write");
            assert_eq!(verify(&target).expect("a good image"), image.manifest.digest);
        }
    }

    #[test]
    fn an_image_that_lambda_would_refuse_is_refused() {
        type Change = fn(&mut Value);
        let cases: [(&str, Change, &str); 8] = [
            ("config", |c| c["architecture"] = "arm64".into(), "arm64"),
            ("config", |c| c["os"] = "".into(), "made for"),
            ("config", |c| c["config"]["User"] = "0".into(), "root or a name"),
            ("config", |c| c["config"]["User"] = "nobody".into(), "root or a name"),
            ("config", |c| c["config"]["Entrypoint"][0] = "bootstrap".into(), "no executable file"),
            ("config", |c| drop(c["history"].as_array_mut().map(Vec::pop)), "2 layers have 1 histories"),
            ("config", |c| c["rootfs"]["diff_ids"].as_array_mut().expect("two").swap(0, 1), "diff_id"),
            ("manifest", |m| m["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar".into(), "of type"),
        ];
        for (what, change, reason) in cases {
            let said = refusal(what, change);
            assert!(said.contains(reason), "expected {reason:?} in: {said}");
        }
    }

    #[test]
    fn a_changed_blob_and_a_second_manifest_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (image, target) = (image(), folder.path().join("enrich"));
        write(&image, &target).expect("a folder to write");
        let index = Index { schema_version: 2, media_type: INDEX.into(), manifests: vec![image.manifest.clone(); 2] };
        fs::write(target.join("index.json"), json(&index).expect("JSON")).expect("a file to write");
        let said = format!("{:#}", verify(&target).expect_err("two manifests"));
        assert!(said.contains("2 manifests; Lambda takes exactly one"), "{said}");

        write(&image, &target).expect("a folder to write");
        let (digest, bytes) = image.blobs.first_key_value().expect("blobs");
        fs::write(target.join("blobs/sha256").join(digest), vec![0; bytes.len()]).expect("a file to write");
        let said = format!("{:#}", verify(&target).expect_err("a changed blob"));
        assert!(said.contains("has other content"), "{said}");
    }

    #[test]
    fn a_folder_that_is_no_layout_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("notes"), "mine").expect("a file to write");
        let said = write(&image(), folder.path()).expect_err("somebody's folder").to_string();
        assert!(said.contains("is in the way and no image layout"), "{said}");
        assert_eq!(fs::read_to_string(folder.path().join("notes")).expect("still there"), "mine");
    }
}
