//! An OCI image layout on disk, written and read back:
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

use super::image::{Image, json};
use crate::oci::{Index, Kind, Layout, MARKER, OCI, Platform};

/// Puts the image at `folder`, in place of an older layout there.
pub(crate) fn write(image: &Image, folder: &Path) -> Result<()> {
    // `--out` may be any folder: what there is of the function's name is removed only if it is a layout.
    if folder.exists() {
        let ours = folder.join(MARKER.0).is_file();
        ensure!(ours, "{} is in the way and no image layout; choose another --out", folder.display());
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be replaced", folder.display()))?;
    }
    let manifests = vec![image.manifest.clone()];
    let index = Index { schema_version: 2, media_type: Some(OCI.index.into()), manifests };
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
    check(folder).context("what was packaged is refused; please report this")
}

/// Beyond what Lambda asks of every image (`push-image` asks the same), what our own images keep.
fn check(folder: &Path) -> Result<String> {
    let layout = Layout::read(folder)?;
    let platform = Platform { architecture: "amd64".into(), os: "linux".into() };
    ensure!(layout.platform == platform, "it is made for {:?}", layout.platform);
    let user = layout.user.split(':').map(str::parse::<u32>);
    ensure!(user.clone().all(|id| id.is_ok_and(|id| id != 0)), "its user {:?} is root or a name", layout.user);
    for entry in layout.check()?.iter() {
        let path = &entry.path;
        match entry.kind {
            Kind::Folder => ensure!(entry.mode & 0o005 == 0o005, "nobody but its owner may enter /{path}"),
            Kind::File => ensure!(entry.mode & 0o004 != 0, "nobody but its owner may read /{path}"),
            _ => bail!("/{path} is neither file nor folder"),
        }
    }
    Ok(layout.manifest.digest)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use sha2::{Digest, Sha256};

    use super::*;

    fn image() -> Image {
        Image::new("enrich", "amd64", b"\x7fELF program").expect("a small image")
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
            ("config", |c| c["config"]["Entrypoint"][0] = "bootstrap".into(), "no absolute path"),
            ("config", |c| drop(c["history"].as_array_mut().map(Vec::pop)), "2 layers have 1 entries in the history"),
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
        let mut other = image.manifest.clone();
        other.digest = other.digest.replace("sha256:", "sha256:0");
        let manifests = vec![image.manifest.clone(), other];
        let index = Index { schema_version: 2, media_type: Some(OCI.index.into()), manifests };
        fs::write(target.join("index.json"), json(&index).expect("JSON")).expect("a file to write");
        let said = format!("{:#}", verify(&target).expect_err("two manifests"));
        assert!(said.contains("Lambda takes exactly one"), "{said}");

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
