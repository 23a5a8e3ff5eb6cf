//! The environment that a release came from, which may have judged it since: what was taken out of service there, or is held
//! there, goes nowhere else.

use anyhow::Result;
use aws_config::SdkConfig;

use crate::{
    ledger::{Hold, Ledger, Release, State},
    words::Words,
};

/// Why a release may not go on.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// In a few words, which end a headline.
    pub(crate) headline: &'static str,
    /// Why.
    pub(crate) why: Words,
}

/// Why a release of ours that came from this environment may not go on, if so. What serves here already may be applied again.
///
/// # Errors
/// If the environment's ledger cannot be read, or does not have the release.
pub(crate) async fn refusal(config: &SdkConfig, from: &str, ours: &Release) -> Result<Option<Refusal>> {
    if ours.state == State::Live {
        return Ok(None);
    }
    let ledger = Ledger::new(config, from);
    let theirs = ledger.release(&ours.id).await?;
    if let Some(why) = withdrawn(&theirs, from) {
        return Ok(Some(Refusal { headline: "the release was taken out of service where it came from", why }));
    }
    // A later release may have been judged, for code that this one has as well.
    let held: Vec<_> = ledger.holds_on(&theirs).await?.iter().map(Hold::words).collect();
    if held.is_empty() {
        return Ok(None);
    }
    let why = Words::join(&held).within(|held| {
        format!(
            "release {} contains code that was judged bad in {from}: {held}; deliver other code, or free it by `lockgate unlock \
             --environment {from} --hold ID` with a reason and run this again",
            ours.id
        )
    });
    Ok(Some(Refusal { headline: "its code is held where it came from", why }))
}

/// Why what became of a release there keeps it from going on.
pub(crate) fn withdrawn(theirs: &Release, from: &str) -> Option<Words> {
    if !matches!(theirs.state, State::RolledBack | State::Failed) {
        return None;
    }
    let what = format!("release {} is {} in {from}", theirs.id, theirs.state);
    let why = match &theirs.reason {
        Some(reason) => Words::new(what, reason),
        None => what.into(),
    };
    Some(why.within(|why| format!("{why}; it goes nowhere else. Deliver other code, or what serves {from} now")))
}
