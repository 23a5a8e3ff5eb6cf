//! The picture of a promotion in the step's summary: how much traffic the new release had, when.

use std::{fmt::Write, time::Duration};

use crate::markdown;

/// One moment of a promotion.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moment {
    /// Since the first move.
    pub(super) at: Duration,
    /// Percent of the traffic at the new release from then on.
    pub(super) percent: u8,
    /// What happened.
    pub(super) what: String,
}

/// A bar for each moment, in Markdown.
pub(super) fn draw(title: &str, moments: &[Moment]) -> String {
    let mut bars = String::new();
    for Moment { at, percent, what } in moments {
        let filled = usize::from(*percent).div_ceil(5);
        let (minutes, seconds) = (at.as_secs() / 60, at.as_secs_f64() % 60.0);
        let (full, rest, what) = ("█".repeat(filled), "░".repeat(20 - filled.min(20)), markdown::plain(what));
        let _ = writeln!(bars, "{minutes:>3}:{seconds:04.1}  {full}{rest} {percent:>3} %  {what}");
    }
    format!("### {title}\n\n{}", markdown::fence(&bars, "text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_is_a_bar() {
        let moment =
            |seconds, percent, what: &str| Moment { at: Duration::from_secs(seconds), percent, what: what.into() };
        let drawn = draw("r1", &[moment(0, 10, "canary"), moment(305, 100, "live")]);
        assert_eq!(
            drawn,
            "### r1\n\n```text\n  0:00.0  ██░░░░░░░░░░░░░░░░░░  10 %  canary\n  5:05.0  ████████████████████ 100 %  live\n```\n"
        );
        let hostile = draw("r1", &[moment(0, 0, "taken back: it says\n```\n## All is well")]);
        assert!(hostile.starts_with("### r1\n\n````text\n") && !hostile.contains("\n## "), "{hostile}");
    }
}
