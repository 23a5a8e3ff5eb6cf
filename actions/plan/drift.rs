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

/// Without what is unset on both sides, however it is written: after a create, a provider of the older kind reads an empty list,
/// a zero or an empty text where nothing was set, and cannot tell the two apart.
pub(super) fn without_unset(before: Shown, after: Shown) -> (Shown, Shown) {
    match (before, after) {
        (before, after) if is_unset(&before) && is_unset(&after) => (Shown::Nothing, Shown::Nothing),
        (Shown::Object(old), Shown::Object(new)) => {
            let mut names: Vec<String> = old.iter().chain(&new).map(|(name, _)| name.clone()).collect();
            names.sort_unstable();
            names.dedup();
            let (old, new) = (Shown::Object(old), Shown::Object(new));
            let pairs = names.into_iter().map(|name| {
                let (before, after) = without_unset(old.get(&name).clone(), new.get(&name).clone());
                ((name.clone(), before), (name, after))
            });
            let (old, new) = pairs.unzip();
            (Shown::Object(old), Shown::Object(new))
        }
        (Shown::List(old), Shown::List(new)) if old.len() == new.len() => {
            let pairs = old.into_iter().zip(new).map(|(old, new)| without_unset(old, new));
            let (old, new) = pairs.unzip();
            (Shown::List(old), Shown::List(new))
        }
        other => other,
    }
}

fn is_unset(value: &Shown) -> bool {
    match value {
        Shown::Nothing => true,
        Shown::Plain(plain) => plain == "0" || plain == "false",
        Shown::Text(text) => text.is_empty(),
        Shown::List(elements) => elements.is_empty(),
        Shown::Object(members) => members.iter().all(|(_, member)| is_unset(member)),
        Shown::Unknown | Shown::Json(..) | Shown::Hidden(..) => false,
    }
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
