//! The text of an environment's one issue. Its first line is our marker, its second the digest of the drift it tells.

use super::{
    digest,
    render::{self, Context},
    report::Report,
};
use crate::{
    markdown,
    page::{COMMENT, Measure, Page},
    plan::comment::Tier,
    sticky::marker,
};

/// The labels that a new issue gets.
pub const LABELS: [&str; 1] = ["drift"];

/// The title, the same as long as the issue lives.
#[must_use]
pub fn title(environment: &str) -> String {
    format!("Drift in {}", markdown::short(&markdown::plain(environment), 100))
}

/// The text, of at most [`COMMENT`] UTF-16 units.
#[must_use]
pub fn body(report: &Report, context: &Context) -> (String, Tier) {
    let mut page = Page::new(COMMENT, Measure::Utf16, &report.scrubber);
    // Cut, an environment would be found again as another one: `decide` compares with the same.
    page.push(&format!(
        "{}\n{}\n",
        marker::line("drift", &subject(&context.environment)),
        digest::line(&report.digest)
    ));
    let tier = render::fill(report, context, &mut page, " The run's summary shows more of them.");
    (page.text, tier)
}

/// What the marker is about: the environment, cut where no name is as long.
pub(super) fn subject(environment: &str) -> String {
    markdown::short(environment, 400)
}
