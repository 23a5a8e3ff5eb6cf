//! `cargo audit --json`: a [`rustsec::Report`](https://docs.rs/rustsec/latest/rustsec/report/struct.Report.html).

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};

use super::{NotScanned, Report, lockfile::Lockfile, nullable, parse, start};
use crate::scan::{
    finding::{Finding, Kind, Package, Part, Tool},
    severity::{self, Severity},
    text::{MOST_MESSAGE, MOST_NAME, canonical, capped, url},
};

#[derive(Deserialize)]
struct Audit {
    database: Database,
    lockfile: Dependencies,
    vulnerabilities: Vulnerabilities,
    #[serde(default)]
    warnings: Warnings,
    #[serde(default)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Database {
    advisory_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Dependencies {
    dependency_count: u64,
}

#[derive(Default, Deserialize)]
struct Settings {
    #[serde(default, deserialize_with = "nullable")]
    ignore: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Vulnerabilities {
    #[serde(default)]
    count: Option<usize>,
    #[serde(default, deserialize_with = "nullable")]
    list: Vec<Entry>,
}

/// By kind; a list before cargo-audit 0.12.
#[derive(Deserialize)]
#[serde(untagged)]
enum Warnings {
    ByKind(BTreeMap<String, Vec<Entry>>),
    List(Vec<Entry>),
    Nothing(()),
}

impl Default for Warnings {
    fn default() -> Self {
        Self::Nothing(())
    }
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    advisory: Option<Advisory>,
    #[serde(default)]
    versions: Option<Versions>,
    package: Dependency,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default, deserialize_with = "nullable")]
    aliases: Vec<String>,
    #[serde(default)]
    cvss: Option<String>,
    #[serde(default)]
    informational: Option<String>,
    #[serde(default)]
    url: Option<String>,
}

#[derive(Deserialize)]
struct Versions {
    #[serde(default, deserialize_with = "nullable")]
    patched: Vec<String>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    version: String,
}

/// Reads a report on the lock file at `path` in the repository, whose text, if given, says where its packages stand.
///
/// # Errors
/// If nothing was scanned: no report, no database, no packages.
pub fn read(bytes: &[u8], path: &str, lockfile: Option<&str>) -> Result<Report, NotScanned> {
    let tool = Tool::CargoAudit;
    let audit: Audit = parse(tool, start(tool, bytes, b"{")?)?;
    if audit.database.advisory_count == 0 {
        let next = "fetch the advisory database again, or name it with --db";
        return Err(NotScanned::all(tool, "its advisory database was empty", next));
    }
    if audit.lockfile.dependency_count == 0 {
        return Err(NotScanned::all(tool, "it read no packages from Cargo.lock", "check the lock file's path"));
    }
    let list = audit.vulnerabilities.list;
    if audit.vulnerabilities.count.is_some_and(|count| count != list.len()) {
        let why = format!("its report lists {} vulnerabilities but counts others", list.len());
        return Err(NotScanned::all(tool, why, super::AGAIN));
    }
    let mut report = Report::new(tool, [Part::Vulnerabilities]);
    if !audit.settings.ignore.is_empty() {
        let count = audit.settings.ignore.len();
        report.notes.push(format!("cargo-audit was told by its own settings to ignore {count} of its ids"));
    }
    let lockfile = lockfile.map(Lockfile::new);
    let mut add = |kind: Option<&str>, entry: &Entry| {
        let mut finding = finding(kind, entry);
        let Dependency { name, version } = &entry.package;
        finding.place.path = path.to_owned();
        finding.place.inside = true;
        finding.place.lines = lockfile.as_ref().and_then(|lockfile| lockfile.lines(name, version));
        report.findings.push(finding);
    };
    list.iter().for_each(|entry| add(None, entry));
    match &audit.warnings {
        Warnings::ByKind(kinds) => kinds.iter().for_each(|(kind, list)| {
            list.iter().for_each(|entry| add(Some(entry.kind.as_deref().unwrap_or(kind)), entry));
        }),
        Warnings::List(list) => {
            list.iter().for_each(|entry| add(Some(entry.kind.as_deref().unwrap_or("notice")), entry));
        }
        Warnings::Nothing(()) => {}
    }
    Ok(report)
}

fn finding(warning: Option<&str>, entry: &Entry) -> Finding {
    let Entry { advisory, package, .. } = entry;
    let said = warning.or_else(|| advisory.as_ref()?.informational.as_deref());
    let kind = match said {
        None => Kind::Vulnerability,
        Some("unmaintained") => Kind::Unmaintained,
        Some("unsound") => Kind::Unsound,
        Some("yanked") => Kind::Yanked,
        Some(_) => Kind::Notice,
    };
    // A yanked version has no advisory: its kind is all the name it has.
    let rule = advisory.as_ref().map_or("yanked", |advisory| &advisory.id);
    let mut finding = Finding::new(Tool::CargoAudit, rule, kind, Severity::of_kind(kind));
    if let Some(advisory) = advisory {
        finding.aliases = advisory.aliases.iter().map(|alias| canonical(&capped(alias, MOST_NAME))).collect();
        finding.score = advisory.cvss.as_deref().and_then(severity::score);
        if let Some(score) = finding.score {
            finding.severity = Severity::of_score(score);
        }
        finding.title = capped(&advisory.title, MOST_NAME);
        finding.message = capped(&advisory.description, MOST_MESSAGE);
        let own = finding.id.starts_with("RUSTSEC-").then(|| format!("https://rustsec.org/advisories/{}", finding.id));
        finding.url = own.or_else(|| advisory.url.clone()).as_deref().and_then(url);
    } else {
        finding.title = format!("{} {} was {}", package.name, package.version, said.unwrap_or("reported"));
        finding.title = capped(&finding.title, MOST_NAME);
    }
    let patched = entry.versions.as_ref().map(|versions| versions.patched.join(" or ")).filter(|text| !text.is_empty());
    finding.package = Some(Package {
        name: capped(&package.name, MOST_NAME),
        version: capped(&package.version, MOST_NAME),
        fixed: patched.map(|patched| capped(&patched, MOST_NAME)),
    });
    finding
}
