//! What ran when, as a picture.

use crate::clock::{Kind, Span};
use maud::{Markup, html};

/// A bar for everything that was measured, as a picture.
pub(super) fn timeline(spans: &[Span], total: f64) -> Markup {
    const WIDTH: f64 = 1000.0;
    const ROW: f64 = 20.0;
    const LABEL: f64 = 300.0;
    if spans.is_empty() {
        return Markup::default();
    }
    let mut spans: Vec<&Span> = spans.iter().collect();
    spans.sort_by(|one, other| one.from.total_cmp(&other.from));
    let scale = (WIDTH - LABEL) / total.max(0.001);
    let height = ROW * (spans.len() as f64 + 1.0);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label="what ran when" {
            @for (row, span) in spans.iter().enumerate() {
                @let top = ROW * row as f64;
                @let class = match span.kind {
                    Kind::Terraform => "terraform", Kind::Cargo => "cargo", Kind::Scanner => "scanner", Kind::Tool => "tool", Kind::Step => "step",
                };
                text x="0" y=(top + 14.0) { (span.what) }
                rect class=(class) x=(LABEL + span.from * scale) y=(top + 3.0) height=(ROW - 6.0)
                    width=(((span.to - span.from) * scale).max(1.0)) {
                    title { (format!("{}: {:.1} s to {:.1} s", span.what, span.from, span.to)) }
                }
            }
        }
    }
}
