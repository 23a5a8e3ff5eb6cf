//! What a reviewer saw: a line that nobody sees in the pull request's comment, with the plan's digest and a few bytes for each
//! change. A later run reads it back and says which changes are not as they were reviewed.
//!
//! `<!-- lockgate:reviewed <digest> <changes> -->`, the changes as Base64 of 8 bytes each (see [`Brief`]), or `-` where there
//! are too many. Whoever may write to the repository can change a comment: what is approved is decided elsewhere.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Change, Plan, canonical::name, record::Brief};

const BEGIN: &str = "<!-- lockgate:reviewed ";
const END: &str = " -->";

/// Of more changes nobody would read the differences.
const MOST: usize = 600;

/// A plan as it was reviewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reviewed {
    /// Its digest.
    pub(crate) digest: String,
    changes: Option<Vec<Brief>>,
}

/// How a plan differs from the reviewed one.
#[derive(Debug, Default)]
pub(crate) struct Difference<'p> {
    /// Changes that nobody reviewed.
    pub(crate) added: Vec<&'p Change>,
    /// Changes of what was to be changed, too, but not so.
    pub(crate) changed: Vec<&'p Change>,
    /// Outputs and other things that are not resources, and differ.
    pub(crate) others: usize,
    /// So many reviewed changes that are no longer to be done.
    pub(crate) gone: usize,
}

/// The line of a plan, without its end; `room` is how long it may be. None of a plan that failed: it cannot be approved.
pub(super) fn line(plan: &Plan, room: usize) -> Option<String> {
    if plan.digest.is_empty() || plan.errored {
        return None;
    }
    let bytes: Vec<u8> = plan.briefs.iter().flat_map(|brief| [brief.name, brief.line].concat()).collect();
    let fits = plan.briefs.len() <= MOST && bytes.len() * 4 / 3 + 100 < room;
    let changes = if fits && !bytes.is_empty() { STANDARD.encode(bytes) } else { "-".to_owned() };
    Some(format!("{BEGIN}{} {changes}{END}", plan.digest))
}

impl Reviewed {
    /// What a section of the comment says; its last such line, because the text before it is the branch's.
    pub(crate) fn read(section: &str) -> Option<Self> {
        let line = section.lines().rev().find_map(|line| line.trim_end().strip_prefix(BEGIN)?.strip_suffix(END))?;
        let (digest, changes) = line.split_once(' ')?;
        if digest.len() != 64 || !digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let bytes = if changes == "-" { None } else { STANDARD.decode(changes).ok() };
        let changes = bytes.filter(|bytes| bytes.len().is_multiple_of(8)).map(|bytes| {
            let brief = |part: &[u8]| match part {
                [a, b, c, d, e, f, g, h] => Some(Brief { name: [*a, *b, *c, *d], line: [*e, *f, *g, *h] }),
                _ => None,
            };
            bytes.chunks(8).filter_map(brief).collect()
        });
        Some(Self { digest: digest.to_owned(), changes })
    }

    /// What differs; none where the comment had no room for the changes.
    pub(crate) fn compare<'p>(&self, plan: &'p Plan) -> Option<Difference<'p>> {
        // A plan without changes has none to list.
        let reviewed = self.changes.as_ref()?;
        let mut before: BTreeMap<[u8; 4], Vec<[u8; 4]>> = BTreeMap::new();
        reviewed.iter().for_each(|brief| before.entry(brief.name).or_default().push(brief.line));
        let mut found = Difference::default();
        let named: BTreeMap<[u8; 4], &Change> = (plan.changes.iter().map(|change| ("resource", change)))
            .chain(plan.deferred.iter().map(|change| ("deferred", change)))
            .map(|(kind, change)| (name(Some(kind), Some(&change.address), change.deposed.as_deref()), change))
            .collect();
        for now in &plan.briefs {
            let lines = before.get_mut(&now.name);
            let known = lines.as_ref().is_some_and(|lines| !lines.is_empty());
            let same = lines.and_then(|lines| {
                let at = lines.iter().position(|line| *line == now.line).or((!lines.is_empty()).then_some(0))?;
                Some(lines.swap_remove(at) == now.line)
            });
            if same == Some(true) {
                continue;
            }
            match named.get(&now.name) {
                Some(change) if known => found.changed.push(change),
                Some(change) => found.added.push(change),
                None => found.others += 1,
            }
        }
        found.gone = before.values().map(Vec::len).sum();
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Options, Recorder, read};

    fn plan(changes: &str) -> Plan {
        let text = format!(r#"{{"format_version": "1.2", "planned_values": {{}}, "resource_changes": [{changes}]}}"#);
        read(text.as_bytes(), &Options::default(), &mut Recorder::digest_only()).expect("a plan")
    }

    fn group(name: &str, days: u32) -> String {
        format!(
            r#"{{"address": "aws_cloudwatch_log_group.{name}", "type": "aws_cloudwatch_log_group", "mode": "managed",
            "provider_name": "p", "change": {{"actions": ["create"], "before": null, "after": {{"retention_in_days": {days}}},
            "after_unknown": {{}}, "before_sensitive": false, "after_sensitive": {{}}}}}}"#
        )
    }

    fn reviewed(plan: &Plan) -> Reviewed {
        let line = line(plan, 10_000).expect("a line");
        Reviewed::read(&format!("## Plan\n<!-- lockgate:reviewed x y -->\n{line}\n")).expect("what was reviewed")
    }

    #[test]
    fn what_was_reviewed_is_the_same_plan_read_again() {
        let changes = [group("a", 14), group("b", 14)].join(",");
        let reviewed = reviewed(&plan(&changes));
        let again = plan(&changes);
        assert_eq!(reviewed.digest, again.digest);
        let found = reviewed.compare(&again).expect("its changes");
        assert!(found.added.is_empty() && found.changed.is_empty() && found.others + found.gone == 0);
    }

    #[test]
    fn each_change_that_nobody_reviewed_is_named() {
        let reviewed = reviewed(&plan(&[group("same", 14), group("other", 14), group("gone", 1)].join(",")));
        let now = plan(&[group("same", 14), group("other", 30), group("new", 14)].join(","));
        assert_ne!(reviewed.digest, now.digest);
        let found = reviewed.compare(&now).expect("its changes");
        let names = |changes: &[&Change]| changes.iter().map(|change| change.address.clone()).collect::<Vec<_>>();
        assert_eq!(names(&found.changed), ["aws_cloudwatch_log_group.other"]);
        assert_eq!(names(&found.added), ["aws_cloudwatch_log_group.new"]);
        assert_eq!((found.others, found.gone), (0, 1));
    }

    #[test]
    fn a_line_without_room_keeps_the_digest_alone() {
        let plan = plan(&group("a", 14));
        let line = line(&plan, 90).expect("a line");
        assert!(line.ends_with(&format!("{} - -->", plan.digest)), "{line}");
        let reviewed = Reviewed::read(&line).expect("what was reviewed");
        assert!(reviewed.compare(&plan).is_none());
    }

    #[test]
    fn nothing_else_is_such_a_line() {
        for text in ["", "<!-- lockgate:reviewed abc - -->", "<!-- lockgate:reviewed -->", "plan digest `0`"] {
            assert_eq!(Reviewed::read(text), None, "{text}");
        }
    }
}
