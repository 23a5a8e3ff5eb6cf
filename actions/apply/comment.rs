//! What became of a change, for those who decided on it: a section of the pull request's comment, or the step's summary.

use super::report::{End, Report, SEE_LOG};
use crate::{
    markdown,
    page::{LEAST, Measure, Page, SUMMARY, fold},
    plan::comment::link,
    progress,
    scrub::Scrubber,
    sticky::marker,
};

/// More addresses than these are counted only.
const NAMES: usize = 100;

/// What is said besides how it ended.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) root: String,
    pub(super) environment: Option<String>,
    pub(super) release: Option<String>,
    /// The approved digest.
    pub(super) approved: String,
    pub(super) commit: Option<String>,
    /// Where the run is to be seen: an `https` URL.
    pub(super) run: Option<String>,
}

/// A section of the comment of at most `most` UTF-16 units.
pub(super) fn comment(report: &Report, context: &Context, most: usize) -> String {
    render(report, context, most, Measure::Utf16)
}

/// The section where there is no report, as what was needed for one failed.
pub(super) fn broken_off(context: &Context, most: usize) -> String {
    framed(None, context, Page::new(most.max(LEAST), Measure::Utf16, &Scrubber::default()), |page, what| {
        page.push(&format!(
            "## ❌ The apply to {what} broke off\n\nThe run's log says why, and whether Terraform had begun. Mend that, and try it \
             again by *Re-run failed jobs* on the run's page.\n\n"
        ));
    })
}

/// The step's summary.
pub(super) fn summary(report: &Report, context: &Context) -> String {
    render(report, context, SUMMARY, Measure::Bytes)
}

fn render(report: &Report, context: &Context, most: usize, measure: Measure) -> String {
    let page = Page::new(most.max(LEAST), measure, report.plan.scrubber());
    framed(now(report), context, page, |page, what| told(report, what, page))
}

/// Between the line by which the section is found again and what the run was about: what `tell` says of the subject.
fn framed(now: Option<&str>, context: &Context, mut page: Page<'_>, tell: impl FnOnce(&mut Page<'_>, &str)) -> String {
    let footer = markdown::defuse(&footer(now, context, &page));
    let kept = page.keep_free(&footer);
    let subject = context.environment.as_ref().unwrap_or(&context.root);
    page.push(&format!("{}\n", marker::line(progress::COMMENT, &markdown::short(subject, 400))));
    let what = page.span(subject);
    tell(&mut page, &what);
    page.give_back(kept);
    page.push(&footer);
    page.text
}

fn told(report: &Report, what: &str, page: &mut Page<'_>) {
    page.push(&format!("## {}\n\n", headline(report, what)));
    match &report.end {
        End::Unplanned { errors } => page.complaints(errors, report.plan.values_hidden),
        End::Locked { what, .. } => {
            let what = page.message(what);
            page.push(&format!("{what}\n\n"));
        }
        End::Refused(refusal) => {
            let why = page.message(refusal.why.shown(report.plan.values_hidden));
            page.push(&format!("{why}\n\n"));
        }
        End::Differs { difference, unknown } => {
            page.push("Review the difference and approve this plan, or bring back what was approved.\n\n");
            if let Some(unknown) = unknown {
                let unknown = said(unknown, report, page);
                page.push(&format!("What differs is not known: {unknown}\n\n"));
            }
            if let Some(difference) = difference {
                let counts = format!(
                    "{} more than approved, {} less, {} not the same",
                    difference.added, difference.removed, difference.changed
                );
                let shown = fold(&counts, &page.fence(report.shown(difference)));
                if !page.push(&shown) {
                    page.push(&format!("{counts}. The difference is too long to be shown here: see the run.\n\n"));
                }
            }
        }
        End::Failed { tally, errors, .. } => {
            page.push("A new plan shows what is left. It needs an approval of its own.\n\n");
            let left = tally.left.iter().map(|(address, how)| format!("{}: {how}", page.span(address))).collect();
            listed("Not done", left, page);
            page.complaints(errors, report.plan.values_hidden);
            let done = tally.done.iter().map(|address| page.span(address)).collect();
            listed("Done", done, page);
        }
        End::Cancelled | End::Agreed | End::Nothing | End::Applied(_) => {}
    }
    if let Some(why) = &report.unrecorded {
        let why = said(why, report, page);
        page.push(&format!(
            "> [!CAUTION]\n> The release's versions were not recorded, so it cannot be promoted: {why}\n\n"
        ));
    }
    if !report.versions.is_empty() {
        let rows: String = report
            .versions
            .iter()
            .map(|(stem, version)| format!("| {} | {} |\n", page.cell(stem), page.cell(version)))
            .collect();
        page.push(&format!("| function | version |\n|---|---|\n{rows}\n"));
    }
}

/// Words of Terraform's or AWS's, where values may be seen.
fn said(words: &str, report: &Report, page: &Page<'_>) -> String {
    if report.plan.values_hidden { SEE_LOG.to_owned() } else { page.message(words) }
}

fn headline(report: &Report, what: &str) -> String {
    let counts = report.plan.counts();
    match &report.end {
        End::Unplanned { .. } => format!("❌ Not applied to {what}: Terraform could not plan"),
        End::Locked { .. } => format!("⏳ Not applied to {what}: a lock is held"),
        End::Refused(refusal) => format!("⛔ Not applied to {what}: {}", refusal.headline),
        End::Differs { .. } => format!("⛔ Not applied to {what}: the plan is not the approved one"),
        End::Cancelled => format!("Not applied to {what}: the job was cancelled"),
        End::Agreed => format!("Not applied to {what}: a dry run of the approved plan"),
        End::Nothing => format!("✅ Nothing to apply to {what}: everything is as approved"),
        End::Applied(_) => format!(
            "✅ Applied to {what}: {} added, {} changed, {} destroyed",
            counts.create + counts.replace + counts.create_forget,
            counts.update,
            counts.delete + counts.replace
        ),
        End::Failed { tally, stopped, .. } => {
            let how = if *stopped { "was cancelled" } else { "failed" };
            format!("❌ Applying to {what} {how} after {} of {} changes", tally.done.len(), tally.all())
        }
    }
}

/// A list under a heading, of a third of the page at most. Its items are Markdown.
fn listed(title: &str, items: Vec<String>, page: &mut Page<'_>) {
    if items.is_empty() {
        return;
    }
    let mut part = page.part(page.room() / 3);
    part.push(&format!("### {title}: {}\n\n", items.len()));
    let all = items.len();
    let shown = items.into_iter().take(NAMES).take_while(|item| part.room() > 100 && part.push(&format!("- {item}\n")));
    let shown = shown.count();
    if shown < all {
        part.push(&format!("- and {} more\n", all - shown));
    }
    page.push(&format!("{}\n", part.text));
}

/// The plan's digest, if it is not the approved one.
fn now(report: &Report) -> Option<&str> {
    (!report.approved() && !report.plan.digest.is_empty()).then_some(report.plan.digest.as_str())
}

fn footer(now: Option<&str>, context: &Context, page: &Page<'_>) -> String {
    let mut facts = vec![format!("approved digest `{}`", context.approved)];
    facts.extend(now.map(|digest| format!("digest now `{digest}`")));
    let mut fact = |name: &str, value: Option<&String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push(format!("{name} {}", page.span(value)));
        }
    };
    fact("release", context.release.as_ref());
    fact("commit", context.commit.as_ref());
    fact("root", Some(&context.root));
    if let Some(run) = &context.run {
        facts.push(link(run, page));
    }
    format!("---\n- {}\n", facts.join(" · "))
}
