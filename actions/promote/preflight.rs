//! What is looked at before any traffic moves. Everything that stands in the way is named together.

use std::collections::BTreeMap;

use anyhow::Result;
use futures::future::{try_join, try_join_all};

use super::strategy::Strategy;
use crate::{
    alias::{Alias, Aliases},
    ledger::{AliasMove, Function, Release},
    version::{Version, Versions},
};

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Preflight {
    /// The aliases that move, by the function's name in `lockgate.toml`; those that are where they should be do not.
    pub(super) moves: BTreeMap<String, AliasMove>,
    /// What stands in the way, each with what to do.
    pub(super) refusals: Vec<String>,
}

/// Looks at every function of `release`; `live` is the release that serves.
///
/// # Errors
/// If Lambda cannot be asked, or a version does not become active.
pub(super) async fn look(
    aliases: &Aliases,
    versions: &Versions,
    release: &Release,
    live: Option<&Release>,
    strategy: Strategy,
) -> Result<Preflight> {
    let one = async |stem: &String, function: &Function| {
        let to = function.version.clone().unwrap_or_default();
        let (alias, new) = try_join(
            aliases.read(&function.function, &function.alias),
            versions.active(&function.function, &to, &function.probe),
        )
        .await?;
        let mut refusals = standing(&alias, stem, live);
        if function.configuration.as_ref().is_some_and(|recorded| *recorded != new.configuration) {
            refusals.push(format!(
                "version {to} of {} is not configured as Terraform's apply recorded it; apply the release again",
                function.function
            ));
        }
        if let Some(code) = new.code.as_ref().filter(|code| **code != function.code) {
            refusals.push(format!(
                "version {to} of {} runs {code}, but the release has {}; apply the release again",
                function.function, function.code
            ));
        }
        if alias.version != to && strategy != Strategy::AllAtOnce {
            refusals.extend(split(versions, &alias, &new).await?);
        }
        let (function, name) = (alias.function, alias.name);
        let moved = AliasMove { function, alias: name, from: alias.version, to };
        anyhow::Ok((stem.clone(), moved, refusals))
    };
    let looked = try_join_all(release.functions.iter().map(|(stem, function)| one(stem, function))).await?;
    let mut preflight = Preflight::default();
    for (stem, moved, refusals) in looked {
        preflight.refusals.extend(refusals);
        if moved.from != moved.to {
            preflight.moves.insert(stem, moved);
        }
    }
    Ok(preflight)
}

/// Whether the alias stands as the ledger says.
fn standing(alias: &Alias, stem: &str, live: Option<&Release>) -> Vec<String> {
    let named = format!("alias {} of {}", alias.name, alias.function);
    let mut refusals = Vec::new();
    if alias.weights.len() > 1 {
        refusals.push(format!("{named} has more than two versions ({}); reset its weights", alias.shown()));
    } else if !alias.weights.is_empty() {
        refusals.push(format!(
            "{named} splits its traffic ({}), and no run of lockgate left it so: end that deployment, or take it back by \
             `lockgate rollback --release {}`",
            alias.shown(),
            live.map_or("<the live one>", |live| &live.id)
        ));
    }
    let expected = live.and_then(|live| Some((live, live.functions.get(stem)?.version.as_ref()?)));
    if let Some((live, version)) = expected.filter(|(_, version)| **version != alias.version) {
        refusals.push(format!(
            "{named} is at version {}, but the live release {} has version {version}: somebody moved it by hand; put it \
             back by `lockgate rollback --release {}`",
            alias.version, live.id, live.id
        ));
    }
    refusals
}

/// What AWS asks of two versions that share an alias.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html>
async fn split(versions: &Versions, alias: &Alias, new: &Version) -> Result<Vec<String>> {
    let (provisioned, old) =
        try_join(versions.provisioned(&alias.function, &alias.name), versions.read(&alias.function, &alias.version))
            .await?;
    let mut refusals = Vec::new();
    let named = format!("alias {} of {}", alias.name, alias.function);
    if provisioned {
        refusals
            .push(format!("{named} has provisioned concurrency, which allows no weights: use --strategy all-at-once"));
    }
    let Some(old) = old else {
        refusals.push(format!("version {} of {}, which serves now, is gone", alias.version, alias.function));
        return Ok(refusals);
    };
    for (what, same) in [("role", old.role == new.role), ("dead letter queue", old.dead_letters == new.dead_letters)] {
        if !same {
            refusals.push(format!(
                "versions {} and {} of {} differ in their {what}, so AWS lets no alias split traffic between them: use \
                 --strategy all-at-once for this release",
                old.number, new.number, alias.function
            ));
        }
    }
    Ok(refusals)
}
