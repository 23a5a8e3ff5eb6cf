//! Several scanners' findings into one list in which everything stands once, with all who found it. Nothing is merged that
//! may be something else: the same advisory in two lock files or in two versions of a package stays two findings.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    finding::{Finding, Kind, Part},
    text::preference,
};

/// Merges what is the same.
#[must_use]
pub fn merge(findings: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    let mut advisories: HashMap<_, Vec<Finding>> = HashMap::new();
    let mut places: HashMap<_, Vec<Finding>> = HashMap::new();
    for finding in findings.into_iter().map(tidied) {
        match (finding.kind.part(), &finding.package) {
            (Part::Vulnerabilities, Some(package)) => {
                let key = (package.name.clone(), package.version.clone(), finding.place.path.clone());
                advisories.entry(key).or_default().push(finding);
            }
            (part, _) => {
                let key = (part, finding.id.clone(), finding.place.path.clone());
                places.entry(key).or_default().push(finding);
            }
        }
    }
    let mut out = Vec::new();
    // In whichever order reports and entries come, the outcome is the same.
    let sorted = |mut group: Vec<Finding>| {
        group.sort_by(|a, b| (&a.sources, a.order()).cmp(&(&b.sources, b.order())));
        group
    };
    advisories.into_values().for_each(|group| by_alias(sorted(group), &mut out));
    places.into_values().for_each(|group| by_place(sorted(group), &mut out));
    out.sort_by(|a, b| a.order().cmp(&b.order()));
    out
}

/// The aliases in order, the best id first.
fn tidied(mut finding: Finding) -> Finding {
    let mut ids: BTreeSet<String> =
        std::mem::take(&mut finding.aliases).into_iter().filter(|id| !id.is_empty()).collect();
    if finding.kind.part() == Part::Vulnerabilities {
        ids.insert(finding.id.clone());
        if let Some(best) = ids.iter().min_by(|a, b| preference(a).cmp(&preference(b))) {
            finding.id.clone_from(best);
        }
    }
    ids.remove(&finding.id);
    finding.aliases = ids.into_iter().collect();
    finding
}

/// Advisories on one package in one version in one file: those that share an id are one.
fn by_alias(group: Vec<Finding>, out: &mut Vec<Finding>) {
    let mut owner: HashMap<String, usize> = HashMap::new();
    let mut merged: Vec<Option<Finding>> = Vec::new();
    for mut finding in group {
        // A yanked version has no advisory: it is the same only as itself.
        let ids: Vec<String> = finding.ids().map(str::to_owned).collect();
        let mut same: Vec<usize> = ids.iter().filter_map(|id| owner.get(id).copied()).collect();
        same.sort_unstable();
        same.dedup();
        for at in same.iter().rev() {
            if let Some(earlier) = merged.get_mut(*at).and_then(Option::take) {
                finding = joined(earlier, finding);
            }
        }
        let at = merged.len();
        for id in finding.ids() {
            owner.insert(id.to_owned(), at);
        }
        merged.push(Some(finding));
    }
    out.extend(merged.into_iter().flatten());
}

/// Findings of one rule in one file. The same place twice is one finding; of two scanners also an overlapping place, or the
/// same resource, but each finding goes with at most one of another scanner, so that none is swallowed.
fn by_place(group: Vec<Finding>, out: &mut Vec<Finding>) {
    let mut exact: HashMap<_, usize> = HashMap::new();
    let mut merged: Vec<Finding> = Vec::new();
    // NOTE: a scanner's findings come together, see `sorted` in `merge`.
    let mut rest = group.into_iter().peekable();
    while let Some(tool) = rest.peek().map(Finding::tool) {
        let mut open = Open::new(&merged);
        let mut later = Vec::new();
        while let Some(finding) = rest.next_if(|finding| finding.tool() == tool) {
            // A lint may say two things of one place.
            let said = (finding.kind == Kind::Lint).then(|| finding.title.clone());
            let key = (finding.place.clone(), finding.resource.clone(), finding.package.clone(), said);
            match exact.get(&key) {
                Some(at) => {
                    open.taken.insert(*at);
                    join(&mut merged[*at], finding);
                }
                None => later.push((key, finding)),
            }
        }
        // What is nearest first: the same lines, then lines that overlap, then only the resource.
        later.sort_by(|a, b| (a.1.place.lines, &a.1.resource).cmp(&(b.1.place.lines, &b.1.resource)));
        for nearness in [Open::same_lines, Open::overlapping, Open::same_resource] {
            later = later
                .into_iter()
                .filter_map(|(key, finding)| match nearness(&mut open, &finding) {
                    Some(at) => {
                        open.taken.insert(at);
                        exact.entry(key).or_insert(at);
                        join(&mut merged[at], finding);
                        None
                    }
                    None => Some((key, finding)),
                })
                .collect();
        }
        for (key, finding) in later {
            match exact.get(&key) {
                Some(at) => join(&mut merged[*at], finding),
                None => {
                    exact.insert(key, merged.len());
                    merged.push(finding);
                }
            }
        }
    }
    out.extend(merged);
}

/// The findings of other scanners that no finding of this one goes with yet.
struct Open {
    by_lines: HashMap<(u32, u32), Vec<usize>>,
    /// By their first line.
    sorted: Vec<((u32, u32), usize)>,
    from: usize,
    by_resource: HashMap<String, Vec<usize>>,
    taken: HashSet<usize>,
}

impl Open {
    fn new(merged: &[Finding]) -> Self {
        let mut open = Self {
            by_lines: HashMap::new(),
            sorted: Vec::new(),
            from: 0,
            by_resource: HashMap::new(),
            taken: HashSet::new(),
        };
        for (at, finding) in merged.iter().enumerate() {
            if let Some(lines) = finding.place.lines {
                open.by_lines.entry(lines).or_default().push(at);
                open.sorted.push((lines, at));
            }
            if let Some(resource) = &finding.resource {
                open.by_resource.entry(resource.clone()).or_default().push(at);
            }
        }
        open.sorted.sort_unstable();
        open
    }

    fn same_lines(&mut self, finding: &Finding) -> Option<usize> {
        let list = self.by_lines.get_mut(&finding.place.lines?)?;
        list.retain(|at| !self.taken.contains(at));
        list.first().copied()
    }

    /// Asked in the order of first lines: what ends before one begins, ends before all later ones.
    fn overlapping(&mut self, finding: &Finding) -> Option<usize> {
        let (first, last) = finding.place.lines?;
        while let Some(((_, end), at)) = self.sorted.get(self.from)
            && (*end < first || self.taken.contains(at))
        {
            self.from += 1;
        }
        let rest = self.sorted.get(self.from..)?.iter().take_while(|((begin, _), _)| *begin <= last).take(100);
        rest.filter(|((_, end), _)| *end >= first).map(|(_, at)| *at).find(|at| !self.taken.contains(at))
    }

    fn same_resource(&mut self, finding: &Finding) -> Option<usize> {
        let list = self.by_resource.get_mut(finding.resource.as_ref()?)?;
        list.retain(|at| !self.taken.contains(at));
        list.first().copied()
    }
}

fn join(into: &mut Finding, other: Finding) {
    let first = std::mem::replace(into, Finding::new(other.tool(), "", other.kind, other.severity));
    *into = joined(first, other);
}

/// One of two: what the first does not know is taken from the second, and the worse opinion counts.
fn joined(mut first: Finding, other: Finding) -> Finding {
    let ids = other.ids().map(str::to_owned).collect::<Vec<_>>();
    first.aliases.extend(ids);
    first.kind = first.kind.min(other.kind);
    first.severity = first.severity.worst(other.severity);
    first.score = first.score.max(other.score);
    for (mine, theirs) in [(&mut first.title, other.title), (&mut first.message, other.message)] {
        if mine.is_empty() {
            *mine = theirs;
        }
    }
    first.url = first.url.or(other.url);
    first.resource = first.resource.or(other.resource);
    first.place.lines = first.place.lines.or(other.place.lines);
    match (&mut first.package, other.package) {
        (Some(mine), Some(theirs)) => mine.fixed = mine.fixed.take().or(theirs.fixed),
        (mine, theirs) => *mine = mine.take().or(theirs),
    }
    first.sources.extend(other.sources);
    first.sources.sort();
    first.sources.dedup();
    tidied(first)
}
