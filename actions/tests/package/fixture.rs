//! The repository of `tests/fixture`, copied to where a test wants it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Copies the fixture to `folder`, with the crates' versions and the compiler of the real workspace.
pub(crate) fn copy_to(folder: &Path) {
    let actions = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("run by cargo"));
    copy(&actions.join("tests/fixture"), folder);
    for file in ["Cargo.lock", "rust-toolchain.toml"] {
        fs::copy(actions.join("..").join(file), folder.join(file)).expect("the workspace has this file");
    }
    // The workspace's lock file names more than the fixture needs; cargo drops the rest and keeps the versions.
    run(Command::new("cargo").args(["metadata", "--format-version=1"]).current_dir(folder));
}

/// `lockgate package --function NAME` in `folder`; gives the folder of the packages and what `packages.json` says.
pub(crate) fn package(folder: &Path, function: &str, settings: &[(&str, &str)]) -> (PathBuf, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["package", "--out", "packages", "--function", function]).current_dir(folder);
    run(command.env_remove("CARGO_TARGET_DIR").envs(settings.iter().copied()));
    let packages = folder.join("packages");
    let report = fs::read(packages.join("packages.json")).expect("the command writes a report");
    (packages, serde_json::from_slice(&report).expect("the report is JSON"))
}

/// Runs a command that must succeed, and gives what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed ({}): {said}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8 on stdout")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("the fixture is a folder") {
        let entry = entry.expect("its entries can be read");
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("its files can be copied");
        }
    }
}
