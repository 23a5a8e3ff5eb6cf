//! What was changed outside of Terraform, and whether the plan depends on it. The plan says which attributes it depends on
//! after it says what drifted: paths are kept until then.

use std::collections::{HashMap, HashSet};

use super::{
    diff::{self, Lines},
    json::Value,
    model::{Action, Drift},
    shown::Shown,
};

/// Beyond so many paths only their first steps are compared.
const PATHS: usize = 300;

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
    pub(super) fn new(
        shown: String,
        address: &str,
        action: Action,
        before: &Shown,
        after: &Shown,
        room: usize,
    ) -> Self {
        let mut paths = Vec::new();
        changed(before, after, "", &mut paths);
        let attributes = if action == Action::Update { diff::names(before, after) } else { Vec::new() };
        if paths.len() >= PATHS {
            paths.clone_from(&attributes);
        }
        let mut lines = Lines::new(room, &[]);
        if action == Action::Update {
            diff::diff(before, after, "", &mut lines);
        }
        let detail = Some(lines.finish()).filter(|text| room > 0 && !text.is_empty()).map(String::into_boxed_str);
        let drift = Drift { address: shown, action, attributes, detail, matters: false };
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
        let depends = [self.address.as_str(), without_key(&self.address)].iter().any(|address| {
            relevant.get(*address).is_some_and(|wanted| {
                gone || wanted.iter().any(|wanted| self.paths.iter().any(|path| overlap(wanted, path)))
            })
        });
        let matters = refresh || depends || changed.contains(self.drift.address.as_str());
        Drift { matters, ..self.drift }
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

fn changed(before: &Shown, after: &Shown, path: &str, paths: &mut Vec<String>) {
    if before == after || paths.len() >= PATHS {
        return;
    }
    match (before, after) {
        (Shown::Object(old), Shown::Object(new)) => {
            let mut names: Vec<&String> = old.iter().chain(new).map(|(name, _)| name).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                changed(before.get(name), after.get(name), &diff::join(path, name), paths);
            }
        }
        (Shown::List(old), Shown::List(new)) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                changed(old, new, &format!("{path}[{at}]"), paths);
            }
        }
        _ => paths.push(path.to_owned()),
    }
}
