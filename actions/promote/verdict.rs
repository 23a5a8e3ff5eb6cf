//! Whether a new version is worse than the one it replaces, by what both did meanwhile. Pure arithmetic; where the numbers
//! come from is in [`super::watch`].

use std::{fmt, ops::Sub};

/// Sums over the time of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    /// Lambda's `Invocations`.
    pub(super) invocations: f64,
    /// Lambda's `Errors`: invocations that failed as a whole.
    pub(super) errors: f64,
    /// Lambda's `Throttles`.
    pub(super) throttles: f64,
    /// The function's own `Handled`: records or requests done.
    pub(super) handled: f64,
    /// Its `Failed`: tried again, given up, or answered 5xx. To Lambda these are successes.
    pub(super) failed: f64,
    /// Its `Rejected`: wrong themselves.
    pub(super) rejected: f64,
}

/// What is asked of a new version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// So many invocations or records make a ratio worth judging.
    pub(super) samples: f64,
    /// By how much, from 0 to 1, a ratio may be over the old version's.
    pub(super) tolerance: f64,
}

/// What the numbers say of one function.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Not worse, and enough was seen.
    Good,
    /// Worse: which ratio, and by how much.
    Bad(String),
    /// Too little was seen: so much, of so much.
    TooFew(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Bad(why) => write!(f, "bad: {why}"),
            Self::TooFew(seen) => write!(f, "too few samples: {seen}"),
        }
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} invocations ({} errors, {} throttles), {} handled, {} failed, {} rejected",
            self.invocations, self.errors, self.throttles, self.handled, self.failed, self.rejected
        )
    }
}

/// What came to be since an earlier look at the same time.
impl Sub for Sums {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            invocations: self.invocations - before.invocations,
            errors: self.errors - before.errors,
            throttles: self.throttles - before.throttles,
            handled: self.handled - before.handled,
            failed: self.failed - before.failed,
            rejected: self.rejected - before.rejected,
        }
    }
}

impl Sums {
    fn records(&self) -> f64 {
        self.handled + self.failed + self.rejected
    }

    /// Each ratio by its name: how many were bad, of how many.
    fn ratios(&self) -> [(&'static str, f64, f64); 4] {
        [
            ("Errors", self.errors, self.invocations),
            ("Throttles", self.throttles, self.invocations + self.throttles),
            ("Failed", self.failed, self.records()),
            ("Rejected", self.rejected, self.records()),
        ]
    }
}

/// Judges `new` against `old`.
#[must_use]
pub(super) fn judge(new: &Sums, old: &Sums, rules: &Rules) -> Verdict {
    for ((name, bad, of), (_, old_bad, old_of)) in new.ratios().into_iter().zip(old.ratios()) {
        // What the old version did not do counts as done well: one failure of one is no measure.
        let before = old_bad / old_of.max(rules.samples).max(1.0);
        if of >= rules.samples && bad / of > before + rules.tolerance {
            return Verdict::Bad(format!(
                "{name} are {bad} of {of} ({:.1} %), {:.1} % in the version before, and {:.1} % more are tolerated",
                bad / of * 100.0,
                before * 100.0,
                rules.tolerance * 100.0
            ));
        }
    }
    // Where the old version tells of its records, the new one has to: its own metrics may be late.
    let seen = if old.records() >= rules.samples { new.records() } else { new.invocations.max(new.records()) };
    if seen >= rules.samples { Verdict::Good } else { Verdict::TooFew(format!("{seen} of {}", rules.samples)) }
}

/// Whether the new version got none of the traffic although so much went to the old one that chance does not explain it
/// (less than once in a thousand times): then something keeps requests from it, and its own numbers cannot tell.
#[must_use]
pub(super) fn starved(new: &Sums, old: &Sums, percent: u8) -> bool {
    let part = f64::from(percent) / 100.0;
    // (1 - part)^n is below e^-7 where n * part is above 7.
    new.invocations == 0.0 && old.invocations * part > 7.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { samples: 20.0, tolerance: 0.02 };

    fn sums(invocations: f64, errors: f64, handled: f64, failed: f64) -> Sums {
        Sums { invocations, errors, handled, failed, ..Sums::default() }
    }

    #[test]
    fn a_version_is_judged_by_the_ratio_that_lambda_does_not_see() {
        let (new, old) = (sums(30.0, 0.0, 80.0, 20.0), sums(300.0, 0.0, 1000.0, 0.0));
        let Verdict::Bad(why) = judge(&new, &old, &RULES) else { panic!("20 % failed records pass") };
        assert!(why.starts_with("Failed are 20 of 100 (20.0 %)"), "{why}");
        let errors = judge(&sums(50.0, 5.0, 0.0, 0.0), &old, &RULES);
        assert!(matches!(&errors, Verdict::Bad(why) if why.starts_with("Errors")), "{errors:?}");
    }

    #[test]
    fn what_was_as_bad_before_is_not_the_new_versions_fault() {
        let (new, old) = (sums(50.0, 0.0, 90.0, 10.0), sums(500.0, 0.0, 910.0, 90.0));
        assert_eq!(judge(&new, &old, &RULES), Verdict::Good);
    }

    #[test]
    fn few_samples_are_no_verdict_and_no_metrics_are_none_at_all() {
        assert!(matches!(judge(&sums(19.0, 5.0, 10.0, 9.0), &Sums::default(), &RULES), Verdict::TooFew(_)));
        assert!(matches!(judge(&Sums::default(), &Sums::default(), &RULES), Verdict::TooFew(_)));
    }

    #[test]
    fn a_version_that_gets_nothing_while_the_old_one_is_busy_is_starved_and_a_quiet_one_is_not() {
        assert!(starved(&Sums::default(), &sums(100.0, 0.0, 600.0, 0.0), 10));
        assert!(!starved(&Sums::default(), &sums(50.0, 0.0, 600.0, 0.0), 10));
        assert!(!starved(&sums(1.0, 0.0, 6.0, 0.0), &sums(900.0, 0.0, 600.0, 0.0), 10));
        assert!(!starved(&Sums::default(), &Sums::default(), 50));
    }

    #[test]
    fn a_single_failure_of_the_old_version_excuses_nothing() {
        let (new, old) = (sums(50.0, 0.0, 40.0, 10.0), sums(1.0, 0.0, 0.0, 1.0));
        assert!(matches!(judge(&new, &old, &RULES), Verdict::Bad(_)));
    }

    #[test]
    fn trap_30_invocations_alone_are_no_verdict_on_a_function_that_tells_of_its_records() {
        let (new, old) = (sums(40.0, 0.0, 0.0, 0.0), sums(300.0, 0.0, 900.0, 0.0));
        assert!(matches!(judge(&new, &old, &RULES), Verdict::TooFew(_)), "its own metrics are late");
        let silent = sums(300.0, 0.0, 0.0, 0.0);
        assert_eq!(judge(&new, &silent, &RULES), Verdict::Good, "it never tells");
    }

    #[test]
    fn one_stray_failure_among_many_is_tolerated() {
        assert_eq!(judge(&sums(100.0, 1.0, 100.0, 1.0), &sums(900.0, 0.0, 900.0, 0.0), &RULES), Verdict::Good);
    }
}
