//! One finding, whichever scanner made it.

use std::{cmp::Reverse, fmt, str::FromStr};

use super::{
    severity::Severity,
    text::{MOST_NAME, canonical, capped},
};

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
    /// The canonical id, see [`canonical`](super::text::canonical).
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

    /// Whether it is known by this [canonical](super::text::canonical) id: as its own or as an alias. What each scanner calls it is among these.
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
