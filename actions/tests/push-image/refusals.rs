//! What Lambda would refuse is refused before a byte of it goes out, each with what to do about it.

use lockgate::push_image::{Architecture, Login, Settings, push};
use serde_json::{Value, json};

use crate::{
    fixture::{Draft, blob, gzip, settings, tar, text},
    memory::Memory,
};

/// Pushes, and gives why that was refused; the registry must have nothing of it.
async fn refusal(draft: &Draft, settings: &Settings) -> (u8, String) {
    let memory = Memory::good();
    let refused = push(&[draft.image(memory.address(), "app", "r1")], settings).await.expect_err("Lambda refuses this");
    let asked = memory.asked();
    assert!(asked.iter().all(|asked| asked.starts_with("HEAD")), "{refused}: {asked:#?}");
    // Only what is in the layers takes so long to find out that the registry is asked meanwhile what it has.
    let inside = ["diff_id is", "does not start", "other content", "no gzip"]
        .iter()
        .any(|part| refused.to_string().contains(part));
    assert!(inside || asked.is_empty(), "{refused}: {asked:#?}");
    (refused.code(), refused.to_string())
}

async fn refused(draft: &Draft, reasons: &[&str]) {
    let (code, said) = refusal(draft, &settings(Login::Anonymous)).await;
    assert_eq!(code, 1, "{said}");
    for reason in reasons {
        assert!(said.contains(reason), "expected {reason:?} in: {said}");
    }
}

async fn accepted(draft: &Draft, digest: &str) {
    let memory = Memory::good();
    push(&[draft.image(memory.address(), "app", "r1")], &settings(Login::Anonymous)).await.expect("Lambda runs this");
    assert_eq!(memory.manifest("app/r1").as_deref(), Some(digest));
}

/// Trap 15: what the configuration and the manifest must say.
#[tokio::test]
async fn a_wrong_configuration_or_manifest_is_refused() {
    type Change = fn(&mut Draft);
    let cases: [(Change, &[&str]); 13] = [
        (|d| d.config["architecture"] = "".into(), &["on \"\"", "crane mutate --set-platform"]),
        (|d| d.config["os"] = Value::Null, &["crane mutate --set-platform"]),
        (|d| d.config["architecture"] = "s390x".into(), &["s390x", "amd64 or arm64"]),
        (|d| drop(d.config["history"].as_array_mut().map(Vec::pop)), &["3 layers have 2 entries in the history"]),
        (|d| d.config["history"][0]["empty_layer"] = true.into(), &["3 layers have 2 entries in the history"]),
        (|d| drop(d.config["rootfs"]["diff_ids"].as_array_mut().map(Vec::pop)), &["3 layers have 2 diff_ids"]),
        (
            |d| d.config["rootfs"]["diff_ids"].as_array_mut().expect("a list").swap(0, 1),
            &["diff_id", "build the image again"],
        ),
        (|d| d.config["config"]["Entrypoint"] = Value::Null, &["no entrypoint", "set ENTRYPOINT"]),
        (|d| d.config["config"]["Entrypoint"][0] = "bootstrap".into(), &["no absolute path", "[\"/bootstrap\"]"]),
        (|d| d.config["config"]["Entrypoint"][0] = "/data/0".into(), &["chmod 0755"]),
        (|d| d.config["config"]["Entrypoint"][0] = "/absent".into(), &["in no layer"]),
        (
            |d| d.manifest["layers"][1]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+zstd".into(),
            &["only known to take gzip", "compression=gzip"],
        ),
        (
            |d| d.manifest["layers"][1]["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip".into(),
            &["all types must be", "one tool"],
        ),
    ];
    for (change, reasons) in cases {
        let mut draft = Draft::new(1, 2, 1000);
        change(&mut draft);
        draft.write();
        refused(&draft, reasons).await;
    }
}

/// Trap 15: media types are all Docker's or all the OCI's; the manifest may leave its own to the index.
#[tokio::test]
async fn a_docker_image_and_one_without_a_type_are_as_good() {
    let mut draft = Draft::new(1, 2, 1000);
    draft.manifest["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json".into();
    draft.manifest["config"] = json!({ "mediaType": "application/vnd.docker.container.image.v1+json" });
    for layer in draft.manifest["layers"].as_array_mut().expect("layers") {
        layer["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip".into();
    }
    let digest = draft.write();
    accepted(&draft, &digest).await;

    let mut draft = Draft::new(1, 2, 1000);
    draft.manifest.as_object_mut().expect("an object").remove("mediaType");
    let digest = draft.write();
    accepted(&draft, &digest).await;
}

/// Trap 15: Lambda takes a single manifest.
#[tokio::test]
async fn an_index_is_unwrapped_or_refused() {
    let wrap = |draft: &Draft, manifests: &[Value]| {
        let kind = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": manifests });
        draft.index(&[blob(draft.folder.path(), kind, index.to_string().as_bytes())]);
    };
    let mut draft = Draft::new(1, 2, 1000);
    let digest = draft.write();
    let image = draft.listed().remove(0);
    wrap(&draft, std::slice::from_ref(&image));
    accepted(&draft, &digest).await;

    let mut attestation = image.clone();
    attestation["digest"] = text(&image["digest"]).replace("sha256:", "sha256:f").into();
    attestation["platform"] = json!({ "architecture": "unknown", "os": "unknown" });
    attestation["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
    wrap(&draft, &[image.clone(), attestation]);
    refused(&draft, &["1 attestation(s)", "--provenance=false --sbom=false"]).await;

    let mut arm = image.clone();
    arm["digest"] = text(&image["digest"]).replace("sha256:", "sha256:f").into();
    arm["platform"] = json!({ "architecture": "arm64", "os": "linux" });
    draft.index(&[image.clone(), arm]);
    refused(&draft, &["2 manifests", "linux/arm64", "exactly one"]).await;

    let mut tagged = image.clone();
    tagged["annotations"] = json!({ "org.opencontainers.image.ref.name": "latest" });
    draft.index(&[image, tagged]);
    accepted(&draft, &digest).await;
    draft.index(&[]);
    refused(&draft, &["no manifest"]).await;
}

#[tokio::test]
async fn damaged_blobs_are_refused() {
    for (damage, reason) in [(0, "other content"), (1, "has"), (2, "cannot be read")] {
        let mut draft = Draft::new(1, 2, 1000);
        draft.write();
        let layer = text(&draft.manifest["layers"][1]["digest"]);
        let file = draft.folder.path().join("blobs/sha256").join(&layer[7..]);
        let mut bytes = std::fs::read(&file).expect("a layer");
        match damage {
            0 => bytes[20] ^= 1,
            1 => bytes.truncate(50),
            _ => {}
        }
        if damage == 2 {
            std::fs::remove_file(file).expect("an own file");
        } else {
            std::fs::write(file, bytes).expect("an own file");
        }
        refused(&draft, &[reason]).await;
    }
    // Its digest fits, but it is no gzip.
    let mut draft = Draft::new(1, 2, 1000);
    let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
    draft.manifest["layers"][1] = blob(draft.folder.path(), kind, &tar("x", 0o644, b"x"));
    draft.write();
    refused(&draft, &["no gzip"]).await;
    let mut draft = Draft::new(1, 2, 1000);
    draft.manifest["layers"][1] = blob(draft.folder.path(), kind, &gzip(b"hello"));
    draft.write();
    refused(&draft, &["no gzip of a tar"]).await;
    // A digest that would lead out of the layout.
    let mut draft = Draft::new(1, 2, 1000);
    draft.manifest["layers"][1]["digest"] = "sha256:../../../../etc/passwd".into();
    draft.write();
    refused(&draft, &["no SHA-256 digest"]).await;
}

/// Trap 16: Lambda takes an image for the wrong architecture and fails when it starts.
#[tokio::test]
async fn an_image_for_another_architecture_is_refused() {
    let mut draft = Draft::new(1, 1, 1000);
    draft.write();
    let arm = Settings { architecture: Some(Architecture::Arm64), ..settings(Login::Anonymous) };
    let (code, said) = refusal(&draft, &arm).await;
    assert_eq!(code, 1);
    assert!(said.contains("made for amd64") && said.contains("arm64"), "{said}");
}

#[tokio::test]
async fn a_folder_that_is_no_layout_is_a_wrong_call() {
    let draft = Draft::new(1, 1, 1000);
    let (code, said) = refusal(&draft, &settings(Login::Anonymous)).await;
    assert_eq!(code, 2);
    assert!(said.contains("oci-layout") && said.contains("lockgate package"), "{said}");
}
