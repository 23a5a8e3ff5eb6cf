//! How bad a finding is. One table for all scanners; it is written out in `docs/scan.md`.

use std::{fmt, str::FromStr};

use cvss::Cvss;

use super::finding::Kind;

/// The worst first. What nobody has judged stands, and counts, as medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// CVSS 9.0 and more.
    Critical,
    /// CVSS 7.0 and more.
    High,
    /// CVSS 4.0 and more.
    Medium,
    /// Nobody has judged it.
    Unknown,
    /// The rest.
    Low,
}

impl Severity {
    /// All of them, the worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Unknown, Self::Low];

    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Unknown => "unknown",
            Self::Low => "low",
        }
    }

    /// Whether it is as bad as this or worse; what is unknown is taken for medium.
    #[must_use]
    pub fn reaches(self, threshold: Self) -> bool {
        let rank = |severity| if severity == Self::Unknown { Self::Medium } else { severity };
        rank(self) <= rank(threshold)
    }

    /// The worse of two scanners' opinions. No opinion is none.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, other) => other,
            (known, Self::Unknown) => known,
            (a, b) => a.min(b),
        }
    }

    /// Of a CVSS score in tenths ([table](https://www.first.org/cvss/v4.0/specification-document#Qualitative-Severity-Rating-Scale)).
    #[must_use]
    pub const fn of_score(tenths: u8) -> Self {
        match tenths {
            90.. => Self::Critical,
            70.. => Self::High,
            40.. => Self::Medium,
            _ => Self::Low,
        }
    }

    /// A number for GitHub's `security-severity`, in tenths, for what has no score.
    pub(crate) const fn tenths(self) -> u8 {
        match self {
            Self::Critical => 95,
            Self::High => 80,
            Self::Medium | Self::Unknown => 55,
            Self::Low => 20,
        }
    }

    /// Of tfsec's and Trivy's word.
    pub(crate) fn of_word(word: &str) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "CRITICAL" => Self::Critical,
            "HIGH" | "ERROR" => Self::High,
            "MEDIUM" | "WARNING" => Self::Medium,
            "LOW" | "INFO" | "NEGLIGIBLE" => Self::Low,
            _ => Self::Unknown,
        }
    }

    /// Of a compiler's level: a warning is no trifle (`-D warnings` is common), an error less so.
    pub(crate) fn of_level(level: &str) -> Self {
        match level {
            "warning" => Self::Medium,
            "note" | "help" => Self::Low,
            level if level.starts_with("error") => Self::High,
            _ => Self::Unknown,
        }
    }

    /// Of an advisory without a score, by its kind.
    pub(crate) fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::Unsound => Self::Medium,
            Kind::Yanked | Kind::Unmaintained | Kind::Notice => Self::Low,
            _ => Self::Unknown,
        }
    }
}

/// The score of a CVSS vector, version 3 or 4, in tenths.
pub(crate) fn score(vector: &str) -> Option<u8> {
    if vector.len() > 1_000 {
        return None;
    }
    let score = vector.trim().parse::<Cvss>().ok()?.score();
    (0.0..=10.0).contains(&score).then(|| (score * 10.0).round() as u8)
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Severity {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|severity| severity.name() == name && *severity != Self::Unknown)
            .ok_or_else(|| anyhow::anyhow!("{name:?} is no severity; choose critical, high, medium or low"))
    }
}
