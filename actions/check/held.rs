//! Code that was judged bad, before anything of it is applied.

use std::collections::BTreeMap;

use crate::{
    ledger::{Hold, Release},
    plan::Plan,
    words::Words,
};

/// The holds in force on functions of the release, configured as the plan will configure them, by the functions' names. One
/// whose configuration is known only after the apply is taken for the one that was judged.
pub(super) fn on(release: &Release, plan: &Plan, holds: Vec<Hold>) -> BTreeMap<String, Hold> {
    let in_force = holds.into_iter().filter(|hold| hold.freed.is_none());
    let concerns = |hold: &Hold| {
        release.functions.get(&hold.function).is_some_and(|function| {
            let configured = plan.functions.get(&function.function);
            let same = configured.is_none_or(|hash| hash.as_ref().is_none_or(|hash| *hash == hold.configuration));
            function.code == hold.code && same
        })
    };
    in_force.filter(concerns).map(|hold| (hold.function.clone(), hold)).collect()
}

/// Why the release is refused, and what to do.
pub(super) fn told(release: &str, held: &BTreeMap<String, Hold>) -> String {
    let all: Vec<_> = held.values().map(Hold::words).collect();
    format!(
        "release {release} contains code that was judged bad: {}; nothing was applied; ship other code, or free it by \
         `lockgate unlock --hold ID` with a reason and run this again",
        Words::join(&all)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release() -> Release {
        let function = json!({"function": "tally-staging", "package": "zip", "code": "c0de", "alias": "live",
            "metrics": "Shop", "probe": "{}"});
        let release = json!({"id": "r1-abc", "schema": 1, "state": "building", "commit": "c", "tree": "t", "toolchain": "x",
            "run": "r", "actor": "a", "created_at": "2026-11-22T00:00:00Z", "functions": {"tally": function}});
        serde_json::from_value(release).expect("a release")
    }

    fn hold(code: &str, freed: bool) -> Hold {
        let mut hold = json!({"id": "hold/tally/1", "function": "tally", "code": code, "configuration": "conf",
            "release": "r0-abc", "reason": "it loses calls", "at": "2026-11-22T00:00:00Z", "by": "ada"});
        if freed {
            hold["freed"] = json!({"reason": "it was the network", "at": "2026-11-22T00:00:00Z", "by": "ada"});
        }
        serde_json::from_value(hold).expect("a hold")
    }

    fn plan(configured: Option<Option<&str>>) -> Plan {
        let functions = configured.map(|hash| ("tally-staging".to_owned(), hash.map(str::to_owned)));
        Plan { functions: functions.into_iter().collect(), ..Plan::default() }
    }

    #[test]
    fn the_same_code_is_held_as_long_as_its_configuration_is_the_same_or_unknown() {
        let held = |configured, hold: Hold| !on(&release(), &plan(configured), vec![hold]).is_empty();
        assert!(held(Some(Some("conf")), hold("c0de", false)));
        assert!(held(Some(None), hold("c0de", false)));
        assert!(held(None, hold("c0de", false)));
        assert!(!held(Some(Some("other")), hold("c0de", false)), "it may behave otherwise");
        assert!(!held(Some(Some("conf")), hold("0ther", false)));
        assert!(!held(Some(Some("conf")), hold("c0de", true)), "a person freed it");
    }

    #[test]
    fn a_refusal_says_what_why_and_what_to_do() {
        let held = on(&release(), &plan(None), vec![hold("c0de", false)]);
        let told = told("r1-abc", &held);
        assert!(told.contains("hold/tally/1") && told.contains("it loses calls") && told.contains("unlock"), "{told}");
    }
}
