//! What is installed, and that it is installed once.

use std::{fs, process::Stdio};

use sha2::{Digest, Sha256};
use stand_ins::scripted::{Answer, Scripted};

use crate::kit::{Entry, Runner, TOOL, done, line, prints, tar_gz, zip};

fn serve(bytes: Vec<u8>) -> Scripted {
    Scripted::start(move |_| Answer::status(200).body(bytes.clone()))
}

#[test]
fn a_tool_comes_out_of_either_archive_and_a_second_call_asks_nothing() {
    let entries = [Entry::File("tool-1.2.3/README", "read me"), Entry::File("tool-1.2.3/tool", TOOL)];
    for (ending, bytes) in
        [("tar.gz", tar_gz(&entries)), ("tgz", tar_gz(&entries)), ("zip", zip(&entries)), ("bin", TOOL.into())]
    {
        let server = serve(bytes.clone());
        let line = line("tool", &format!("{}/tool.{ending}", server.url), &bytes);
        let runner = Runner::new().release(&[line]).with("INPUT_TOOLS", " tool ");
        for call in ["first", "second"] {
            let done = runner.run();
            assert_eq!(done.code, 0, "{ending}, {call}: {}", done.stdout);
            assert_eq!(server.requests().len(), 1, "{ending}, {call}");
        }
        let [program] = &runner.cached()[..] else { panic!("not one file: {:?}", runner.cached()) };
        let version = runner.path("tools/tool").join(format!("1.2.3-{}", &hex::encode(Sha256::digest(&bytes))[..16]));
        assert!(program.ends_with("tool") && program.starts_with(version), "{program:?}");
        assert_eq!(prints(program), "the tool\n");
        assert!(runner.on_path().contains(&program.parent().expect("its folder").to_owned()));
    }
}

#[test]
fn other_bytes_of_the_same_version_are_not_taken_from_the_cache() {
    let runner = Runner::new().arguments(&["--tools", "tool"]);
    let mut runner = Some(runner);
    for program in [TOOL, "#!/bin/sh\necho another tool\n"] {
        let bytes = tar_gz(&[Entry::File("tool", program)]);
        let server = serve(bytes.clone());
        let line = line("tool", &format!("{}/tool.tgz", server.url), &bytes);
        let again = runner.take().expect("kept").release(&[line]);
        let done = again.run();
        assert_eq!((done.code, server.requests().len()), (0, 1), "{}", done.stdout);
        runner = Some(again);
    }
    assert_eq!(runner.expect("kept").cached().len(), 2);
}

#[test]
fn two_jobs_at_once_leave_one_whole_tool() {
    let bytes = tar_gz(&[Entry::File("tool", TOOL)]);
    let server = serve(bytes.clone());
    let runner = Runner::new().release(&[line("tool", &format!("{}/tool.tgz", server.url), &bytes)]);
    let runner = runner.arguments(&["--tools", "tool"]);
    let start = || runner.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("lockgate runs");
    for job in [start(), start()] {
        let done = done(job.wait_with_output().expect("an end"));
        assert_eq!(done.code, 0, "{}", done.stdout);
    }
    assert_eq!(runner.cached().len(), 1, "{:?}", runner.cached());
}

#[test]
fn a_redirection_is_followed_and_a_busy_server_asked_again() {
    let bytes = tar_gz(&[Entry::File("tool", TOOL)]);
    let server = serve(bytes.clone());
    let target = format!("{}/elsewhere", server.url);
    let busy = Answer::status(503).header("retry-after", "0");
    let front = Scripted::list(vec![busy, Answer::Reset, Answer::status(302).header("location", &target)]);
    let runner = Runner::new().release(&[line("tool", &format!("{}/tool.tgz", front.url), &bytes)]);
    let done = runner.arguments(&["--tools", "tool"]).run();
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert_eq!((front.requests().len(), server.requests().len()), (3, 1));
}

#[test]
fn it_goes_through_the_proxy() {
    let proxy = Scripted::start(|_| Answer::status(407));
    let runner = Runner::new().release(&[line("tool", "https://tools.example/tool.tgz", b"")]);
    let done = runner.with("HTTPS_PROXY", &proxy.url).arguments(&["--tools", "tool"]).run();
    assert_eq!(done.code, 3, "{}", done.stdout);
    let asked = &proxy.requests()[0];
    assert_eq!((asked.method.as_str(), asked.header("host")), ("CONNECT", Some("tools.example:443")));
}

#[test]
fn a_locally_built_lockgate_is_announced_once_and_stays_for_the_job() {
    let runner = Runner::new();
    let built = runner.path("built");
    fs::copy(env!("CARGO_BIN_EXE_lockgate"), &built).expect("a copy");
    let runner = runner.with("INPUT_FROM", &built.display().to_string());
    let done = runner.run();
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert_eq!(done.stdout.matches("::notice title=lockgate::lockgate is ").count(), 1, "{}", done.stdout);
    let [folder] = &runner.on_path()[..] else { panic!("not one folder: {:?}", runner.on_path()) };
    assert!(folder.join("lockgate").is_file());

    // As the runner passes it on, and an action's own setup then calls it.
    let exported = fs::read_to_string(runner.path("env")).expect("variables");
    let kept = exported.lines().nth(1).expect("a value").to_owned();
    assert!(exported.starts_with("LOCKGATE_FROM<<"), "{exported}");
    fs::write(&built, "another build meanwhile").expect("a file");
    let done = runner.with("INPUT_FROM", &kept).with("LOCKGATE_FROM", &kept).run();
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert!(!done.stdout.contains("::notice"), "{}", done.stdout);
}
