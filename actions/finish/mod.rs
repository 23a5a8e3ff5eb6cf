//! [`action.yml`](action.yml): the last job of a delivery that did not reach its end. A runner may be lost while an alias has
//! two versions, and an approval may be refused: then no `lockgate` was there to take anything back, or to tell anybody.

use std::time::Duration;

use anyhow::Result;

use crate::{
    alias::Aliases,
    aws,
    event::Event,
    failure::{Blame, Failure},
    ledger::{Action, Ledger, Live},
    lock::{self, Held, Taken},
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

/// Finishes. What its own jobs have told is not told again. Output: `finished`, whether something was left behind.
///
/// # Errors
/// [`Failure::World`] if AWS fails: what was left half done still is.
pub async fn run(args: Args) -> Result<(), Failure> {
    let _group = runner::group("lockgate finish (actions/finish/mod.rs)");
    let event = Event::read().usage()?;
    let config = aws::config().await.usage()?;
    let ledger = Ledger::new(&config, &args.environment);
    let moved = moves(&ledger, &Aliases::new(&config)).await.world()?;
    let untold = args.told.is_under_way().await;
    if !moved && !untold {
        runner::say("nothing was left behind: who ended it has told so");
        return runner::output("finished", "false").usage();
    }
    let what =
        if moved { "A promotion that was left half done was taken back" } else { "The run ended before its time" };
    args.told.status(State::Error, &format!("{what}: {}", args.ended), None).await;
    let live = ledger.live().await.world()?;
    let told = args.told.comment(&event, &args.environment, |room| comment(&args, moved, &live, room)).await;
    if let Err(error) = told {
        runner::warning(format_args!("no comment was written: {error:#}"));
    }
    runner::output("finished", "true").usage()
}

/// Brings a move of aliases to its end whose owner is gone; whether that was a promotion, which is taken back.
async fn moves(ledger: &Ledger, aliases: &Aliases) -> Result<bool> {
    if ledger.live().await?.moving.is_none() {
        return Ok(false);
    }
    let patience = (LEASE, LEASE * 2);
    match Held::wait(ledger, lock::Name::Alias, &who::run(), "finish what was left half done", patience).await? {
        Taken::Ours(held, _) => {
            let mover = Mover { ledger: ledger.clone(), aliases: aliases.clone(), held };
            // Under the lock once more: its owner may have ended it meanwhile.
            let live = ledger.live().await?;
            let left = live.moving.as_ref().is_some_and(|moving| moving.action != Action::Rollback);
            let done = mover.finish(live).await;
            mover.held.give_back(ledger).await;
            done.map(|_| left)
        }
        Taken::Theirs(lock) => {
            runner::warning(format_args!("aliases are moved by {lock}, who is at work: nothing is finished for them"));
            Ok(false)
        }
    }
}

/// A section of the comment of at most `most` UTF-16 units.
fn comment(args: &Args, moved: bool, live: &Live, most: usize) -> String {
    let nothing = Scrubber::default();
    let mut page = Page::new(most.max(LEAST), Measure::Utf16, &nothing);
    let mut facts = vec![format!("release {}", page.span(&args.release))];
    facts.extend(who::commit().map(|commit| format!("commit {}", page.span(&commit))));
    facts.extend(who::run_url().map(|run| link(&run, &page)));
    let footer = markdown::defuse(&format!("---\n- {}\n", facts.join(" · ")));
    let kept = page.keep_free(&footer);
    page.push(&format!("{}\n", marker::line(progress::COMMENT, &args.environment)));
    let environment = page.span(&args.environment);
    let heading = match moved {
        true => {
            format!("## ⛔ Taken back in {environment}\n\nThe promotion was left half done, so it was taken back.\n\n")
        }
        false => format!("## ❌ Not delivered to {environment}\n\nThe run ended before its time.\n\n"),
    };
    let serves = live.release.as_ref().map_or_else(|| "nothing was promoted yet".to_owned(), |id| page.span(id));
    let ended = page.message(&args.ended);
    page.push(&format!("{heading}How its jobs ended: {ended}. What serves: {serves}.\n\n"));
    page.give_back(kept);
    page.push(&footer);
    page.text
}
