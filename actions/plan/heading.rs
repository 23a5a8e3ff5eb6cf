//! The top of a comment: what the plan does in a line, how much care it needs, and what has to be known before anything
//! else is read.

use super::{
    comment::Context,
    model::{Action, Change, Counts, Plan, Risk},
};
use crate::page::Page;

/// More holds than these are counted only.
const HOLDS: usize = 5;

/// The heading, and a line with the risk.
pub(super) fn headline(plan: &Plan, context: &Context, page: &Page<'_>) -> String {
    let of = match (&context.environment, &context.root) {
        (Some(environment), _) => format!(" of {}", page.span(environment)),
        (None, Some(root)) => format!(" of {}", page.span(root)),
        _ => String::new(),
    };
    let counts = plan.counts();
    let said = said(&[
        (counts.replace, "to replace"),
        (counts.delete, "to destroy"),
        (counts.other, "with an unknown action"),
        (counts.forget, "to forget"),
        (counts.create_forget, "to create anew and forget"),
        (counts.update, "to change"),
        (counts.create, "to create"),
        (counts.invocations, "to invoke"),
    ]);
    let besides = besides(&counts);
    let said = match (said.is_empty(), besides.is_empty(), plan.drift.iter().any(|drift| drift.matters)) {
        (false, ..) => said,
        (true, false, _) => besides.clone(),
        (true, true, true) => "only what changed outside of Terraform is recorded".to_owned(),
        (true, true, false) => "no changes".to_owned(),
    };
    let title = match (plan.errored, plan.complete) {
        (true, _) => format!("❌ Planning failed{of}; before that: {said}"),
        (false, Some(false)) => format!("Partial plan{of}: {said}"),
        _ => format!("Plan{of}: {said}"),
    };
    let also = if besides.is_empty() || besides == said { String::new() } else { format!("Also {besides}.\n\n") };
    format!("## {title}\n\n{}{}\n\n{also}", risk(plan), facts(plan, &counts))
}

fn said(words: &[(usize, &str)]) -> String {
    let said = words.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    said.collect::<Vec<_>>().join(", ")
}

/// What changes nothing that exists.
fn besides(counts: &Counts) -> String {
    said(&[
        (counts.import, "to import"),
        (counts.moved, "to move"),
        (counts.read, "to read"),
        (counts.open, "to open"),
        (counts.outputs, if counts.outputs == 1 { "output to change" } else { "outputs to change" }),
        (counts.deferred, "put off"),
    ])
}

fn risk(plan: &Plan) -> &'static str {
    let mut all = plan.changes.iter().chain(&plan.deferred);
    match plan.risk() {
        Risk::Top => "🛑 **Risk: top**, rollback targets are lost",
        Risk::High if plan.errored => "🟥 **Risk: high**, nobody knows what a plan would do that was never finished",
        Risk::High if all.any(|change: &Change| matches!(change.action, Action::Other(_))) => {
            "🟥 **Risk: high**, nobody knows what an unknown action does"
        }
        Risk::High => "🟥 **Risk: high**, something is destroyed or replaced",
        Risk::Medium => "🟨 **Risk: medium**, something is changed in place, invoked or no longer managed",
        Risk::Low => "🟩 **Risk: low**, nothing that exists is changed",
        Risk::None => "**Risk: none**",
    }
}

fn facts(plan: &Plan, counts: &Counts) -> String {
    let mut out = String::new();
    if plan.changed() {
        out.push_str(&format!(" · Terraform counts `{}`", counts.terraform()));
        if counts.replace > 0 {
            out.push_str(", a replacement as one added and one destroyed");
        }
    }
    match counts.checks {
        0 => {}
        1 => out.push_str(" · **1 check failed**"),
        n => out.push_str(&format!(" · **{n} checks failed**")),
    }
    if counts.drift > 0 {
        out.push_str(&format!(" · {} changed outside of Terraform", counts.drift));
    }
    out
}

/// What has to be known before anything else, the worst first.
pub(super) fn alerts(plan: &Plan, context: &Context, page: &mut Page<'_>) {
    for (kind, text) in all(plan, context, page) {
        page.push(&format!("> [!{kind}]\n> {text}\n\n"));
    }
}

fn all(plan: &Plan, context: &Context, page: &Page<'_>) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    let mut alert = |kind: &'static str, text: &str| out.push((kind, text.to_owned()));
    if plan.risk() == Risk::Top {
        alert(
            "CAUTION",
            "**Rollback targets are lost.** Functions, aliases or tables are destroyed or replaced: after this there is \
             nothing to roll back to.",
        );
    }
    if plan.errored {
        alert(
            "CAUTION",
            "Terraform failed while planning. What is listed is what it knew until then; it cannot be applied. See the \
             run's log for the error.",
        );
    } else if plan.complete == Some(false) {
        alert(
            "WARNING",
            "This plan is not all: something was targeted or put off. After its apply another plan is needed.",
        );
    }
    let holds = context.holds.iter().flatten().filter(|hold| hold.concerns).map(|hold| hold.text.clone());
    let holds: Vec<String> = holds.collect();
    if !holds.is_empty() {
        let shown = page.names(&holds, HOLDS);
        alert(
            "WARNING",
            &format!("**Held**: {shown}. With the same configuration it is not promoted until somebody frees it."),
        );
    }
    if !plan.unknown_fields.is_empty() {
        let names: Vec<String> = plan.unknown_fields.keys().cloned().collect();
        let names = page.names(&names, 10);
        let version = page.span(&plan.format_version);
        alert(
            "WARNING",
            &format!(
                "The plan's format ({version}) has fields that this Lockgate does not know: {names}. They may say something \
                 that is not shown here."
            ),
        );
    }
    out
}
