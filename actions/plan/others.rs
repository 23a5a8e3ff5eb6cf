//! What a plan says besides the changes of resources: outputs, drift, checks, and actions of providers.

use anyhow::Result;

use super::{
    build::{Builder, DETAIL, action, path},
    canonical::{Field, Part, Writer},
    diff::{self, Lines},
    drift::{self, Drifted},
    json::{self, Value},
    marks::Mark,
    model::{Action, Check, Output},
    shown::Eye,
};
use crate::scrub::Scrubs;

impl Builder<'_, '_> {
    /// A member of `output_changes`.
    pub(super) fn output(&mut self, name: &str, change: &Value<'_>) -> Result<()> {
        let (action, raw) = action(change);
        let mark = Mark::of_change(change);
        let own = self.learn(change, &mark);
        if action == Action::NoOp {
            return Ok(());
        }
        let scrubber = Scrubs { plan: &self.plan.scrubber, change: &own };
        let part = if action == Action::Delete { Part::Identity } else { Part::Whole };
        let fields = [
            ("actions", Field::Raw(&raw)),
            ("after", Field::After(change, &mark, part)),
            ("kind", Field::Text("output")),
            ("name", Field::Text(name)),
        ];
        let record = self.recorder.stores();
        let line = Writer { key: &self.key, scrubber, record }.line(&fields, "");
        self.recorder.add(&line)?;
        let room = if self.show { self.room[1].min(DETAIL) } else { 0 };
        let eye = Eye { kind: "", scrubber };
        let before = eye.alone(name, change.get("before"), &json::NULL, &mark);
        let after = eye.alone(name, change.get("after"), change.get("after_unknown"), &mark);
        let mut lines = Lines::new(room, &[]);
        diff::diff(&before, &after, &diff::join("", &scrubber.cleaned(name)), &mut lines);
        let detail = Some(lines.finish()).filter(|text| room > 0 && !text.is_empty()).map(String::into_boxed_str);
        self.room[1] = self.room[1].saturating_sub(detail.as_deref().map_or(0, str::len));
        self.plan.outputs.push(Output { name: self.plan.scrubber.cleaned(name), action, detail });
        Ok(())
    }

    /// An element of `resource_drift`. Never part of the digest.
    pub(super) fn drift(&mut self, element: &Value<'_>) -> Result<()> {
        let change = element.get("change");
        let (action, _) = action(change);
        let mark = Mark::of_change(change);
        let own = self.learn(change, &mark);
        if action == Action::NoOp {
            return Ok(());
        }
        let scrubber = Scrubs { plan: &self.plan.scrubber, change: &own };
        let kind = element.get("type").text().unwrap_or_default();
        let room = if self.show { self.room[3].min(DETAIL) } else { 0 };
        let eye = Eye { kind, scrubber };
        let before = drift::without_promotion(element, eye.look(change.get("before"), &json::NULL, &mark));
        let after = drift::without_promotion(element, eye.look(change.get("after"), &json::NULL, &mark));
        let (before, after) = drift::without_unset(before, after);
        if action == Action::Update && before == after {
            return Ok(());
        }
        let address = element.get("address").text().unwrap_or("(no address)");
        let key = self.leaves.then_some(&self.key);
        let mut found = Drifted::new(address, action, &before, &after, room, key);
        found.drift.address = self.plan.scrubber.cleaned(address);
        found.drift.kind = self.plan.scrubber.cleaned(kind);
        found.drift.leaves.iter_mut().for_each(|leaf| leaf.path = scrubber.cleaned(&leaf.path));
        self.room[3] = self.room[3].saturating_sub(found.drift.detail.as_deref().map_or(0, str::len));
        self.drifted.push(found);
        Ok(())
    }

    /// An element of `relevant_attributes`, which comes after all drift.
    pub(super) fn relevant(&mut self, element: &Value<'_>) -> Result<()> {
        let resource = element.get("resource").text().unwrap_or_default();
        self.relevant.entry(resource.to_owned()).or_default().push(path(element.get("attribute")));
        Ok(())
    }

    /// An element of `checks`.
    pub(super) fn check(&mut self, element: &Value<'_>) -> Result<()> {
        let display = |of: &Value<'_>| of.get("address").get("to_display").text().map(str::to_owned);
        let status = element.get("status").text().unwrap_or("unknown");
        if status == "pass" {
            self.plan.checks_passed += 1;
            return Ok(());
        }
        let safe = &self.plan.scrubber;
        let problems = element.get("instances").elements().iter().flat_map(|one| one.get("problems").elements());
        let messages = problems.filter_map(|problem| problem.get("message").text());
        self.plan.checks.push(Check {
            address: safe.cleaned(&display(element).unwrap_or_else(|| "(unnamed check)".to_owned())),
            status: crate::markdown::short(&safe.cleaned(status), 40),
            messages: messages.take(20).map(|message| crate::markdown::short(&safe.cleaned(message), 2_000)).collect(),
        });
        Ok(())
    }

    /// An element of `action_invocations` or `deferred_action_invocations`.
    pub(super) fn invocation(&mut self, element: &Value<'_>) -> Result<()> {
        let (deferred, element) = match element.find("action_invocation") {
            Some(inner) => (element.get("reason").text().or(Some("unknown")), inner),
            None => (None, element),
        };
        let mark = match element.find("config_sensitive") {
            Some(marks) => Mark::read(marks),
            None => Mark::All,
        };
        let member = |name: &'static str, from: &str| (name.into(), element.get(from).clone());
        let change = Value::Object(vec![member("after", "config_values"), member("after_unknown", "config_unknown")]);
        let own = self.learn(&change, &mark);
        let scrubber = Scrubs { plan: &self.plan.scrubber, change: &own };
        let trigger = element.find("lifecycle_action_trigger").or(element.find("invoke_action_trigger"));
        let address = element.get("address").text().unwrap_or("(no address)");
        let mut fields = vec![("address", Field::Text(address)), ("after", Field::After(&change, &mark, Part::Whole))];
        if let Some(reason) = deferred {
            fields.push(("deferred", Field::Text(reason)));
        }
        fields.push(("kind", Field::Text("invocation")));
        fields.push(("provider", Field::Text(element.get("provider_name").text().unwrap_or_default())));
        if let Some(trigger) = trigger {
            fields.push(("trigger", Field::Raw(trigger)));
        }
        let record = self.recorder.stores();
        let line = Writer { key: &self.key, scrubber, record }.line(&fields, "");
        self.recorder.add(&line)?;
        let by = trigger.and_then(|trigger| trigger.get("triggering_resource_address").text());
        let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
        let when = if deferred.is_some() { ", deferred" } else { "" };
        self.plan.invocations.push(self.plan.scrubber.cleaned(&format!("{address}{by}{when}")));
        Ok(())
    }
}
