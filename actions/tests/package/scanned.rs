//! `lockgate scan --packages`, with a scanner that finds one thing in every image.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::fixture;

/// Writes a report as Trivy does: of a folder without anything, of an image with one package that has a fault.
const TRIVY: &str = r#"#!/bin/sh
case "$*" in
  image*) echo '{"SchemaVersion": 2, "Results": [{"Target": "tally", "Class": "lang-pkgs", "Vulnerabilities": [
    {"VulnerabilityID": "CVE-2024-0727", "PkgName": "openssl", "InstalledVersion": "3.0.11", "Severity": "HIGH"}]}]}' ;;
  *) echo '{"SchemaVersion": 2, "Results": [{"Target": "Cargo.lock", "Class": "lang-pkgs"}]}' ;;
esac
"#;

/// The fixture with its one function as an image.
fn repository(folder: &Path) {
    fixture::copy_to(folder);
    let file = folder.join("lockgate.toml");
    let text = fs::read_to_string(&file).expect("it is there");
    let tally = text.split("[function.tls-check]").next().expect("tally comes first");
    fs::write(&file, tally.replace("package = \"zip\"", "package = \"image\"")).expect("written");
}

fn scan(head: &Path, packages: &Path, base: &Path, tools: PathBuf) -> Output {
    let path = env::join_paths([tools].into_iter().chain(env::split_paths(&env::var_os("PATH").expect("a PATH"))));
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["scan", "--tools", "trivy", "--dry-run", "--packages"]).arg(packages).arg("--baseline").arg(base);
    command.current_dir(head).env_remove("CARGO_TARGET_DIR").env("PATH", path.expect("a PATH"));
    command.output().expect("lockgate runs")
}

#[test]
fn what_an_image_of_the_base_has_is_not_new() {
    let place = tempfile::tempdir().expect("a folder");
    let (head, base, tools) = (place.path().join("head"), place.path().join("base"), place.path().join("tools"));
    repository(&head);
    repository(&base);
    fs::create_dir(&tools).expect("a folder");
    fs::write(tools.join("trivy"), TRIVY).expect("written");
    fs::set_permissions(tools.join("trivy"), fs::Permissions::from_mode(0o755)).expect("a program");
    let (packages, _) = fixture::package(&head, "tally", &[]);

    let done = scan(&head, &packages, &base, tools.clone());
    let (comment, log) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert_eq!(done.status.code(), Some(0), "{comment}{log}");
    assert!(comment.contains("nothing new") && comment.contains("CVE-2024-0727"), "{comment}{log}");

    fs::remove_file(base.join("lockgate.toml")).expect("it was there");
    let done = scan(&head, &packages, &base, tools);
    let comment = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(1), "{comment}");
    assert!(comment.contains("1 new, 1 of them too severe"), "{comment}");
    assert!(comment.contains("the images: lockgate package ended with"), "{comment}");
}
