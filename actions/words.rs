//! Why something went wrong, for those who may know all of it, and for everybody.

use std::{error::Error, fmt};

/// Why something went wrong. As an error it says all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// With what functions, people and AWS said.
    pub all: String,
    /// Without: in a public repository this alone stands in comments and deployments.
    pub public: String,
}

impl Words {
    /// `what`, and what was said, which not everybody may read.
    pub(crate) fn new(what: impl fmt::Display, said: impl fmt::Display) -> Self {
        Self { all: format!("{what}: {said}"), public: what.to_string() }
    }

    /// In a sentence.
    pub(crate) fn within(&self, sentence: impl Fn(&str) -> String) -> Self {
        Self { all: sentence(&self.all), public: sentence(&self.public) }
    }

    /// What is shown where values are hidden, or are not.
    pub(crate) fn shown(&self, hidden: bool) -> &str {
        if hidden { &self.public } else { &self.all }
    }

    /// Several, as one.
    pub(crate) fn join(all: &[Self]) -> Self {
        let join = |of: fn(&Self) -> &str| all.iter().map(of).collect::<Vec<_>>().join("; ");
        Self { all: join(|one| &one.all), public: join(|one| &one.public) }
    }
}

impl From<String> for Words {
    /// Words that everybody may read.
    fn from(all: String) -> Self {
        Self { public: all.clone(), all }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.all)
    }
}

impl Error for Words {}
