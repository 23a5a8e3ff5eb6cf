//! What to do about drift: the commands, as they are to be typed.

use super::{
    aliases::Found,
    render::Context,
    report::{Drifted, Report, What},
};
use crate::{markdown, page::Page};

/// An address or path longer than this is no example.
const EXAMPLE: usize = 200;

/// The section, in Markdown, or nothing.
pub(super) fn advice(report: &Report, context: &Context, page: &Page<'_>) -> String {
    let (root, environment) = (quoted(&context.root), quoted(&context.environment));
    let outside = report.resources.iter().filter(|one| one.effect && !matches!(one.what, What::NotApplied(_)));
    let behind = report.resources.iter().any(|one| one.effect && matches!(one.what, What::NotApplied(_)));
    let example = outside.clone().find(|one| one.address.len() < EXAMPLE);
    let is_outside = outside.count() > 0;
    let mut out = String::new();
    if is_outside || behind {
        let release = context.applied.as_deref().map_or("ID".to_owned(), quoted);
        let plan = format!("lockgate plan --root {root} --environment {environment} --release {release}");
        let apply = format!(
            "lockgate apply --root {root} --environment {environment} --release {release} --approved-digest DIGEST"
        );
        let to = if is_outside { "Make it as it is configured" } else { "Apply it" };
        out.push_str(&format!(
            "- {to}: {}, read that plan, then {} with its digest. A merge that deploys does the same.\n",
            page.message(&plan),
            page.message(&apply)
        ));
    }
    if is_outside {
        out.push_str("- Keep it as it was found: change the configuration to the same in a pull request.\n");
    }
    out.push_str(&for_aliases(report, context, &environment, page));
    if let Some(example) = example {
        out.push_str(&format!("- Accept it for a time, in `drift.toml`:\n\n{}\n", entry(example)));
    }
    if out.is_empty() { out } else { format!("### What to do\n\n{}\n\n", out.trim_end()) }
}

fn for_aliases(report: &Report, context: &Context, environment: &str, page: &Page<'_>) -> String {
    let mut out = String::new();
    if report.aliases.is_empty() {
        return out;
    }
    let status = format!("lockgate status --environment {environment}");
    out.push_str(&format!("- See what the ledger says: {}\n", page.message(&status)));
    let any = |wanted: fn(&Found) -> bool| report.aliases.iter().any(|drift| wanted(&drift.found));
    if any(|found| matches!(found, Found::Moved | Found::Weights | Found::LeftBehind { .. })) {
        let release = context.live.as_deref().map_or("ID".to_owned(), quoted);
        let back = format!("lockgate rollback --environment {environment} --release {release} --reason TEXT");
        out.push_str(&format!("- Send all traffic back to the live release: {}\n", page.message(&back)));
    }
    if any(|found| matches!(found, Found::Missing)) {
        out.push_str(
            "- A missing alias is made again by an apply, at the newest version; then send it back as above.\n",
        );
    }
    if any(|found| matches!(found, Found::Unrecorded(_))) {
        out.push_str(
            "- Code of no recorded release was published past the pipeline: find out by whom, then roll back to a release.\n",
        );
    }
    out
}

/// An entry of `drift.toml` that would hide the first attribute.
fn entry(drifted: &Drifted) -> String {
    let attribute = drifted.attributes.iter().find(|one| one.effect && one.path.len() < EXAMPLE);
    let attribute = attribute.map_or("*", |attribute| &attribute.path);
    let text = |text: &str| markdown::plain(&toml::Value::from(text).to_string());
    let lines = format!(
        "[[ignore]]\naddress = {}\nattribute = {}\nreason = \"WHY\"\nowner = \"WHO\"\nexpires = YYYY-MM-DD",
        text(&drifted.address),
        text(attribute)
    );
    markdown::fence(&lines, "toml")
}

/// An argument as a shell takes it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
