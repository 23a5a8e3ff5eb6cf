//! What was changed outside of Terraform, and whether the plan depends on it. The plan says which attributes it depends on
//! after it says what drifted: paths are kept until then.

use std::collections::{HashMap, HashSet};

use super::{
    canonical::Key,
    diff::{self, Lines},
    json::Value,
    leaves::{self, PATHS},
    model::{Action, Drift},
    shown::Shown,
};

/// Drift that is not judged yet.
pub(super) struct Drifted {
    pub(super) drift: Drift,
    /// The address as the plan has it.
    address: String,
    paths: Vec<String>,
}

/// Without the two attributes of the alias `live` that Lockgate itself moves. Terraform ignores their changes, and lists
/// them nevertheless.
pub(super) fn without_promotion(element: &Value<'_>, mut side: Shown) -> Shown {
    let change = element.get("change");
    let live = |side: &str| change.get(side).get("name").text() == Some("live");
    if element.get("type").text() == Some("aws_lambda_alias")
        && (live("before") || live("after"))
        && let Shown::Object(members) = &mut side
    {
        members.retain(|(key, _)| key != "function_version" && key != "routing_config");
    }
    side
}

impl Drifted {
    /// `key` asks for its leaves.
    pub(super) fn new(
        address: &str,
        action: Action,
        before: &Shown,
        after: &Shown,
        room: usize,
        key: Option<&Key>,
    ) -> Self {
        let places = leaves::differing(before, after);
        let mut paths: Vec<String> = places.iter().map(|(path, ..)| path.clone()).collect();
        let attributes = if action == Action::Update { diff::names(before, after) } else { Vec::new() };
        if paths.len() >= PATHS {
            paths.clone_from(&attributes);
        }
        let mut lines = Lines::new(room, &[]);
        if action == Action::Update {
            diff::diff(before, after, "", &mut lines);
        }
        let detail = Some(lines.finish()).filter(|text| room > 0 && !text.is_empty()).map(String::into_boxed_str);
        let key = key.filter(|_| action == Action::Update);
        let leaves = key.map(|key| leaves::leaves(before, after, &places, room, key)).unwrap_or_default();
        let (address_shown, kind) = (address.to_owned(), String::new());
        let drift = Drift { address: address_shown, kind, action, attributes, detail, matters: false, leaves };
        Self { drift, address: address.to_owned(), paths }
    }

    /// Judges it: it matters if the plan depends on something that drifted, or changes the resource itself, or only
    /// writes down what drifted.
    pub(super) fn judge(
        self,
        relevant: &HashMap<String, Vec<String>>,
        changed: &HashSet<&str>,
        refresh: bool,
    ) -> Drift {
        let gone = self.drift.action != Action::Update;
        let wanted = |address: &str| {
            [address, without_key(address)].map(|address| relevant.get(address)).into_iter().flatten().flatten()
        };
        let depends = wanted(&self.address).any(|wanted| gone || self.paths.iter().any(|path| overlap(wanted, path)));
        let matters = refresh || depends || changed.contains(self.drift.address.as_str());
        let mut drift = Drift { matters, ..self.drift };
        for (leaf, path) in drift.leaves.iter_mut().zip(&self.paths) {
            leaf.relevant = wanted(&self.address).any(|wanted| overlap(wanted, path));
        }
        drift
    }
}

/// The address without its last key: `aws_x.y` of `aws_x.y["key"]`.
fn without_key(address: &str) -> &str {
    if !address.ends_with(']') {
        return address;
    }
    let key = if address.ends_with("\"]") { address.rfind("[\"") } else { address.rfind('[') };
    key.map_or(address, |at| &address[..at])
}

/// Whether one path is the other or lies within it.
fn overlap(a: &str, b: &str) -> bool {
    let within = |outer: &str, inner: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| outer.is_empty() || rest.is_empty() || rest.starts_with(['.', '[', ':']))
    };
    within(a, b) || within(b, a)
}
