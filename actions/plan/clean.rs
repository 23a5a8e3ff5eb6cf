//! Takes out of a plan what was found to be secret only after it had been kept: a value may be marked in the last of its
//! changes and stand unmarked in the first.

use super::{
    leaves::Leaf,
    model::{Action, Change, Plan},
};

impl Plan {
    pub(super) fn clean(&mut self) {
        let scrubber = std::mem::take(&mut self.scrubber);
        let one = |text: &mut String| scrubber.clean(text);
        let all = |texts: &mut Vec<String>| texts.iter_mut().for_each(one);
        let detail = |text: &mut Option<Box<str>>| {
            if let Some(text) = text
                && scrubber.finds(text)
            {
                *text = scrubber.cleaned(text).into_boxed_str();
            }
        };
        let leaves = |leaves: &mut Vec<Leaf>| {
            for leaf in leaves {
                one(&mut leaf.path);
                if scrubber.finds(&leaf.detail) {
                    leaf.detail = scrubber.cleaned(&leaf.detail).into_boxed_str();
                }
            }
        };
        one(&mut self.terraform_version);
        one(&mut self.format_version);
        let fields = std::mem::take(&mut self.unknown_fields);
        self.unknown_fields = fields.into_iter().map(|(name, count)| (scrubber.cleaned(&name), count)).collect();
        for change in self.changes.iter_mut().chain(&mut self.deferred) {
            let Change { address, kind, action, attributes, replace_paths, .. } = change;
            one(address);
            one(kind);
            all(attributes);
            all(replace_paths);
            action.names().for_each(one);
            leaves(&mut change.leaves);
            let Change { previous_address, deposed, reason, import, .. } = change;
            [previous_address, deposed, reason, import].into_iter().flatten().for_each(one);
            detail(&mut change.detail);
        }
        for output in &mut self.outputs {
            one(&mut output.name);
            output.action.names().for_each(one);
            detail(&mut output.detail);
        }
        for drift in &mut self.drift {
            one(&mut drift.address);
            one(&mut drift.kind);
            leaves(&mut drift.leaves);
            drift.action.names().for_each(one);
            all(&mut drift.attributes);
            detail(&mut drift.detail);
        }
        for check in &mut self.checks {
            one(&mut check.address);
            one(&mut check.status);
            all(&mut check.messages);
        }
        all(&mut self.invocations);
        self.scrubber = scrubber;
    }
}

impl Action {
    /// The names of an action that is newer than this program.
    fn names(&mut self) -> impl Iterator<Item = &mut String> {
        if let Self::Other(names) = self { names.iter_mut() } else { [].iter_mut() }
    }
}
