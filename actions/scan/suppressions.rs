//! What is known and accepted for a while: one reviewed file, `scan.toml`, for all scanners. Its format is written out in
//! `docs/scan.md`.

use anyhow::{Context as _, bail, ensure};
use jiff::{ToSpan as _, civil::Date};
use serde::Deserialize;
use toml::{Spanned, value::Datetime};

use super::{
    files::Roots,
    finding::{Finding, Part},
    report::NotScanned,
    text::canonical,
};

/// Where the file lies in the repository.
pub const FILE: &str = "scan.toml";
/// An entry lives a year at most.
const LONGEST: i32 = 366;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    suppression: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    path: Option<String>,
    package: Option<String>,
    reason: String,
    owner: String,
    expires: Datetime,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The id as it is written.
    pub id: String,
    /// A file, or a folder with a slash at its end.
    pub path: Option<String>,
    /// A package's name, or `name@version`.
    pub package: Option<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds, in UTC.
    pub expires: Date,
    /// The line at which it begins.
    pub line: u32,
}

/// Reads the file's text, as it may be on this day (UTC).
///
/// # Errors
/// If any entry is not as it has to be; each is named.
pub fn read(text: &str, today: Date) -> anyhow::Result<Vec<Suppression>> {
    let document: Document =
        toml::from_str(text).with_context(|| format!("{FILE} cannot be read; its format is in docs/scan.md"))?;
    let mut entries: Vec<Suppression> = Vec::new();
    let mut wrong = Vec::new();
    for entry in document.suppression {
        let line = 1 + text.get(..entry.span().start).map_or(0, |before| before.matches('\n').count());
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        match checked(entry.into_inner(), line, today) {
            Ok(entry) if entries.iter().any(|other| other.subject() == entry.subject()) => {
                wrong.push(format!("line {line}: {} is there twice", entry.id));
            }
            Ok(entry) => entries.push(entry),
            Err(error) => wrong.push(format!("line {line}: {error}")),
        }
    }
    ensure!(
        wrong.is_empty(),
        "{FILE} has entries that are not as they have to be (docs/scan.md):\n{}",
        wrong.join("\n")
    );
    Ok(entries)
}

fn checked(entry: Entry, line: u32, today: Date) -> anyhow::Result<Suppression> {
    let Entry { id, path, package, reason, owner, expires } = entry;
    let fine = |c: char| c.is_ascii_alphanumeric() || "-_.:+".contains(c);
    let stem = id.strip_suffix('*').unwrap_or(&id);
    ensure!(
        !id.is_empty() && id.len() <= 100 && stem.chars().all(fine),
        "{id:?} is no id: no scanner has one with other characters than letters, digits and -_.:+, and `*` may only be its end"
    );
    let path = path
        .map(|path| {
            let (clean, inside) = Roots::new(&[]).relative(&path);
            ensure!(inside, "{id}: {path:?} is no path in the repository; write it relative to its top");
            Ok(if path.ends_with('/') { format!("{clean}/") } else { clean })
        })
        .transpose()?;
    ensure!(!id.ends_with('*') || path.is_some(), "{id}: with a wildcard it needs a path");
    ensure!(path.is_some() || package.as_ref().is_some_and(|name| !name.is_empty()), "{id}: needs a path or a package");
    for (name, value) in [("reason", &reason), ("owner", &owner)] {
        ensure!(!value.trim().is_empty(), "{id}: its {name} is empty");
    }
    let (Some(date), None) = (expires.date, expires.time) else {
        bail!("{id}: expires is a date, such as {}", today);
    };
    let (Ok(year), Ok(month), Ok(day)) = (date.year.try_into(), date.month.try_into(), date.day.try_into()) else {
        bail!("{id}: expires is no date");
    };
    let expires = Date::new(year, month, day).with_context(|| format!("{id}: expires is no date"))?;
    let latest = today.checked_add(LONGEST.days())?;
    ensure!(expires <= latest, "{id}: expires on {expires}; an entry lives a year at most, until {latest}");
    Ok(Suppression { id, path, package, reason, owner, expires, line })
}

impl Suppression {
    /// What it is about.
    fn subject(&self) -> (String, &Option<String>, &Option<String>) {
        (canonical(&self.id), &self.path, &self.package)
    }

    /// Whether its last day has passed, wholly, in UTC.
    #[must_use]
    pub fn expired(&self, today: Date) -> bool {
        today > self.expires
    }

    fn knows(&self, finding: &Finding) -> bool {
        match self.id.strip_suffix('*') {
            Some(stem) => finding.ids().any(|id| id.starts_with(&canonical(stem))),
            None => finding.has_id(&canonical(&self.id)),
        }
    }

    fn matches(&self, finding: &Finding) -> bool {
        let at = |path: &String| match path.strip_suffix('/') {
            Some(folder) => finding.place.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')),
            None => finding.place.path == *path,
        };
        let of = |wanted: &String| {
            finding.package.as_ref().is_some_and(|package| match wanted.rsplit_once('@') {
                Some((name, version)) if !name.is_empty() => package.name == name && package.version == version,
                _ => package.name == *wanted,
            })
        };
        self.path.as_ref().is_none_or(at) && self.package.as_ref().is_none_or(of) && self.knows(finding)
    }

    /// Whether what was not scanned could have found what it is about.
    fn hidden_by(&self, gap: &NotScanned) -> bool {
        let id = canonical(&self.id);
        let advisory = ["CVE-", "GHSA-", "RUSTSEC-"].iter().any(|prefix| id.starts_with(prefix));
        let gap = gap.part.or((gap.tool == super::Tool::Clippy).then_some(Part::Lints));
        match gap {
            Some(Part::Vulnerabilities) => advisory || self.package.is_some(),
            Some(Part::Lints) => !advisory && self.package.is_none() && id.contains(|c: char| c.is_ascii_lowercase()),
            _ => true,
        }
    }
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Its last day has passed. It suppresses nothing and fails the gate.
    Expired,
    /// No scanner found such a thing, neither here nor in the base: it fails the gate.
    Unknown,
    /// What it is about is no more: it can go.
    Unneeded,
    /// What it is about was not scanned.
    Unjudged,
    /// It suppresses something.
    Active,
}

/// How an entry came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The base has it too.
    Base,
    /// This change brings it.
    New,
    /// This change gives it another reason, owner or day.
    Changed,
}

/// An entry with what became of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The entry.
    pub entry: Suppression,
    /// What became of it.
    pub state: State,
    /// How it came.
    pub since: Since,
    /// How many findings it suppresses.
    pub count: usize,
}

/// Judges the entries, and says by which of them each finding of the head is suppressed.
pub(super) fn judge(
    entries: Vec<Suppression>,
    base_entries: &[Suppression],
    head: &[Finding],
    base: &[Finding],
    gaps: &[NotScanned],
    today: Date,
) -> (Vec<Judged>, Vec<Option<usize>>) {
    let mut by = vec![None; head.len()];
    let mut all = Vec::new();
    for entry in entries {
        let expired = entry.expired(today);
        let mut count = 0;
        for (_, by) in head.iter().zip(&mut by).filter(|(finding, _)| entry.matches(finding)) {
            count += 1;
            if !expired && by.is_none() {
                *by = Some(all.len());
            }
        }
        let state = match count {
            _ if expired => State::Expired,
            1.. => State::Active,
            _ if base.iter().any(|finding| entry.matches(finding)) => State::Unneeded,
            _ if gaps.iter().any(|gap| entry.hidden_by(gap)) => State::Unjudged,
            _ => State::Unknown,
        };
        let since = match base_entries.iter().find(|other| other.subject() == entry.subject()) {
            None => Since::New,
            Some(Suppression { reason, owner, expires, .. })
                if (reason, owner, expires) != (&entry.reason, &entry.owner, &entry.expires) =>
            {
                Since::Changed
            }
            Some(_) => Since::Base,
        };
        all.push(Judged { entry, state, since, count: if expired { 0 } else { count } });
    }
    (all, by)
}
