//! What a rollback will do: decided by the ledger, and for aliases that were moved by hand by the aliases themselves.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use futures::future::{join_all, try_join, try_join_all};
use jiff::Timestamp;

use super::Args;
use crate::{
    alias::Aliases,
    failure::{Blame, Failure},
    ledger::{Action, AliasMove, Function, Hold, Ledger, Live, Moving, Release},
    runner,
    version::Versions,
    who,
};

/// See the module.
#[derive(Debug)]
pub(super) struct Plan {
    /// The release that is taken out of service; none where the live one's aliases are put right.
    pub(super) bad: Option<Release>,
    /// The release that serves afterwards; none where a first promotion is taken back.
    pub(super) target: Option<Release>,
    /// Every alias that moves; a promotion's own are among them, whether the target knows them or not.
    pub(super) aliases: BTreeMap<String, AliasMove>,
    /// The code that is judged bad.
    pub(super) holds: Vec<Hold>,
}

/// Decides what to move where. A promotion that moves, or was killed while it did, is what is rolled back first.
pub(super) async fn make(args: &Args, ledger: &Ledger, aliases: &Aliases, live: &Live) -> Result<Plan, Failure> {
    let promoting = live.moving.as_ref().filter(|moving| moving.action != Action::Rollback);
    let unfinished = live.moving.as_ref().filter(|moving| moving.action == Action::Rollback);
    let out = match (promoting, &live.release) {
        (Some(moving), _) => moving.release.clone(),
        (None, Some(live)) => live.clone(),
        (None, None) => {
            let why = anyhow!("nothing was promoted in {} yet: there is nothing to roll back", args.environment);
            return Err(Failure::Gate(why));
        }
    };
    let to = match (&args.release, promoting, unfinished) {
        (Some(named), _, _) => Some(named.clone()),
        (None, Some(_), _) => live.release.clone(),
        (None, None, Some(moving)) => Some(moving.release.clone()),
        (None, None, None) => Some(previous(args, live, &out).gate()?),
    };
    match to {
        None => Ok(take_back(args, ledger.release(&out).await.world()?, promoting)),
        Some(to) if to == out && promoting.is_none() => {
            restore(args, ledger, aliases, &out, unfinished.is_some()).await
        }
        Some(to) if to == out => {
            let why = anyhow!("{out} is what is promoted right now: name the release to go back to, or leave it out");
            Err(Failure::Gate(why))
        }
        Some(to) => go_back(args, ledger, &out, &to, promoting).await,
    }
}

fn previous(args: &Args, live: &Live, out: &str) -> Result<String> {
    live.previous.clone().with_context(|| {
        format!("{out} is the first release of {}: there is no previous one; name one by --release", args.environment)
    })
}

/// The very first promotion: back to the versions that Terraform made.
fn take_back(args: &Args, bad: Release, promoting: Option<&Moving>) -> Plan {
    let aliases = promoting.map(|moving| reversed(&moving.aliases)).unwrap_or_default();
    let holds = holds(&bad, |stem| aliases.contains_key(stem), &args.reason);
    Plan { bad: Some(bad), target: None, aliases, holds }
}

/// To the versions of an earlier release.
async fn go_back(
    args: &Args,
    ledger: &Ledger,
    out: &str,
    to: &str,
    promoting: Option<&Moving>,
) -> Result<Plan, Failure> {
    let (bad, target) = try_join(ledger.release(out), ledger.release(to)).await.world()?;
    if target.live_since.is_none() {
        let why = anyhow!("{to} never was live in {} (it is {}): promote it instead", args.environment, target.state);
        return Err(Failure::Gate(why));
    }
    for hold in ledger.holds_on(&target).await.world()? {
        runner::warning(format_args!("{to} contains code that was judged bad: {}: {}", hold.id, hold.reason));
    }
    let mut aliases = promoting.map(|moving| reversed(&moving.aliases)).unwrap_or_default();
    for (stem, function) in &target.functions {
        let from = bad.functions.get(stem).and_then(|bad| bad.version.clone()).unwrap_or_default();
        aliases.insert(stem.clone(), moved(to, stem, function, from)?);
    }
    for stem in bad.functions.keys().filter(|stem| !aliases.contains_key(*stem)) {
        runner::warning(format_args!("{to} has no function {stem}: its alias stays where it is"));
    }
    let differs =
        |stem: &str| target.functions.get(stem).is_some_and(|good| good.identity() != bad.functions[stem].identity());
    let holds = holds(&bad, differs, &args.reason);
    Ok(Plan { bad: Some(bad), target: Some(target), aliases, holds })
}

/// Puts aliases right that are not where the live release's are: nothing is judged by that. One that was killed is done
/// again, whole.
async fn restore(args: &Args, ledger: &Ledger, aliases: &Aliases, id: &str, again: bool) -> Result<Plan, Failure> {
    let live = ledger.release(id).await.world()?;
    let read = live.functions.iter().map(async |(stem, function)| {
        let alias = aliases.read(&function.function, &function.alias).await?;
        anyhow::Ok((stem, function, alias))
    });
    let mut astray = BTreeMap::new();
    for (stem, function, alias) in try_join_all(read).await.world()? {
        if again || !alias.weights.is_empty() || Some(&alias.version) != function.version.as_ref() {
            astray.insert(stem.clone(), moved(id, stem, function, alias.version)?);
        }
    }
    if astray.is_empty() {
        let why = anyhow!("{id} is live in {} and serves everything: there is nothing to roll back", args.environment);
        return Err(Failure::Gate(why));
    }
    Ok(Plan { bad: None, target: Some(live), aliases: astray, holds: Vec::new() })
}

fn moved(release: &str, stem: &str, function: &Function, from: String) -> Result<AliasMove, Failure> {
    let to = function.version.clone().with_context(|| format!("{release} has no version of {stem}")).world()?;
    Ok(AliasMove { function: function.function.clone(), alias: function.alias.clone(), from, to })
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

impl Plan {
    /// Whether it says of the same releases what `other` says.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let id = |release: &Option<Release>| release.as_ref().map(|release| release.id.clone());
        id(&self.bad) == id(&other.bad) && id(&self.target) == id(&other.target)
    }

    /// What it is for, in a few words.
    pub(super) fn purpose(&self) -> String {
        match (&self.bad, &self.target) {
            (Some(bad), Some(target)) => format!("roll {} back to {}", bad.id, target.id),
            (Some(bad), None) => format!("take {} back", bad.id),
            (None, Some(target)) => format!("put the aliases of {} right", target.id),
            (None, None) => "do nothing".to_owned(),
        }
    }

    /// Prints it.
    pub(super) fn say(&self) {
        runner::say(self.purpose());
        for one in self.aliases.values() {
            runner::say(format_args!("  {}:{}  version {} -> {}", one.function, one.alias, one.from, one.to));
        }
        for hold in &self.holds {
            runner::say(format_args!("  holds the code of {} ({})", hold.function, hold.id));
        }
    }

    /// Waits until the versions that are to serve could; one that Lambda has put away is woken by its own probe.
    pub(super) async fn awake(&self, versions: &Versions) -> Result<(), Failure> {
        let release = self.target.as_ref().or(self.bad.as_ref());
        let probe = |stem: &str| {
            release.and_then(|release| release.functions.get(stem)).map_or("{}", |function| function.probe.as_str())
        };
        let ready = self.aliases.iter().map(async |(stem, one)| {
            versions.active(&one.function, &one.to, probe(stem)).await.map(drop).map_err(|error| format!("{error:#}"))
        });
        let missing: Vec<_> = join_all(ready).await.into_iter().filter_map(Result::err).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let why = anyhow!("nothing was moved: {}; name another release by --release", missing.join("; "));
        Err(Failure::Gate(why))
    }

    /// What the ledger says while it is done: a killed one is finished by it.
    pub(super) fn moving(&self) -> Moving {
        let (action, release, aliases) = match (&self.target, &self.bad) {
            (Some(target), _) => (Action::Rollback, target.id.clone(), self.aliases.clone()),
            (None, bad) => {
                let id = bad.as_ref().map(|bad| bad.id.clone()).unwrap_or_default();
                // A promotion names the direction in which it went.
                (Action::TakeBack, id, reversed(&self.aliases))
            }
        };
        Moving { action, release, began: Timestamp::now(), owner: who::run(), aliases }
    }
}
