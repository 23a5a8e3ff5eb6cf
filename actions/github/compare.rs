//! How commits stand to each other: <https://docs.github.com/en/rest/commits/commits#compare-two-commits>

use serde::Deserialize;

use super::{GitHub, PAGE, Refusal};

/// What is between two commits.
#[derive(Debug, Deserialize)]
pub(crate) struct Compared {
    /// Where the second stands, seen from the first.
    pub(crate) status: Standing,
    /// Those that the second has and the first has not, the oldest first: a page of them.
    pub(crate) commits: Vec<Commit>,
}

/// Where a commit stands, seen from another one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// It came later.
    Ahead,
    /// It is the other one.
    Identical,
    /// It came before.
    Behind,
    /// Neither has the other in its past.
    Diverged,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Commit {
    pub(crate) sha: String,
}

impl GitHub {
    /// How the commit `to` stands to `from`. Needs the right Contents: read.
    ///
    /// # Errors
    /// See [`Refusal`]: 404 for a commit that the repository does not know.
    pub(crate) async fn compare(&self, from: &str, to: &str) -> Result<Compared, Refusal> {
        self.get(&format!("/compare/{from}...{to}?per_page={PAGE}")).await
    }
}
