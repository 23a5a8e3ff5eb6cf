//! The comment's lists, each with a share of the space and the count of what had none.

use super::{
    comment::line,
    finding::{Finding, Place},
    gate::{Assessment, Outcome, Verdict},
    link::Links,
    suppressions::{Judged, Since, State},
};
use crate::page::{Page, fold};

/// Room for the line that says how many are left out.
const REST: usize = 60;

/// A list of lines under a heading, of at most so much. How many had no space.
fn list(page: &mut Page<'_>, most: usize, title: &str, lines: impl Iterator<Item = String>) -> usize {
    let mut part = page.part(most);
    let mut left = 0;
    for line in lines {
        if part.text.is_empty() {
            part.push(&format!("### {title}\n\n"));
        }
        left += usize::from(left > 0 || part.room() < line.len() + REST || !part.push(&line));
    }
    if left > 0 {
        part.push(&format!("- and {left} more\n"));
    }
    if !part.text.is_empty() {
        page.push(&format!("{}\n", part.text));
    }
    left
}

/// What was not scanned: loud, and before everything else. No finding is left out for it, hence no count.
pub(super) fn not_scanned(assessment: &Assessment, page: &mut Page<'_>) -> usize {
    let gaps = &assessment.head.not_scanned;
    let base = assessment.base_not_scanned.iter().flatten();
    if !gaps.is_empty() {
        page.push("> [!CAUTION]\n> **Not everything was scanned.** What is not listed here may still be there.\n\n");
    }
    let said = |why: &str, next: &str, page: &Page<'_>| format!("{}; {}", page.message(why), page.message(next));
    let lines: Vec<String> = gaps
        .iter()
        .zip(&assessment.allowed)
        .map(|(gap, allowed)| {
            let allowed = if *allowed { " (the workflow allows it)" } else { "" };
            format!("- **{}**{allowed}: {}\n", gap.name(), said(&gap.why, &gap.next, page))
        })
        .chain(base.map(|gap| {
            format!(
                "- **{}** of the base, so that what it finds is new: {}\n",
                gap.name(),
                said(&gap.why, &gap.next, page)
            )
        }))
        .collect();
    list(page, page.room() / 4, "Not scanned", lines.into_iter());
    0
}

/// Why the gate is shut. The sentences are ours, with ids that were checked.
pub(super) fn reasons(outcome: &Outcome, page: &mut Page<'_>) {
    let lines: Vec<String> = outcome.reasons.iter().map(|reason| format!("- {}\n", sentence(reason, page))).collect();
    list(page, page.room() / 8, "What stops this", lines.into_iter());
}

/// Our own words as they are. Those with an id in them have characters that could mean something in Markdown.
fn sentence(text: &str, page: &Page<'_>) -> String {
    if text.chars().all(|c| c.is_ascii_alphanumeric() || " -/,:".contains(c)) {
        text.to_owned()
    } else {
        page.message(text)
    }
}

/// New findings that nothing suppresses; on the schedule all that are too severe.
pub(super) fn new(assessment: &Assessment, links: &Links, page: &mut Page<'_>) -> usize {
    let mut shown: Vec<(&Finding, Verdict)> = assessment.judged().filter(|(_, verdict)| front(*verdict)).collect();
    shown.sort_by_key(|(_, verdict)| !verdict.blocking);
    let title = if assessment.policy.everything { "Too severe" } else { "New" };
    let whole = shown.len() <= 100;
    let most = page.room() / 4 * 3;
    let scratch = page.part(0);
    list(page, most, title, shown.into_iter().map(|(finding, verdict)| line(finding, verdict, links, &scratch, whole)))
}

/// Whether it stands in front.
fn front(verdict: Verdict) -> bool {
    verdict.suppressed.is_none() && (verdict.new || verdict.blocking)
}

/// Entries that a reviewer has to see: expired, for nothing, or of this change.
pub(super) fn suppressions(assessment: &Assessment, page: &mut Page<'_>) {
    let said = |judged: &Judged, page: &Page<'_>| {
        let entry = &judged.entry;
        let of: Vec<String> = [&entry.path, &entry.package].into_iter().flatten().map(|name| page.span(name)).collect();
        format!(
            "{} of {}, {}, by {} until {}",
            page.span(&entry.id),
            of.join(" and "),
            page.span(&entry.reason),
            page.span(&entry.owner),
            entry.expires
        )
    };
    let groups = [
        ("Expired suppressions", State::Expired),
        ("Suppressions of nothing, to be removed", State::Unknown),
        ("Suppressions no longer needed", State::Unneeded),
    ];
    for (title, state) in groups {
        let lines: Vec<String> =
            assessment.entries(state).map(|judged| format!("- {}\n", said(judged, page))).collect();
        list(page, page.room() / 6, title, lines.into_iter());
    }
    let fresh = assessment.suppressions.iter().filter(|judged| judged.since != Since::Base);
    let lines: Vec<String> = fresh
        .map(|judged| {
            let since = if judged.since == Since::New { "new" } else { "changed" };
            let count = match judged.count {
                1 => "1 finding".to_owned(),
                n => format!("{n} findings"),
            };
            format!("- **{since}**: {}; it suppresses {count}\n", said(judged, page))
        })
        .collect();
    list(page, page.room() / 6, "Suppressions that this change brings", lines.into_iter());
}

/// New ignores in the code itself.
pub(super) fn inline(assessment: &Assessment, links: &Links, page: &mut Page<'_>) {
    let lines: Vec<String> = assessment
        .inline
        .iter()
        .map(|ignore| {
            let line = Some((ignore.line, ignore.line));
            let place = Place { path: ignore.path.clone(), inside: true, lines: line, columns: None };
            let name = page.span(&format!("{}:{}", ignore.path, ignore.line));
            let place = links.of(&place).map_or_else(|| name.clone(), |url| format!("[{name}]({url})"));
            format!("- {place}: {}\n", page.span(&ignore.text))
        })
        .collect();
    let title = match lines.len() {
        1 => "1 new ignore in the code itself".to_owned(),
        n => format!("{n} new ignores in the code itself"),
    };
    list(page, page.room() / 6, &title, lines.into_iter());
}

/// What scanners kept to themselves.
pub(super) fn notes(assessment: &Assessment, page: &mut Page<'_>) {
    let mut notes = assessment.head.notes.clone();
    notes.sort();
    notes.dedup();
    list(page, page.room() / 8, "Notes", notes.iter().map(|note| format!("- {note}\n")));
}

/// What was there before, folded.
pub(super) fn known(assessment: &Assessment, links: &Links, page: &mut Page<'_>) -> usize {
    let known = |(_, verdict): &(&Finding, Verdict)| !front(*verdict) && verdict.suppressed.is_none();
    let count = assessment.judged().filter(known).count();
    let scratch = page.part(0);
    let lines =
        assessment.judged().filter(known).map(|(finding, verdict)| line(finding, verdict, links, &scratch, false));
    folded(page, &format!("{count} that the base has too"), lines)
}

/// What is suppressed, folded, with the reason.
pub(super) fn suppressed(assessment: &Assessment, links: &Links, page: &mut Page<'_>) {
    let all = assessment
        .judged()
        .filter_map(|(finding, verdict)| Some((finding, verdict, assessment.suppressions.get(verdict.suppressed?)?)));
    let all: Vec<_> = all.collect();
    let scratch = page.part(0);
    let lines = all.iter().map(|(finding, verdict, judged)| {
        let until = format!("  until {}: {}\n", judged.entry.expires, scratch.span(&judged.entry.reason));
        line(finding, *verdict, links, &scratch, false) + &until
    });
    folded(page, &format!("{} suppressed", all.len()), lines);
}

/// A fold of half the space that is left, at most. How many had none.
fn folded(page: &mut Page<'_>, title: &str, lines: impl Iterator<Item = String>) -> usize {
    let frame = fold(title, "").len();
    let mut part = page.part((page.room() / 2).saturating_sub(frame + REST));
    let (mut all, mut left) = (0, 0);
    for line in lines {
        all += 1;
        left += usize::from(left > 0 || !part.push(&line));
    }
    if all > 0 {
        let rest = if left > 0 { format!("- and {left} more\n") } else { String::new() };
        page.push(&fold(title, &format!("{}{rest}", part.text)));
    }
    left
}
