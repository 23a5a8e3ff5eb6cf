//! Registries that somebody else wrote, and a client that somebody else wrote to read back what arrived.

use std::{fs, path::Path, process::Command};

use aws_config::SdkConfig;
use lockgate::{
    push_image::{Login, push},
    secret::Secret,
};
use serde_json::Value;
use stand_ins::{
    emulator::{self, REGION, ROOT_KEY},
    registry::Registry,
    tools::crane,
};

use crate::fixture::{Draft, digest, settings};

/// `AWS:token`, as ECR's user is called; the hash is bcrypt's with the least cost.
const USER: &str = "AWS:$2b$04$BS6160K0jjc4n1VqExIchO7/J59FpGVC.bLULCSPt9LZ935FM6ZpC\n";
const HEADER: &str = "Basic QVdTOnRva2Vu";

/// Reads the image back with crane: the manifest's bytes, and each blob, checked by crane against its digest.
async fn read_back(image: &str, docker: Option<&Path>) -> (String, Value) {
    let crane = crane().await.expect("crane").path;
    let run = |args: &[&str]| {
        let mut command = Command::new(&crane);
        command.args(args).arg("--insecure");
        if let Some(folder) = docker {
            command.env("DOCKER_CONFIG", folder);
        }
        let output = command.output().expect("crane starts");
        assert!(output.status.success(), "crane {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let manifest = run(&["manifest", image]);
    run(&["validate", "--remote", image]);
    (digest(&manifest), serde_json::from_slice(&manifest).expect("JSON"))
}

#[tokio::test]
async fn an_image_arrives_in_a_registry_with_a_password() {
    let registry = Registry::start(Some(USER)).await.expect("a registry");
    let mut draft = Draft::new(7, 4, 200_000);
    let ours = draft.write();
    let image = draft.image(&registry.address.to_string(), "team/app", "v1");
    let nobody =
        push(std::slice::from_ref(&image), &settings(Login::Anonymous)).await.expect_err("it wants a password");
    assert!(nobody.to_string().contains("no credentials were sent"), "{nobody}");
    let with = settings(Login::Header(Secret::new(HEADER)));
    let before = registry.requests().expect("a log").len();
    let pushed = push(&[image], &with).await.expect("a push");
    let mut asked = registry.requests().expect("a log").split_off(before);
    // A question of the first push may be logged late.
    asked.retain(|asked| !asked.ends_with(" 401"));
    // 2 + 6 blobs x 3 + 2.
    assert_eq!(asked.len(), 22, "{asked:#?}");

    let docker = tempfile::tempdir().expect("a folder");
    let auths = serde_json::json!({ "auths": { registry.address.to_string(): { "auth": &HEADER[6..] } } });
    fs::write(docker.path().join("config.json"), auths.to_string()).expect("an own folder");
    for name in [pushed[0].image.clone(), format!("{}/team/app:v1", registry.address)] {
        let (theirs, manifest) = read_back(&name, Some(docker.path())).await;
        assert_eq!((&theirs, &pushed[0].digest), (&ours, &ours), "{name}");
        assert_eq!(manifest["layers"], draft.manifest["layers"]);
    }
    let before = registry.requests().expect("a log").len();
    push(&[draft.image(&registry.address.to_string(), "team/app", "v2")], &with).await.expect("a new tag");
    let asked = registry.requests().expect("a log").split_off(before);
    assert!(asked.len() <= 4, "the same image under a new tag: {asked:#?}");
}

#[tokio::test]
async fn siblings_mount_in_a_real_registry() {
    let registry = Registry::start(None).await.expect("a registry");
    let address = registry.address.to_string();
    let mut draft = Draft::new(9, 2, 100_000);
    let ours = draft.write();
    let images = [draft.image(&address, "enrich", "r1"), draft.image(&address, "query", "r1")];
    push(&images, &settings(Login::Anonymous)).await.expect("a push");
    let asked = registry.requests().expect("a log");
    let puts = asked.iter().filter(|asked| asked.starts_with("PUT") && asked.contains("/blobs/")).count();
    let mounts = asked.iter().filter(|asked| asked.contains("?mount=") && asked.ends_with(" 201")).count();
    assert_eq!((puts, mounts), (4, 4), "{asked:#?}");
    assert_eq!(read_back(&format!("{address}/query:r1"), None).await.0, ours);
}

/// A repository of the emulated ECR.
async fn repository(config: &SdkConfig, name: &str, immutable: bool) {
    let mutability = if immutable { "IMMUTABLE" } else { "MUTABLE" };
    let create = aws_sdk_ecr::Client::new(config).create_repository().repository_name(name);
    create.image_tag_mutability(mutability.into()).send().await.expect("a repository");
}

/// Traps 17 and 20: by the SDK's own token; tags are immutable, and the digest is what counts.
#[tokio::test]
async fn an_image_arrives_in_ecr() {
    let aws = emulator::shared().await;
    let config = aws.config().await;
    let host = aws.url.trim_start_matches("http://");
    repository(&config, "enrich", true).await;
    let with = settings(Login::Aws(Box::new(config.clone())));
    let (mut draft, mut another) = (Draft::new(11, 3, 50_000), Draft::new(12, 3, 50_000));
    let (ours, theirs) = (draft.write(), another.write());
    let pushed = push(&[draft.image(host, "enrich", "r1")], &with).await.expect("a push");
    assert_eq!(pushed[0].digest, ours);
    assert_eq!(read_back(&pushed[0].image, None).await.0, ours);
    push(&[draft.image(host, "enrich", "r1")], &with).await.expect("the same again");
    let refused = push(&[another.image(host, "enrich", "r1")], &with).await.expect_err("another image");
    assert_eq!(refused.code(), 1);
    assert!(refused.to_string().contains(&ours) && refused.to_string().contains(&theirs), "{refused}");

    let details = aws_sdk_ecr::Client::new(&config).describe_images().repository_name("enrich").send().await;
    let details = details.expect("images").image_details.unwrap_or_default();
    let digests: Vec<_> = details.iter().filter_map(|image| image.image_digest()).collect();
    assert_eq!(digests, [ours.as_str()], "and nothing else");

    let absent = push(&[draft.image(host, "absent", "r1")], &with).await.expect_err("no such repository");
    assert_eq!(absent.code(), 3);
    assert!(absent.to_string().contains("has no repository absent"), "{absent}");
}

/// Traps 5 and 20: digest and image are outputs of their own, so that a masked account id costs only the second.
#[tokio::test]
async fn the_command_pushes_a_program_and_tells_its_digest() {
    let aws = emulator::shared().await;
    repository(&aws.config().await, "program", false).await;
    let place = tempfile::tempdir().expect("a folder");
    let (program, outputs) = (place.path().join("answer"), place.path().join("outputs"));
    fs::write(&program, elf()).expect("an own folder");
    let host = aws.url.trim_start_matches("http://").to_owned();
    let command = |tag: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.arg("push-image").arg("--binary").arg(&program).args(["--tag", tag]);
        command.args(["--repository", &format!("{host}/program"), "--architecture", "x86_64"]);
        command.env_clear().envs([("AWS_ENDPOINT_URL", aws.url.as_str()), ("AWS_REGION", REGION)]);
        command.envs([("AWS_ACCESS_KEY_ID", ROOT_KEY), ("AWS_SECRET_ACCESS_KEY", ROOT_KEY)]);
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &outputs);
        command
    };
    let mut digests = Vec::new();
    for tag in ["r1", "r2"] {
        let mut command = command(tag);
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("without TLS"), "{said}");
        // The token is masked before anything else is said of it, and never said.
        let token = "QVdTOm1pbmlzdGFjay1hdXRoLXRva2Vu";
        assert_eq!(said.matches(token).count(), 1, "{said}");
        assert!(
            said.contains(&format!("::add-mask::{token}\n")) && said.contains("::add-mask::ministack-auth-token\n")
        );
        let written = fs::read_to_string(&outputs).expect("outputs");
        let digest = written.lines().find(|line| line.starts_with("sha256:")).expect("a digest").to_owned();
        assert!(written.contains(&format!("\n{host}/program@{digest}\n")), "{written}");
        digests.push(digest);
        fs::remove_file(&outputs).expect("an own file");
    }
    assert_eq!(digests[0], digests[1], "trap 19: one program is one image");
    let (theirs, _) = read_back(&format!("{host}/program:r2"), None).await;
    assert_eq!(theirs, digests[0]);
}

/// A program of no use, but of the right form.
fn elf() -> Vec<u8> {
    let mut program = vec![0; 3 << 20];
    program[..6].copy_from_slice(b"\x7fELF\x02\x01");
    program[18] = 62;
    program
}
