//! Which findings are new. The base was scanned by the same scanners with the same databases, so an advisory that came out
//! since is found in both and is not new: no pull request brought it.

use std::collections::HashMap;

use super::{files::Files, finding::Finding, fingerprint, merge};

/// The findings of one commit, merged and known by their content.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// In the order in which they are shown.
    pub findings: Vec<Finding>,
    contents: Vec<fingerprint::Content>,
}

impl Commit {
    /// The findings of all reports on a commit with these files.
    #[must_use]
    pub fn new(findings: impl IntoIterator<Item = Finding>, files: &dyn Files) -> Self {
        let mut findings = merge::merge(findings);
        let contents = fingerprint::mark(&mut findings, files);
        Self { findings, contents }
    }
}

/// What a change did.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Whether each finding of the head is new.
    pub new: Vec<bool>,
    /// The findings of the base that are no more, by their places in it.
    pub fixed: Vec<usize>,
}

/// Compares a change's head with its base. Each finding of the base accounts for one of the head: first the same in the same
/// file, then the same in another file, which was renamed or into which it was moved.
#[must_use]
pub fn compare(head: &Commit, base: &Commit) -> Comparison {
    let mut new = vec![true; head.findings.len()];
    let mut fixed = vec![true; base.findings.len()];
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (at, finding) in base.findings.iter().enumerate() {
        known.insert(&finding.fingerprint, at);
    }
    for (at, finding) in head.findings.iter().enumerate() {
        if let Some(before) = known.remove(finding.fingerprint.as_str()) {
            (new[at], fixed[before]) = (false, false);
        }
    }
    let mut moved: HashMap<&fingerprint::Content, Vec<usize>> = HashMap::new();
    for (at, content) in base.contents.iter().enumerate().rev() {
        if fixed[at] && content.tells {
            moved.entry(content).or_default().push(at);
        }
    }
    for (at, content) in head.contents.iter().enumerate() {
        if new[at]
            && let Some(before) = moved.get_mut(content).and_then(Vec::pop)
        {
            (new[at], fixed[before]) = (false, false);
        }
    }
    let fixed = fixed.iter().enumerate().filter(|(_, fixed)| **fixed).map(|(at, _)| at).collect();
    Comparison { new, fixed }
}
