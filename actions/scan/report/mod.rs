//! What a scanner says, read into findings. Whoever reads a report does not look at the scanner's exit code first: it says
//! "found something" and "fell over" alike. What cannot be read was not scanned, and that is not clean.

pub mod cargo_audit;
pub mod clippy;
pub(super) mod lockfile;
pub mod tfsec;
pub mod trivy;
mod trivy_json;

use std::collections::BTreeSet;

use serde::{Deserialize as _, de::DeserializeOwned};

use super::{
    finding::{Finding, Part, Tool},
    text::capped,
};
use crate::scrub::Scrubber;

/// What a scanner, or a part of it, did not look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotScanned {
    /// The scanner.
    pub tool: Tool,
    /// The part that was left undone; `None` if all of it was.
    pub part: Option<Part>,
    /// Why: what failed and how. Untrusted.
    pub why: String,
    /// What to do about it.
    pub next: String,
}

impl NotScanned {
    /// All of a scanner.
    #[must_use]
    pub fn all(tool: Tool, why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { tool, part: None, why: why.into(), next: next.into() }
    }

    /// A part of a scanner.
    #[must_use]
    pub fn part(tool: Tool, part: Part, why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { tool, part: Some(part), why: why.into(), next: next.into() }
    }

    /// The name by which a workflow allows it: `clippy`, or `trivy/vulnerabilities`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.part {
            Some(part) => format!("{}/{}", self.tool, part.name()),
            None => self.tool.to_string(),
        }
    }
}

/// What a scanner found, and what it did look at.
#[derive(Clone, Debug)]
pub struct Report {
    /// The scanner.
    pub tool: Tool,
    /// Its version, if the report says it. Untrusted.
    pub version: Option<String>,
    /// What it looked at.
    pub scanned: BTreeSet<Part>,
    /// What it left undone though it was asked.
    pub not_scanned: Vec<NotScanned>,
    /// What it found.
    pub findings: Vec<Finding>,
    /// What it does not say in findings, such as ignores that it kept to. Sentences of ours.
    pub notes: Vec<String>,
}

impl Report {
    fn new(tool: Tool, scanned: impl IntoIterator<Item = Part>) -> Self {
        Self {
            tool,
            version: None,
            scanned: scanned.into_iter().collect(),
            not_scanned: Vec::new(),
            findings: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// Takes known secrets out of all that a scanner quotes. Paths stay: files are read by them.
pub(crate) fn clean(read: &mut Result<Report, NotScanned>, scrubber: &Scrubber) {
    let report = match read {
        Ok(report) => report,
        Err(gap) => return scrubber.clean(&mut gap.why),
    };
    report.not_scanned.iter_mut().for_each(|gap| scrubber.clean(&mut gap.why));
    report.version.iter_mut().for_each(|version| scrubber.clean(version));
    for finding in &mut report.findings {
        scrubber.clean(&mut finding.title);
        scrubber.clean(&mut finding.message);
        finding.url = finding.url.take().filter(|url| !scrubber.finds(url));
        finding.resource.iter_mut().for_each(|resource| scrubber.clean(resource));
        if let Some(package) = &mut finding.package {
            scrubber.clean(&mut package.name);
            scrubber.clean(&mut package.version);
            package.fixed.iter_mut().for_each(|fixed| scrubber.clean(fixed));
        }
    }
}

const AGAIN: &str = "look at the scanner's own output in the log and start the job again";

/// Where the JSON document of a report begins: behind a banner, if there is one.
fn start<'b>(tool: Tool, bytes: &'b [u8], opens: &[u8]) -> Result<&'b [u8], NotScanned> {
    let bytes = text(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(NotScanned::all(tool, "it printed nothing", AGAIN));
    }
    // NOTE: a banner's lines may hold brackets; a document begins its line.
    let lines = std::iter::once(0).chain(bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1));
    let mut starts = lines.map(|at| at + blank(&bytes[at..]));
    match starts.find(|at| bytes.get(*at).is_some_and(|b| opens.contains(b))) {
        Some(at) => Ok(&bytes[at..]),
        None => {
            let said = capped(&String::from_utf8_lossy(&bytes[..bytes.len().min(400)]), 120);
            Err(NotScanned::all(tool, format!("it printed no JSON but {said:?}"), AGAIN))
        }
    }
}

/// A document, with nothing but white space after it.
fn parse<T: DeserializeOwned>(tool: Tool, bytes: &[u8]) -> Result<T, NotScanned> {
    serde_json::from_slice(bytes).map_err(|error| {
        NotScanned::all(tool, format!("its report of {} bytes cannot be read: {error}", bytes.len()), AGAIN)
    })
}

/// Without a byte order mark.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn blank(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count()
}

/// A text without escape sequences of terminals ([ECMA-48](https://ecma-international.org/publications-and-standards/standards/ecma-48/)).
fn without_ansi(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {}
            }
            '\u{1b}' => {}
            c => out.push(c),
        }
    }
    out
}

/// `null` for what should be a list or a text is the same as nothing.
fn nullable<'de, D: serde::Deserializer<'de>, T: serde::Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}
