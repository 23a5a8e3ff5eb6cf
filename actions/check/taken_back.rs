//! Code that was taken out of service without being held: an alarm, the service's health, or whatever failed around a promotion
//! names no function, so none is held. Terraform has left that code behind, and the next merge would bring it along unseen.

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
    /// The functions whose code is the same, and has never served well.
    pub(super) functions: Vec<String>,
}

/// Looks for it in the ledger.
///
/// # Errors
/// If the ledger cannot be read.
pub(super) async fn find(ledger: &Ledger, release: &Release, holds: &[Hold]) -> Result<Option<TakenBack>> {
    Ok(of(release, &ledger.releases().await?, holds))
}

/// `releases`: the one that was applied last first.
fn of(release: &Release, releases: &[Release], holds: &[Hold]) -> Option<TakenBack> {
    let code = |of: &Release, stem: &str| of.functions.get(stem).map(|function| function.code.clone());
    let mut out = releases.iter().filter(|other| {
        // The same one that is tried again is no news.
        other.id != release.id && matches!(other.state, State::Failed | State::RolledBack)
    });
    let has_served = |of: &Release| matches!(of.state, State::Live | State::Replaced);
    out.find_map(|other| {
        let is_back = |stem: &&String| {
            let ours = code(release, stem);
            // Of what served well, before or since, it was another function's fault, or somebody has approved it.
            let well = releases.iter().any(|of| has_served(of) && code(of, stem) == ours);
            // Where a person has freed the code since, that was decided.
            let freed = |hold: &Hold| {
                let since =
                    hold.freed.as_ref().is_some_and(|freed| other.taken_out_at.is_none_or(|out| freed.at > out));
                hold.function == **stem && Some(&hold.code) == ours.as_ref() && since
            };
            ours == code(other, stem) && !well && !holds.iter().any(freed)
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

    /// A release of two functions, of which one has always the same code.
    fn release(id: &str, state: &str, code: &str) -> Release {
        let function = |code: &str| {
            json!({"function": "tally-staging", "package": "zip", "code": code, "alias": "live", "metrics": "Shop",
                "probe": "{}"})
        };
        let release = json!({"id": id, "schema": 1, "state": state, "commit": "c", "tree": "t", "toolchain": "x",
            "run": "r", "actor": "a", "created_at": "2026-11-22T00:00:00Z", "reason": "an alarm fired",
            "taken_out_at": "2026-11-22T00:00:10Z",
            "functions": {"same": function("old"), "tally": function(code)}});
        serde_json::from_value(release).expect("a release")
    }

    fn freed(second: u8) -> Hold {
        let hold = json!({"id": "hold/tally/1", "function": "tally", "code": "bad", "configuration": "conf",
            "release": "r2-b", "reason": "it loses calls", "at": "2026-11-22T00:00:00Z", "by": "ada",
            "freed": {"reason": "it was the network", "at": format!("2026-11-22T00:00:{second:02}Z"), "by": "ada"}});
        serde_json::from_value(hold).expect("a hold")
    }

    #[test]
    fn code_that_was_taken_back_is_told_until_it_serves_or_somebody_frees_it() {
        let (good, bad) = (release("r1-a", "live", "g00d"), release("r2-b", "failed", "bad"));
        let next = release("r3-c", "building", "bad");
        let all = [bad.clone(), good.clone(), next.clone()];
        let found = of(&next, &all, &[]).expect("it would serve");
        assert_eq!((found.release.as_str(), found.functions), ("r2-b", vec!["tally".to_owned()]));
        assert_eq!((found.state, found.reason.as_deref()), (State::Failed, Some("an alarm fired")));

        assert_eq!(of(&release("r3-c", "building", "new"), &all, &[]), None, "it is another code");
        assert_eq!(of(&bad, &all, &[]), None, "the same release is tried again");
        for state in ["live", "replaced"] {
            let served = [bad.clone(), good.clone(), release("r0-a", state, "bad")];
            assert_eq!(of(&next, &served, &[]), None, "it served well");
        }
        assert!(of(&next, &all, &[freed(9)]).is_some(), "it was taken back after it was freed");
        assert_eq!(of(&next, &all, &[freed(11)]), None, "somebody has decided");
    }
}
