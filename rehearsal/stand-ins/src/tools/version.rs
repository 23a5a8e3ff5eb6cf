//! Which versions on PATH are accepted.

/// The first word of what a program says of itself that looks like a version.
#[must_use]
pub fn found_version(said: &str) -> String {
    let looks =
        |word: &&str| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    said.split_whitespace().find(looks).unwrap_or("unknown").to_owned()
}

/// Whether `found` is `wanted` or newer, of the same major version.
#[must_use]
pub fn at_least(found: &str, wanted: &str) -> bool {
    let numbers = |version: &str| -> Vec<u32> {
        let parts = version.trim_start_matches('v').split(['.', '-', '+', '~']);
        parts.map_while(|part| part.parse().ok()).collect()
    };
    let (found, wanted) = (numbers(found), numbers(wanted));
    found.first() == wanted.first() && found >= wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_or_of_another_kind_is_not_taken_from_path() {
        assert_eq!(found_version("act version 0.2.89\n"), "0.2.89");
        assert_eq!(found_version("docker-registry github.com/distribution/distribution 2.8.3+ds1\n"), "2.8.3+ds1");
        assert!(at_least("0.2.89", "v0.2.89") && at_least("v0.3.0", "v0.2.89") && at_least("2.8.3+ds1", "2.8.3"));
        assert!(!at_least("0.2.9", "v0.2.89") && !at_least("1.0.0", "v0.2.89") && !at_least("unknown", "v0.2.89"));
    }
}
