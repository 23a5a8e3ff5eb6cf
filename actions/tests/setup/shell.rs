//! The shell of `action.yml`: it gets lockgate itself. The programs it calls are stand-ins, found first on PATH.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use yaml_serde::Value;

use crate::kit::{Done, Runner, done};

/// The script as a runner gets it.
fn script() -> String {
    let text = fs::read_to_string(std::env::var("CARGO_MANIFEST_DIR").expect("run by cargo") + "/setup/action.yml")
        .expect("action.yml");
    let action: Value = yaml_serde::from_str(&text).expect("YAML");
    action["runs"]["steps"][0]["run"].as_str().expect("a script").to_owned()
}

/// Runs it with these programs before the system's; `NAME` and what it prints into the file `calls`.
fn run(runner: &Runner, programs: &[(&str, &str)]) -> Done {
    let bin = runner.path("bin");
    let _ = fs::create_dir(&bin);
    for (name, script) in programs {
        program(&bin.join(name), script);
    }
    let file = runner.path("script");
    fs::write(&file, script()).expect("a file");
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-euo", "pipefail"]).arg(file).current_dir(runner.path(""));
    command.env_clear().envs(runner.variables());
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    command.env("CALLS", runner.path("calls")).env("TEST_BINARY", env!("CARGO_BIN_EXE_lockgate"));
    done(command.output().expect("bash runs"))
}

fn program(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/bash\n{script}\n")).expect("a program");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program that runs");
}

fn calls(runner: &Runner) -> Vec<String> {
    fs::read_to_string(runner.path("calls")).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// A runner whose action is part of a small repository.
fn on_linux(release: &str) -> Runner {
    let runner = Runner::new().with("RUNNER_OS", "Linux").with("RUNNER_ARCH", "X64");
    for folder in ["actions/setup", "lambdas", "rehearsal", ".cargo"] {
        fs::create_dir_all(runner.path("repository").join(folder)).expect("a folder");
    }
    for file in ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"] {
        fs::write(runner.path("repository").join(file), "").expect("a file");
    }
    fs::write(runner.path("repository/actions/RELEASE"), release).expect("a file");
    let action = runner.path("repository/actions/setup").display().to_string();
    runner.with("GITHUB_ACTION_PATH", &action)
}

/// Copies the lockgate under test to where curl is told to.
const CURL: &str = r#"echo "curl $*" >>"$CALLS"; while [ "$1" != --output ]; do shift; done; cp "$TEST_BINARY" "$2""#;

/// Builds the lockgate under test, at once.
const CARGO: &str = r#"echo "cargo $*" >>"$CALLS"; while [ "$1" != --target-dir ]; do shift; done
mkdir -p "$2/release"; cp "$TEST_BINARY" "$2/release/lockgate""#;

fn digest_of_binary() -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(fs::read(env!("CARGO_BIN_EXE_lockgate")).expect("the binary")))
}

#[test]
fn the_released_lockgate_is_fetched_once_checked_and_put_on_path() {
    let line = format!("lockgate 9.8.7 x86_64-linux https://lockgate.example/lockgate {}\n", digest_of_binary());
    let runner = on_linux(&line);
    for call in ["first", "second"] {
        let done = run(&runner, &[("curl", CURL)]);
        assert_eq!(done.code, 0, "{call}: {}", done.stdout);
        assert_eq!(calls(&runner).len(), 1, "{call}: {:?}", calls(&runner));
    }
    let curl = &calls(&runner)[0];
    assert!(
        curl.contains("--proto =https --tlsv1.2") && curl.contains("-- https://lockgate.example/lockgate"),
        "{curl}"
    );
    let folder = runner.path("tools/lockgate/9.8.7/X64");
    assert_eq!(runner.on_path()[0], folder);
    assert!(folder.join("lockgate").is_file());
}

#[test]
fn trap_38_another_digest_is_not_run() {
    let runner = on_linux(&format!("lockgate 9.8.7 x86_64-linux https://lockgate.example/lockgate {}", "0".repeat(64)));
    let done = run(&runner, &[("curl", CURL)]);
    assert_eq!(done.code, 1, "{}", done.stdout);
    assert!(done.stdout.contains("has not the digest"), "{}", done.stdout);
    assert!(runner.cached().is_empty() && runner.on_path().is_empty());
}

#[test]
fn trap_39_a_tree_without_a_release_builds_its_own_commit_once_and_says_so() {
    let runner = on_linux("# no line for lockgate yet\n");
    for (call, notices) in [("first", 1), ("second", 0)] {
        let done = run(&runner, &[("cargo", CARGO)]);
        assert_eq!(done.code, 0, "{call}: {}", done.stdout);
        assert_eq!(calls(&runner).len(), 1, "{call}: {:?}", calls(&runner));
        assert_eq!(done.stdout.matches("it was built from this commit in").count(), notices, "{call}: {}", done.stdout);
    }
    assert!(calls(&runner)[0].starts_with("cargo build --locked --release --package lockgate"));
    // Another tree is another lockgate.
    fs::write(runner.path("repository/actions/main.rs"), "fn main() {}").expect("a file");
    assert_eq!(run(&runner, &[("cargo", CARGO)]).code, 0);
    assert_eq!(calls(&runner).len(), 2);
}

#[test]
fn a_locally_built_lockgate_needs_neither_network_nor_compiler() {
    let runner = on_linux("");
    for variable in ["INPUT_FROM", "LOCKGATE_FROM"] {
        let runner = on_linux("").with(variable, env!("CARGO_BIN_EXE_lockgate"));
        let done = run(&runner, &[]);
        assert_eq!(done.code, 0, "{}", done.stdout);
        assert!(runner.on_path()[0].starts_with(runner.path("temp")));
    }
    let done = run(&runner.with("RUNNER_ARCH", "RISCV"), &[]);
    assert_eq!(done.code, 2, "trap 38: {}", done.stdout);
    assert!(done.stdout.contains("no lockgate for Linux on RISCV"), "{}", done.stdout);
}
