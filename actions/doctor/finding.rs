//! What a look at one thing has found.

use std::fmt;

use crate::github::Refusal;

/// How a thing is, the worst last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// Nothing to judge, but to know.
    Note,
    /// Safe, but not as it should be.
    Warning,
    /// It could not be read, so nothing is proven.
    Unknown,
    /// It is not there.
    Missing,
    /// It is there, and not as it has to be.
    Wrong,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Missing => "missing",
            Self::Wrong => "wrong",
        })
    }
}

/// One line of the table, and what to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Finding {
    pub(super) status: Status,
    /// The thing.
    pub(super) what: String,
    /// How it is.
    pub(super) says: String,
    /// Commands to paste, in order; the page where it is set by hand.
    pub(super) fix: Vec<String>,
}

impl Finding {
    pub(super) fn new(status: Status, what: impl Into<String>, says: impl Into<String>) -> Self {
        Self { status, what: what.into(), says: says.into(), fix: Vec::new() }
    }

    /// A thing that the token may not see; `right` is a permission of the repository that lets it.
    pub(super) fn unknown(what: impl Into<String>, refusal: &Refusal, right: &str) -> Self {
        Self::new(Status::Unknown, what, format!("{refusal}; the token needs the repository permission {right}"))
    }

    pub(super) fn fixed_by(self, fix: impl IntoIterator<Item = String>) -> Self {
        Self { fix: fix.into_iter().collect(), ..self }
    }
}
