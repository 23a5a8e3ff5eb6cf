//! `cargo rehearse`: plays Lockgate's story on this machine. See `rehearsal/src/lib.rs`.

use anyhow::{Context, Result};
use clap::Parser;
use rehearsal::clock::Clock;
use rehearsal::stage::Stage;
use rehearsal::story::{self, Act};
use rehearsal::{guard, report, tell};
use std::path::PathBuf;
use std::process::ExitCode;

/// Plays Lockgate's story on this machine, without GitHub and without AWS.
#[derive(Debug, Parser)]
#[command(name = "cargo rehearse", bin_name = "cargo rehearse")]
struct Options {
    /// Lists the acts and plays nothing
    #[arg(long)]
    list: bool,
    /// Plays this act and those it needs; may be given several times
    #[arg(long, value_name = "ACT")]
    only: Vec<Act>,
    /// Takes this action out of the functions' policies before calls land, to see that the story fails without it
    #[arg(long, value_name = "ACTION")]
    without: Option<String>,
    /// Leaves everything running at the end and prints where, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Writes the results to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    if options.list {
        Act::ALL.iter().for_each(|act| tell::print(&format!("{:16} {}", act.name(), act.about())));
        return ExitCode::SUCCESS;
    }
    guard::guarded(play(options)).await.unwrap_or_else(|error| {
        tell::error(&error);
        ExitCode::from(2)
    })
}

async fn play(options: Options) -> Result<ExitCode> {
    let acts = if options.only.is_empty() { Act::ALL.to_vec() } else { Act::with_needed(&options.only) };
    let clock = Clock::default();
    let teller = tell::Teller::new(clock.clone());
    tokio::spawn(teller.clone().keep_telling());
    let mut stage = Stage::set(&acts, clock, teller.clone()).await?;
    stage.without = options.without;
    let (outcome, asked) = story::play(&mut stage, &acts).await;
    let gathered = report::gather(&stage).await;
    let page = report::write(&stage, &outcome, &asked, &gathered)?;
    teller.done();
    tell::print(&report::table(&outcome));
    tell::print(&format!("report: {}", Stage::shown(&page)));
    if let Some(path) = options.json {
        let json = serde_json::to_string_pretty(&outcome)?;
        std::fs::write(&path, json).with_context(|| format!("failed to write {}", path.display()))?;
    }
    if options.keep {
        tell::print(&stage.addresses());
        std::future::pending::<()>().await;
    }
    Ok(if outcome.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
