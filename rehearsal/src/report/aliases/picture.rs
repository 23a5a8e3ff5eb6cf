//! From lanes to a picture: a lane's height is all of an alias's traffic, shared by the versions that get some.

use super::Mark;
use super::lanes::{Lane, Shown};
use maud::{Markup, html};

const WIDTH: f64 = 1000.0;
/// Where the time begins.
const LEFT: f64 = 170.0;
const LANE: f64 = 30.0;
/// Between two lanes.
const GAP: f64 = 6.0;
/// A row of the acts' names.
const ROW: f64 = 14.0;
/// What a letter of a name takes, about.
const LETTER: f64 = 6.0;
/// Colours for versions, in report.css.
const COLOURS: usize = 6;
/// Steps of the axis, in seconds, and how many of them are too many.
const STEPS: [f64; 8] = [5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];
const TICKS: f64 = 12.0;

/// The picture of these lanes, with marks where acts begin; the time ends after `end` seconds.
pub(super) fn picture(lanes: &[Lane], marks: &[Mark], end: f64) -> Markup {
    let scale = (WIDTH - LEFT) / end.max(0.001);
    let x = |at: f64| LEFT + at * scale;
    let rows = rows(marks, &x);
    let top = ROW * rows.iter().max().map_or(0.0, |row| *row as f64 + 1.0) + GAP;
    let bottom = top + (LANE + GAP) * lanes.len() as f64;
    html! {
        svg class="aliases" viewBox=(format!("0 0 {WIDTH:.0} {:.0}", bottom + ROW)) role="img"
            aria-label="which versions the aliases pointed to when" {
            @for (row, lane) in lanes.iter().enumerate() { (drawn(lane, top + (LANE + GAP) * row as f64, &x)) }
            @for (mark, row) in marks.iter().zip(&rows) {
                g class="mark" {
                    title { (format!("{} begins at {:.1} s", mark.act, mark.at)) }
                    line x1=(units(x(mark.at))) x2=(units(x(mark.at))) y1=(units(ROW * *row as f64 + 2.0)) y2=(units(bottom)) {}
                    text x=(units(x(mark.at) + 3.0)) y=(units(ROW * (*row as f64 + 1.0) - 3.0)) { (mark.act) }
                }
            }
            @for tick in ticks(end) {
                text class="tick" x=(units(x(tick))) y=(units(bottom + ROW - 3.0)) {
                    (format!("{:.0}:{:02.0}", (tick / 60.0).floor(), tick % 60.0))
                }
            }
        }
    }
}

fn drawn(lane: &Lane, top: f64, x: &dyn Fn(f64) -> f64) -> Markup {
    let mut versions: Vec<&str> = Vec::new();
    for (version, _) in lane.spans.iter().flat_map(|span| &span.shares) {
        if !versions.contains(&version.as_str()) {
            versions.push(version);
        }
    }
    let colour = |version: &str| versions.iter().position(|one| *one == version).unwrap_or(0) % COLOURS;
    html! {
        text x="0" y=(units(top + LANE / 2.0 + 4.0)) { (lane.function) }
        @for span in &lane.spans {
            @let (left, width) = (x(span.from), (x(span.to) - x(span.from)).max(1.0));
            @for (version, share, above) in stacked(span) {
                @let (y, height) = (top + LANE * above, LANE * share);
                rect class=(format!("version-{}", colour(version))) x=(units(left)) y=(units(y)) width=(units(width))
                    height=(units(height)) {
                    title { (lane.function) ":" (lane.alias) (format!(", {:.1} s to {:.1} s: ", span.from, span.to)) (span.shares()) }
                }
                @if width > LETTER * (version.len() as f64 + 2.0) && height > ROW {
                    text class="on" x=(units(left + 4.0)) y=(units(y + height / 2.0 + 4.0)) { "v" (version) }
                }
            }
        }
    }
}

/// Each version with its share and that of those above it: the newest grows from below.
fn stacked(span: &Shown) -> impl Iterator<Item = (&str, f64, f64)> {
    span.shares.iter().scan(0.0, |above, (version, share)| {
        let before = *above;
        *above += share;
        Some((version.as_str(), *share, before))
    })
}

/// The row of each mark's name, so that no name lies on another.
fn rows(marks: &[Mark], x: &dyn Fn(f64) -> f64) -> Vec<usize> {
    let mut ends: Vec<f64> = Vec::new();
    let place = |mark: &Mark| {
        let (from, to) = (x(mark.at), x(mark.at) + LETTER * (mark.act.chars().count() as f64 + 2.0));
        let row = ends.iter().position(|end| *end <= from).unwrap_or(ends.len());
        if row == ends.len() {
            ends.push(to)
        } else {
            ends[row] = to
        }
        row
    };
    marks.iter().map(place).collect()
}

/// Where the axis has a time.
fn ticks(end: f64) -> impl Iterator<Item = f64> {
    let step = STEPS.into_iter().find(|step| end / step <= TICKS).unwrap_or(STEPS[STEPS.len() - 1]);
    std::iter::successors(Some(0.0), move |at| Some(at + step)).take_while(move |at| *at <= end)
}

/// A length in the picture.
fn units(length: f64) -> String {
    format!("{length:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(act: &str, at: f64) -> Mark {
        Mark { act: act.to_owned(), at, to: at }
    }

    fn lane() -> Lane {
        let span = |from, to, shares: &[(&str, f64)]| Shown {
            from,
            to,
            shares: shares.iter().map(|(version, share)| ((*version).to_owned(), *share)).collect(),
        };
        let spans = vec![
            span(0.0, 40.0, &[("1", 1.0)]),
            span(40.0, 50.0, &[("1", 0.9), ("2", 0.1)]),
            span(50.0, 83.0, &[("2", 1.0)]),
        ];
        Lane { function: "enrich-<production>".into(), alias: "live".into(), spans }
    }

    #[test]
    fn a_lane_is_split_while_two_versions_share_it() {
        let picture = picture(&[lane()], &[], 83.0).into_string();
        for part in [
            "<rect class=\"version-0\" x=\"170.0\" y=\"6.0\" width=\"400.0\" height=\"30.0\">",
            "<rect class=\"version-0\" x=\"570.0\" y=\"6.0\" width=\"100.0\" height=\"27.0\">",
            "<rect class=\"version-1\" x=\"570.0\" y=\"33.0\" width=\"100.0\" height=\"3.0\">",
            "<rect class=\"version-1\" x=\"670.0\" y=\"6.0\" width=\"330.0\" height=\"30.0\">",
            "<title>enrich-&lt;production&gt;:live, 40.0 s to 50.0 s: version 1: 90 %, version 2: 10 %</title>",
            ">v1</text>",
            ">1:00</text>",
        ] {
            assert!(picture.contains(part), "{part} is not in {picture}");
        }
        assert_eq!(picture.matches("<rect").count(), picture.matches("<title").count(), "{picture}");
    }

    #[test]
    fn acts_are_marked_where_they_begin_and_no_name_lies_on_another() {
        let marks = [mark("calls", 0.0), mark("replay", 1.0), mark("merge", 41.5)];
        let picture = picture(&[lane()], &marks, 83.0).into_string();
        for part in [
            "<g class=\"mark\"><title>merge begins at 41.5 s</title><line x1=\"585.0\" x2=\"585.0\" y1=\"2.0\" y2=\"70.0\"></line>",
            "<text x=\"173.0\" y=\"11.0\">calls</text>",
            "<text x=\"183.0\" y=\"25.0\">replay</text>",
            "<text x=\"588.0\" y=\"11.0\">merge</text>",
        ] {
            assert!(picture.contains(part), "{part} is not in {picture}");
        }
    }
}
