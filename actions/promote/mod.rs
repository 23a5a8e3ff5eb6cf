//! [`action.yml`](action.yml): moves an environment's aliases to a release, step by step, and takes all of them back if it
//! turns out to be worse than what it replaces.
//!
//! The ledger is written before the first alias moves, so whoever finds a promotion that was killed knows what it moved.

mod carried;
mod comment;
mod picture;
mod preflight;
mod promotion;
mod smoke;
pub mod strategy;
mod verdict;
mod watch;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, anyhow};
use aws_config::SdkConfig;
use jiff::Timestamp;
use tokio::time::Instant;

use self::{promotion::Promotion, strategy::Strategy, watch::Watch};
use crate::{
    alias::Aliases,
    aws,
    event::Event,
    failure::{Blame, Failure},
    ledger::{Action, AliasMove, Hold, Ledger, Live, Moving, Release, State},
    lock::{self, Held},
    moves::Mover,
    plan::Values,
    progress::{self, Told},
    runner,
    version::Versions,
    who,
    words::Words,
};

/// What to promote, and how.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Environment whose aliases move
    #[arg(long, env = "INPUT_ENVIRONMENT", value_name = "NAME")]
    environment: String,
    /// Release to promote
    #[arg(long, env = "INPUT_RELEASE", value_name = "ID")]
    release: String,
    /// How traffic moves: all-at-once, canary:10%/5m, linear:10%/1m
    #[arg(long, env = "INPUT_STRATEGY", default_value = "canary:10%/5m")]
    strategy: Strategy,
    /// Alarm that must not fire; may be several with commas between [default: lockgate-<environment>, if there is one]
    #[arg(long = "alarm", env = "INPUT_ALARM", value_name = "NAME", value_delimiter = ',')]
    alarms: Vec<String>,
    /// Go on although an alarm fires: for the release that mends what it fires about
    #[arg(long, env = "INPUT_IGNORE_ALARMS", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    ignore_alarms: bool,
    /// Invocations or records that make a ratio worth judging
    #[arg(long, env = "INPUT_MIN_SAMPLES", value_name = "N", default_value_t = 20)]
    min_samples: u32,
    /// Percent by which a ratio may be over the old version's
    #[arg(long, env = "INPUT_TOLERANCE", value_name = "PERCENT", default_value_t = 2.0, value_parser = percent)]
    tolerance: f64,
    /// Verdict where too little was seen and the probes are answered
    #[arg(long, env = "INPUT_ON_TOO_FEW", default_value = "pass")]
    on_too_few: OnTooFew,
    /// URL that answers 200 while the service is well, asked when all traffic has moved: `lockgate apply`'s output health-url
    #[arg(long, env = "INPUT_HEALTH_URL", value_name = "URL")]
    health_url: Option<String>,
    #[command(flatten)]
    told: Told,
    /// Workflow that a person starts to roll back, to which the comment links
    #[arg(long, env = "INPUT_ROLLBACK_WORKFLOW", value_name = "FILE", default_value = "on-rollback.yml")]
    rollback_workflow: String,
    /// How long this run may be silent before another may take its lock
    #[arg(long, env = "INPUT_LEASE", value_name = "TIME", default_value = "60s", value_parser = strategy::duration)]
    lease: Duration,
    /// Print what would move and stop
    #[arg(long, env = "INPUT_DRY_RUN", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    dry_run: bool,
}

/// See [`Args::on_too_few`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum OnTooFew {
    /// The release goes on.
    Pass,
    /// It is taken back.
    Fail,
}

/// Promotes a release. Outputs: `release`, `previous`.
///
/// # Errors
/// [`Failure::Gate`] if the release was taken back, is held, or something stands in its way; [`Failure::Usage`] for a
/// release that was not applied; [`Failure::World`] if AWS fails.
pub async fn run(args: Args) -> Result<(), Failure> {
    let _group = runner::group("lockgate promote (actions/promote/mod.rs)");
    let event = Event::read().usage()?;
    let config = aws::config().await.usage()?;
    let ledger = Ledger::new(&config, &args.environment);
    let hidden = Values::Auto.hidden(&event);
    if args.dry_run {
        return begin(&args, &config, &ledger, hidden).await;
    }
    args.told
        .status(progress::State::InProgress, &format!("Promoting {}: {}", args.release, args.strategy), None)
        .await;
    let done = begin(&args, &config, &ledger, hidden).await;
    comment::tell(&args, &event, &ledger, done.as_ref().err(), hidden).await;
    done
}

async fn begin(args: &Args, config: &SdkConfig, ledger: &Ledger, hidden: bool) -> Result<(), Failure> {
    let release = ledger.release(&args.release).await.world()?;
    if let Some((stem, _)) = release.functions.iter().find(|(_, function)| function.version.is_none()) {
        let why = anyhow!("release {} has no version of {stem} yet: Terraform's apply comes first", release.id);
        return Err(Failure::Usage(why));
    }
    if args.dry_run {
        refuse_held(ledger, &release).await?;
        return show(args, config, ledger, &release).await;
    }
    let purpose = format!("promote {}", release.id);
    // Minutes may pass until a version is awake, and a lease is shorter.
    Versions::new(config).awake(&release).await.world()?;
    let held = take_lock(ledger, &purpose, args.lease).await?;
    let mover = Mover { ledger: ledger.clone(), aliases: Aliases::new(config), held };
    let done = promote(args, config, &mover, release, hidden).await;
    // Whatever happened, the lock is not needed any more; one that was lost stays with its new owner.
    mover.held.give_back(&mover.ledger).await;
    done
}

/// Percent from 0 to 100: anything else would switch the verdict off.
fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "it has to be a number from 0 to 100".to_owned())
}

/// Takes `lock/alias`.
async fn take_lock(ledger: &Ledger, purpose: &str, lease: Duration) -> Result<Held, Failure> {
    match Held::wait(ledger, lock::Name::Alias, &who::run(), purpose, (lease, lease * 2)).await.world()? {
        lock::Taken::Ours(held, _) => Ok(held),
        lock::Taken::Theirs(lock) => Err(Failure::Gate(anyhow!(
            "aliases are moved by {lock}; wait for it, or free its lock by `lockgate unlock --lock alias` if it is gone"
        ))),
    }
}

async fn refuse_held(ledger: &Ledger, release: &Release) -> Result<(), Failure> {
    let holds = ledger.holds_on(release).await.world()?;
    if holds.is_empty() {
        return Ok(());
    }
    let held: Vec<_> = holds.iter().map(Hold::words).collect();
    let why = Words::join(&held).within(|held| {
        format!(
            "release {} contains code that was judged bad: {held}; ship other code, or free it by `lockgate unlock --hold ID`",
            release.id
        )
    });
    Err(Failure::Gate(why.into()))
}

async fn show(args: &Args, config: &SdkConfig, ledger: &Ledger, release: &Release) -> Result<(), Failure> {
    let live = ledger.live().await.world()?;
    let serving = serving(ledger, &live).await.world()?;
    let (aliases, versions) = (Aliases::new(config), Versions::new(config));
    let looked = preflight::look(&aliases, &versions, release, serving.as_ref(), args.strategy).await.world()?;
    runner::say(plan(&looked.moves, args.strategy));
    looked.refusals.iter().for_each(|refusal| runner::say(format_args!("in the way: {refusal}")));
    if live.moving.is_some() {
        runner::say("a run that was killed left a move half done; it is brought to its end first");
    }
    Ok(())
}

async fn serving(ledger: &Ledger, live: &Live) -> Result<Option<Release>> {
    match &live.release {
        Some(id) => Ok(Some(ledger.release(id).await?)),
        None => Ok(None),
    }
}

fn plan(moves: &BTreeMap<String, AliasMove>, strategy: Strategy) -> String {
    let mut text = format!("{strategy}:");
    for one in moves.values() {
        text.push_str(&format!("\n  {}:{}  version {} -> {}", one.function, one.alias, one.from, one.to));
    }
    if moves.is_empty() { format!("{text} every alias is there already") } else { text }
}

async fn promote(
    args: &Args,
    config: &SdkConfig,
    mover: &Mover,
    release: Release,
    hidden: bool,
) -> Result<(), Failure> {
    let live = mover.ledger.live().await.world()?;
    let live = mover.finish(live).await.world()?;
    // Only now: a move that was left half done is brought to its end in any case, and it may have put a hold on this very
    // code, or changed this release.
    let release = mover.ledger.release(&release.id).await.world()?;
    refuse_held(&mover.ledger, &release).await?;
    if live.release.as_ref() == Some(&release.id) {
        runner::say(format_args!("{} is live already", release.id));
        return outputs(&release.id, live.previous.as_deref()).usage();
    }
    let versions = Versions::new(config);
    let serving = serving(&mover.ledger, &live).await.world()?;
    let looked = preflight::look(&mover.aliases, &versions, &release, serving.as_ref(), args.strategy).await.world()?;
    let watch = Watch::new(config);
    let (alarms, mut refusals) = alarms(args, &watch).await.world()?;
    refusals.extend(looked.refusals.into_iter().map(Words::from));
    if !refusals.is_empty() {
        let why = Words::join(&refusals).within(|refusals| format!("{} was not promoted: {refusals}", release.id));
        return Err(Failure::Gate(why.into()));
    }
    runner::say(plan(&looked.moves, args.strategy));
    if live.release.is_none() {
        runner::say("nothing was promoted here before: the aliases are adopted as Terraform made them");
    }

    let previous = live.release.clone();
    let moving = Moving {
        action: Action::Promote,
        release: release.id.clone(),
        began: Timestamp::now(),
        owner: who::run(),
        aliases: looked.moves,
    };
    let mut promotion = Promotion {
        args,
        mover,
        versions,
        watch,
        alarms,
        release: Release { state: State::Canary, reason: None, ..release },
        live: Live { moving: Some(moving.clone()), ..live },
        moving,
        moved: false,
        hidden,
        moments: Vec::new(),
        began: Instant::now(),
    };
    promotion.play(serving).await?;
    outputs(&promotion.release.id, previous.as_deref()).usage()
}

/// The alarms to look at, and those that fire already.
async fn alarms(args: &Args, watch: &Watch) -> Result<(Vec<String>, Vec<Words>)> {
    if args.ignore_alarms {
        runner::warning("alarms are ignored for this promotion");
        return Ok((Vec::new(), Vec::new()));
    }
    let by_default = args.alarms.is_empty();
    let names = if by_default { vec![format!("lockgate-{}", args.environment)] } else { args.alarms.clone() };
    let (firing, missing) = watch.alarms(&names).await?;
    let mut refusals: Vec<_> = firing
        .iter()
        .map(|alarm| {
            Words::new(format_args!("alarm {} fires already", alarm.name), &alarm.why).within(|fires| {
                format!(
                    "{fires}; a release that mends it passes with --ignore-alarms, in deploy.yml by the variable \
                     LOCKGATE_IGNORE_ALARMS of the GitHub environment {}-promote",
                    args.environment
                )
            })
        })
        .collect();
    if by_default && !missing.is_empty() {
        runner::warning(format_args!("there is no alarm {}: the verdict rests on metrics alone", missing.join(", ")));
    } else {
        refusals.extend(missing.iter().map(|name| format!("there is no alarm {name}").into()));
    }
    Ok((names.into_iter().filter(|name| !missing.contains(name)).collect(), refusals))
}

fn outputs(release: &str, previous: Option<&str>) -> Result<()> {
    runner::output("release", release)?;
    runner::output("previous", previous.unwrap_or_default())
}
