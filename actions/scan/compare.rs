//! Which findings are new. The base was scanned by the same scanners with the same databases, so an advisory that came out
//! since is found in both and is not new: no pull request brought it.

use std::collections::HashMap;

use super::{
    files::Files,
    finding::{Finding, Part},
    fingerprint, merge,
    report::lockfile::Lockfile,
};

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
/// file, then the same in another file, which was renamed or into which it was moved. Beyond that, an advisory is not new if
/// the base's lock file has the same version of the package, though the base was not scanned for it.
#[must_use]
pub fn compare(head: &Commit, base: &Commit, base_files: &dyn Files) -> Comparison {
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
    let mut lockfiles: HashMap<&str, Option<Lockfile>> = HashMap::new();
    for (at, finding) in head.findings.iter().enumerate() {
        let Some(package) = finding.package.as_ref().filter(|_| new[at] && locked(finding)) else { continue };
        let path = finding.place.path.as_str();
        let lockfile = lockfiles.entry(path).or_insert_with(|| base_files.text(path).map(|text| Lockfile::new(&text)));
        if let Some(lockfile) = lockfile {
            new[at] = lockfile.lines(&package.name, &package.version).is_none();
        }
    }
    let fixed = fixed.iter().enumerate().filter(|(_, fixed)| **fixed).map(|(at, _)| at).collect();
    Comparison { new, fixed }
}

/// Whether it is about a package in a `Cargo.lock` of the repository.
fn locked(finding: &Finding) -> bool {
    let file = finding.place.path.rsplit('/').next();
    finding.place.inside && finding.kind.part() == Part::Vulnerabilities && file == Some("Cargo.lock")
}
