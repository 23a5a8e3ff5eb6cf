//! What lies in the ledger: see the table in [`super`].

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{delivery::Kind, words::Words};

/// The form of the items that this version writes. A reader that meets a newer one reads what it knows of it: within a
/// form, fields are only added.
pub const SCHEMA: u32 = 1;

/// What every key of a [`Hold`] begins with.
pub(super) const HOLDS: &str = "hold/";

/// Where a release stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its packages are uploaded; no traffic has reached it.
    Building,
    /// It is being promoted.
    Canary,
    /// It serves.
    Live,
    /// It served until a later release was promoted.
    Replaced,
    /// It was taken out of service by a rollback.
    RolledBack,
    /// Its promotion was broken off and taken back.
    Failed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Building => "building",
            Self::Canary => "canary",
            Self::Live => "live",
            Self::Replaced => "replaced",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
        })
    }
}

/// One release: what `release` uploaded, and what became of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Release {
    /// `r<run id>-<first 12 hex digits of the tree>`.
    pub id: String,
    /// [`SCHEMA`].
    pub schema: u32,
    /// Where it stands.
    pub state: State,
    /// The commit it was built from.
    pub commit: String,
    /// That commit's tree: what its bytes depend on, together with the toolchain.
    pub tree: String,
    /// The id of the toolchain, as `packages.json` says.
    pub toolchain: String,
    /// The run that made it, a URL where there is one.
    pub run: String,
    /// Who started that run.
    pub actor: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When Terraform last applied it with its versions recorded; releases from before this was kept have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<Timestamp>,
    /// When it last became live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_since: Option<Timestamp>,
    /// When it was last taken back or rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_out_at: Option<Timestamp>,
    /// The release that served before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Why it is in its state, where a person or a verdict gave a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its functions, by their name in `lockgate.toml`.
    pub functions: BTreeMap<String, Function>,
}

impl Release {
    /// When it was applied, as far as anybody knows; none if it was not.
    #[must_use]
    pub fn applied(&self) -> Option<Timestamp> {
        let recorded = self.functions.values().any(|function| function.version.is_some());
        self.applied_at.or_else(|| recorded.then_some(self.created_at))
    }
}

/// One function of a release.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Function {
    /// Its name in AWS.
    pub function: String,
    /// What it is shipped as.
    pub package: Kind,
    /// A ZIP's SHA-256 in hex, or an image's digest.
    pub code: String,
    /// The alias that receives traffic.
    pub alias: String,
    /// The namespace of its own metrics.
    pub metrics: String,
    /// The event that it answers without side effects, as JSON text.
    pub probe: String,
    /// The version that was published for this release; recorded after Terraform's apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The hash of that version's configuration (see [`crate::configuration`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
}

impl Function {
    /// What a hold is about: code and configuration together, 16 hex digits. None while nothing was applied.
    #[must_use]
    pub fn identity(&self) -> Option<String> {
        let configuration = self.configuration.as_ref()?;
        let digest = Sha256::digest(format!("{}\n{configuration}", self.code));
        Some(hex::encode(&digest[..8]))
    }

    /// The key of the hold that would keep this function's code out.
    pub(super) fn hold(&self, stem: &str) -> Option<String> {
        Some(format!("{HOLDS}{stem}/{}", self.identity()?))
    }
}

/// What serves, and what moves.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Live {
    /// The release that serves; none before the first promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The release that a rollback goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// What moves now; left behind by whoever was killed while moving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving: Option<Moving>,
}

/// A move of aliases, written before the first of them moves: whoever finds it can finish it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Moving {
    /// What is done.
    pub action: Action,
    /// The release that is moved to, or, when taking back, away from.
    pub release: String,
    /// When it began.
    pub began: Timestamp,
    /// Who moves: the owner of the lock.
    pub owner: String,
    /// Every alias that moves, by the function's name in `lockgate.toml`.
    pub aliases: BTreeMap<String, AliasMove>,
}

/// What a [`Moving`] does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Forward, perhaps in steps.
    Promote,
    /// Back to where the aliases were before a promotion.
    TakeBack,
    /// To an earlier release.
    Rollback,
}

/// One alias and where it comes from and goes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AliasMove {
    /// The function's name in AWS.
    pub function: String,
    /// The alias.
    pub alias: String,
    /// The version it is taken from.
    pub from: String,
    /// The version it is moved to.
    pub to: String,
}

/// Code that must not be promoted until a person frees it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Hold {
    /// `hold/<function>/<identity>`.
    pub id: String,
    /// The function's name in `lockgate.toml`.
    pub function: String,
    /// The code that is held.
    pub code: String,
    /// The hash of its configuration.
    pub configuration: String,
    /// The release in which it was judged.
    pub release: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why, when and by whom it was freed; a hold that was freed keeps nothing out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freed: Option<Freed>,
}

/// How a [`Hold`] ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Freed {
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

impl Hold {
    /// Holds `function` of `release`. None while its configuration is not recorded.
    #[must_use]
    pub fn new(stem: &str, function: &Function, release: &str, reason: &str, by: &str) -> Option<Self> {
        Some(Self {
            id: function.hold(stem)?,
            function: stem.to_owned(),
            code: function.code.clone(),
            configuration: function.configuration.clone()?,
            release: release.to_owned(),
            reason: reason.to_owned(),
            at: Timestamp::now(),
            by: by.to_owned(),
            freed: None,
        })
    }

    /// What is held, by which hold and since when; and why, which not everybody may read.
    #[must_use]
    pub fn words(&self) -> Words {
        let Self { function, id, at, release, .. } = self;
        Words::new(format_args!("{function} ({id}), since {at:.0} in {release}"), &self.reason)
    }
}
