//! [`action.yml`](action.yml): the last job of a delivery that did not reach its end. A runner may be lost while an alias has
//! two versions, and an approval may be refused: then no `lockgate` was there to take anything back, or to tell anybody.

use std::time::Duration;

use anyhow::{Error, Result};

use crate::{
    alias::Aliases,
    aws,
    event::Event,
    failure::{Blame, Failure},
    ledger::{Action, Ledger},
    lock::{self, Held, Lock, Taken},
    markdown,
    moves::Mover,
    page::{LEAST, Measure, Page},
    plan::comment::link,
    progress::{self, State, Told},
    runner,
    scrub::Scrubber,
    sticky::marker,
    who,
};

/// How long this run may be silent before another may take its lock.
const LEASE: Duration = Duration::from_secs(60);

/// What was to be delivered, and how that ended.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Environment that it was for
    #[arg(long, env = "INPUT_ENVIRONMENT", value_name = "NAME")]
    environment: String,
    /// Release that was to be delivered
    #[arg(long, env = "INPUT_RELEASE", value_name = "ID")]
    release: String,
    /// How the jobs before ended, as people read it
    #[arg(long, env = "INPUT_ENDED", value_name = "TEXT")]
    ended: String,
    #[command(flatten)]
    told: Told,
}

/// What was found of a move of aliases.
enum Left {
    /// There is none, or it was a rollback, which is finished.
    Nothing,
    /// A promotion, which was taken back.
    TakenBack,
    /// One whose owner is at work.
    AtWork(Lock),
    /// It could not be brought to an end.
    Failed(Error),
    /// Nobody can say.
    Unknown(Error),
}

/// Finishes. What its own jobs have told is not told again. Output: `finished`, whether something was left behind.
///
/// # Errors
/// [`Failure::World`] if AWS fails: what was left half done still is.
pub async fn run(args: Args) -> Result<(), Failure> {
    let _group = runner::group("lockgate finish (actions/finish/mod.rs)");
    let event = Event::read().usage()?;
    let config = aws::config().await.usage()?;
    let ledger = Ledger::new(&config, &args.environment);
    let left = moves(&ledger, &Aliases::new(&config)).await.unwrap_or_else(Left::Unknown);
    if matches!(left, Left::Nothing) && !args.told.is_under_way().await {
        runner::say("nothing was left behind: who ended it has told so");
        return runner::output("finished", "false").usage();
    }
    // Before anything can fail: whoever waits for this delivery has to hear of it.
    args.told.status(State::Error, &format!("{} ({})", left.headline(), args.ended), None).await;
    let serves = ledger.live().await.ok().and_then(|live| live.release);
    let told =
        args.told.comment(&event, &args.environment, |room| comment(&args, &left, serves.as_deref(), room)).await;
    if let Err(error) = told {
        runner::warning(format_args!("no comment was written: {error:#}"));
    }
    runner::output("finished", "true").usage()?;
    match left {
        Left::Failed(error) => {
            let what = "what was left half done could not be brought to an end; run `lockgate rollback` now";
            Err(Failure::World(error.context(what)))
        }
        Left::Unknown(error) => {
            let what =
                "whether something was left half done is not known; look at `lockgate status`, or run this job again";
            Err(Failure::World(error.context(what)))
        }
        _ => Ok(()),
    }
}

impl Left {
    const fn headline(&self) -> &'static str {
        match self {
            Self::Nothing => "It was not delivered",
            Self::TakenBack => "Its promotion was left half done, and taken back",
            Self::AtWork(_) => "Its run ended, and somebody else moves the aliases",
            Self::Failed(_) => "Its promotion was left half done, and could not be taken back",
            Self::Unknown(_) => "Its run ended, and whether something was left half done is not known",
        }
    }
}

/// Brings a move of aliases to its end whose owner is gone.
async fn moves(ledger: &Ledger, aliases: &Aliases) -> Result<Left> {
    if ledger.live().await?.moving.is_none() {
        return Ok(Left::Nothing);
    }
    let patience = (LEASE, LEASE * 2);
    match Held::wait(ledger, lock::Name::Alias, &who::run(), "finish what was left half done", patience).await? {
        Taken::Ours(held, _) => {
            let mover = Mover { ledger: ledger.clone(), aliases: aliases.clone(), held };
            let done = under_lock(&mover).await.unwrap_or_else(Left::Failed);
            mover.held.give_back(ledger).await;
            Ok(done)
        }
        Taken::Theirs(lock) => Ok(Left::AtWork(lock)),
    }
}

async fn under_lock(mover: &Mover) -> Result<Left> {
    // Once more: its owner may have ended it meanwhile.
    let live = mover.ledger.live().await?;
    let is_promotion = live.moving.as_ref().is_some_and(|moving| moving.action != Action::Rollback);
    mover.finish(live).await?;
    Ok(if is_promotion { Left::TakenBack } else { Left::Nothing })
}

/// A section of the comment of at most `most` UTF-16 units.
fn comment(args: &Args, left: &Left, serves: Option<&str>, most: usize) -> String {
    let nothing = Scrubber::default();
    let mut page = Page::new(most.max(LEAST), Measure::Utf16, &nothing);
    let mut facts = vec![format!("release {}", page.span(&args.release))];
    facts.extend(who::commit().map(|commit| format!("commit {}", page.span(&commit))));
    facts.extend(who::run_url().map(|run| link(&run, &page)));
    let footer = markdown::defuse(&format!("---\n- {}\n", facts.join(" · ")));
    let kept = page.keep_free(&footer);
    page.push(&format!("{}\n", marker::line(progress::COMMENT, &args.environment)));
    let environment = page.span(&args.environment);
    let said = match left {
        Left::Nothing => format!(
            "## ❌ Not delivered to {environment}\n\nIts approval was refused or ran out, or a job was cancelled or lost its \
             runner: the run's page says which. *Re-run failed jobs* there tries it again."
        ),
        Left::TakenBack => format!(
            "## ⛔ Taken back in {environment}\n\nIts promotion was left half done, so it was taken back. *Re-run failed jobs* on the \
             run's page tries it again."
        ),
        Left::AtWork(lock) => format!(
            "## ⏳ Its run ended, and the aliases of {environment} are moved by somebody else\n\n{}",
            page.message(&lock.to_string())
        ),
        Left::Failed(_) => format!(
            "## 🛑 Left half done in {environment}\n\nIts promotion has moved some of the traffic, and could not be taken back: the \
             run's log says why. Start the workflow that rolls back, now."
        ),
        Left::Unknown(_) => format!(
            "## 🛑 Not delivered to {environment}, and perhaps left half done\n\nNeither the ledger nor the aliases could be looked at: the \
             run's log says why. Run the job `finish` again, or look at `lockgate status`."
        ),
    };
    let ended = page.message(&args.ended);
    let serves = serves.map_or_else(|| "nothing that is known".to_owned(), |id| page.span(id));
    page.push(&format!("{said}\n\nHow its jobs ended: {ended}. What serves: {serves}.\n\n"));
    page.give_back(kept);
    page.push(&footer);
    page.text
}
