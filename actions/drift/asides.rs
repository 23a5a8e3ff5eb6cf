//! What a report says besides the drift that counts: drift without effect, and ignores.

use super::{
    ignores::Ignore,
    report::{Drifted, Report},
    table::what,
};
use crate::page::{Page, fold};

/// What changed outside and does not matter, folded away.
pub(super) fn without_effect(report: &Report, page: &mut Page<'_>) {
    let quiet = |drifted: &&Drifted| !drifted.effect || drifted.attributes.iter().any(|attribute| !attribute.effect);
    let all: Vec<&Drifted> = report.resources.iter().filter(quiet).collect();
    if all.is_empty() {
        return;
    }
    let title = format!("{} changed outside without effect", all.len());
    let mut part = page.part(page.room() / 6);
    let mut left = 0;
    for drifted in &all {
        let names: Vec<String> =
            drifted.attributes.iter().filter(|one| !one.effect).map(|one| one.path.clone()).collect();
        let line = match names.is_empty() {
            true => format!("- {}: {}\n", part.span(&drifted.address), what(drifted, &part)),
            false => format!("- {}: {}\n", part.span(&drifted.address), part.names(&names, 8)),
        };
        left += usize::from(left > 0 || part.room() < line.len() + 400 || !part.push(&line));
    }
    if left > 0 {
        part.push(&format!("- and {left} more\n"));
    }
    let intro = "Nothing that is configured, and nothing depends on it.\n\n";
    if left == all.len() || !page.push(&fold(&title, &format!("{intro}{}", part.text))) {
        page.push(&format!("{title}.\n\n"));
    }
}

/// What `drift.toml` hides, no longer hides, and never found.
pub(super) fn ignores(report: &Report, page: &mut Page<'_>) {
    let place =
        |ignore: &Ignore, page: &Page<'_>| format!("{} · {}", page.span(&ignore.address), page.span(&ignore.attribute));
    let mut lines: Vec<String> = Vec::new();
    for hidden in &report.expired_ignores {
        let ignore = &hidden.ignore;
        lines.push(format!(
            "- **expired** on {}, hides nothing any more ({} would be hidden): {}, of {}: {}\n",
            ignore.expires,
            hidden.places,
            place(ignore, page),
            page.span(&ignore.owner),
            page.message(&ignore.reason)
        ));
    }
    for hidden in &report.ignored {
        let ignore = &hidden.ignore;
        lines.push(format!(
            "- hides {} until {}: {}, of {}: {}\n",
            hidden.places,
            ignore.expires,
            place(ignore, page),
            page.span(&ignore.owner),
            page.message(&ignore.reason)
        ));
    }
    for ignore in &report.unused_ignores {
        lines.push(format!(
            "- **finds nothing** to hide, remove it: {}, of {}\n",
            place(ignore, page),
            page.span(&ignore.owner)
        ));
    }
    if lines.is_empty() {
        return;
    }
    let mut part = page.part(page.room() / 2);
    let mut left = usize::from(!part.push("### Ignored by `drift.toml`\n\n"));
    for line in &lines {
        left += usize::from(left > 0 || part.room() < line.len() + 60 || !part.push(line));
    }
    if left > 0 {
        part.push(&format!("- and {left} more\n"));
    }
    page.push(&format!("{}\n", part.text));
}
