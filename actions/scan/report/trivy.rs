//! `trivy --format json`, schema version 2: a
//! [`types.Report`](https://pkg.go.dev/github.com/aquasecurity/trivy/pkg/types#Report). The texts in which a secret stands
//! (`Match`, `Code`) are never read.

use std::collections::{BTreeSet, HashMap};

use super::{
    NotScanned, Report, parse, start,
    tfsec::lines,
    trivy_json::{Cvss, Document, Lines, Misconfiguration, Scanned, Vulnerability},
};
use crate::scan::{
    files::Roots,
    finding::{Finding, Kind, Package, Part, Place, Tool},
    severity::Severity,
    text::{MOST_MESSAGE, MOST_NAME, canonical, capped, sentences, url},
};

/// What Trivy was asked.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The parts (`--scanners`), which count as scanned: without its database Trivy writes no report. If it is not known,
    /// only those count of which the report shows something.
    pub parts: Option<BTreeSet<Part>>,
    /// That there is a lock file, so that a report without packages did not look for vulnerabilities.
    pub packages: bool,
    /// The name of the image, if one was scanned, which is the same from one build to the next. Without it, the report's
    /// own name for it without tag and digest.
    pub image: Option<String>,
}

/// Reads a report.
///
/// # Errors
/// If it is none, or nothing shows that anything was scanned.
pub fn read(bytes: &[u8], roots: &Roots, asked: &Asked) -> Result<Report, NotScanned> {
    let tool = Tool::Trivy;
    let bytes = start(tool, bytes, b"{[")?;
    let document: Document = match bytes.first() {
        // Before schema version 2 a report was the list of its results.
        Some(b'[') => Document { results: Some(parse(tool, bytes)?), ..Document::default() },
        _ => parse(tool, bytes)?,
    };
    if document.schema_version.is_none() && document.results.is_none() {
        return Err(NotScanned::all(tool, "its report has neither SchemaVersion nor Results", super::AGAIN));
    }
    if let Some(version) = document.schema_version.filter(|version| *version != 2) {
        let why = format!("its report has schema version {version}, and only 2 is known");
        return Err(NotScanned::all(tool, why, "use a Trivy that writes schema version 2"));
    }
    let results = document.results.unwrap_or_default();
    let packages = results.iter().any(|result| matches!(result.class.as_str(), "os-pkgs" | "lang-pkgs"));
    let mut report = Report::new(tool, asked.parts.clone().unwrap_or_else(|| shown(&results)));
    report.version = document.trivy.and_then(|trivy| trivy.version).map(|version| capped(&version, 50));
    if report.scanned.is_empty() {
        let next = "say what Trivy was asked for: a report without findings does not";
        return Err(NotScanned::all(tool, "nothing in its report shows what it looked at", next));
    }
    if asked.packages && !packages && report.scanned.remove(&Part::Vulnerabilities) {
        let next = "check that Trivy was started on the folder with the lock file, with --list-all-pkgs";
        let why = "there is a lock file, but its report names no package";
        report.not_scanned.push(NotScanned::part(tool, Part::Vulnerabilities, why, next));
    }
    let image = match (&asked.image, document.artifact_type.as_deref(), &document.artifact_name) {
        (Some(image), ..) => Some(capped(image, MOST_NAME)),
        (None, Some("container_image"), Some(name)) => Some(untagged(name)),
        _ => None,
    };
    let modified: usize = results.iter().map(|result| result.experimental_modified_findings.len()).sum();
    if modified > 0 {
        report.notes.push(format!("Trivy was told by its own settings to ignore {modified} findings"));
    }
    let at = Where { roots, image: image.as_deref() };
    results.iter().for_each(|result| at.findings(result, &mut report.findings));
    Ok(report)
}

/// The parts of which a report shows something.
fn shown(results: &[Scanned]) -> BTreeSet<Part> {
    let mut parts = BTreeSet::new();
    for result in results {
        let shown = [
            (Part::Vulnerabilities, !result.vulnerabilities.is_empty()),
            (Part::Misconfigurations, result.class == "config"),
            (Part::Secrets, !result.secrets.is_empty()),
            (Part::Licences, !result.licenses.is_empty()),
        ];
        parts.extend(shown.into_iter().filter(|(_, shown)| *shown).map(|(part, _)| part));
    }
    parts
}

/// An image's name without registry, tag and digest, or a file's without its folder: what stays from build to build.
fn untagged(name: &str) -> String {
    let name = name.split('@').next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".tar").unwrap_or(name).split(':').next().unwrap_or_default();
    if name.is_empty() { "image".to_owned() } else { capped(name, MOST_NAME) }
}

struct Where<'r> {
    roots: &'r Roots,
    image: Option<&'r str>,
}

impl Where<'_> {
    /// The place of a file, or of the packages of an image's system, which lie in no one file.
    fn place(&self, path: &str, lines: Option<(u32, u32)>, system: bool) -> Place {
        match self.image {
            Some(image) if system => Place { path: image.to_owned(), ..Place::default() },
            Some(image) => {
                let (path, _) = self.roots.relative(path.trim_start_matches('/'));
                Place { path: format!("{image}/{path}"), inside: false, lines, columns: None }
            }
            None => {
                let (path, inside) = self.roots.relative(path);
                Place { path, inside, lines, columns: None }
            }
        }
    }

    fn findings(&self, result: &Scanned, out: &mut Vec<Finding>) {
        let system = result.class == "os-pkgs";
        let lines_of: HashMap<&str, Lines> = result
            .packages
            .iter()
            .filter_map(|package| Some((package.id.as_str(), *package.locations.first()?)))
            .collect();
        for found in &result.vulnerabilities {
            let at = lines_of.get(found.pkg_id.as_str()).filter(|_| !found.pkg_id.is_empty());
            let path = if found.pkg_path.is_empty() { &result.target } else { &found.pkg_path };
            let place = self.place(path, at.and_then(|at| lines(at.start_line, at.end_line)), system);
            out.push(found.finding(place));
        }
        for found in &result.misconfigurations {
            if matches!(found.status.as_str(), "PASS" | "EXCEPTION") {
                continue;
            }
            let cause = &found.cause_metadata;
            let mut place = self.place(&result.target, lines(cause.start_line, cause.end_line), false);
            // In somebody else's module: where it is called from here.
            if !place.inside && self.image.is_none() {
                let called = cause.occurrences.iter().map(|from| {
                    let lines = from.location.and_then(|at| lines(at.start_line, at.end_line));
                    self.place(&from.filename, lines, false)
                });
                place = called.into_iter().find(|place| place.inside).unwrap_or(place);
            }
            out.push(found.finding(place));
        }
        for found in &result.secrets {
            let severity = Severity::of_word(&found.severity);
            let mut finding = Finding::new(Tool::Trivy, &found.rule_id, Kind::Secret, severity);
            finding.title = capped(&found.title, MOST_NAME);
            finding.place = self.place(&result.target, lines(found.start_line, found.end_line), false);
            out.push(finding);
        }
        // Licences that ask for nothing but to be named are no findings.
        let harmless = |category: &str| matches!(category, "notice" | "permissive" | "unencumbered");
        for found in result.licenses.iter().filter(|found| !harmless(&found.category)) {
            let severity = Severity::of_word(&found.severity);
            let mut finding = Finding::new(Tool::Trivy, &found.name, Kind::Licence, severity);
            finding.title = capped(&format!("licence {} is {}", found.name, found.category), MOST_NAME);
            finding.url = url(&found.link);
            let path = if found.file_path.is_empty() { &result.target } else { &found.file_path };
            finding.place = self.place(path, None, false);
            let name = capped(&found.pkg_name, MOST_NAME);
            finding.package = (!name.is_empty()).then(|| Package { name, ..Package::default() });
            out.push(finding);
        }
    }
}

impl Vulnerability {
    fn finding(&self, place: Place) -> Finding {
        let mut finding = Finding::new(Tool::Trivy, &self.id, Kind::Vulnerability, Severity::of_word(&self.severity));
        finding.aliases = self.vendor_ids.iter().map(|id| canonical(&capped(id, MOST_NAME))).collect();
        finding.score = self.score();
        finding.title = capped(&self.title, MOST_NAME);
        finding.message = capped(&self.description, MOST_MESSAGE);
        finding.url = url(&self.primary_url);
        finding.place = place;
        finding.package = Some(Package {
            name: capped(&self.pkg_name, MOST_NAME),
            version: capped(&self.installed_version, MOST_NAME),
            fixed: Some(capped(&self.fixed_version, MOST_NAME)).filter(|fixed| !fixed.is_empty()),
        });
        finding
    }

    /// The score of whom the severity is from, else the highest.
    fn score(&self) -> Option<u8> {
        let score = |cvss: &Cvss| cvss.v4.or(cvss.v3).filter(|score| (0.0..=10.0).contains(score));
        let tenths = |score: f64| (score * 10.0).round() as u8;
        let chosen = self.cvss.get(&self.severity_source).and_then(score);
        chosen.or_else(|| self.cvss.values().filter_map(score).max_by(f64::total_cmp)).map(tenths)
    }
}

impl Misconfiguration {
    fn finding(&self, place: Place) -> Finding {
        let rule = [&self.id, &self.avd_id].into_iter().find(|id| !id.is_empty()).map_or("unnamed", String::as_str);
        let severity = Severity::of_word(&self.severity);
        let mut finding = Finding::new(Tool::Trivy, rule, Kind::Misconfiguration, severity);
        if !self.avd_id.is_empty() {
            finding.aliases = vec![canonical(&capped(&self.avd_id, MOST_NAME))];
        }
        finding.title = capped(&self.title, MOST_NAME);
        finding.message = capped(&sentences([self.message.as_str(), &self.resolution]), MOST_MESSAGE);
        finding.url = url(&self.primary_url);
        let resource = capped(&self.cause_metadata.resource, MOST_NAME);
        finding.resource = (!resource.is_empty()).then_some(resource);
        finding.place = place;
        finding
    }
}
