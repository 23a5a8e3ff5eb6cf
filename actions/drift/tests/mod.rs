//! Tests of judging, ignoring, digest, text, and the life. Tests of a trap that other drift reports fall into bear
//! its number, `plan_trap_NN_`, from the list of traps of plans and scans.

mod golden;
mod hostile;
mod ignoring;
mod judging;
mod life;
mod routing;

use serde_json::{Value, json};

use super::*;
use crate::plan::{Options, Plan, Recorder, read};

pub(super) const REFRESH: &str = include_str!("../../tests/drift/refresh.json");
pub(super) const FULL: &str = include_str!("../../tests/drift/full.json");
pub(super) const US: u64 = 41_898_282;

pub(super) fn now() -> jiff::Timestamp {
    "2026-11-21T04:00:00Z".parse().expect("a time")
}

pub(super) fn plan(text: &str) -> Plan {
    let options = Options { leaves: true, digest_key: b"lineage".to_vec(), ..Options::default() };
    read(text.as_bytes(), &options, &mut Recorder::digest_only()).expect("a plan")
}

/// A refresh-only plan of this drift.
pub(super) fn refresh(drift: &[Value]) -> Plan {
    let plan = json!({ "format_version": "1.2", "planned_values": {}, "resource_drift": drift, "output_changes": {},
        "applyable": !drift.is_empty(), "complete": true, "errored": false });
    self::plan(&plan.to_string())
}

/// A full plan with this drift and these changes.
pub(super) fn full(drift: &[Value], changes: &[Value]) -> Plan {
    let plan = json!({ "format_version": "1.2", "resource_drift": drift, "resource_changes": changes,
        "applyable": !changes.is_empty(), "complete": true, "errored": false });
    self::plan(&plan.to_string())
}

pub(super) fn resource(address: &str, actions: &[&str], before: &Value, after: &Value) -> Value {
    json!({ "address": address, "mode": "managed", "type": "aws_thing", "name": "x", "provider_name": "p",
        "change": { "actions": actions, "before": before, "after": after, "after_unknown": {},
            "before_sensitive": false, "after_sensitive": false } })
}

pub(super) fn judged(refresh: &Plan, full: &Plan) -> Report {
    with(refresh, full, &Ignores::default())
}

pub(super) fn with(refresh: &Plan, full: &Plan, ignores: &Ignores) -> Report {
    let plans = Plans { refresh: Some(refresh), full: Some(full) };
    Report::new(plans, &[], ignores, "staging", now()).expect("a report")
}

pub(super) fn aliases_only(facts: &[AliasFact]) -> Report {
    let plan = full(&[], &[]);
    Report::new(Plans { refresh: None, full: Some(&plan) }, facts, &Ignores::default(), "staging", now())
        .expect("a report")
}

pub(super) fn context() -> Context {
    Context {
        environment: "staging".to_owned(),
        root: "terraform/environments/staging".to_owned(),
        applied: Some("r812-0a1b2c3d4e5f".to_owned()),
        live: Some("r799-f5e4d3c2b1a0".to_owned()),
        commit: Some("6c1003f0a1b2c3d4e5f60718293a4b5c6d7e8f90".to_owned()),
        run: Some("https://github.com/example/calls/actions/runs/812".to_owned()),
    }
}

/// Each resource as `address: what attribute attribute?`, a question mark on what has no effect.
pub(super) fn told(report: &Report) -> Vec<String> {
    let mark = |effect: bool| if effect { "" } else { "?" };
    let attributes = |one: &Drifted| -> String {
        one.attributes.iter().map(|attribute| format!(" {}{}", attribute.path, mark(attribute.effect))).collect()
    };
    let one = |one: &Drifted| match &one.what {
        What::Changed => format!("{}: changed{}{}", one.address, mark(one.effect), attributes(one)),
        What::Deleted => format!("{}: deleted{}", one.address, mark(one.effect)),
        What::NotApplied(words) => format!("{}: not applied: {words}{}", one.address, attributes(one)),
    };
    report.resources.iter().map(one).collect()
}
