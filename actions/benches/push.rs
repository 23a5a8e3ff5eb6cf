//! What a push costs over a distance: `cargo bench -p lockgate --bench push`.
//!
//! Debian's registry behind a relay with a round trip of 30 ms takes an image of four layers and a configuration, 18 MB in
//! all, from crane and from `lockgate push-image`, by turns. The relay counts questions and how many of them had to wait for
//! an answer; what the registry's own log does not know of them is crane's question for TLS, which is not held against it.

use std::{
    error::Error,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

#[path = "push/bare.rs"]
mod bare;
#[path = "../tests/push-image/fixture.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod fixture;

use fixture::Draft;
use stand_ins::{
    registry::Registry,
    relay::{Relay, rounds},
    tools::crane,
};
use tokio::process::Command;

const ROUND_TRIP: Duration = Duration::from_millis(30);
/// What three layers hold, which does not compress; the fourth is the program's few bytes.
const LAYER: usize = 6_000_000;
const RUNS: usize = 5;

/// The most questions, the most that follow each other, and the most of crane's time.
const COLD: (usize, usize, f64) = (19, 6, 0.6);
const NEW_TAG: usize = 4;

struct Cost {
    requests: usize,
    rounds: usize,
    /// Without what crane spends on asking for TLS where there is none: a handshake and an answer.
    wall: Duration,
}

/// A command that pushes the image to a repository under a tag.
type Push<'a> = dyn Fn(&str, &str) -> Command + 'a;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(bench())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> Result<bool, Box<dyn Error>> {
    let registry = Registry::start(None).await?;
    let relay = Relay::start(registry.address, ROUND_TRIP).await?;
    let crane = crane().await?.path;
    let mut draft = Draft::new(18, 3, LAYER);
    draft.write();
    let image = draft.folder.path().to_owned();
    let layers = draft.manifest["layers"].as_array().ok_or("no layers")?;
    let bytes: u64 = layers.iter().filter_map(|layer| layer["size"].as_u64()).sum();
    say(format_args!("{} layers, {:.1} MB; a round trip of {ROUND_TRIP:?}", layers.len(), bytes as f64 / 1e6));
    let tools: [(&str, &Push); 2] = [
        ("crane", &|name, tag| {
            let mut command = Command::new(&crane);
            command.args(["push", "--insecure"]).arg(&image).arg(format!("{}/{name}:{tag}", relay.address));
            command
        }),
        ("lockgate", &|name, tag| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
            command.arg("push-image").arg("--layout").arg(&image).args(["--tag", tag]);
            command.args(["--repository", &format!("{}/{name}", relay.address)]);
            command
        }),
    ];

    let mut least = Vec::new();
    let mut costs: Vec<Vec<(Cost, Cost)>> = vec![Vec::new(), Vec::new()];
    for run in 0..RUNS {
        // By turns, so that a busy moment of the machine is both's.
        for (costs, (tool, command)) in costs.iter_mut().zip(&tools) {
            let name = format!("{tool}-{run}");
            let cold = cost(&registry, &relay, command(&name, "one")).await?;
            costs.push((cold, cost(&registry, &relay, command(&name, "two")).await?));
        }
        let (address, folder, name) = (relay.address, image.clone(), format!("bare-{run}"));
        let start = Instant::now();
        tokio::task::spawn_blocking(move || bare::push(address, &folder, &name, "one")).await?;
        least.push(start.elapsed().as_secs_f64() * 1000.0);
    }

    say(format_args!("{:<10} {:<20} {:>8} {:>6} {:>9} {:>9}", "", "", "requests", "rounds", "median ms", "least ms"));
    let mut walls = Vec::new();
    for (costs, (tool, _)) in costs.iter().zip(&tools) {
        let (cold, again): (Vec<_>, Vec<_>) = costs.iter().map(|(cold, again)| (cold, again)).unzip();
        for (what, costs) in [("cold", &cold), ("same image, new tag", &again)] {
            let requests = costs.iter().map(|cost| cost.requests).max().unwrap_or_default();
            let rounds = costs.iter().map(|cost| cost.rounds).max().unwrap_or_default();
            let mut times: Vec<_> = costs.iter().map(|cost| cost.wall.as_secs_f64() * 1000.0).collect();
            times.sort_by(f64::total_cmp);
            say(format_args!(
                "{tool:<10} {what:<20} {requests:>8} {rounds:>6} {:>9.0} {:>9.0}",
                times[times.len() / 2],
                times[0]
            ));
            walls.push((requests, rounds, times[times.len() / 2]));
        }
    }
    least.sort_by(f64::total_cmp);
    let bare = least[least.len() / 2];
    say(format_args!(
        "{:<10} {:<20} {:>8} {:>6} {bare:>9.0} {:>9.0}",
        "bare", "cold, nothing judged", "", "", least[0]
    ));
    let [(_, _, theirs), _, (requests, rounds, ours), (again, _, _)] = walls[..] else { return Ok(false) };
    let ratio = ours / theirs;
    say(format_args!("cold: {ratio:.2} of crane's time; the bare requests are {:.2} of it", bare / theirs));
    let mut good = true;
    for (what, value, limit) in [
        ("requests", requests as f64, COLD.0 as f64),
        ("rounds", rounds as f64, COLD.1 as f64),
        ("of crane's time", ratio, COLD.2),
        ("requests for a new tag", again as f64, NEW_TAG as f64),
    ] {
        if value > limit {
            good = false;
            say(format_args!("over the target: {value:.2} {what}, at most {limit}"));
        }
    }
    Ok(good)
}

async fn cost(registry: &Registry, relay: &Relay, mut command: Command) -> Result<Cost, Box<dyn Error>> {
    drop(relay.take());
    let before = registry.requests()?.len();
    let start = Instant::now();
    let output =
        command.env_remove("AWS_ENDPOINT_URL").env("DOCKER_CONFIG", Path::new("/nonexistent")).output().await?;
    let wall = start.elapsed();
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let exchanges = relay.take();
    let requests = registry.requests()?.len() - before;
    let unheard = exchanges.len().checked_sub(requests).ok_or("the registry logged more than the relay saw")?;
    let wall = wall.saturating_sub(ROUND_TRIP * 2 * u32::try_from(unheard)?);
    Ok(Cost { requests: requests + unheard, rounds: rounds(&exchanges), wall })
}

#[expect(clippy::print_stdout, reason = "a benchmark's table")]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
