//! `cargo bench -p lockgate --bench promotion`: what moving three functions costs over a distance, what a promotion adds to
//! its calls, how fast the program starts and how large it is. Exits with 1 if a target is missed.
//!
//! Every call of AWS has a round trip of 30 ms by a relay; Lambda is the tests' stand-in, the ledger the emulated DynamoDB.

#[path = "../tests/promotion/world.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod world;

use std::{
    io::Write as _,
    net::SocketAddr,
    process::{Command, ExitCode, Stdio},
    sync::mpsc::channel,
    time::{Duration, Instant},
};

use stand_ins::relay::{Exchange, Relay, rounds};
use world::{FUNCTIONS, NEW, World};

const ROUND_TRIP: Duration = Duration::from_millis(30);

/// Runs per figure; the median counts.
const RUNS: usize = 11;

const PROMOTE: [&str; 6] = ["promote", "--release", NEW, "--strategy", "all-at-once", "--ignore-alarms=true"];
const ROLLBACK: [&str; 3] = ["rollback", "--reason", "a benchmark"];

fn main() -> ExitCode {
    let mut world = World::new("bench");
    let near = world.url.clone();
    let address = near.trim_start_matches("http://").parse().expect("an address");
    let relay = relay(address);

    world.url = format!("http://{}", relay.address);
    let back = (0..RUNS).map(|_| run(&world, &relay, &ROLLBACK, World::promoted)).collect::<Vec<_>>();
    let forth = (0..RUNS).map(|_| run(&world, &relay, &PROMOTE, |_| ())).collect::<Vec<_>>();
    let help = median(&(0..RUNS * 3).map(|_| help()).collect::<Vec<_>>());
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_lockgate")).expect("the program").len();

    let seconds = |runs: &[Run]| median(&runs.iter().map(|run| run.wall).collect::<Vec<_>>()).as_secs_f64();
    let calls =
        |runs: &[Run]| runs.iter().map(|run| run.lambda).max().unwrap_or_default() as f64 / FUNCTIONS.len() as f64;
    let over = median(&forth.iter().map(|run| run.wall.saturating_sub(run.waited)).collect::<Vec<_>>()).as_secs_f64();
    let rows = [
        ("rollback of three functions", seconds(&back), 1.0, "s", format!("{} round trips", back[0].rounds)),
        ("rollback: Lambda calls per function", calls(&back), 3.0, "", String::new()),
        (
            "promote all at once, over its calls",
            over,
            0.5,
            "s",
            format!(
                "{:.2} s in all, {} round trips, {} calls of Lambda",
                seconds(&forth),
                forth[0].rounds,
                forth[0].lambda
            ),
        ),
        ("lockgate --help", help.as_secs_f64() * 1e3, 5.0, "ms", String::new()),
        ("the program", size as f64 / 1e6, 20.0, "MB", "stripped".to_owned()),
    ];
    let mut out = std::io::stdout().lock();
    let mut met = true;
    for (what, figure, target, unit, note) in rows {
        let ok = figure <= target;
        met &= ok;
        let verdict = if ok { "ok" } else { "MISSED" };
        writeln!(out, "{what:36} {figure:7.2} {unit:2} (at most {target} {unit}) {verdict:6} {note}").expect("stdout");
    }
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A relay that runs beside this thread.
fn relay(address: SocketAddr) -> Relay {
    let (give, given) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            give.send(Relay::start(address, ROUND_TRIP).await.expect("a relay")).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    given.recv().expect("a relay")
}

struct Run {
    wall: Duration,
    /// Time in which at least one call was under way.
    waited: Duration,
    rounds: usize,
    /// Calls of Lambda.
    lambda: usize,
}

fn run(world: &World, relay: &Relay, arguments: &[&str], prepare: impl Fn(&World)) -> Run {
    world.reset();
    prepare(world);
    let before = world.requests().len();
    drop(relay.take());
    let begun = Instant::now();
    world.ends(0, arguments);
    let wall = begun.elapsed();
    let exchanges = relay.take();
    let lambda = world.requests()[before..].iter().filter(|request| request.path.contains("/functions/")).count();
    Run { wall, waited: waited(exchanges.clone()), rounds: rounds(&exchanges), lambda }
}

fn waited(mut exchanges: Vec<Exchange>) -> Duration {
    exchanges.sort_by_key(|exchange| exchange.begun);
    let mut sum = Duration::ZERO;
    let mut until: Option<Instant> = None;
    for Exchange { begun, ended } in exchanges {
        let from = until.map_or(begun, |until| until.max(begun));
        sum += ended.saturating_duration_since(from);
        until = Some(until.map_or(ended, |until| until.max(ended)));
    }
    sum
}

fn help() -> Duration {
    let begun = Instant::now();
    let done = Command::new(env!("CARGO_BIN_EXE_lockgate")).arg("--help").stdout(Stdio::null()).status();
    assert!(done.expect("lockgate runs").success(), "--help ends well");
    begun.elapsed()
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times[times.len() / 2]
}
