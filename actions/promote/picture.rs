//! The picture of a promotion in the step's summary: how much traffic the new release had, when.

use std::time::Duration;

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
    let mut picture = format!("### {title}\n\n```text\n");
    for Moment { at, percent, what } in moments {
        let filled = usize::from(*percent).div_ceil(5);
        let (minutes, seconds) = (at.as_secs() / 60, at.as_secs_f64() % 60.0);
        picture.push_str(&format!(
            "{minutes:>3}:{seconds:04.1}  {}{} {percent:>3} %  {what}\n",
            "█".repeat(filled),
            "░".repeat(20 - filled.min(20))
        ));
    }
    picture + "```\n"
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
    }
}
