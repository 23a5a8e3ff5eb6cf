//! Tells apart what was changed outside and what was not applied, and what of it has an effect. A full plan says it: what
//! it would change back, or what its changes depend on, matters; all else that providers compute and nobody configures
//! does not.

use std::collections::{HashMap, HashSet};

use super::report::{Attribute, Drifted, Plans, What};
use crate::plan::{Action, Change, Drift, Leaf, Plan};

/// What was changed or deleted outside of Terraform.
pub(super) fn outside(plans: Plans<'_>) -> Vec<Drifted> {
    let Some(source) = plans.refresh.or(plans.full) else { return Vec::new() };
    let changes = plans.full.map(by_address);
    let seen: HashMap<&str, &Drift> =
        plans.full.iter().flat_map(|plan| &plan.drift).map(|drift| (drift.address.as_str(), drift)).collect();
    source.drift.iter().map(|drift| one(drift, changes.as_ref(), seen.get(drift.address.as_str()).copied())).collect()
}

fn by_address(plan: &Plan) -> HashMap<&str, Vec<&Change>> {
    let mut all: HashMap<&str, Vec<&Change>> = HashMap::new();
    for change in plan.changes.iter().filter(|change| change.deposed.is_none()) {
        all.entry(&change.address).or_default().push(change);
        // Refreshed under the name it had.
        if let Some(previous) = &change.previous_address {
            all.entry(previous).or_default().push(change);
        }
    }
    all
}

/// `seen` is what the full plan says of the same drift.
fn one(drift: &Drift, changes: Option<&HashMap<&str, Vec<&Change>>>, seen: Option<&Drift>) -> Drifted {
    let here = changes.and_then(|changes| changes.get(drift.address.as_str())).map_or(&[][..], Vec::as_slice);
    let depends =
        |path: &str| seen.is_some_and(|seen| seen.leaves.iter().any(|leaf| leaf.relevant && overlap(&leaf.path, path)));
    let attribute = |leaf: &Leaf| Attribute {
        path: leaf.path.clone(),
        detail: leaf.detail.clone(),
        effect: changes.is_none() || here.iter().any(|change| touches(change, &leaf.path)) || depends(&leaf.path),
        after: leaf.after,
    };
    let attributes: Vec<Attribute> = drift.leaves.iter().map(attribute).collect();
    let effect = if attributes.is_empty() {
        changes.is_none() || here.iter().any(|change| !goes(change)) || seen.is_some_and(|seen| seen.matters)
    } else {
        attributes.iter().any(|attribute| attribute.effect)
    };
    Drifted {
        address: drift.address.clone(),
        deposed: None,
        kind: drift.kind.clone(),
        what: if drift.action == Action::Delete { What::Deleted } else { What::Changed },
        attributes,
        effect,
    }
}

/// Whether it is for good: what happened to it meanwhile does not matter.
fn goes(change: &Change) -> bool {
    matches!(change.action, Action::Delete | Action::Forget | Action::NoOp)
}

/// Whether the change is about this path. What is known only after the apply is computed by the provider.
fn touches(change: &Change, path: &str) -> bool {
    !goes(change)
        && (change.leaves.is_empty() || change.leaves.iter().any(|leaf| !leaf.unknown && overlap(&leaf.path, path)))
}

/// Whether one path is the other or lies within it.
fn overlap(one: &str, other: &str) -> bool {
    let within = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', ':']))
    };
    one.is_empty() || other.is_empty() || within(one, other) || within(other, one)
}

/// What the configuration says otherwise, without what only takes back a change made outside.
pub(super) fn not_applied(plans: Plans<'_>) -> Vec<Drifted> {
    let (Some(plan), Some(source)) = (plans.full.or(plans.refresh), plans.refresh.or(plans.full)) else {
        return Vec::new();
    };
    let drift: HashMap<&str, &Drift> = source.drift.iter().map(|drift| (drift.address.as_str(), drift)).collect();
    let mut all: Vec<Drifted> = plan
        .changes
        .iter()
        .filter_map(|change| {
            let drift = [Some(&change.address), change.previous_address.as_ref()]
                .into_iter()
                .flatten()
                .find_map(|address| drift.get(address.as_str()).copied());
            left(change, drift.filter(|_| change.deposed.is_none()))
        })
        .collect();
    for change in &plan.deferred {
        all.push(whole(&change.address, &change.kind, change.reason.clone().unwrap_or_else(|| "deferred".to_owned())));
    }
    for output in &plan.outputs {
        all.push(whole(&format!("output.{}", output.name), "output", output.action.words()));
    }
    // Terraform may name an action more than once.
    let invocations: HashSet<&String> = plan.invocations.iter().collect();
    all.extend(invocations.into_iter().map(|address| whole(address, "action", "invoke".to_owned())));
    all
}

fn whole(address: &str, kind: &str, words: String) -> Drifted {
    Drifted {
        address: address.to_owned(),
        deposed: None,
        kind: kind.to_owned(),
        what: What::NotApplied(words),
        attributes: Vec::new(),
        effect: true,
    }
}

/// What of a change is not only a way back from the drift.
fn left(change: &Change, drift: Option<&Drift>) -> Option<Drifted> {
    let mut words = change.action.words();
    match (&change.action, drift) {
        // Read and opened anew in each plan: nothing of it is kept.
        (Action::Read | Action::Open, _) => return None,
        (Action::Create, Some(drift)) if drift.action == Action::Delete => return None,
        (Action::NoOp, _) => words.clear(),
        _ => {}
    }
    let more = change.previous_address.as_ref().map(|from| format!("move from {from}"));
    let import = change.import.as_ref().map(|id| format!("import {id}"));
    for more in more.into_iter().chain(import) {
        words = if words.is_empty() { more } else { format!("{words}, {more}") };
    }
    let back = |leaf: &Leaf| {
        drift
            .is_some_and(|drift| drift.leaves.iter().any(|found| found.path == leaf.path && found.before == leaf.after))
    };
    let known: Vec<&Leaf> = change.leaves.iter().filter(|leaf| !leaf.unknown).collect();
    let mut left: Vec<&Leaf> = known.iter().copied().filter(|leaf| !back(leaf)).collect();
    if left.is_empty() && known.is_empty() {
        left = change.leaves.iter().collect();
    } else if left.is_empty() && change.previous_address.is_none() && change.import.is_none() {
        return None;
    }
    let attribute = |leaf: &Leaf| Attribute {
        path: leaf.path.clone(),
        detail: leaf.detail.clone(),
        effect: true,
        after: leaf.after,
    };
    Some(Drifted {
        address: change.address.clone(),
        deposed: change.deposed.clone(),
        kind: change.kind.clone(),
        what: What::NotApplied(words),
        attributes: left.into_iter().map(attribute).collect(),
        effect: true,
    })
}
