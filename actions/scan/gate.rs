//! The one outcome: what was scanned, what is new, what is suppressed, and whether that stops the change.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use jiff::civil::Date;

use super::{
    compare::{Commit, compare},
    files::Files,
    finding::{Finding, Part, Tool},
    inline::Ignore,
    report::{NotScanned, Report},
    severity::Severity,
    suppressions::{self, Judged, State, Suppression},
};

/// What a scanner did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Its version, if it said so. Untrusted.
    pub version: Option<String>,
    /// What it looked at.
    pub scanned: BTreeSet<Part>,
}

/// All that scanners say about one commit.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// What they found.
    pub commit: Commit,
    /// Those that looked at something.
    pub ran: BTreeMap<Tool, Ran>,
    /// What was not looked at.
    pub not_scanned: Vec<NotScanned>,
    /// What else there is to say.
    pub notes: Vec<String>,
}

impl Scan {
    /// Of all reports, or what there is instead of them. A scanner that is required and of which there is nothing was not
    /// run.
    #[must_use]
    pub fn new(
        reports: impl IntoIterator<Item = Result<Report, NotScanned>>,
        required: &[Tool],
        files: &dyn Files,
    ) -> Self {
        let mut scan = Self::default();
        let mut findings = Vec::new();
        let mut seen = BTreeSet::new();
        for report in reports {
            match report {
                Ok(report) => {
                    seen.insert(report.tool);
                    if !report.scanned.is_empty() {
                        let ran = scan.ran.entry(report.tool).or_default();
                        ran.scanned.extend(report.scanned);
                        ran.version = ran.version.take().or(report.version);
                    }
                    scan.not_scanned.extend(report.not_scanned);
                    scan.notes.extend(report.notes);
                    findings.extend(report.findings);
                }
                Err(gap) => {
                    seen.insert(gap.tool);
                    scan.not_scanned.push(gap);
                }
            }
        }
        let missing = required.iter().filter(|tool| !seen.contains(*tool));
        scan.not_scanned.extend(missing.map(|tool| {
            NotScanned::all(*tool, "there is no report of it", format!("run it, or pass --report {tool}=FILE"))
        }));
        scan.not_scanned.sort();
        scan.not_scanned.dedup();
        scan.commit = Commit::new(findings, files);
        scan
    }
}

impl Scan {
    /// Whether everybody who found it elsewhere looked for it here.
    fn covers(&self, finding: &Finding) -> bool {
        let part = finding.kind.part();
        let left_out = |tool| {
            self.not_scanned.iter().any(|gap| gap.tool == tool && gap.part.is_none_or(|missing| missing == part))
        };
        finding.sources.iter().all(|source| {
            self.ran.get(&source.tool).is_some_and(|ran| ran.scanned.contains(&part)) && !left_out(source.tool)
        })
    }
}

/// What stops a change.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The least severity that stops it.
    pub fail_on: Severity,
    /// What may be left unscanned, by its name: `clippy`, or `trivy/vulnerabilities`.
    pub allowed: BTreeSet<String>,
    /// On the schedule there is no change to judge: whatever is there counts.
    pub everything: bool,
    /// The day, in UTC.
    pub today: Date,
}

impl Policy {
    /// Names of what may be left unscanned, checked.
    ///
    /// # Errors
    /// If one is no name of a scanner, or of a scanner and a part of its work.
    pub fn allowing<'n>(names: impl IntoIterator<Item = &'n str>) -> anyhow::Result<BTreeSet<String>> {
        let parts = [Part::Vulnerabilities, Part::Misconfigurations, Part::Secrets, Part::Licences, Part::Lints];
        let mut allowed = BTreeSet::new();
        for name in names {
            let (tool, part) = name.split_once('/').map_or((name, None), |(tool, part)| (tool, Some(part)));
            tool.parse::<Tool>()?;
            ensure!(
                part.is_none_or(|part| parts.iter().any(|known| known.name() == part)),
                "{name:?} names no part of a scanner; parts are vulnerabilities, misconfigurations, secrets, licences, lints"
            );
            allowed.insert(name.to_owned());
        }
        Ok(allowed)
    }

    /// Whether this may be left unscanned.
    #[must_use]
    pub fn allows(&self, gap: &NotScanned) -> bool {
        self.allowed.contains(&gap.name()) || self.allowed.contains(gap.tool.name())
    }
}

/// What was decided about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The base does not have it.
    pub new: bool,
    /// The entry that suppresses it, by its place in [`Assessment::suppressions`].
    pub suppressed: Option<usize>,
    /// It stops the change.
    pub blocking: bool,
}

/// Everything that is said about a change, for comment, annotations and SARIF.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// The head.
    pub head: Scan,
    /// A verdict for each finding of the head.
    pub verdicts: Vec<Verdict>,
    /// What the base had and the head has no more.
    pub fixed: Vec<Finding>,
    /// What was not scanned of the base, if there is one.
    pub base_not_scanned: Option<Vec<NotScanned>>,
    /// The file's entries.
    pub suppressions: Vec<Judged>,
    /// New ignores in the code itself.
    pub inline: Vec<Ignore>,
    /// Which of [`Scan::not_scanned`] are allowed.
    pub allowed: Vec<bool>,
    /// What stops a change.
    pub policy: Policy,
}

/// The numbers, and why the gate is shut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Findings, each counted once however many scanners found it.
    pub total: usize,
    /// Those that the base does not have.
    pub new: usize,
    /// Those that stop the change.
    pub blocking: usize,
    /// Those that an entry suppresses.
    pub suppressed: usize,
    /// Entries whose last day has passed.
    pub expired: usize,
    /// What the base had and the head has no more.
    pub fixed: usize,
    /// Why the gate is shut, a sentence each; none if it is open.
    pub reasons: Vec<String>,
}

impl Outcome {
    /// Whether the change may go on.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// What a head is compared with.
pub struct Base<'f> {
    /// The same scanners' words on it.
    pub scan: Scan,
    /// Its files.
    pub files: &'f dyn Files,
    /// The entries of its suppressions; none if it has no such file, or one that cannot be read.
    pub suppressions: Vec<Suppression>,
}

/// Judges a change. Without a base everything is new, and every suppression too.
#[must_use]
pub fn assess(
    head: Scan,
    base: Option<Base<'_>>,
    entries: Vec<Suppression>,
    inline: Vec<Ignore>,
    policy: Policy,
) -> Assessment {
    let base_not_scanned = base.as_ref().map(|base| base.scan.not_scanned.clone());
    let base = base.unwrap_or(Base { scan: Scan::default(), files: &(), suppressions: Vec::new() });
    let Base { scan: Scan { commit: base, .. }, files, suppressions: base_entries } = base;
    let findings = &head.commit.findings;
    let comparison = compare(&head.commit, &base, files);
    let (suppressions, by) =
        suppressions::judge(entries, &base_entries, findings, &base.findings, &head.not_scanned, policy.today);
    let verdicts = findings.iter().zip(&comparison.new).zip(by).map(|((finding, new), suppressed)| Verdict {
        new: *new,
        suppressed,
        blocking: (*new || policy.everything) && suppressed.is_none() && finding.severity.reaches(policy.fail_on),
    });
    let verdicts = verdicts.collect();
    // What was not scanned is not fixed.
    let gone = comparison.fixed.iter().filter_map(|at| base.findings.get(*at));
    let fixed = gone.filter(|finding| head.covers(finding)).cloned().collect();
    let allowed = head.not_scanned.iter().map(|gap| policy.allows(gap)).collect();
    Assessment { head, verdicts, fixed, base_not_scanned, suppressions, inline, allowed, policy }
}

impl Assessment {
    /// Findings with their verdicts, the worst first.
    pub fn judged(&self) -> impl Iterator<Item = (&Finding, Verdict)> {
        self.head.commit.findings.iter().zip(self.verdicts.iter().copied())
    }

    /// The entries in this state.
    pub(super) fn entries(&self, state: State) -> impl Iterator<Item = &Judged> {
        self.suppressions.iter().filter(move |judged| judged.state == state)
    }

    /// The numbers, and whether the gate is shut.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let count = |which: fn(&Verdict) -> bool| self.verdicts.iter().filter(|verdict| which(verdict)).count();
        let mut outcome = Outcome {
            total: self.verdicts.len(),
            new: count(|verdict| verdict.new),
            blocking: count(|verdict| verdict.blocking),
            suppressed: count(|verdict| verdict.suppressed.is_some()),
            expired: self.entries(State::Expired).count(),
            fixed: self.fixed.len(),
            reasons: Vec::new(),
        };
        let reasons = &mut outcome.reasons;
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        for (gap, allowed) in self.head.not_scanned.iter().zip(&self.allowed) {
            if !allowed {
                names.entry(gap.name()).or_insert(&gap.next);
            }
        }
        reasons.extend(names.keys().map(|name| format!("{name} was not scanned, which is not the same as clean")));
        if outcome.blocking > 0 {
            let new = if self.policy.everything { "" } else { "new " };
            let (n, s) = (outcome.blocking, if outcome.blocking == 1 { "" } else { "s" });
            let fail_on = self.policy.fail_on;
            reasons.push(match fail_on {
                Severity::Critical => format!("{n} {new}finding{s} of severity critical"),
                _ => format!("{n} {new}finding{s} of severity {fail_on} or worse"),
            });
        }
        for Judged { entry, .. } in self.entries(State::Expired) {
            reasons.push(format!("the suppression of {} expired on {}", entry.id, entry.expires));
        }
        for Judged { entry, .. } in self.entries(State::Unknown) {
            reasons.push(format!("the suppression of {} matches nothing that any scanner found: remove it", entry.id));
        }
        outcome
    }
}
