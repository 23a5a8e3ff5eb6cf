//! Moves that must come to their end: back, to an earlier release, or whatever a killed run left half done.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use futures::future::join_all;
use jiff::Timestamp;

use crate::{
    alias::{Aliases, Error, Traffic},
    ledger::{Action, AliasMove, Change, Ledger, Live, Moving, Release, State},
    lock::{Held, Lost},
    runner,
};

/// How often an alias is read again that somebody else moves at the same time. Whoever holds the lock wins: the other one
/// sees at its next step that it lost it.
const ATTEMPTS: u32 = 8;

/// Where an alias goes: one of the two ends of its [`AliasMove`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// To where it was.
    From,
    /// To where it should be.
    To,
}

/// Moves aliases in the name of the lock's holder.
#[derive(Debug)]
pub struct Mover {
    /// The environment's ledger.
    pub ledger: Ledger,
    /// The aliases.
    pub aliases: Aliases,
    /// The lock `lock/alias`.
    pub held: Held,
}

impl Mover {
    /// Sends all traffic of these aliases to one end, all at the same time. Each is written even if it is there already:
    /// that is the fence against an older owner. One that cannot be moved does not keep the others from it.
    ///
    /// # Errors
    /// [`crate::lock::Lost`] if the lock was lost; else if Lambda or the ledger fails: what each alias met with.
    pub async fn force(&self, moves: &BTreeMap<String, AliasMove>, end: End) -> Result<()> {
        let done = join_all(moves.values().map(|alias| self.force_one(alias, end))).await;
        let mut errors: Vec<_> = done.into_iter().filter_map(Result::err).collect();
        if let Some(lost) = errors.iter().position(|error| error.is::<Lost>()) {
            return Err(errors.swap_remove(lost));
        }
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.swap_remove(0)),
            _ => bail!("{}", errors.iter().map(|error| format!("{error:#}")).collect::<Vec<_>>().join("; ")),
        }
    }

    async fn force_one(&self, alias: &AliasMove, end: End) -> Result<()> {
        let version = if end == End::From { &alias.from } else { &alias.to };
        for _ in 0..ATTEMPTS {
            let now = self.aliases.read(&alias.function, &alias.alias).await?;
            // In this order: a new owner who takes the lock after this makes the revision that was just read stale.
            self.held.renew(&self.ledger).await?;
            match self.aliases.send(&now, &Traffic::all(version)).await {
                Ok(_) => {
                    runner::say(format_args!("{}: 100 % to version {version}, from {}", alias.function, now.shown()));
                    return Ok(());
                }
                Err(Error::Stale(_)) => {}
                Err(Error::Failed(error)) => return Err(error),
            }
        }
        bail!("alias {} of {} is moved by somebody else all the time; find out by whom", alias.alias, alias.function)
    }

    /// Brings what a killed run left behind to its end: a promotion is taken back, a rollback finished. Returns what is
    /// live then.
    ///
    /// # Errors
    /// As [`Self::force`].
    pub async fn finish(&self, live: Live) -> Result<Live> {
        let Some(moving) = live.moving.clone() else { return Ok(live) };
        let mut release = self.ledger.release(&moving.release).await?;
        let began = moving.began;
        match moving.action {
            Action::Promote | Action::TakeBack => {
                runner::warning(format_args!(
                    "the promotion of {} that {} began at {began:.0} was left half done: it is taken back",
                    moving.release, moving.owner
                ));
                self.take_back(&live, moving, &mut release, "its promotion was interrupted").await
            }
            Action::Rollback => {
                runner::warning(format_args!(
                    "the rollback to {} that {} began at {began:.0} was left half done: it is finished",
                    moving.release, moving.owner
                ));
                self.force(&moving.aliases, End::To).await?;
                self.rolled_back(&live, release).await
            }
        }
    }

    /// Takes a promotion back and writes so; the release keeps the reason that it has.
    pub(crate) async fn take_back(
        &self,
        live: &Live,
        moving: Moving,
        release: &mut Release,
        why: &str,
    ) -> Result<Live> {
        self.force(&moving.aliases, End::From).await?;
        release.state = State::Failed;
        release.taken_out_at = Some(Timestamp::now());
        release.reason.get_or_insert_with(|| why.to_owned());
        let live = Live { moving: None, ..live.clone() };
        let releases = std::slice::from_ref(&*release);
        self.ledger.write(&self.held, Change { live: &live, releases, holds: &[] }).await?;
        Ok(live)
    }

    /// Writes that the aliases have reached `release`: an earlier one than `live` names, or that one itself.
    pub(crate) async fn rolled_back(&self, live: &Live, mut release: Release) -> Result<Live> {
        let served = live.release.as_ref().filter(|served| **served != release.id);
        let mut releases = Vec::new();
        if let Some(served) = served {
            let served = self.ledger.release(served).await?;
            // The one that was taken out of service is marked already, with the reason.
            if served.state == State::Live {
                releases.push(Release { state: State::Replaced, ..served });
            }
        }
        // What never stopped to serve serves since then.
        let still = live.release.as_ref() == Some(&release.id);
        let since = if still { live.since } else { Some(Timestamp::now()) };
        let previous = if still { live.previous.clone() } else { release.previous.clone() };
        let live = Live { release: Some(release.id.clone()), since, previous, moving: None };
        release.state = State::Live;
        release.live_since = since;
        release.reason = None;
        releases.push(release);
        self.ledger.write(&self.held, Change { live: &live, releases: &releases, holds: &[] }).await?;
        Ok(live)
    }
}
