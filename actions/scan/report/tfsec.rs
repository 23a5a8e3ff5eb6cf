//! `tfsec --format json`: results as
//! [tfsec's engine](https://pkg.go.dev/github.com/aquasecurity/defsec/pkg/scan#FlatResult) writes them.

use serde::Deserialize;

use super::{NotScanned, Report, nullable, parse, start};
use crate::scan::{
    files::Roots,
    finding::{Finding, Kind, Part, Place, Tool},
    severity::Severity,
    text::{MOST_MESSAGE, MOST_NAME, canonical, capped, sentences, url},
};

#[derive(Deserialize)]
struct Results {
    /// Has to be there: `null` says that nothing was found, its absence that this is something else.
    #[serde(default, deserialize_with = "present")]
    results: Option<Option<Vec<Flat>>>,
}

/// A member that is there, whatever its value.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

#[derive(Deserialize)]
struct Flat {
    #[serde(default)]
    rule_id: String,
    #[serde(default)]
    long_id: String,
    #[serde(default)]
    rule_description: String,
    #[serde(default)]
    resolution: String,
    #[serde(default, deserialize_with = "nullable")]
    links: Vec<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    resource: String,
    location: Location,
}

/// A number since 1.0, a word before.
#[derive(Deserialize)]
#[serde(untagged)]
enum Status {
    Number(u8),
    Word(String),
    Nothing(()),
}

impl Default for Status {
    fn default() -> Self {
        Self::Nothing(())
    }
}

impl Status {
    /// Passed and ignored ones are listed on request only; what is unknown counts as failed.
    fn failed(&self) -> bool {
        match self {
            Self::Number(number) => !matches!(number, 1 | 2),
            Self::Word(word) => !matches!(word.as_str(), "passed" | "ignored"),
            Self::Nothing(()) => true,
        }
    }
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    filename: String,
    #[serde(default)]
    start_line: u32,
    #[serde(default)]
    end_line: u32,
}

/// Reads a report.
///
/// # Errors
/// If it is none.
pub fn read(bytes: &[u8], roots: &Roots) -> Result<Report, NotScanned> {
    let tool = Tool::Tfsec;
    let results: Results = parse(tool, start(tool, bytes, b"{")?)?;
    let Some(results) = results.results else {
        return Err(NotScanned::all(tool, "its report has no member called results", super::AGAIN));
    };
    let mut report = Report::new(tool, [Part::Misconfigurations]);
    let failed = results.unwrap_or_default().into_iter().filter(|flat| flat.status.failed());
    report.findings = failed.map(|flat| finding(&flat, roots)).collect();
    Ok(report)
}

fn finding(flat: &Flat, roots: &Roots) -> Finding {
    let rule = [&flat.rule_id, &flat.long_id].into_iter().find(|id| !id.is_empty()).map_or("unnamed", String::as_str);
    let mut finding = Finding::new(Tool::Tfsec, rule, Kind::Misconfiguration, Severity::of_word(&flat.severity));
    if !flat.long_id.is_empty() && flat.long_id != flat.rule_id {
        finding.aliases = vec![canonical(&capped(&flat.long_id, MOST_NAME))];
    }
    finding.title = capped(&flat.rule_description, MOST_NAME);
    finding.message = capped(&sentences([flat.description.as_str(), &flat.resolution]), MOST_MESSAGE);
    finding.url = flat.links.iter().find_map(|link| url(link));
    finding.resource = Some(capped(&flat.resource, MOST_NAME)).filter(|resource| !resource.is_empty());
    let (path, inside) = roots.relative(&flat.location.filename);
    let lines = lines(flat.location.start_line, flat.location.end_line);
    finding.place = Place { path, inside, lines, columns: None };
    finding
}

/// Lines as they can be; 0 is none.
pub(super) fn lines(first: u32, last: u32) -> Option<(u32, u32)> {
    (first > 0).then(|| (first, last.max(first)))
}
