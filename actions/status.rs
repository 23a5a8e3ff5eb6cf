//! `lockgate status`: what is live in an environment and since when, where its aliases send their traffic, what is held,
//! and who holds a lock.

use anyhow::Result;
use futures::future::join_all;

use crate::{
    alias::Aliases,
    aws,
    failure::{Blame, Failure},
    ledger::{Action, Ledger, Live, Release},
    runner,
};

/// Where to look.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Environment to look at
    #[arg(long, env = "INPUT_ENVIRONMENT", value_name = "NAME")]
    environment: String,
}

/// Prints it.
///
/// # Errors
/// [`Failure::World`] if the ledger or Lambda cannot be read.
pub async fn run(args: Args) -> Result<(), Failure> {
    let config = aws::config().await.usage()?;
    let ledger = Ledger::new(&config, &args.environment);
    let live = ledger.live().await.world()?;
    let release = match &live.release {
        Some(id) => Some(ledger.release(id).await.world()?),
        None => None,
    };
    match (&release, &live.since) {
        (Some(release), Some(since)) => {
            runner::say(format_args!("live      {} since {since:.0}", release.id));
            runner::say(format_args!(
                "          commit {}, tree {}, by {}",
                release.commit, release.tree, release.actor
            ));
            runner::say(format_args!("previous  {}", live.previous.as_deref().unwrap_or("none")));
        }
        _ => runner::say(format_args!("live      nothing was promoted in {} yet", args.environment)),
    }
    moves(&live);
    // Before the first promotion has ended, what moves is all there is.
    let moving = match (&release, &live.moving) {
        (None, Some(moving)) => Some(ledger.release(&moving.release).await.world()?),
        _ => None,
    };
    if let Some(release) = release.as_ref().or(moving.as_ref()) {
        weights(&Aliases::new(&config), release).await;
    }
    let (holds, locks) = ledger.holds_and_locks().await.world()?;
    for lock in &locks {
        runner::say(format_args!("{}  {lock}{}", lock.id, if lock.stale() { " (run out)" } else { "" }));
    }
    if locks.is_empty() {
        runner::say("locks     none");
    }
    let held: Vec<_> = holds.iter().filter(|hold| hold.freed.is_none()).collect();
    for hold in &held {
        runner::say(format_args!("held      {} since {:.0} in {}: {}", hold.id, hold.at, hold.release, hold.reason));
    }
    if held.is_empty() {
        runner::say("held      nothing");
    }
    Ok(())
}

fn moves(live: &Live) {
    let Some(moving) = &live.moving else { return };
    let what = match moving.action {
        Action::Promote => "is promoted",
        Action::TakeBack => "is taken back",
        Action::Rollback => "is rolled back to",
    };
    runner::say(format_args!("moving    {} {what} since {:.0} by {}", moving.release, moving.began, moving.owner));
}

async fn weights(aliases: &Aliases, release: &Release) {
    let read = release.functions.values().map(async |function| {
        let named = format!("{}:{}", function.function, function.alias);
        match aliases.read(&function.function, &function.alias).await {
            Ok(alias) => {
                let expected = function.version.as_deref() == Some(alias.version.as_str()) && alias.weights.is_empty();
                format!("{named}  {}{}", alias.shown(), if expected { "" } else { "  (not as the ledger says)" })
            }
            Err(error) => format!("{named}  {error:#}"),
        }
    });
    join_all(read).await.iter().for_each(|line| runner::say(format_args!("alias     {line}")));
}
