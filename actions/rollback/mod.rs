//! [`action.yml`](action.yml): moves an environment's aliases back to an earlier release, at once, and keeps the code that
//! was judged bad from being promoted again.
//!
//! It waits for nobody: it takes the lock over from a promotion, and an apply has another lock. What it decides is in the
//! ledger before the first alias moves, so a rollback that is killed is finished by the next one.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use futures::future::join_all;
use jiff::Timestamp;

use crate::{
    alias::Aliases,
    aws,
    failure::{Blame, Failure},
    ledger::{Action, AliasMove, Change, Hold, Ledger, Live, Moving, Release, State},
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
    /// Release to go back to [default: the one before the live one]
    #[arg(long, env = "INPUT_RELEASE", value_name = "ID")]
    release: Option<String>,
    /// Why; it is kept in the ledger
    #[arg(long, env = "INPUT_REASON", value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Print what would move and stop
    #[arg(long, env = "INPUT_DRY_RUN", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    dry_run: bool,
}

/// What a rollback will do.
#[derive(Debug)]
struct Plan {
    /// The release that is taken out of service.
    bad: Release,
    /// The release that serves afterwards; none where a first promotion is taken back.
    target: Option<Release>,
    aliases: BTreeMap<String, AliasMove>,
    holds: Vec<Hold>,
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
    let plan = plan(&args, &ledger, ledger.live().await.world()?).await?;
    runner::say(shown(&plan));
    if args.dry_run {
        return Ok(());
    }
    let purpose = match &plan.target {
        Some(target) => format!("rollback to {}", target.id),
        None => format!("take back {}", plan.bad.id),
    };
    let held = take_lock(&ledger, &purpose).await.world()?;
    let mover = Mover { ledger, aliases, held };
    let done = roll_back(&args, &mover, &versions).await;
    let released = mover.held.release(&mover.ledger).await.world();
    done.and(released)
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

async fn roll_back(args: &Args, mover: &Mover, versions: &Versions) -> Result<(), Failure> {
    // Once more under the lock: the promotion that was taken over may have ended or begun meanwhile.
    let live = mover.ledger.live().await.world()?;
    let plan = plan(args, &mover.ledger, live.clone()).await?;
    let probes = |stem: &str| plan.bad.functions.get(stem).map_or("{}", |function| function.probe.as_str());
    let ready = plan.aliases.iter().map(async |(stem, one)| {
        versions.active(&one.function, &one.to, probes(stem)).await.map(drop).map_err(|error| format!("{error:#}"))
    });
    let missing: Vec<_> = join_all(ready).await.into_iter().filter_map(Result::err).collect();
    if !missing.is_empty() {
        let why = anyhow!("nothing was moved: {}; name another release by --release", missing.join("; "));
        return Err(Failure::Gate(why));
    }
    let moving = Moving {
        action: if plan.target.is_some() { Action::Rollback } else { Action::TakeBack },
        release: plan.target.as_ref().unwrap_or(&plan.bad).id.clone(),
        began: Timestamp::now(),
        owner: who::run(),
        aliases: if plan.target.is_some() { plan.aliases.clone() } else { reversed(&plan.aliases) },
    };
    let bad = Release { state: State::RolledBack, reason: Some(args.reason.clone()), ..plan.bad };
    let live = Live { moving: Some(moving.clone()), ..live };
    let releases = std::slice::from_ref(&bad);
    mover.ledger.write(&mover.held, Change { live: &live, releases, holds: &plan.holds }).await.world()?;
    mover.force(&plan.aliases, End::To).await.world()?;
    let (now, previous) = match plan.target {
        Some(target) => (mover.rolled_back(target).await.world()?.release, bad.id),
        None => {
            let live = Live { moving: None, ..live };
            mover.ledger.write(&mover.held, Change { live: &live, releases, holds: &[] }).await.world()?;
            (None, bad.id)
        }
    };
    plan.holds.iter().for_each(|hold| runner::say(format_args!("held: {} ({})", hold.function, hold.id)));
    let now = now.unwrap_or_default();
    runner::summary(&format!(
        "### {previous} was rolled back in {}\n\n{} serves now. Reason: {}\n",
        args.environment,
        if now.is_empty() { "What was there before the first promotion" } else { &now },
        args.reason.replace(['\r', '\n'], " ")
    ))
    .usage()?;
    runner::output("release", &now).usage()?;
    runner::output("previous", &previous).usage()
}

/// What to move where. A promotion that moves, or was killed while it did, is what is rolled back first.
async fn plan(args: &Args, ledger: &Ledger, live: Live) -> Result<Plan, Failure> {
    let promoting = live.moving.as_ref().filter(|moving| moving.action != Action::Rollback);
    let unfinished = live.moving.as_ref().filter(|moving| moving.action == Action::Rollback);
    let out = match (promoting, unfinished, &live.release) {
        (Some(moving), _, _) => moving.release.clone(),
        (None, Some(_), Some(live)) | (None, None, Some(live)) => live.clone(),
        _ => {
            let why = anyhow!("nothing was promoted in {} yet: there is nothing to roll back", args.environment);
            return Err(Failure::Gate(why));
        }
    };
    let to = match (&args.release, promoting, unfinished) {
        (Some(named), _, _) => Some(named.clone()),
        (None, Some(_), _) => live.release.clone(),
        (None, None, Some(moving)) => Some(moving.release.clone()),
        (None, None, None) => Some(
            live.previous
                .clone()
                .with_context(|| {
                    format!(
                        "{out} is the first release of {}: there is no previous one; name one by --release",
                        args.environment
                    )
                })
                .gate()?,
        ),
    };
    if to.as_ref() == Some(&out) {
        return Err(Failure::Gate(anyhow!("{out} is live in {}: there is nothing to roll back", args.environment)));
    }
    let bad = ledger.release(&out).await.world()?;
    let Some(to) = to else {
        // The very first promotion: back to the versions that Terraform made.
        let aliases = promoting.map(|moving| reversed(&moving.aliases)).unwrap_or_default();
        let holds = holds(&bad, |stem| aliases.contains_key(stem), &args.reason);
        return Ok(Plan { bad, target: None, aliases, holds });
    };
    let target = ledger.release(&to).await.world()?;
    if target.live_since.is_none() {
        let why = anyhow!("{to} never was live in {} (it is {}): promote it instead", args.environment, target.state);
        return Err(Failure::Gate(why));
    }
    let mut aliases = BTreeMap::new();
    for (stem, function) in &target.functions {
        let version = function.version.clone().with_context(|| format!("{to} has no version of {stem}")).world()?;
        let from = bad.functions.get(stem).and_then(|bad| bad.version.clone()).unwrap_or_default();
        let (function, alias) = (function.function.clone(), function.alias.clone());
        aliases.insert(stem.clone(), AliasMove { function, alias, from, to: version });
    }
    for stem in bad.functions.keys().filter(|stem| !target.functions.contains_key(*stem)) {
        runner::warning(format_args!("{to} has no function {stem}: its alias stays where it is"));
    }
    let differs =
        |stem: &str| target.functions.get(stem).is_some_and(|good| good.identity() != bad.functions[stem].identity());
    let holds = holds(&bad, differs, &args.reason);
    Ok(Plan { bad, target: Some(target), aliases, holds })
}

fn holds(bad: &Release, judged: impl Fn(&str) -> bool, reason: &str) -> Vec<Hold> {
    let by = who::run();
    let judged = bad.functions.iter().filter(|(stem, _)| judged(stem));
    judged.filter_map(|(stem, function)| Hold::new(stem, function, &bad.id, reason, &by)).collect()
}

fn reversed(aliases: &BTreeMap<String, AliasMove>) -> BTreeMap<String, AliasMove> {
    let turn = |one: &AliasMove| AliasMove { from: one.to.clone(), to: one.from.clone(), ..one.clone() };
    aliases.iter().map(|(stem, one)| (stem.clone(), turn(one))).collect()
}

fn shown(plan: &Plan) -> String {
    let to = plan.target.as_ref().map_or("what was there before".to_owned(), |target| target.id.clone());
    let mut text = format!("rollback: {} -> {to}", plan.bad.id);
    for one in plan.aliases.values() {
        text.push_str(&format!("\n  {}:{}  version {} -> {}", one.function, one.alias, one.from, one.to));
    }
    for hold in &plan.holds {
        text.push_str(&format!("\n  holds the code of {} ({})", hold.function, hold.id));
    }
    text
}
