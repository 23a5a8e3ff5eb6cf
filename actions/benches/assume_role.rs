//! `cargo bench -p lockgate --bench assume_role`: what assuming a role costs, against loopback stubs. Exits with 1 if a
//! target is missed. The binary is the one that cargo builds for benchmarks: optimised, like a release.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{sys::stat::Mode, unistd::mkfifo};
use stand_ins::scripted::{Answer, Scripted};

/// Runs per figure; the median counts.
const RUNS: usize = 31;

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = Scripted::start(|_| Answer::status(200).body(format!(r#"{{"value":"e30.{}.c2ln"}}"#, "e30")));
    let sts = Scripted::start(|_| Answer::status(200).body(granted()));
    let refusing = Scripted::start(|_| Answer::status(403).body(denied()));

    // Once for what the system reads for the first time.
    wall(command(folder.path(), &tokens, &sts), 0);
    let before = (tokens.requests().len(), sts.requests().len());
    let granted = median(|| wall(command(folder.path(), &tokens, &sts), 0));
    let requests = (tokens.requests().len() - before.0 + sts.requests().len() - before.1) as f64 / RUNS as f64;
    let bare = median(|| bare(&tokens, &sts));
    let memory = memory(folder.path(), &tokens, &sts);
    let denied = median(|| wall(command(folder.path(), &tokens, &refusing), 2));
    let calls = refusing.requests().len() as f64 / RUNS as f64;

    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let rows = [
        ("requests", requests, 2.0, "", "2 bare HTTP requests"),
        ("wall", milliseconds(granted), 15.0, "ms", &format!("{:.1} ms for the bare requests", milliseconds(bare))),
        ("peak memory", memory as f64 / 1024.0, 10.0, "MiB", ""),
        ("denial: STS calls", calls, 1.0, "", ""),
        ("denial: wall", milliseconds(denied), 1000.0, "ms", ""),
    ];
    let mut out = std::io::stdout().lock();
    let mut met = true;
    for (what, figure, target, unit, note) in rows {
        // No request at all would be no measure either.
        let ok = figure <= target && figure > 0.0;
        met &= ok;
        let verdict = if ok { "ok" } else { "MISSED" };
        writeln!(out, "{what:18} {figure:8.1} {unit:3} (at most {target} {unit}) {verdict:6} {note}").expect("stdout");
    }
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn command(folder: &Path, tokens: &Scripted, sts: &Scripted) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["assume-role", "--role", "arn:aws:iam::111122223333:role/deploy", "--region", "eu-central-1"]);
    command.env_clear().envs([
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", &*format!("{}/?v=1", tokens.url)),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer"),
        ("AWS_ENDPOINT_URL_STS", &sts.url),
        ("GITHUB_ENV", &*folder.join("env").display().to_string()),
        ("GITHUB_OUTPUT", &*folder.join("output").display().to_string()),
    ]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// How long a run takes that has to end with this code.
fn wall(mut command: Command, code: i32) -> Duration {
    let begun = Instant::now();
    let ended = command.status().expect("lockgate runs");
    assert_eq!(ended.code(), Some(code), "how it ended");
    begun.elapsed()
}

fn median(mut run: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<_> = (0..RUNS).map(|_| run()).collect();
    times.sort_unstable();
    times[RUNS / 2]
}

/// The same two requests with nothing around them.
fn bare(tokens: &Scripted, sts: &Scripted) -> Duration {
    let begun = Instant::now();
    for (server, method) in [(tokens, "GET"), (sts, "POST")] {
        let address = server.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("a stub");
        write!(stream, "{method} / HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .expect("a request");
        stream.read_to_end(&mut Vec::new()).expect("an answer");
    }
    begun.elapsed()
}

/// The peak of the process's memory, in KiB, taken when it has everything and writes it. The files for variables and outputs
/// are pipes that wait for their readers: it cannot end before the second one has one.
fn memory(folder: &Path, tokens: &Scripted, sts: &Scripted) -> u64 {
    let [variables, outputs] = ["variables", "outputs"].map(|name| folder.join(name));
    for pipe in [&variables, &outputs] {
        mkfifo(pipe, Mode::S_IRWXU).expect("a named pipe");
    }
    let mut command = command(folder, tokens, sts);
    let mut child =
        command.env("GITHUB_ENV", &variables).env("GITHUB_OUTPUT", &outputs).spawn().expect("lockgate runs");
    let mut readers = vec![File::open(&variables).expect("its reader")];
    let peak = peak(&child);
    readers.push(File::open(&outputs).expect("its reader"));
    while child.try_wait().expect("a child").is_none() {
        for reader in &mut readers {
            reader.read_to_end(&mut Vec::new()).expect("what it writes");
        }
        thread::sleep(Duration::from_millis(1));
    }
    peak
}

/// <https://www.kernel.org/doc/html/latest/filesystems/proc.html>, `VmHWM`.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a living process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn granted() -> &'static str {
    "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
     <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
     <SessionToken>t</SessionToken><Expiration>2026-11-21T14:00:00Z</Expiration></Credentials><AssumedRoleUser>\
     <AssumedRoleId>AROA:x</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/deploy/x</Arn></AssumedRoleUser>\
     </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
}

fn denied() -> &'static str {
    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
     <Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error>\
     </ErrorResponse>"
}
