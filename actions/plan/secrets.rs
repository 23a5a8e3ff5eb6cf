//! Which values must not be seen wherever they stand: those that the job was told to hide, and those of its own environment
//! that are secrets by their names.

use std::{env, ffi::OsString};

use super::guess;
use crate::secret::Secret;

/// Shorter values of the environment are switches, not secrets.
const SHORTEST: usize = 8;

/// The values.
pub(crate) fn known(told: Option<&Secret>) -> Vec<String> {
    let told = told.into_iter().flat_map(|told| told.expose().lines()).map(str::trim).map(str::to_owned);
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let own = env::vars_os()
        .filter_map(text)
        .filter(|(name, value)| value.len() >= SHORTEST && is_secret(name))
        .map(|(_, value)| value);
    told.chain(own).filter(|value| !value.is_empty()).collect()
}

/// `TF_VAR_db_password` is one, and so is `AWS_SESSION_TOKEN`.
fn is_secret(name: &str) -> bool {
    let name = name.strip_prefix("TF_VAR_").or_else(|| name.strip_prefix("INPUT_")).unwrap_or(name);
    guess::name(&name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_the_job_are_secrets() {
        for name in ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GITHUB_TOKEN", "TF_VAR_db_password", "INPUT_TOKEN"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in ["PATH", "GITHUB_REPOSITORY", "AWS_REGION", "TF_VAR_environment"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn told_values_are_one_a_line() {
        let known = known(Some(&Secret::new("one\n\n  two words \n")));
        assert!(known.starts_with(&["one".to_owned(), "two words".to_owned()]), "{}", known.len());
    }
}
