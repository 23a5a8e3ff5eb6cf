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

/// A list of lines under a heading, of at most so much. How many had no space: these are not even written.
fn list<T>(
    page: &mut Page<'_>,
    most: usize,
    title: &str,
    items: impl Iterator<Item = T>,
    line: impl Fn(T, &Page<'_>) -> String,
) -> usize {
    let mut part = page.part(most);
    let mut left = 0;
    for item in items {
        if part.text.is_empty() {
            part.push(&format!("### {title}\n\n"));
        }
        if left == 0 {
            let line = line(item, &part);
            left += usize::from(part.room() < line.len() + REST || !part.push(&line));
        } else {
            left += 1;
        }
    }
    if left > 0 {
        part.push(&format!("- and {left} more\n"));
    }
    if !part.text.is_empty() {
        page.push(&format!("{}\n", part.text));
    }
    left
}

/// What was not scanned: loud, and before everything else. How many had no space.
pub(super) fn not_scanned(assessment: &Assessment, page: &mut Page<'_>) -> usize {
    let gaps = &assessment.head.not_scanned;
    let base = assessment.base_not_scanned.iter().flatten();
    if !gaps.is_empty() {
        page.push("> [!CAUTION]\n> **Not everything was scanned.** What is not listed here may still be there.\n\n");
    }
    let gaps = gaps
        .iter()
        .zip(&assessment.allowed)
        .map(|(gap, allowed)| (gap, if *allowed { " (the workflow allows it)" } else { "" }));
    let base = base.map(|gap| (gap, " of the base, so that what it finds is new"));
    list(page, page.room() / 4, "Not scanned", gaps.chain(base), |(gap, which), page| {
        format!("- **{}**{which}: {}; {}\n", gap.name(), page.message(&gap.why), page.message(&gap.next))
    })
}

/// Why the gate is shut. The sentences are ours, with ids that were checked.
pub(super) fn reasons(outcome: &Outcome, page: &mut Page<'_>) {
    list(page, page.room() / 8, "What stops this", outcome.reasons.iter(), |reason, page| {
        format!("- {}\n", sentence(reason, page))
    });
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
    list(page, most, title, shown.into_iter(), |(finding, verdict), page| line(finding, verdict, links, page, whole))
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
            "{} of {} until {}, owner {}: {}",
            page.span(&entry.id),
            of.join(" and "),
            entry.expires,
            page.span(&entry.owner),
            page.span(&entry.reason)
        )
    };
    let groups = [
        ("Expired suppressions", State::Expired),
        ("Suppressions of nothing, to be removed", State::Unknown),
        ("Suppressions no longer needed", State::Unneeded),
    ];
    for (title, state) in groups {
        list(page, page.room() / 6, title, assessment.entries(state), |judged, page| {
            format!("- {}\n", said(judged, page))
        });
    }
    let fresh = assessment.suppressions.iter().filter(|judged| judged.since != Since::Base);
    list(page, page.room() / 6, "Suppressions that this change brings", fresh, |judged, page| {
        let since = if judged.since == Since::New { "new" } else { "changed" };
        let count = match judged.count {
            1 => "1 finding".to_owned(),
            n => format!("{n} findings"),
        };
        format!("- **{since}**: {}; it suppresses {count}\n", said(judged, page))
    });
}

/// New ignores in the code itself.
pub(super) fn inline(assessment: &Assessment, links: &Links, page: &mut Page<'_>) {
    let title = match assessment.inline.len() {
        1 => "1 new ignore in the code itself".to_owned(),
        n => format!("{n} new ignores in the code itself"),
    };
    list(page, page.room() / 6, &title, assessment.inline.iter(), |ignore, page| {
        let line = Some((ignore.line, ignore.line));
        let place = Place { path: ignore.path.clone(), inside: true, lines: line, columns: None };
        let name = page.span(&format!("{}:{}", ignore.path, ignore.line));
        let place = links.of(&place).map_or_else(|| name.clone(), |url| format!("[{name}]({url})"));
        format!("- {place}: {}\n", page.span(&ignore.text))
    });
}

/// What scanners kept to themselves.
pub(super) fn notes(assessment: &Assessment, page: &mut Page<'_>) {
    let mut notes = assessment.head.notes.clone();
    notes.sort();
    notes.dedup();
    list(page, page.room() / 8, "Notes", notes.iter(), |note, _| format!("- {note}\n"));
}

/// What was there before, folded.
pub(super) fn known(assessment: &Assessment, links: &Links, page: &mut Page<'_>) -> usize {
    let known = |(_, verdict): &(&Finding, Verdict)| !front(*verdict) && verdict.suppressed.is_none();
    let all: Vec<_> = assessment.judged().filter(known).collect();
    let title = format!("{} that the base has too", all.len());
    folded(page, &title, &all, |(finding, verdict), page| line(finding, *verdict, links, page, false))
}

/// What is suppressed, folded, with the reason.
pub(super) fn suppressed(assessment: &Assessment, links: &Links, page: &mut Page<'_>) {
    let judged =
        |(finding, verdict): (_, Verdict)| Some((finding, verdict, assessment.suppressions.get(verdict.suppressed?)?));
    let all: Vec<_> = assessment.judged().filter_map(judged).collect();
    folded(page, &format!("{} suppressed", all.len()), &all, |(finding, verdict, judged), page| {
        let until = format!("  until {}: {}\n", judged.entry.expires, page.span(&judged.entry.reason));
        line(finding, *verdict, links, page, false) + &until
    });
}

/// A fold of half the space that is left, at most. How many had none.
fn folded<T>(page: &mut Page<'_>, title: &str, items: &[T], line: impl Fn(&T, &Page<'_>) -> String) -> usize {
    if items.is_empty() {
        return 0;
    }
    let frame = fold(title, "").len();
    let mut part = page.part((page.room() / 2).saturating_sub(frame + REST));
    let shown = items.iter().take_while(|item| part.push(&line(item, &part))).count();
    let left = items.len() - shown;
    let rest = if left > 0 { format!("- and {left} more\n") } else { String::new() };
    page.push(&fold(title, &format!("{}{rest}", part.text)));
    left
}
