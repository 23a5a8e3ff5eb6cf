//! `lockgate unlock`: frees a lock that was left behind, or a hold, after its owner was shown and for a reason that is kept.

use anyhow::{Result, anyhow};
use jiff::Timestamp;

use crate::{
    aws,
    failure::{Blame, Failure},
    ledger::{Freed, Ledger},
    lock::{self, Name},
    runner, who,
};

/// What to free, and why.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub struct Args {
    /// Environment it belongs to
    #[arg(long, env = "INPUT_ENVIRONMENT", value_name = "NAME")]
    environment: String,
    /// Lock to free
    #[arg(long, env = "INPUT_LOCK", group = "what")]
    lock: Option<Name>,
    /// Hold to free, as `lockgate status` lists it
    #[arg(long, env = "INPUT_HOLD", value_name = "ID", group = "what")]
    hold: Option<String>,
    /// Why; it is kept in the ledger
    #[arg(long, env = "INPUT_REASON", value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Free a lock although its lease has not run out
    #[arg(long, env = "INPUT_FORCE", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    force: bool,
}

/// Frees it.
///
/// # Errors
/// [`Failure::Gate`] for a lock whose owner may live; [`Failure::World`] for one that is not there, or if AWS fails.
pub async fn run(args: Args) -> Result<(), Failure> {
    let config = aws::config().await.usage()?;
    let ledger = Ledger::new(&config, &args.environment);
    let freed = Freed { reason: args.reason.clone(), at: Timestamp::now(), by: who::run() };
    if let Some(hold) = &args.hold {
        let hold = ledger.free(hold, freed).await.world()?;
        runner::say(format_args!("{}: held since {:.0} by {}, {}", hold.id, hold.at, hold.by, hold.reason));
        runner::say(match hold.freed {
            Some(before) => format!("it was free already, since {:.0}: {}", before.at, before.reason),
            None => format!("it is free now: {}", args.reason),
        });
        return Ok(());
    }
    let Some(name) = args.lock else { return Err(Failure::Usage(anyhow!("name a --lock or a --hold"))) };
    let Some(lock) = ledger.get::<lock::Lock>(name.id()).await.world()? else {
        runner::say(format_args!("{} is free already", name.id()));
        return Ok(());
    };
    runner::say(format_args!("{}: {lock}", lock.id));
    if !lock.stale() && !args.force {
        let why = anyhow!(
            "{} is leased and its owner may be at work: wait for it, or free the lock by --force if you know it is gone",
            lock.id
        );
        return Err(Failure::Gate(why));
    }
    ledger.note(&lock, &freed).await.world()?;
    let removed = lock::remove(&ledger, &lock).await.world()?;
    runner::say(if removed { "it is free now" } else { "it changed hands meanwhile and was left alone" });
    Ok(())
}
