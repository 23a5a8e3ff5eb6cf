//! Turns each element of a plan into what is kept of it and its canonical line, one at a time.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use anyhow::Result;

use super::{
    canonical::{Field, Key, Part, Writer},
    diff::{self, Lines},
    drift::Drifted,
    function,
    json::{self, Value},
    leaves::{self, Leaf},
    marks::{self, Mark},
    model::{Action, Change, Plan},
    record::Recorder,
    shown::Eye,
    words,
};
use crate::scrub::{Scrubber, Scrubs};

/// So much of one change's difference is kept, in bytes.
pub(super) const DETAIL: usize = 200 << 10;
/// So much of all differences of a class (destroyed, changed, created, drifted): no comment or summary holds more.
const DETAILS: usize = 1 << 20;

const ELEMENT: [&str; 13] = [
    "action_reason",
    "address",
    "change",
    "deposed",
    "index",
    "index_unknown",
    "mode",
    "module_address",
    "name",
    "previous_address",
    "provider_name",
    "type",
    "schema_version",
];
const CHANGE: [&str; 11] = [
    "actions",
    "after",
    "after_identity",
    "after_sensitive",
    "after_unknown",
    "before",
    "before_identity",
    "before_sensitive",
    "generated_config",
    "importing",
    "replace_paths",
];

/// How a plan is read.
#[derive(Clone, Default)]
pub struct Options {
    /// The key of the sensitive values' digests: the state's lineage, or what `--digest-key` says.
    pub digest_key: Vec<u8>,
    /// Values that must not be seen wherever they stand: the environment's secrets.
    pub secrets: Vec<String>,
    /// Shows names only, no value at all.
    pub hide_values: bool,
    /// Keeps each place that changes by itself too, for [`super::Leaf`].
    pub leaves: bool,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Options({} secrets, hide_values: {})", self.secrets.len(), self.hide_values)
    }
}

/// A plan while it is read.
pub(super) struct Builder<'b, 's> {
    pub(super) plan: Plan,
    pub(super) relevant: HashMap<String, Vec<String>>,
    pub(super) drifted: Vec<Drifted>,
    pub(super) key: Key,
    pub(super) recorder: &'b mut Recorder<'s>,
    pub(super) show: bool,
    pub(super) leaves: bool,
    pub(super) room: [usize; 4],
}

impl<'b, 's> Builder<'b, 's> {
    pub(super) fn new(options: &Options, recorder: &'b mut Recorder<'s>) -> Self {
        let mut scrubber = Scrubber::default();
        options.secrets.iter().for_each(|secret| scrubber.learn(secret));
        Self {
            plan: Plan { scrubber, values_hidden: options.hide_values, ..Plan::default() },
            relevant: HashMap::new(),
            drifted: Vec::new(),
            key: Key::new(&options.digest_key),
            recorder,
            show: !options.hide_values,
            leaves: options.leaves,
            room: [DETAILS; 4],
        }
    }

    /// An element of `resource_changes`.
    pub(super) fn change(&mut self, element: &Value<'_>) -> Result<()> {
        if let Some(change) = self.resource(element, "resource", None)? {
            self.plan.changes.push(change);
        }
        Ok(())
    }

    /// An element of `deferred_changes`.
    pub(super) fn deferred(&mut self, element: &Value<'_>) -> Result<()> {
        let reason = element.get("reason").text().unwrap_or("unknown");
        if let Some(mut change) = self.resource(element.get("resource_change"), "deferred", Some(reason))? {
            change.reason = Some(words::deferred(reason));
            self.plan.deferred.push(change);
        }
        Ok(())
    }

    fn resource(&mut self, element: &Value<'_>, what: &str, deferred: Option<&str>) -> Result<Option<Change>> {
        let change = element.get("change");
        let (action, raw) = action(change);
        let text = |name: &str| element.get(name).text();
        let address = text("address").unwrap_or("(no address)");
        let previous = text("previous_address").filter(|previous| *previous != address);
        let import = change.find("importing");
        let idle = action == Action::NoOp && previous.is_none() && import.is_none() && deferred.is_none();
        // NOTE: Terraform lists data sources that left the configuration, and does nothing for them.
        let mark = Mark::of_change(change);
        let own = self.learn(change, &mark);
        if text("type") == Some(function::KIND) && text("mode") != Some("data") {
            self.plan.functions.extend(function::configured(change));
        }
        if idle || (action == Action::Delete && text("mode") == Some("data")) {
            return Ok(None);
        }
        let extra = self.extra(element, change);
        let scrubber = Scrubs { plan: &self.plan.scrubber, change: &own };
        let kind = text("type").unwrap_or_default();
        let part = match &action {
            Action::Update => Part::Changed,
            Action::Delete | Action::Forget | Action::NoOp => Part::Identity,
            _ => Part::Whole,
        };
        let mut fields = vec![
            ("actions", Field::Raw(&raw)),
            ("address", Field::Text(address)),
            ("after", Field::After(change, &mark, part)),
        ];
        for (name, value) in [("deferred", deferred), ("deposed", text("deposed"))] {
            if let Some(value) = value {
                fields.push((name, Field::Text(value)));
            }
        }
        if let Some(extra) = &extra {
            fields.push(("extra", Field::Sealed(extra)));
        }
        if let Some(import) = import {
            fields.push(("import", Field::Raw(import)));
        }
        fields.push(("kind", Field::Text(what)));
        if let Some(previous) = previous {
            fields.push(("previous_address", Field::Text(previous)));
        }
        fields.push(("provider", Field::Text(text("provider_name").unwrap_or_default())));
        if let Some(paths) = change.find("replace_paths").filter(|paths| !paths.elements().is_empty()) {
            fields.push(("replace_paths", Field::Raw(paths)));
        }
        let record = self.recorder.stores();
        let line = Writer { key: &self.key, scrubber, record }.line(&fields, kind);
        self.recorder.add(&line)?;

        let replace_paths: Vec<String> =
            change.get("replace_paths").elements().iter().map(|steps| scrubber.cleaned(&path(steps))).collect();
        let eye = Eye { kind, scrubber };
        let (attributes, detail, mut leaves) = self.look(&eye, change, &action, &mark, &replace_paths);
        let detail = match (&extra, detail) {
            (Some(extra), Some(detail)) => Some(with_extra(&eye, extra, &mark, &detail)),
            (_, detail) => detail,
        };
        leaves.iter_mut().for_each(|leaf| leaf.path = scrubber.cleaned(&leaf.path));
        let safe = &self.plan.scrubber;
        let built = Change {
            address: safe.cleaned(address),
            previous_address: previous.map(|previous| safe.cleaned(previous)),
            deposed: text("deposed").map(|key| safe.cleaned(key)),
            kind: safe.cleaned(kind),
            reason: text("action_reason").filter(|reason| !reason.is_empty()).map(words::reason),
            replace_paths,
            import: import.map(|import| scrubber.cleaned(&imported(import))),
            attributes,
            detail: detail.map(String::into_boxed_str),
            leaves,
            action,
        };
        if let Some(detail) = &built.detail {
            let class = class(&built.action);
            self.room[class] = self.room[class].saturating_sub(detail.len());
        }
        Ok(Some(built))
    }

    /// The names of the attributes that change, the difference if there is room, and each place by itself if wanted.
    fn look(
        &self,
        eye: &Eye<'_>,
        change: &Value<'_>,
        action: &Action,
        mark: &Mark,
        forced: &[String],
    ) -> (Vec<String>, Option<String>, Vec<Leaf>) {
        let room = if self.show { self.room[class(action)].min(DETAIL) } else { 0 };
        let one_sided =
            matches!(action, Action::Create | Action::Delete | Action::Forget | Action::Open | Action::Read);
        if *action == Action::NoOp || (one_sided && room == 0) {
            return (Vec::new(), None, Vec::new());
        }
        let mut names = if one_sided { Vec::new() } else { names(eye, change) };
        if names.is_empty() && *action == Action::Update {
            names.push("(only which values are sensitive)".to_owned());
        }
        let apart = self.leaves && !one_sided;
        if (room == 0 && !apart) || *action == Action::Forget {
            return (names, None, Vec::new());
        }
        let before = eye.look(change.get("before"), &json::NULL, mark);
        let after = eye.look(change.get("after"), change.get("after_unknown"), mark);
        let mut lines = Lines::new(room, forced);
        diff::diff(&before, &after, "", &mut lines);
        let detail = Some(lines.finish()).filter(|text| room > 0 && !text.is_empty());
        let leaves = if apart {
            leaves::leaves(&before, &after, &leaves::differing(&before, &after), room, &self.key)
        } else {
            Vec::new()
        };
        (names, detail, leaves)
    }

    /// Learns what a change marks: enough of it for all of the plan, all of it for the change itself.
    pub(super) fn learn(&mut self, change: &Value<'_>, mark: &Mark) -> Scrubber {
        let mut values: Vec<String> = Vec::new();
        for side in ["before", "after"] {
            marks::marked(change.get(side), mark, &mut |value| values.push(value.to_owned()));
        }
        // A word that stands in many places hides nothing there and makes the comment useless.
        let telling = |value: &&String| {
            value.len() >= 12 || (value.len() >= 8 && value.bytes().any(|byte| byte.is_ascii_digit()))
        };
        values.iter().filter(telling).for_each(|value| self.plan.scrubber.learn(value));
        let mut own = Scrubber::default();
        values.iter().for_each(|value| own.learn(value));
        own
    }

    /// Fields that this program does not know.
    fn extra<'v>(&mut self, element: &Value<'v>, change: &Value<'v>) -> Option<Value<'v>> {
        let mut found = Vec::new();
        for (within, object, known) in [("", element, &ELEMENT[..]), ("change.", change, &CHANGE[..])] {
            for (name, value) in object.members() {
                if !known.contains(&name.as_ref()) && !value.is_null() {
                    let name = format!("{within}{name}");
                    let shown = crate::markdown::short(&self.plan.scrubber.cleaned(&name), 100);
                    *self.plan.unknown_fields.entry(format!("resource_changes[].{shown}")).or_default() += 1;
                    found.push((name.into(), value.clone()));
                }
            }
        }
        found.sort_by(|a: &(std::borrow::Cow<'_, str>, _), b| a.0.cmp(&b.0));
        (!found.is_empty()).then_some(Value::Object(found))
    }

    /// The plan, when all is read.
    pub(super) fn finish(mut self) -> Result<Plan> {
        if self.plan.errored {
            let none = Scrubber::default();
            let line = Writer {
                key: &self.key,
                scrubber: Scrubs { plan: &self.plan.scrubber, change: &none },
                record: self.recorder.stores(),
            };
            self.recorder.add(&line.line(&[("kind", Field::Text("errored"))], ""))?;
        }
        self.plan.digest = self.recorder.digest();
        self.plan.briefs = self.recorder.brief();
        let changed: HashSet<&str> = self.plan.changes.iter().map(|change| change.address.as_str()).collect();
        let refresh = self.plan.applyable == Some(true)
            && changed.is_empty()
            && (self.plan.refresh_only || self.plan.outputs.is_empty());
        let drifted = std::mem::take(&mut self.drifted);
        self.plan.drift = drifted.into_iter().map(|drifted| drifted.judge(&self.relevant, &changed, refresh)).collect();
        self.plan.clean();
        Ok(self.plan)
    }
}

/// The names of the attributes that change.
fn names(eye: &Eye<'_>, change: &Value<'_>) -> Vec<String> {
    let (before, after, unknown) = (change.get("before"), change.get("after"), change.get("after_unknown"));
    let mut names: Vec<&str> =
        [before, after, unknown].iter().flat_map(|side| side.members()).map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| super::shown::any(unknown.get(name)) || !before.get(name).same(after.get(name)));
    names.into_iter().map(|name| crate::markdown::plain(&eye.scrubber.cleaned(name))).collect()
}

/// What is done, and its list as it stands.
pub(super) fn action<'v>(change: &Value<'v>) -> (Action, Value<'v>) {
    let raw = change.get("actions");
    let actions: Vec<&str> = raw.elements().iter().map(|action| action.text().unwrap_or("(no text)")).collect();
    (Action::of(&actions), raw.clone())
}

fn class(action: &Action) -> usize {
    match action {
        action if action.destroys() => 0,
        Action::Create | Action::Read | Action::Open => 2,
        _ => 1,
    }
}

/// A path of steps as it is written: names after dots, keys and places in brackets.
pub(super) fn path(steps: &Value<'_>) -> String {
    steps.elements().iter().fold(String::new(), |path, step| match step {
        Value::String(name) => diff::join(&path, name),
        Value::Number(place) => format!("{path}[{}]", json::number(place)),
        _ => format!("{path}[?]"),
    })
}

/// How an import names its object.
fn imported(import: &Value<'_>) -> String {
    if import.get("unknown").is_true() {
        return "(id known after apply)".to_owned();
    }
    match import.find("id").and_then(Value::text).filter(|id| !id.is_empty()) {
        Some(id) => id.to_owned(),
        None => {
            let mut identity = String::new();
            import.get("identity").canonical(&mut identity);
            identity
        }
    }
}

/// The fields that are not known, as they are, unless the change has anything to hide.
fn with_extra(eye: &Eye<'_>, extra: &Value<'_>, mark: &Mark, detail: &str) -> String {
    let mark = if *mark == Mark::None { Mark::None } else { Mark::All };
    let mut lines = Lines::new(DETAIL, &[]);
    for (name, value) in extra.members() {
        let mut rest = String::from(" = ");
        eye.alone(name, value, &json::NULL, &mark).line(&mut rest);
        lines.push('#', &crate::markdown::plain(&eye.scrubber.cleaned(name)), &crate::markdown::short(&rest, 500));
    }
    format!("{detail}# of a newer format:\n{}", lines.finish())
}
