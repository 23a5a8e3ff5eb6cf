//! What a check found, for those who decide: a section of the pull request's comment, or the step's summary.

use std::collections::BTreeMap;

use super::{
    older::Older,
    review::{Review, Why},
    taken_back::TakenBack,
};
use crate::{
    ledger::{Hold, Release},
    markdown,
    origin::Refusal,
    page::{LEAST, Measure, Page, SUMMARY, fold},
    plan::{
        Change, Plan,
        comment::{Context as PlanContext, link, summary as plan_summary, words_of},
        reviewed::Difference,
    },
    progress,
    sticky::marker,
};

/// More changes than these are counted only.
const MOST: usize = 50;

/// What is said besides the plan.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) environment: &'a str,
    pub(super) root: String,
    /// The GitHub environment of the job that applies.
    pub(super) gate: String,
    pub(super) release: &'a Release,
    pub(super) held: &'a BTreeMap<String, Hold>,
    /// Why the release cannot be applied any more.
    pub(super) spent: Option<&'a str>,
    /// Why it goes nowhere else than where it came from.
    pub(super) refusal: Option<&'a Refusal>,
    pub(super) why: &'a [Why],
    /// What is live, if that is newer.
    pub(super) older: Option<&'a Older>,
    /// What was taken out of service, if that has the same code.
    pub(super) taken_back: Option<&'a TakenBack>,
    /// Terraform's errors.
    pub(super) errors: &'a [String],
    pub(super) commit: Option<String>,
    /// Where the run is to be seen: an `https` URL.
    pub(super) run: Option<String>,
}

/// A section of the comment of at most `most` UTF-16 units.
pub(super) fn comment(plan: &Plan, review: &Review, context: &Context<'_>, most: usize) -> String {
    let mut page = Page::new(most.max(LEAST), Measure::Utf16, plan.scrubber());
    let footer = markdown::defuse(&footer(plan, review, context, &page));
    let kept = page.keep_free(&footer);
    page.push(&format!("{}\n", marker::line(progress::COMMENT, context.environment)));
    said(plan, review, context, &mut page);
    page.give_back(kept);
    page.push(&footer);
    page.text
}

/// The step's summary: the same, then the whole plan, which is what the approval is about.
pub(super) fn summary(plan: &Plan, review: &Review, context: &Context<'_>) -> String {
    let mut page = Page::new(SUMMARY / 4, Measure::Bytes, plan.scrubber());
    said(plan, review, context, &mut page);
    let footer = footer(plan, review, context, &page);
    page.push(&footer);
    let of_plan = PlanContext {
        environment: Some(context.environment.to_owned()),
        commit: context.commit.clone(),
        errors: context.errors.to_vec(),
        ..PlanContext::default()
    };
    let room = SUMMARY - page.text.len() - 1;
    format!("{}\n{}", page.text, plan_summary(plan, &of_plan, room).0)
}

fn said(plan: &Plan, review: &Review, context: &Context<'_>, page: &mut Page<'_>) {
    let heading = format!("## {}\n\n", headline(plan, context, page));
    page.push(&heading);
    page.complaints(context.errors, plan.values_hidden);
    for hold in context.held.values() {
        let why = if plan.values_hidden { String::new() } else { format!(": {}", page.message(&hold.reason)) };
        let line = format!("- {} ({}){why}\n", page.span(&hold.function), page.span(&hold.id));
        page.push(&line);
    }
    if !context.held.is_empty() {
        page.push("\nShip other code, or free it with a reason: `lockgate unlock --hold ID`.\n\n");
        return;
    }
    if plan.errored {
        return;
    }
    if let Some(refusal) = context.refusal {
        let line = format!("{}\n\n", page.message(refusal.why.shown(plan.values_hidden)));
        page.push(&line);
        return;
    }
    if let Some(why) = context.spent {
        let line = format!("{}\n\n", page.message(why));
        page.push(&line);
        return;
    }
    if context.why.is_empty() {
        return;
    }
    for why in context.why {
        let line = match (why, context.older, context.taken_back) {
            (Why::Older, Some(older), _) => format!("- {}\n", newer(older, context, page)),
            (Why::TakenBack, _, Some(taken_back)) => format!("- {}\n", again(taken_back, plan, page)),
            _ => format!("- {}\n", because(*why)),
        };
        page.push(&line);
    }
    page.push("\n");
    if context.why.contains(&Why::Differs) {
        let found = review.plan.as_ref().and_then(|reviewed| reviewed.compare(plan));
        differences(found.as_ref(), page);
    }
}

fn headline(plan: &Plan, context: &Context<'_>, page: &Page<'_>) -> String {
    let what = page.span(context.environment);
    if plan.errored || plan.digest.is_empty() {
        return format!("❌ Not delivered to {what}: Terraform could not plan");
    }
    if !context.held.is_empty() {
        return format!("⛔ Not delivered to {what}: it contains code that was judged bad");
    }
    if let Some(refusal) = context.refusal {
        return format!("⛔ Not delivered to {what}: {}", refusal.headline);
    }
    if context.spent.is_some() {
        return format!("⛔ Not delivered to {what}: this release was applied there before");
    }
    match context.why {
        [] => format!("Delivering to {what}: {}", agreed(plan)),
        [Why::Always] => format!("⏳ {what} waits for an approval; {}", agreed(plan)),
        all if all.contains(&Why::Older) => format!("⏳ {what} waits for an approval: what is live is newer"),
        all if all.contains(&Why::TakenBack) => {
            format!("⏳ {what} waits for an approval: this was taken out of service before")
        }
        all if all.contains(&Why::Differs) => {
            format!("⏳ {what} waits for an approval: the plan is not the reviewed one")
        }
        _ => format!("⏳ {what} waits for an approval"),
    }
}

/// Why nobody has to look at the plan before it is applied.
pub(super) fn agreed(plan: &Plan) -> &'static str {
    if plan.changed() { "the plan is the reviewed one" } else { "the plan changes nothing" }
}

const fn because(why: Why) -> &'static str {
    match why {
        Why::NoPullRequest => "The commit came by no pull request, so nobody reviewed a plan.",
        Why::NotReviewed => "This pull request has no plan of the root in its comment, so nobody reviewed one.",
        Why::Differs => "Something changed since the plan in the comment above was made.",
        Why::Top => "🛑 **Rollback targets are lost**: functions, aliases or tables are destroyed or replaced.",
        Why::Older => "What is live is newer than this.",
        Why::TakenBack => "It has code that was taken out of service.",
        Why::Always => "This environment always asks. The run's page shows the plan, and has the button.",
    }
}

/// What is live, and how the delivered commit stands to it.
fn newer(older: &Older, context: &Context<'_>, page: &Page<'_>) -> String {
    let (live, commit, ours) = (page.span(&older.live), page.span(&older.commit), page.span(&context.release.commit));
    let how = if older.behind {
        format!("{ours} is an older commit, so approving takes back what was merged since")
    } else {
        format!("{ours} does not have that commit in its past, so approving takes back what that brought")
    };
    format!(
        "🛑 **This goes back**: {live} of commit {commit} is live, and {how}. Newer merges are delivered by their own runs."
    )
}

/// What was taken out of service, and why: that may be words of AWS, which name accounts and roles.
fn again(taken_back: &TakenBack, plan: &Plan, page: &Page<'_>) -> String {
    let why = taken_back.reason.as_ref().filter(|_| !plan.values_hidden).map(|why| format!(": {}", page.message(why)));
    let functions: Vec<String> = taken_back.functions.iter().map(|stem| page.span(stem)).collect();
    format!(
        "🛑 **This was taken out of service before**: {} would have the code of {} again, which is {}{}. Nothing holds that code, so \
         whoever approves decides.",
        functions.join(", "),
        page.span(&taken_back.release),
        taken_back.state,
        why.unwrap_or_default(),
    )
}

fn differences(found: Option<&Difference<'_>>, page: &mut Page<'_>) {
    let Some(found) = found else {
        page.push("What differs is not known, because the reviewed plan has too many changes: see the run.\n\n");
        return;
    };
    page.push("### Not as reviewed\n\n");
    let changed = found.changed.iter().map(|change| (*change, "reviewed with other values"));
    let added = found.added.iter().map(|change| (*change, "not reviewed at all"));
    let all: Vec<(&Change, &str)> = changed.chain(added).collect();
    for (change, how) in all.iter().take(MOST) {
        let what = format!("{} {}: {how}", words_of(&change.action, page), page.span(&change.address));
        let detail = change.detail.as_deref().map(|detail| fold(&words(change, page), &page.fence(detail)));
        let line = format!("- {what}\n");
        page.push(&line);
        if let Some(detail) = detail {
            page.push(&format!("\n{detail}"));
        }
    }
    let mut rest = Vec::new();
    for (count, what) in [
        (all.len().saturating_sub(MOST), "more changes of resources"),
        (found.others, "outputs or others that differ"),
        (found.gone, "reviewed changes that are no longer to be done"),
    ] {
        if count > 0 {
            rest.push(format!("- {count} {what}\n"));
        }
    }
    page.push(&format!("{}\n", rest.concat()));
}

fn words(change: &Change, page: &Page<'_>) -> String {
    format!("{} {}", words_of(&change.action, page), page.code(&change.address))
}

fn footer(plan: &Plan, review: &Review, context: &Context<'_>, page: &Page<'_>) -> String {
    let mut facts = vec![format!("release {}", page.span(&context.release.id))];
    if !plan.digest.is_empty() {
        facts.push(format!("plan digest `{}`", plan.digest));
    }
    if let Some(reviewed) = review.plan.as_ref().filter(|reviewed| reviewed.digest != plan.digest) {
        facts.push(format!("reviewed digest `{}`", reviewed.digest));
    }
    if let Some(commit) = &context.commit {
        facts.push(format!("commit {}", page.span(commit)));
    }
    facts.push(format!("root {}", page.span(&context.root)));
    if let Some(run) = &context.run {
        facts.push(link(run, page));
    }
    format!("---\n- {}\n", facts.join(" · "))
}
