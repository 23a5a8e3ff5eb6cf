//! What a finding is known by from one commit to the next: its content and not its line number, so that code above it may
//! grow and shrink. How it is computed is written out in `docs/scan.md`.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::{
    files::Files,
    finding::{Finding, Kind},
};

/// So many lines of a place count at most.
const MOST_LINES: usize = 10;
/// A place of a resource with so many lines is a whole block, of which the first says enough: the others may change.
const BLOCK: u32 = 4;

/// Computes the fingerprints of a commit's findings, and looks up which of their paths are files of it.
pub fn mark(findings: &mut [Finding], files: &dyn Files) -> Vec<Content> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by(|a, b| findings[*a].place.cmp(&findings[*b].place));
    let mut contents = vec![Content::default(); findings.len()];
    let mut current: Option<(String, Option<Text>)> = None;
    for at in &order {
        let finding = &mut findings[*at];
        if finding.place.inside {
            if current.as_ref().is_none_or(|(path, _)| *path != finding.place.path) {
                current = Some((finding.place.path.clone(), files.text(&finding.place.path).map(Text::new)));
            }
            let text = current.as_ref().and_then(|(_, text)| text.as_ref());
            finding.place.inside = text.is_some() || !files.known();
            fit(finding, text);
            contents[*at] = content(finding, text);
        } else {
            contents[*at] = content(finding, None);
        }
    }
    // Equal ones are numbered in the order of their places.
    let mut seen: HashMap<[u8; 32], u32> = HashMap::new();
    let mut before = None;
    for at in order {
        // They come file by file.
        if before.is_none_or(|before: usize| findings[before].place.path != findings[at].place.path) {
            seen.clear();
        }
        before = Some(at);
        let (finding, content) = (&mut findings[at], &contents[at]);
        let ordinal = seen.entry(content.hash).or_default();
        let digest =
            hash(&["lockgate finding 1", &finding.place.path, &hex::encode(content.hash), &ordinal.to_string()]);
        finding.fingerprint = hex::encode(&digest[..16]);
        *ordinal += 1;
    }
    contents
}

/// What a finding is without its path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Content {
    hash: [u8; 32],
    /// Whether there is anything but the rule's id, so that it can be known in another file.
    pub(super) tells: bool,
}

/// A file and where its lines begin.
pub(crate) struct Text {
    text: String,
    starts: Vec<usize>,
}

impl Text {
    pub(crate) fn new(text: String) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// A line without its end, counted from 1.
    pub(crate) fn line(&self, number: u32) -> Option<&str> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        let from = *self.starts.get(at)?;
        let to = self.starts.get(at + 1).map_or(self.text.len(), |next| next - 1);
        self.text.get(from..to)
    }

    fn count(&self) -> u32 {
        u32::try_from(self.starts.len()).unwrap_or(u32::MAX)
    }
}

/// Takes from a place what the file does not bear out, and counts its columns in UTF-16 units.
fn fit(finding: &mut Finding, text: Option<&Text>) {
    let place = &mut finding.place;
    let Some(text) = text else {
        place.columns = None;
        return;
    };
    place.lines = place.lines.filter(|(first, _)| *first <= text.count()).map(|(a, b)| (a, b.min(text.count())));
    place.columns = place.lines.zip(place.columns).and_then(|((first, last), (from, to))| {
        let units = |line: u32, column: u32| {
            let before = usize::try_from(column).ok()?.checked_sub(1)?;
            let line = text.line(line)?;
            let units: usize = line.chars().take(before).map(char::len_utf16).sum();
            (before <= line.chars().count() + 1).then_some(u32::try_from(units).ok()? + 1)
        };
        Some((units(first, from)?, units(last, to)?))
    });
}

fn content(finding: &Finding, text: Option<&Text>) -> Content {
    let lines = finding.place.lines.filter(|_| finding.package.is_none());
    let block = finding.resource.is_some() && lines.is_some_and(|(first, last)| last - first >= BLOCK - 1);
    let lines = text.zip(lines).map(|(text, (first, last))| normal(text, first, if block { first } else { last }));
    let lines = lines.unwrap_or_default();
    let kind = if finding.package.is_some() && finding.kind != Kind::Licence { "package" } else { finding.kind.name() };
    let (name, version) =
        finding.package.as_ref().map_or(("", ""), |package| (package.name.as_str(), package.version.as_str()));
    let resource = finding.resource.as_deref().unwrap_or_default();
    let hash = hash(&[kind, &finding.id, name, version, resource, &lines]);
    Content { hash, tells: !(name.is_empty() && resource.is_empty() && lines.is_empty()) }
}

/// Lines without what formatting changes: white space is one space, empty lines are none.
fn normal(text: &Text, first: u32, last: u32) -> String {
    let lines = (first..=last).take(MOST_LINES).filter_map(|number| text.line(number));
    let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// SHA-256 over fields, each behind its length in bytes (8, big endian).
fn hash(fields: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for field in fields {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().into()
}
