//! Tests of reading, meaning, hiding, digest and comment. Tests of a trap that other plan commenters fall into bear its
//! number, `plan_trap_NN_`, from the list of traps of plans and scans; `docs/traps.md` has a list of its own.

mod digest;
mod golden;
mod hiding;
pub(crate) mod markdown;
mod meaning;
mod mutations;
mod reading;

use std::io::Cursor;

use serde_json::{Value, json};

use super::*;

pub(super) const CBD: &str = include_str!("../../tests/plan/cbd.json");
pub(super) const ALPHA: &str = include_str!("../../tests/plan/alpha.json");
pub(super) const BETA: &str = include_str!("../../tests/plan/beta.json");
pub(super) const SERVICE: &str = include_str!("../../tests/plan/service.json");
pub(super) const SAMPLES: [(&str, &str); 4] = [("cbd", CBD), ("alpha", ALPHA), ("beta", BETA), ("service", SERVICE)];

/// A plan with its record.
pub(super) fn read_with(text: &[u8], options: &Options) -> anyhow::Result<(Plan, String)> {
    let mut store = Cursor::new(Vec::new());
    let mut recorder = Recorder::storing(&mut store);
    let plan = read(text, options, &mut recorder)?;
    let mut record = Vec::new();
    recorder.write(&plan, &mut record)?;
    Ok((plan, String::from_utf8(record)?))
}

pub(super) fn plan(text: &str) -> Plan {
    read_with(text.as_bytes(), &Options::default()).expect("a plan").0
}

pub(super) fn plan_of(value: &Value) -> Plan {
    plan(&value.to_string())
}

pub(super) fn failure(text: &[u8]) -> String {
    format!("{:#}", read_with(text, &Options::default()).map(|_| ()).expect_err("no plan"))
}

pub(super) fn context() -> comment::Context {
    comment::Context {
        root: Some("terraform/environments/staging".to_owned()),
        environment: Some("staging".to_owned()),
        commit: Some("6c1003f0a1b2c3d4e5f60718293a4b5c6d7e8f90".to_owned()),
        holds: Some(vec![
            comment::Hold { concerns: true, text: "ingest 4be1…: errors after r812-0a1b2c3d4e5f".to_owned() },
            comment::Hold { concerns: false, text: "query 07ac…: slow after r790-5d4e3c2b1a00".to_owned() },
        ]),
        run: Some("https://github.com/example/calls/actions/runs/812".to_owned()),
        errors: Vec::new(),
    }
}

pub(super) fn comment_of(plan: &Plan) -> String {
    comment::comment(plan, &context(), comment::COMMENT).0
}

/// A plan of these resources.
pub(super) fn resources(changes: &[Value]) -> Value {
    json!({ "format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": changes, "errored": false })
}

/// A resource's change, nothing of it sensitive.
pub(super) fn resource(address: &str, actions: &[&str], before: &Value, after: &Value) -> Value {
    let kind = address.split('.').next().unwrap_or_default();
    json!({
        "address": address, "mode": "managed", "type": kind, "name": "x", "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": actions, "before": before, "after": after,
            "after_unknown": {}, "before_sensitive": false, "after_sensitive": false,
        },
    })
}
