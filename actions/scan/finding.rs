//! One finding, whichever scanner made it.

use std::{cmp::Reverse, fmt, str::FromStr};

use super::severity::Severity;

/// A scanner that is known here. Their order is the one in which a merged finding names its sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// <https://github.com/rustsec/rustsec/tree/main/cargo-audit>
    CargoAudit,
    /// <https://doc.rust-lang.org/clippy/>
    Clippy,
    /// <https://github.com/aquasecurity/tfsec>
    Tfsec,
    /// <https://trivy.dev>
    Trivy,
}

impl Tool {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::CargoAudit, Self::Clippy, Self::Tfsec, Self::Trivy];

    /// Its name, as in `--report NAME=FILE`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CargoAudit => "cargo-audit",
            Self::Clippy => "clippy",
            Self::Tfsec => "tfsec",
            Self::Trivy => "trivy",
        }
    }

    /// Where it is described.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::CargoAudit => "https://github.com/rustsec/rustsec",
            Self::Clippy => "https://doc.rust-lang.org/clippy/",
            Self::Tfsec => "https://github.com/aquasecurity/tfsec",
            Self::Trivy => "https://trivy.dev",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Tool {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|tool| tool.name() == name).ok_or_else(|| {
            anyhow::anyhow!("no scanner is called {name:?}; known are cargo-audit, clippy, tfsec and trivy")
        })
    }
}

/// What sort of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A package has a known vulnerability.
    Vulnerability,
    /// A package can break Rust's promises of memory safety.
    Unsound,
    /// A package was withdrawn by its author.
    Yanked,
    /// Nobody maintains a package any more.
    Unmaintained,
    /// An advisory of another sort.
    Notice,
    /// Infrastructure, an image or a cluster is set up unsafely.
    Misconfiguration,
    /// A credential lies in a file.
    Secret,
    /// A licence that is not wanted.
    Licence,
    /// A compiler's or linter's warning.
    Lint,
}

impl Kind {
    /// One of them, in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vulnerability => "vulnerability",
            Self::Unsound => "unsound package",
            Self::Yanked => "yanked package",
            Self::Unmaintained => "unmaintained package",
            Self::Notice => "notice",
            Self::Misconfiguration => "misconfiguration",
            Self::Secret => "secret",
            Self::Licence => "licence",
            Self::Lint => "lint",
        }
    }

    /// The part of a scanner's work that finds it.
    #[must_use]
    pub const fn part(self) -> Part {
        match self {
            Self::Vulnerability | Self::Unsound | Self::Yanked | Self::Unmaintained | Self::Notice => {
                Part::Vulnerabilities
            }
            Self::Misconfiguration => Part::Misconfigurations,
            Self::Secret => Part::Secrets,
            Self::Licence => Part::Licences,
            Self::Lint => Part::Lints,
        }
    }
}

/// A part of a scanner's work, which can be left undone while the rest is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Advisories about packages.
    Vulnerabilities,
    /// Infrastructure, images, clusters.
    Misconfigurations,
    /// Credentials in files.
    Secrets,
    /// Licences of packages and files.
    Licences,
    /// Warnings of compiler and linter.
    Lints,
}

impl Part {
    /// Its name, as in `trivy/vulnerabilities`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vulnerabilities => "vulnerabilities",
            Self::Misconfigurations => "misconfigurations",
            Self::Secrets => "secrets",
            Self::Licences => "licences",
            Self::Lints => "lints",
        }
    }
}

/// Where something was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Relative to the repository, with forward slashes. Of what lies outside, a name that points nowhere.
    pub path: String,
    /// Whether the path is a file of the repository, which can be linked and annotated.
    pub inside: bool,
    /// First and last line, from 1.
    pub lines: Option<(u32, u32)>,
    /// First column, and the one behind the last; from 1, in characters as the scanner counts them.
    pub columns: Option<(u32, u32)>,
}

/// The package that an advisory or a licence is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Package {
    /// As its registry knows it.
    pub name: String,
    /// The version in use.
    pub version: String,
    /// Which versions are without fault, in the scanner's words.
    pub fixed: Option<String>,
}

/// Who found it, and under which name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The scanner.
    pub tool: Tool,
    /// Its own id of the rule or advisory.
    pub rule: String,
}

/// One thing that one or several scanners found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The canonical id, see [`canonical`].
    pub id: String,
    /// Other ids of the same advisory, sorted, without `id`.
    pub aliases: Vec<String>,
    /// What sort of thing it is.
    pub kind: Kind,
    /// How bad it is, by the table in `docs/scan.md`.
    pub severity: Severity,
    /// The CVSS score in tenths, if there is one.
    pub score: Option<u8>,
    /// What it is, in a line. Untrusted.
    pub title: String,
    /// What to know and what to do. Untrusted, may be empty.
    pub message: String,
    /// Where to read more: `https` only.
    pub url: Option<String>,
    /// Where it is.
    pub place: Place,
    /// The package it is about.
    pub package: Option<Package>,
    /// The resource of the infrastructure it is about.
    pub resource: Option<String>,
    /// Every scanner that found it, sorted; never empty.
    pub sources: Vec<Source>,
    /// What it is known by from one commit to the next, see [`super::fingerprint`]; empty before that.
    pub fingerprint: String,
}

impl Finding {
    /// A finding of one scanner, with nothing but what every finding has.
    pub(crate) fn new(tool: Tool, rule: &str, kind: Kind, severity: Severity) -> Self {
        let rule = capped(rule, MOST_NAME);
        Self {
            id: canonical(&rule),
            aliases: Vec::new(),
            kind,
            severity,
            score: None,
            title: String::new(),
            message: String::new(),
            url: None,
            place: Place::default(),
            package: None,
            resource: None,
            sources: vec![Source { tool, rule }],
            fingerprint: String::new(),
        }
    }

    /// The scanner in whose SARIF run it stands.
    #[must_use]
    pub fn tool(&self) -> Tool {
        self.sources.first().map_or(Tool::Trivy, |source| source.tool)
    }

    /// Whether it is known by this [canonical] id: as its own or as an alias. What each scanner calls it is among these.
    #[must_use]
    pub fn has_id(&self, id: &str) -> bool {
        self.ids().any(|own| own == id)
    }

    /// Every id it has, its own first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// The order in which findings are shown: the worst first, then by place.
    pub(crate) fn order(&self) -> impl Ord + '_ {
        let Self { severity, kind, score, place, id, package, resource, fingerprint, .. } = self;
        (
            *severity,
            Reverse(*score),
            *kind,
            (&place.path, place.lines, place.columns),
            id,
            package,
            resource,
            fingerprint,
        )
    }
}

/// A name or id longer than this is cut: no scanner has such.
pub(crate) const MOST_NAME: usize = 300;
/// A message longer than this is cut.
pub(crate) const MOST_MESSAGE: usize = 2_000;

/// A text of at most so many characters.
pub(crate) fn capped(text: &str, most: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Who explains rules and advisories. A link to anywhere else is not shown: reports are not trusted, and a link to an issue
/// makes GitHub mention it there.
const EXPLAIN: [&str; 9] = [
    "avd.aquasec.com",
    "aquasecurity.github.io",
    "doc.rust-lang.org",
    "github.com/advisories",
    "nvd.nist.gov",
    "registry.terraform.io",
    "rust-lang.github.io",
    "rustsec.org",
    "spdx.org",
];

/// The URL, if it is `https` at somebody who explains rules and advisories and holds nothing that could end a Markdown link.
pub(crate) fn url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://")?;
    let fine = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#&+=%".contains(c);
    let known = EXPLAIN.iter().any(|host| rest.strip_prefix(host).is_some_and(|path| path.starts_with('/')));
    (known && text.len() <= 500 && text.chars().all(fine)).then(|| text.to_owned())
}

/// One name for what scanners call differently: tfsec's and old Trivy's `AVD-AWS-0104` is Trivy's `AWS-0104`; advisories are
/// written in capitals, except that those of GitHub (`GHSA-xxxx-xxxx-xxxx`) have small letters behind the prefix.
#[must_use]
pub fn canonical(id: &str) -> String {
    let id = id.trim();
    let upper = id.to_ascii_uppercase();
    if let Some(rest) = upper.strip_prefix("AVD-") {
        return rest.to_owned();
    }
    if let Some(rest) = upper.strip_prefix("GHSA-") {
        return format!("GHSA-{}", rest.to_ascii_lowercase());
    }
    if upper.starts_with("CVE-") || upper.starts_with("RUSTSEC-") { upper } else { id.to_owned() }
}

/// Which of an advisory's ids is shown: the CVE, else GitHub's, else RustSec's, else any; the first by letters.
pub(crate) fn preference(id: &str) -> (u8, &str) {
    let rank = ["CVE-", "GHSA-", "RUSTSEC-"].iter().position(|prefix| id.starts_with(prefix)).unwrap_or(3);
    (rank as u8, id)
}

/// Texts one after the other, each with an end.
pub(crate) fn sentences<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let mut out = String::new();
    for text in texts {
        let text = text.trim();
        if text.is_empty() || out.contains(text) {
            continue;
        }
        if !out.is_empty() {
            out.push_str(if out.ends_with(['.', '!', '?']) { " " } else { ". " });
        }
        out.push_str(text);
    }
    out
}
