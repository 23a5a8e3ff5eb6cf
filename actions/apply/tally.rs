//! What an apply did of its plan, and what it did not.

use std::collections::BTreeMap;

use crate::{
    plan::{Action, Plan},
    terraform::Messages,
};

/// What became of the changes that Terraform tells of one by one: all but moves, imports, what is forgotten, and outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// The addresses of those that were made.
    pub(super) done: Vec<String>,
    /// Those that were not, or half: their addresses, and how far they came.
    pub(super) left: Vec<(String, String)>,
}

impl Tally {
    /// Counts what was said while this plan was applied.
    pub(super) fn of(plan: &Plan, messages: &Messages) -> Self {
        // The plan's addresses are without secrets.
        let clean = |address: &String| plan.scrubber().cleaned(address);
        let mut steps: BTreeMap<(String, &str), usize> = BTreeMap::new();
        for ((address, action), times) in &messages.steps {
            *steps.entry((clean(address), action.as_str())).or_default() += times;
        }
        let broken: BTreeMap<String, &String> =
            messages.undone.iter().map(|(address, action)| (clean(address), action)).collect();
        let mut tally = Self::default();
        // A deposed object has the address of the one that took its place: that one's steps come first.
        let mut order: Vec<_> = plan.changes.iter().collect();
        order.sort_by_key(|change| change.deposed.is_some());
        for change in order {
            let wanted = wanted(&change.action);
            if wanted.is_empty() {
                continue;
            }
            let mut made = Vec::new();
            for step in wanted {
                if let Some(times) = steps.get_mut(&(change.address.clone(), *step)).filter(|times| **times > 0) {
                    *times -= 1;
                    made.push(*step);
                }
            }
            if made.len() == wanted.len() {
                tally.done.push(change.address.clone());
                continue;
            }
            let failed = broken.get(&change.address).map(|step| step.as_str());
            tally.left.push((change.address.clone(), how_far(&change.action, &made, failed)));
        }
        tally
    }

    /// How many changes there were to make.
    pub(super) fn all(&self) -> usize {
        self.done.len() + self.left.len()
    }
}

/// The steps that an action is made of, as Terraform names them while it applies.
fn wanted(action: &Action) -> &'static [&'static str] {
    match action {
        Action::Create | Action::CreateForget => &["create"],
        Action::Update => &["update"],
        Action::Delete => &["delete"],
        Action::DeleteCreate => &["delete", "create"],
        Action::CreateDelete => &["create", "delete"],
        Action::Read => &["read"],
        Action::Forget | Action::Open | Action::NoOp | Action::Other(_) => &[],
    }
}

fn how_far(action: &Action, made: &[&str], failed: Option<&str>) -> String {
    let made = match made {
        ["delete"] => "destroyed, not created again; ",
        ["create"] => "created, the old one is still there; ",
        _ => "",
    };
    match failed {
        Some(step) => format!("{made}{step} failed"),
        None if made.is_empty() => format!("{} was not begun", action.words()),
        None => format!("{made}the rest was not begun"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Options, Recorder, read};

    fn plan(changes: &[(&str, &[&str])]) -> Plan {
        let change = |(address, actions): &(&str, &[&str])| {
            serde_json::json!({"address": address, "mode": "managed", "type": "terraform_data", "name": "x",
                "provider_name": "p", "change": {"actions": actions, "before": null, "after": null, "after_unknown": {},
                "before_sensitive": false, "after_sensitive": false}})
        };
        let text = serde_json::json!({"format_version": "1.2", "terraform_version": "1.11.4",
            "resource_changes": changes.iter().map(change).collect::<Vec<_>>()})
        .to_string();
        read(text.as_bytes(), &Options::default(), &mut Recorder::digest_only()).expect("a plan")
    }

    #[test]
    fn a_replacement_is_made_only_if_both_of_its_steps_are() {
        let plan = plan(&[
            ("t.both", &["delete", "create"]),
            ("t.half", &["delete", "create"]),
            ("t.old_left", &["create", "delete"]),
            ("t.waiting", &["update"]),
            ("t.moved", &["no-op"]),
        ]);
        let mut messages = Messages::default();
        for (address, step) in
            [("t.both", "delete"), ("t.both", "create"), ("t.half", "delete"), ("t.old_left", "create")]
        {
            messages.steps.insert((address.to_owned(), step.to_owned()), 1);
        }
        messages.undone.insert("t.half".to_owned(), "create".to_owned());
        let tally = Tally::of(&plan, &messages);
        assert_eq!(tally.done, ["t.both"]);
        let left: Vec<_> = tally.left.iter().map(|(address, how)| format!("{address}: {how}")).collect();
        assert_eq!(
            left,
            [
                "t.half: destroyed, not created again; create failed",
                "t.old_left: created, the old one is still there; the rest was not begun",
                "t.waiting: update was not begun",
            ]
        );
        assert_eq!(tally.all(), 4);
    }
}
