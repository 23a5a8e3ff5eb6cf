//! Aliases against the ledger: what Terraform cannot see, because only `promote` and `rollback` move them.

use jiff::{SignedDuration, Timestamp};

/// A promotion whose lock nobody holds any more is left alone for so long: somebody may be about to take it over.
const UNHELD: SignedDuration = SignedDuration::from_mins(10);
/// However alive its owner is: no promotion takes so long.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// Where an alias sends its traffic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routing {
    /// The version that gets what the others do not.
    pub version: String,
    /// Other versions and their parts of the traffic, above 0 and below 1.
    pub weights: Vec<(String, f64)>,
}

/// A move of the alias that the ledger says is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// The version it is taken from.
    pub from: String,
    /// The version it is moved to.
    pub to: String,
    /// The release that is moved to.
    pub release: String,
    /// Since when.
    pub began: Timestamp,
    /// Whether somebody holds the lock of the aliases.
    pub held: bool,
}

/// The code of a version that gets traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The version.
    pub version: String,
    /// What it runs: a ZIP's SHA-256 or an image's digest.
    pub identity: String,
    /// The release that recorded it; none if none did.
    pub release: Option<String>,
}

/// What is known of one alias.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AliasFact {
    /// The function's name in AWS.
    pub function: String,
    /// The alias, such as `live`.
    pub alias: String,
    /// As AWS says; none if there is no such alias.
    pub found: Option<Routing>,
    /// As the ledger says; none if no release is live.
    pub recorded: Option<Routing>,
    /// The move that the ledger says is under way.
    pub moving: Option<Moving>,
    /// The code of each version it sends traffic to.
    pub code: Vec<Code>,
}

/// What is not as recorded.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// There is no such alias.
    Missing,
    /// It points to a version that the ledger does not say.
    Moved,
    /// It points to the right version and sends traffic to others besides.
    Weights,
    /// A promotion was broken off and nobody took it back.
    LeftBehind {
        /// The release that was moved to.
        release: String,
        /// Since when.
        began: Timestamp,
    },
    /// A version's code is that of no release.
    Unrecorded(Code),
}

/// One thing of an alias that is not as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct AliasDrift {
    /// The function's name in AWS.
    pub function: String,
    /// The alias.
    pub alias: String,
    /// What it is.
    pub found: Found,
    /// Where its traffic goes, in words; none if there is no alias.
    pub is: Option<String>,
    /// Where the ledger says it goes, in words.
    pub recorded: Option<String>,
}

impl Routing {
    /// All traffic to one version.
    #[must_use]
    pub fn all(version: &str) -> Self {
        Self { version: version.to_owned(), weights: Vec::new() }
    }

    /// As people read it.
    #[must_use]
    pub fn words(&self) -> String {
        let rest = 1.0 - self.weights.iter().map(|(_, part)| part).sum::<f64>();
        let part = |part: f64, version: &str| format!("{} % to version {version}", percent(part));
        let mut parts = vec![part(rest, &self.version)];
        parts.extend(self.sorted().iter().map(|(version, weight)| part(*weight, version)));
        parts.join(", ")
    }

    fn sorted(&self) -> Vec<(String, f64)> {
        let mut weights: Vec<_> = self.weights.iter().filter(|(_, part)| *part > 0.0).cloned().collect();
        weights.sort_by(|one, other| one.0.cmp(&other.0));
        weights
    }

    fn same_weights(&self, other: &Self) -> bool {
        let (one, other) = (self.sorted(), other.sorted());
        one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-6)
    }

    fn within(&self, versions: [&str; 2]) -> bool {
        let weights = self.sorted();
        versions.contains(&self.version.as_str())
            && weights.iter().all(|(version, _)| versions.contains(&version.as_str()))
    }
}

/// With as many digits as it takes, two at most.
fn percent(part: f64) -> String {
    let text = format!("{:.2}", part * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Moving {
    fn left_behind(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.began);
        age > if self.held { LONGEST } else { UNHELD }
    }
}

/// What of an alias is not as recorded.
pub(super) fn judge(fact: &AliasFact, now: Timestamp) -> Vec<AliasDrift> {
    let mut all = Vec::new();
    match (&fact.found, &fact.recorded, &fact.moving) {
        (None, None, None) => {}
        (None, ..) => all.push(Found::Missing),
        (Some(found), recorded, Some(moving)) => {
            if moving.left_behind(now) {
                all.push(Found::LeftBehind { release: moving.release.clone(), began: moving.began });
            }
            let recorded = recorded.as_ref().is_some_and(|recorded| recorded == found);
            if !recorded && !found.within([&moving.from, &moving.to]) {
                all.push(Found::Moved);
            }
        }
        (Some(found), Some(recorded), None) if found.version != recorded.version => all.push(Found::Moved),
        (Some(found), Some(recorded), None) if !found.same_weights(recorded) => all.push(Found::Weights),
        (Some(found), None, None) if !found.sorted().is_empty() => all.push(Found::Weights),
        (Some(_), _, None) => {}
    }
    all.extend(fact.code.iter().filter(|code| code.release.is_none()).cloned().map(Found::Unrecorded));
    let drift = |found| AliasDrift {
        function: fact.function.clone(),
        alias: fact.alias.clone(),
        found,
        is: fact.found.as_ref().map(Routing::words),
        recorded: fact.recorded.as_ref().map(Routing::words),
    };
    all.into_iter().map(drift).collect()
}
