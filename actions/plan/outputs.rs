//! What later steps may know of a plan: numbers of resources by what is done, `changed` and `errored` (`true` or `false`),
//! `risk` (`none`, `low`, `medium`, `high`, `top`), and `digest`. Besides, where its record is: `record`.

use anyhow::Result;

use super::{Plan, Risk};
use crate::runner;

/// Sets the outputs.
pub(super) fn set(plan: &Plan) -> Result<()> {
    let counts = plan.counts();
    let numbers = [
        ("create", counts.create + counts.create_forget),
        ("update", counts.update),
        ("replace", counts.replace),
        ("delete", counts.delete),
        ("forget", counts.forget + counts.create_forget),
        ("move", counts.moved),
        ("import", counts.import),
        ("read", counts.read),
        ("outputs", counts.outputs),
        ("drift", counts.drift),
    ];
    for (name, number) in numbers {
        runner::output(name, &number.to_string())?;
    }
    runner::output("changed", if plan.changed() { "true" } else { "false" })?;
    runner::output("errored", if plan.errored { "true" } else { "false" })?;
    runner::output("risk", risk(plan.risk()))?;
    runner::output("digest", &plan.digest)
}

/// A line for the log.
pub(super) fn headline(plan: &Plan) -> String {
    let digest = if plan.digest.is_empty() { "none" } else { &plan.digest };
    format!("{} Risk: {}. Digest: {digest}", plan.counts().terraform(), risk(plan.risk()))
}

fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::None => "none",
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
        Risk::Top => "top",
    }
}
