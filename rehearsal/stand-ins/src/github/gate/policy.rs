//! Which branches' jobs an environment takes:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/deployments-and-environments#deployment-branches-and-tags>.

use crate::github::state::{Branches, Environment};
use glob::{MatchOptions, Pattern};
use std::collections::BTreeSet;

/// A `*` ends at a slash, and does not take a name's first dot: as Ruby's `File.fnmatch` with `FNM_PATHNAME`, which GitHub
/// uses. Ruby's backslashes are not known here, and what is no pattern matches nothing.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// What GitHub says to a job of this ref, unless it may begin.
pub(super) fn refusal(
    name: &str,
    environment: &Environment,
    protected: &BTreeSet<String>,
    git_ref: &str,
) -> Option<String> {
    // What is neither branch nor tag, such as `refs/pull/1/merge`, goes by its whole name.
    let (kind, short) = match (git_ref.strip_prefix("refs/heads/"), git_ref.strip_prefix("refs/tags/")) {
        (Some(branch), _) => ("Branch", branch),
        (_, Some(tag)) => ("Tag", tag),
        _ => ("Branch", git_ref),
    };
    // The patterns kept here are those of branches.
    let is_branch = kind == "Branch";
    let fits = |pattern: &String| Pattern::new(pattern).is_ok_and(|pattern| pattern.matches_with(short, MATCHING));
    let allowed = match &environment.branches {
        Branches::All => true,
        Branches::Protected => is_branch && protected.contains(short),
        Branches::Named(patterns) => is_branch && patterns.iter().any(fits),
    };
    (!allowed)
        .then(|| format!("{kind} \"{short}\" is not allowed to deploy to {name} due to environment protection rules."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(branches: Branches, git_ref: &str) -> bool {
        let environment = Environment { branches, ..Environment::default() };
        refusal("staging", &environment, &["main".to_owned()].into(), git_ref).is_none()
    }

    #[test]
    fn patterns_are_about_whole_names_of_branches() {
        let named = |pattern: &str, git_ref| allows(Branches::Named(vec![pattern.to_owned()]), git_ref);
        assert!(named("main", "refs/heads/main"));
        for other in ["refs/heads/maintain", "refs/heads/Main", "refs/heads/a/main", "refs/tags/main"] {
            assert!(!named("main", other), "{other}");
        }
        assert!(named("release/*", "refs/heads/release/1"));
        assert!(!named("release/*", "refs/heads/release/1/2"));
        assert!(named("release/*/*", "refs/heads/release/1/2"));
        assert!(named("**/main", "refs/heads/a/b/main"));
        assert!(!named("*", "refs/heads/a/b"));
        assert!(named("v[0-9]", "refs/heads/v1"));
        assert!(named("refs/pull/*/merge", "refs/pull/1/merge"));
        assert!(!named("*", "refs/pull/1/merge"));
        assert!(!named("[", "refs/heads/["));
    }

    #[test]
    fn protected_branches_are_those_that_are_known_to_be() {
        assert!(allows(Branches::Protected, "refs/heads/main"));
        for other in ["refs/heads/change", "refs/tags/main", "refs/pull/1/merge"] {
            assert!(!allows(Branches::Protected, other), "{other}");
        }
        assert!(allows(Branches::All, "refs/pull/1/merge"));
    }
}
