//! Asks the ledger and Lambda for what Terraform cannot see of an environment.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use aws_config::SdkConfig;
use futures::future::try_join_all;

use super::aliases::{AliasFact, Code, Moving, Routing};
use crate::{
    alias::{Alias, Aliases},
    ledger::{Ledger, Live, Release},
    lock::{self, Lock},
    runner,
    version::Versions,
};

/// So often it is looked again, if aliases were moved meanwhile.
const LOOKS: usize = 3;

/// What the ledger says.
pub(super) struct Recorded {
    /// The one that was applied last comes first.
    releases: Vec<Release>,
    locks: Vec<Lock>,
    pub(super) live: Live,
}

impl Recorded {
    pub(super) async fn read(ledger: &Ledger) -> Result<Self> {
        let locks = ledger.holds_and_locks().await?.1;
        Ok(Self { releases: ledger.releases().await?, live: ledger.live().await?, locks })
    }

    /// The release that was applied last.
    pub(super) fn applied(&self) -> Option<&Release> {
        self.releases.first().filter(|release| release.applied().is_some())
    }

    /// Makes sure that nobody applies: what is planned meanwhile is no drift, and neither was it what was planned before
    /// somebody did.
    pub(super) fn at_rest(&self, before: Option<&Self>) -> Result<()> {
        if let Some(lock) = self.held(lock::Name::Apply) {
            bail!("an apply is under way, {lock}; look for drift again once it has ended: the issue stays as it is");
        }
        let applied = |recorded: &Self| recorded.applied().map(|release| (release.id.clone(), release.applied()));
        ensure!(
            before.is_none_or(|before| applied(before) == applied(self)),
            "a release was applied while drift was looked for; look again: the issue stays as it is"
        );
        Ok(())
    }

    fn held(&self, name: lock::Name) -> Option<&Lock> {
        self.locks.iter().find(|lock| lock.id == name.id() && !lock.stale())
    }

    fn live(&self) -> Option<&Release> {
        self.releases.iter().find(|release| Some(&release.id) == self.live.release.as_ref())
    }

    /// The release that says that this function runs this code.
    fn release(&self, function: &str, code: &str) -> Option<&Release> {
        self.releases
            .iter()
            .find(|release| release.functions.values().any(|one| one.function == function && one.code == code))
    }
}

/// The facts of every alias that the live release has, the one that was applied last, and what moves; and what the ledger
/// said of them then.
pub(super) async fn find(config: &SdkConfig, ledger: &Ledger) -> Result<(Vec<AliasFact>, Recorded)> {
    let (aliases, versions) = (Aliases::new(config), Versions::new(config));
    let mut looks = 0;
    loop {
        looks += 1;
        let recorded = Recorded::read(ledger).await?;
        let named = named(&recorded);
        let facts = named.iter().map(|(function, alias)| fact(&recorded, &aliases, &versions, function, alias));
        let facts = try_join_all(facts).await?;
        // Else an alias may have been read after its move, and the ledger before it.
        if ledger.live().await? == recorded.live || looks == LOOKS {
            return Ok((facts, recorded));
        }
    }
}

/// Functions by their names in AWS, and their aliases.
fn named(recorded: &Recorded) -> BTreeSet<(String, String)> {
    let releases = [recorded.live(), recorded.applied()].into_iter().flatten();
    let functions = releases.flat_map(|release| release.functions.values());
    let functions = functions.map(|function| (function.function.clone(), function.alias.clone()));
    let moving = recorded.live.moving.iter().flat_map(|moving| moving.aliases.values());
    functions.chain(moving.map(|alias| (alias.function.clone(), alias.alias.clone()))).collect()
}

async fn fact(
    recorded: &Recorded,
    aliases: &Aliases,
    versions: &Versions,
    function: &str,
    alias: &str,
) -> Result<AliasFact> {
    let found = aliases.find(function, alias).await?;
    let version = recorded
        .live()
        .and_then(|release| release.functions.values().find(|one| one.function == function && one.alias == alias))
        .and_then(|function| function.version.as_deref());
    Ok(AliasFact {
        function: function.to_owned(),
        alias: alias.to_owned(),
        recorded: version.map(Routing::all),
        moving: moving(recorded, function, alias),
        code: match &found {
            Some(found) => code(recorded, versions, found).await?,
            None => Vec::new(),
        },
        found: found.map(|found| Routing { version: found.version, weights: found.weights }),
    })
}

fn moving(recorded: &Recorded, function: &str, alias: &str) -> Option<Moving> {
    let moving = recorded.live.moving.as_ref()?;
    let one = moving.aliases.values().find(|one| one.function == function && one.alias == alias)?;
    Some(Moving {
        from: one.from.clone(),
        to: one.to.clone(),
        release: moving.release.clone(),
        began: moving.began,
        held: recorded.held(lock::Name::Alias).is_some(),
    })
}

/// What the versions run that get traffic.
async fn code(recorded: &Recorded, versions: &Versions, alias: &Alias) -> Result<Vec<Code>> {
    let numbers = alias.weights.iter().map(|(version, _)| version).chain([&alias.version]);
    let read = numbers.map(async |number| anyhow::Ok((number, versions.read(&alias.function, number).await?)));
    let read: BTreeMap<_, _> = try_join_all(read).await?.into_iter().collect();
    let mut all = Vec::new();
    for (number, version) in read {
        let Some(identity) = version.and_then(|version| version.code) else {
            runner::warning(format_args!("Lambda does not say which code version {number} of {} runs", alias.function));
            continue;
        };
        let release = recorded.release(&alias.function, &identity).map(|release| release.id.clone());
        all.push(Code { version: number.clone(), identity, release });
    }
    Ok(all)
}
