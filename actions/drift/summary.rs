//! The report as the step's summary and as a Markdown file.

use super::{
    decide::Step,
    render::{self, Context},
    report::Report,
};
use crate::{
    page::{Measure, Page},
    plan::comment::{SUMMARY, Tier},
};

/// The step's summary: what became of the issue, then the report. At most [`SUMMARY`] bytes.
#[must_use]
pub fn summary(report: &Report, context: &Context, steps: &[Step]) -> (String, Tier) {
    let mut page = Page::new(SUMMARY, Measure::Bytes, &report.scrubber);
    let mut part = page.part(20_000);
    for step in steps {
        part.push(&format!("- {}\n", step.words()));
    }
    if !part.text.is_empty() {
        page.push(&format!("{}\n", part.text));
    }
    let tier = render::fill(report, context, &mut page, " The report's file has them all.");
    (page.text, tier)
}

/// The report as a file, with as much as the plans say.
#[must_use]
pub fn file(report: &Report, context: &Context) -> String {
    let mut page = Page::new(usize::MAX, Measure::Bytes, &report.scrubber);
    render::fill(report, context, &mut page, "");
    page.text
}
