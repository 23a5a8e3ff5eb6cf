//! [`action.yml`](action.yml): moves an environment's aliases back to an earlier release, at once, and keeps the code that
//! was judged bad from being promoted again.
//!
//! It waits for nobody: it takes the lock over from a promotion, and an apply has another lock. What it decides is in the
//! ledger before the first alias moves, so a rollback that is killed is finished by the next one.

mod plan;

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;

use self::plan::Plan;
use crate::{
    alias::Aliases,
    aws,
    failure::{Blame, Failure},
    ledger::{Change, Ledger, Live, Release, State},
    lock::{self, Held, Taken},
    moves::{End, Mover},
    runner,
    version::Versions,
    who,
};

/// A rollback takes seconds; whoever is silent for this long is gone.
const LEASE: Duration = Duration::from_secs(30);

/// How often the lock is asked for while others take it.
const ATTEMPTS: u32 = 5;

/// Where to go back to, and why.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Environment whose aliases move
    #[arg(long, env = "INPUT_ENVIRONMENT", value_name = "NAME")]
    environment: String,
    /// Release to go back to; the live one puts aliases right that were moved by hand [default: the one before the live one]
    #[arg(long, env = "INPUT_RELEASE", value_name = "ID")]
    release: Option<String>,
    /// Why; it is kept in the ledger
    #[arg(long, env = "INPUT_REASON", value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Print what would move and stop
    #[arg(long, env = "INPUT_DRY_RUN", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    dry_run: bool,
}

/// Rolls back. Outputs: `release` (what serves now), `previous` (what was taken out of service).
///
/// # Errors
/// [`Failure::Gate`] if there is nothing to go back to; [`Failure::World`] if AWS fails.
pub async fn run(args: Args) -> Result<(), Failure> {
    let _group = runner::group("lockgate rollback (actions/rollback/mod.rs)");
    let config = aws::config().await.usage()?;
    let ledger = Ledger::new(&config, &args.environment);
    let (aliases, versions) = (Aliases::new(&config), Versions::new(&config));
    let plan = plan::make(&args, &ledger, &aliases, &ledger.live().await.world()?).await?;
    plan.say();
    if args.dry_run {
        return Ok(());
    }
    // Before the lock is taken, as minutes may pass until a version is awake: a promotion goes on watching meanwhile.
    plan.awake(&versions).await?;
    let held = take_lock(&ledger, &plan.purpose()).await.world()?;
    let mover = Mover { ledger, aliases, held };
    let done = roll_back(&args, &mover, plan).await;
    mover.held.give_back(&mover.ledger).await;
    done
}

/// Takes `lock/alias`, over whoever holds it.
async fn take_lock(ledger: &Ledger, purpose: &str) -> Result<Held> {
    let owner = who::run();
    let mut over: Option<lock::Lock> = None;
    for _ in 0..ATTEMPTS {
        let taken = match &over {
            None => Held::take(ledger, lock::Name::Alias, &owner, purpose, LEASE).await?,
            Some(theirs) => Held::take_over(ledger, lock::Name::Alias, &owner, purpose, LEASE, &theirs.token).await?,
        };
        match taken {
            Taken::Ours(held, _) => {
                if let Some(theirs) = over {
                    runner::warning(format_args!("took the lock over from {theirs}: that run changes nothing more"));
                }
                return Ok(held);
            }
            Taken::Theirs(theirs) => over = Some(theirs),
        }
    }
    bail!("the lock changes hands all the time; look who moves aliases by `lockgate status`")
}

async fn roll_back(args: &Args, mover: &Mover, shown: Plan) -> Result<(), Failure> {
    // Once more under the lock: the promotion that was taken over may have ended or begun meanwhile.
    let live = mover.ledger.live().await.world()?;
    let now = plan::make(args, &mover.ledger, &mover.aliases, &live).await;
    let plan = match now {
        Ok(plan) if plan.is_like(&shown) => plan,
        now => {
            // Whoever held the lock watches no more.
            mover.finish(live).await.world()?;
            let found = now.map_or_else(|error| error.to_string(), |plan| plan.purpose());
            let why = anyhow!(
                "something moved while the lock was taken: what was shown is to {}, and now it would be: {found}; \
                 nothing was rolled back, look at `lockgate status` and run it again",
                shown.purpose()
            );
            return Err(Failure::Gate(why));
        }
    };
    let moving = plan.moving();
    let (reason, taken_out_at) = (Some(args.reason.clone()), Some(Timestamp::now()));
    let bad = plan.bad.map(|bad| Release { state: State::RolledBack, reason, taken_out_at, ..bad });
    let live = Live { moving: Some(moving), ..live };
    let releases: Vec<_> = bad.iter().cloned().collect();
    mover.ledger.write(&mover.held, Change { live: &live, releases: &releases, holds: &plan.holds }).await.world()?;
    mover.force(&plan.aliases, End::To).await.world()?;
    let now = match plan.target {
        Some(target) => mover.rolled_back(&live, target).await.world()?,
        None => {
            let live = Live { moving: None, ..live };
            mover.ledger.write(&mover.held, Change { live: &live, releases: &releases, holds: &[] }).await.world()?;
            live
        }
    };
    plan.holds.iter().for_each(|hold| runner::say(format_args!("held: {} ({})", hold.function, hold.id)));
    tell(args, &now, bad.map(|bad| bad.id).unwrap_or_default())
}

/// The summary and the outputs; `bad` is empty where aliases were put right.
fn tell(args: &Args, now: &Live, bad: String) -> Result<(), Failure> {
    let release = now.release.clone().unwrap_or_default();
    let what = if bad.is_empty() { "Aliases were put right".to_owned() } else { format!("{bad} was rolled back") };
    let serves = if release.is_empty() { "What was there before the first promotion" } else { &release };
    let reason = args.reason.replace(['\r', '\n'], " ");
    let summary = format!("### {what} in {}\n\n{serves} serves now. Reason:\n\n    {reason}\n", args.environment);
    if let Err(error) = runner::summary(&summary) {
        runner::warning(format_args!("there is no summary: {error:#}"));
    }
    runner::output("release", &release).usage()?;
    runner::output("previous", &bad).usage()
}
