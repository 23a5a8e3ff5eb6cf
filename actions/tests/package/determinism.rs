//! Bytes depend on the tree and the toolchain alone.

use std::{
    env,
    fs::{self, File, Permissions},
    io::{BufRead, BufReader, Read},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use zip::ZipArchive;

use crate::fixture::{self, run};

#[test]
fn two_clones_in_two_folders_at_two_commits_give_equal_digests() {
    let place = tempfile::tempdir().expect("a folder");
    let (one, other) = (place.path().join("one"), place.path().join("some/where/else/another-name"));
    fixture::copy_to(&one);
    git(&one, &["init", "--quiet"]);
    git(&one, &["add", "."]);
    git(&one, &["commit", "--quiet", "--message", "One"]);
    run(Command::new("git").args(["clone", "--quiet"]).args([&one, &other]));
    git(&other, &["commit", "--quiet", "--allow-empty", "--message", "Another"]);
    let head = |folder| git(folder, &["rev-parse", "HEAD", "HEAD^{tree}"]);
    let (at, also_at) = (head(&one), head(&other));
    assert_ne!(at.lines().next(), also_at.lines().next(), "two commits");
    assert_eq!(at.lines().last(), also_at.lines().last(), "one tree");

    let outputs = place.path().join("outputs");
    let runner = [("GITHUB_OUTPUT", outputs.to_str().expect("a UTF-8 path"))];
    let (packages, report) = fixture::package(&one, "tally", &runner);
    // The other person keeps crates elsewhere and has settings of their own, none of which may show.
    let crates = crates_elsewhere(place.path());
    let settings = [
        ("CARGO_HOME", crates.to_str().expect("a UTF-8 path")),
        ("CARGO_PROFILE_LAMBDA_STRIP", "false"),
        ("CARGO_TARGET_DIR", "built-here"),
        ("CFLAGS", "-g"),
        ("GITHUB_SHA", "1d8e4b8a2f0e4f6f8a59f0e7f6f0b6b7c1a2d3e4"),
        ("RUSTFLAGS", "-Cdebuginfo=2 -Ctarget-cpu=native"),
    ];
    let (_, also_report) = fixture::package(&other, "tally", &settings);
    assert_eq!(report, also_report);

    let text = |key: &str| report["toolchain"][key].as_str().unwrap_or_default();
    let digest = report["functions"]["tally"]["sha256"].as_str().expect("a digest");
    assert!([digest, text("id"), text("libc"), text("crt")].iter().all(|hash| hash.len() == 64), "{report}");
    let outputs = fs::read_to_string(outputs).expect("the step's outputs");
    let heredocs: Vec<_> = outputs.lines().filter(|line| !line.contains("lockgate_") || line.contains("<<")).collect();
    let names = heredocs.iter().step_by(2).map(|line| line.split_once("<<").expect("NAME<<DELIMITER").0);
    assert_eq!(names.collect::<Vec<_>>(), ["tally_path", "tally_digest", "packages"]);
    assert_eq!(heredocs[1..4].iter().step_by(2).copied().collect::<Vec<_>>(), ["tally.zip", digest]);
    let handed_on: serde_json::Value = serde_json::from_str(heredocs[5]).expect("packages.json in a line");
    assert_eq!(handed_on, report, "what another job plans with");

    let binary = bootstrap(&packages.join("tally.zip"));
    for machine in [place.path(), Path::new(&home())] {
        assert!(!holds(&binary, machine.to_str().expect("a UTF-8 path")), "{} shows", machine.display());
    }

    // What it does name shows that each kind of source was there to be named.
    let program = place.path().join("bootstrap");
    fs::write(&program, &binary).expect("a file to write");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("an own file");
    let said = run(&mut Command::new(&program));
    let places: Vec<_> = said.lines().collect();
    assert_eq!(places[..2], ["tally/src/main.rs", "greeting/src/lib.rs"]);
    assert!(places[2].starts_with("/target/") && places[2].ends_with("/out/generated.rs"), "{said}");
    assert!(places[3].starts_with("/cargo/bytes-"), "{said}");
}

#[test]
fn jobs_that_share_a_target_folder_ship_their_own_bytes() {
    let place = tempfile::tempdir().expect("a folder");
    let [one, other, shared] = ["one", "other", "target"].map(|name| place.path().join(name));
    fixture::copy_to(&one);
    fixture::copy_to(&other);
    for (file, from, to) in [
        ("tally/Cargo.toml", "version = \"0.1.0\"", "version = \"0.2.0\""),
        ("tally/src/main.rs", "\"nowhere\"", "\"the other job's\""),
    ] {
        let text = fs::read_to_string(other.join(file)).expect("a file of the fixture");
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(other.join(file), text.replace(from, to)).expect("a file to write");
    }
    run(Command::new("cargo").args(["metadata", "--format-version=1"]).current_dir(&other));

    // The first job's cargo ends, and says so; its caller hears of that only after the other job got as far as it can.
    let (wrapped, go_on) = (place.path().join("bin"), place.path().join("go-on"));
    nix::unistd::mkfifo(&go_on, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    fs::create_dir(&wrapped).expect("a new folder");
    let cargo = env::var("CARGO").expect("run by cargo");
    let then = format!("if [ \"$1\" = build ]; then echo it built >&2; cat {}; fi", go_on.display());
    fs::write(wrapped.join("cargo"), format!("#!/bin/sh\n{cargo} \"$@\" || exit\n{then}\n")).expect("a file to write");
    fs::set_permissions(wrapped.join("cargo"), Permissions::from_mode(0o755)).expect("an own file");
    let path = format!("{}:{}", wrapped.display(), env::var("PATH").expect("a PATH"));

    let start = |folder: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.args(["package", "--out", "packages", "--function", "tally"]).current_dir(folder);
        command.env("CARGO_TARGET_DIR", &shared);
        command
    };
    let mut first = start(&one).env("PATH", path).stderr(Stdio::piped()).spawn().expect("lockgate runs");
    let mut said = BufReader::new(first.stderr.take().expect("piped")).lines().map(|line| line.expect("UTF-8"));
    assert!(said.any(|line| line == "it built"), "the first job built nothing");
    let mut second = start(&other).stdout(Stdio::piped()).spawn().expect("lockgate runs");
    let mut told = BufReader::new(second.stdout.take().expect("piped")).lines().map(|line| line.expect("UTF-8"));
    let waits = told.any(|line| line.contains("waiting for another job that builds in"));
    fs::write(&go_on, "").expect("it goes on");
    said.for_each(drop);
    told.for_each(drop);
    assert!(first.wait().expect("it ends").success() && second.wait().expect("it ends").success());
    let theirs = [&one, &other].map(|folder| holds(&bootstrap(&folder.join("packages/tally.zip")), "the other job's"));
    assert_eq!((theirs, waits), ([false, true], true));
}

fn git(folder: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]);
    run(git.args(args).current_dir(folder))
}

/// Cargo's own folder under another path: the same crates, nothing fetched again.
fn crates_elsewhere(place: &Path) -> PathBuf {
    let elsewhere = place.join("crates");
    fs::create_dir(&elsewhere).expect("a new folder");
    let home = env::var_os("CARGO_HOME").map_or_else(|| Path::new(&home()).join(".cargo"), PathBuf::from);
    for entry in fs::read_dir(home).expect("cargo has a folder") {
        let entry = entry.expect("its entries can be read");
        symlink(entry.path(), elsewhere.join(entry.file_name())).expect("a link in an own folder");
    }
    elsewhere
}

fn home() -> String {
    env::var("HOME").expect("a home folder")
}

fn bootstrap(zip: &Path) -> Vec<u8> {
    let mut archive = ZipArchive::new(File::open(zip).expect("a ZIP")).expect("a readable ZIP");
    let mut content = Vec::new();
    archive.by_name("bootstrap").expect("its program").read_to_end(&mut content).expect("intact content");
    content
}

fn holds(binary: &[u8], text: &str) -> bool {
    binary.windows(text.len()).any(|window| window == text.as_bytes())
}
