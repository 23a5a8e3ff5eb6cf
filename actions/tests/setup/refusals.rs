//! What is not installed, and that nothing of it stays.

use stand_ins::scripted::{Answer, Scripted};

use crate::kit::{Done, Entry, Runner, TOOL, line, tar_gz, zip};

/// Installs `tool` from a server that answers so; the line's digest is that of `expected`.
fn install(ending: &str, expected: &[u8], answer: impl Fn() -> Answer + Send + Sync + 'static) -> (Done, usize) {
    let server = Scripted::start(move |_| answer());
    let runner = Runner::new().release(&[line("tool", &format!("{}/tool.{ending}", server.url), expected)]);
    let runner = runner.with("INPUT_TOOLS", "tool");
    let done = runner.run();
    assert!(runner.cached().is_empty(), "something was left: {:?}", runner.cached());
    let tool = runner.path("tools/tool");
    assert!(runner.on_path().iter().all(|folder| !folder.starts_with(&tool)), "{:?}", runner.on_path());
    (done, server.requests().len())
}

#[test]
fn trap_38_another_digest_is_refused_and_not_asked_for_again() {
    let bytes = tar_gz(&[Entry::File("tool", TOOL)]);
    let (done, requests) = install("tar.gz", b"something else", move || Answer::status(200).body(bytes.clone()));
    assert_eq!((done.code, requests), (1, 1), "{}", done.stdout);
    assert!(done.stdout.contains("it was thrown away"), "{}", done.stdout);
}

#[test]
fn a_short_download_is_refused() {
    let bytes = tar_gz(&[Entry::File("tool", TOOL)]);
    let whole = bytes.clone();
    let (done, requests) = install("tar.gz", &whole, move || Answer::status(200).body(bytes.clone()).half());
    assert_eq!((done.code, requests), (3, 4), "{}", done.stdout);
    // A server that ends early without having said how long it would be: the digest tells.
    let half = whole[..whole.len() / 2].to_vec();
    let (done, _) = install("tar.gz", &whole, move || Answer::status(200).body(half.clone()));
    assert_eq!(done.code, 1, "{}", done.stdout);
}

#[test]
fn an_archive_that_leads_out_of_its_folder_or_links_is_refused_whole() {
    let good = || Entry::File("tool", TOOL);
    let cases = [
        (Entry::File("../tool", "evil"), "leads out"),
        (Entry::File("a/../../tool", "evil"), "leads out"),
        (Entry::File("/tmp/tool", "evil"), "leads out"),
        (Entry::Link("bin/tool", "/bin/sh"), "neither file nor folder"),
        (Entry::Link("docs", ".."), "neither file nor folder"),
        (Entry::HardLink("bin/tool", "/bin/sh"), "neither file nor folder"),
        (Entry::File("bin/tool", "another"), "2 files called tool"),
    ];
    for (bad, reason) in cases {
        let entries = [good(), bad];
        for (ending, bytes) in [("tar.gz", tar_gz(&entries)), ("zip", zip(&entries))] {
            let served = bytes.clone();
            let (done, _) = install(ending, &bytes, move || Answer::status(200).body(served.clone()));
            assert_eq!(done.code, 1, "{ending}, {reason}: {}", done.stdout);
            assert!(done.stdout.contains(reason), "{ending}, {reason}: {}", done.stdout);
        }
    }
}

#[test]
fn an_archive_without_the_tool_or_that_is_none_is_refused() {
    for (ending, bytes, reason) in [
        ("tar.gz", tar_gz(&[Entry::File("other", TOOL)]), "0 files called tool"),
        ("zip", zip(&[Entry::File("other", TOOL)]), "0 files called tool"),
        ("tar.gz", b"<html>".to_vec(), "no tar.gz"),
        ("zip", b"<html>".to_vec(), "no zip"),
    ] {
        let served = bytes.clone();
        let (done, _) = install(ending, &bytes, move || Answer::status(200).body(served.clone()));
        assert_eq!(done.code, 1, "{}", done.stdout);
        assert!(done.stdout.contains(reason), "{ending}: {}", done.stdout);
    }
}

#[test]
fn a_redirection_to_where_others_read_along_is_not_followed() {
    let (done, requests) = install("tgz", b"", || Answer::status(302).header("location", "http://tools.example/x"));
    assert_eq!((done.code, requests), (3, 1), "{}", done.stdout);
    assert!(done.stdout.contains("neither https nor on this machine"), "{}", done.stdout);
}

#[test]
fn trap_38_an_unknown_tool_fails_before_any_download() {
    let server = Scripted::list(Vec::new());
    let runner = Runner::new().release(&[line("tool", &format!("{}/tool.tgz", server.url), b"")]);
    let done = runner.arguments(&["--tools", "tool,tfsec"]).run();
    assert_eq!((done.code, server.requests().len()), (2, 0), "{}", done.stdout);
    assert!(done.stdout.contains("names no tool `tfsec`; it has tool"), "{}", done.stdout);
}

#[test]
fn trap_38_an_unknown_platform_fails() {
    let line = line("tool", "https://tools.example/tool.tgz", b"").replace(std::env::consts::ARCH, "riscv128");
    let done = Runner::new().release(&[line]).arguments(&["--tools", "tool"]).run();
    assert_eq!(done.code, 2, "{}", done.stdout);
    assert!(done.stdout.contains("only for riscv128-"), "{}", done.stdout);
}
