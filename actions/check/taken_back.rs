//! Code that was taken out of service without being held: an alarm, the service's health, or whatever failed around a promotion
//! names no function, so none is held. Terraform has left that code behind, and the next merge would bring it along unseen.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::ledger::{Hold, Ledger, Release, State};

/// A release that was taken out of service, and what of it would serve again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TakenBack {
    /// Its id.
    pub(super) release: String,
    /// Where it stands.
    pub(super) state: State,
    /// Why, if that is recorded.
    pub(super) reason: Option<String>,
    /// The functions whose code is the same, and is not what serves.
    pub(super) functions: Vec<String>,
}

/// Looks for it in the ledger.
///
/// # Errors
/// If the ledger cannot be read.
pub(super) async fn find(ledger: &Ledger, release: &Release, holds: &[Hold]) -> Result<Option<TakenBack>> {
    let releases = ledger.releases().await?;
    let live = ledger.live().await?.release;
    let serving = releases.iter().find(|other| Some(&other.id) == live.as_ref());
    Ok(of(release, serving, &releases, holds))
}

/// `releases`: the one that was applied last first.
fn of(release: &Release, serving: Option<&Release>, releases: &[Release], holds: &[Hold]) -> Option<TakenBack> {
    let code = |of: &Release, stem: &str| of.functions.get(stem).map(|function| function.code.clone());
    let serves: BTreeMap<&str, Option<String>> =
        release.functions.keys().map(|stem| (stem.as_str(), serving.and_then(|serving| code(serving, stem)))).collect();
    let mut out = releases.iter().filter(|other| {
        // The same one that is tried again is no news.
        other.id != release.id && matches!(other.state, State::Failed | State::RolledBack)
    });
    out.find_map(|other| {
        let is_back = |stem: &&String| {
            let ours = code(release, stem);
            // Where a person has freed the code, that was decided.
            let freed =
                |hold: &Hold| hold.function == **stem && Some(&hold.code) == ours.as_ref() && hold.freed.is_some();
            ours == code(other, stem) && ours != serves[stem.as_str()] && !holds.iter().any(freed)
        };
        let functions: Vec<String> = release.functions.keys().filter(is_back).cloned().collect();
        let (release, state, reason) = (other.id.clone(), other.state, other.reason.clone());
        (!functions.is_empty()).then_some(TakenBack { release, state, reason, functions })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(id: &str, state: &str, code: &str) -> Release {
        let function = json!({"function": "tally-staging", "package": "zip", "code": code, "alias": "live",
            "metrics": "Shop", "probe": "{}"});
        let release = json!({"id": id, "schema": 1, "state": state, "commit": "c", "tree": "t", "toolchain": "x",
            "run": "r", "actor": "a", "created_at": "2026-11-22T00:00:00Z", "reason": "an alarm fired",
            "functions": {"tally": function}});
        serde_json::from_value(release).expect("a release")
    }

    #[test]
    fn code_that_was_taken_back_is_told_until_it_serves_or_somebody_frees_it() {
        let (good, bad) = (release("r1-a", "live", "g00d"), release("r2-b", "failed", "bad"));
        let next = release("r3-c", "building", "bad");
        let all = [bad.clone(), good.clone(), next.clone()];
        let found = of(&next, Some(&good), &all, &[]).expect("it would serve again");
        assert_eq!((found.release.as_str(), found.functions), ("r2-b", vec!["tally".to_owned()]));
        assert_eq!((found.state, found.reason.as_deref()), (State::Failed, Some("an alarm fired")));

        assert_eq!(of(&release("r3-c", "building", "new"), Some(&good), &all, &[]), None, "it is another code");
        assert_eq!(of(&bad, Some(&good), &all, &[]), None, "the same release is tried again");
        let serves = release("r0-a", "live", "bad");
        assert_eq!(of(&next, Some(&serves), &all, &[]), None, "it serves meanwhile");
        let freed = json!({"id": "hold/tally/1", "function": "tally", "code": "bad", "configuration": "conf",
            "release": "r2-b", "reason": "it loses calls", "at": "2026-11-22T00:00:00Z", "by": "ada",
            "freed": {"reason": "it was the network", "at": "2026-11-22T00:00:00Z", "by": "ada"}});
        let freed: Hold = serde_json::from_value(freed).expect("a hold");
        assert_eq!(of(&next, Some(&good), &all, &[freed]), None, "somebody has decided");
    }
}
