//! Where the functions' aliases pointed over the time of the rehearsal.

mod lanes;
mod picture;

use super::badge;
use crate::clock::{Clock, Kind, Span};
use anyhow::Result;
use lanes::{Lane, Shown, lanes};
use maud::{Markup, html};
use stand_ins::emulator::AliasMove;

/// An act, from its beginning to its end in seconds since the rehearsal began.
#[derive(Debug, Clone, PartialEq)]
struct Mark {
    act: String,
    at: f64,
    to: f64,
}

/// A picture of all aliases, and their moves in a fold; `total` is how long the rehearsal took, in seconds.
pub(super) fn section(moves: &Result<Vec<AliasMove>>, clock: &Clock, total: f64) -> Markup {
    let moves = match moves {
        Ok(moves) => moves,
        Err(error) => return html! { p { (badge(false, &format!("{error:#}"))) } },
    };
    let lanes = lanes(moves, clock.began().as_duration().as_secs_f64(), total);
    let marks = marks(&clock.spans());
    html! {
        @if !lanes.is_empty() {
            (picture::picture(&lanes, &marks, total))
            (table(&lanes, &marks))
        }
    }
}

/// When each act began: every act is measured as a step of its own name.
fn marks(spans: &[Span]) -> Vec<Mark> {
    let acts = spans.iter().filter(|span| span.kind == Kind::Step && span.what == span.act);
    let mut marks: Vec<Mark> = acts.map(|span| Mark { act: span.act.clone(), at: span.from, to: span.to }).collect();
    marks.sort_by(|one, other| one.at.total_cmp(&other.at));
    marks
}

/// The same for those who would rather read it.
fn table(lanes: &[Lane], marks: &[Mark]) -> Markup {
    let mut moves: Vec<(&Lane, &Shown)> =
        lanes.iter().flat_map(|lane| lane.spans.iter().map(move |span| (lane, span))).collect();
    moves.sort_by(|(_, one), (_, other)| one.from.total_cmp(&other.from));
    let during = |at: f64| {
        let playing = marks.iter().filter(|mark| mark.at <= at && at <= mark.to);
        playing.map(|mark| mark.act.as_str()).collect::<Vec<_>>().join(", ")
    };
    html! {
        details {
            summary { (moves.len()) " moves" }
            table {
                tr { th { "at" } th { "while" } th { "alias" } th { "points to" } }
                @for (lane, span) in moves {
                    tr {
                        td { (format!("{:.1} s", span.from)) }
                        td { (during(span.from)) }
                        td { (lane.function) ":" (lane.alias) }
                        td { (span.shares()) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_lambda::Client;
    use aws_sdk_lambda::types::{AliasRoutingConfiguration, FunctionCode, PackageType};
    use stand_ins::emulator;

    #[tokio::test]
    async fn the_emulated_aws_tells_every_move_that_it_let_pass() {
        let emulator = emulator::shared().await;
        let lambda = Client::new(&emulator.config().await);
        let (function, before) = ("moved-report", jiff::Timestamp::now().as_duration().as_secs_f64());
        let iam = aws_sdk_iam::Client::new(&emulator.config().await);
        let role = iam.create_role().role_name("moved").assume_role_policy_document("{\"Statement\": []}");
        role.send().await.expect("a role");
        let image =
            FunctionCode::builder().image_uri("111122223333.dkr.ecr.eu-central-1.amazonaws.com/moved:1").build();
        let made = lambda.create_function().function_name(function).role("arn:aws:iam::111122223333:role/moved");
        made.package_type(PackageType::Image).code(image).send().await.expect("made");
        lambda
            .create_alias()
            .function_name(function)
            .name("live")
            .function_version("1")
            .send()
            .await
            .expect("an alias");
        let half = AliasRoutingConfiguration::builder().additional_version_weights("2", 0.5).build();
        let moved = || lambda.update_alias().function_name(function).name("live").routing_config(half.clone());
        moved().revision_id("another").send().await.expect_err("somebody else moved it");
        moved().send().await.expect("moved");

        let moves = emulator.aliases().await.expect("moves");
        let ours: Vec<_> = moves.iter().filter(|one| one.function == function).collect();
        assert_eq!(ours.len(), 2, "{ours:?}");
        assert!(ours.iter().all(|one| one.alias == "live" && one.version == "1" && one.at >= before), "{ours:?}");
        assert!(ours[0].weights.is_empty() && ours[0].at <= ours[1].at, "{ours:?}");
        assert_eq!(ours[1].weights, [("2".to_owned(), 0.5)].into());
    }

    #[test]
    fn an_act_is_marked_where_it_begins() {
        let span =
            |kind, act: &str, what: &str, from| Span { kind, what: what.into(), act: act.into(), from, to: 90.0 };
        let spans = [
            span(Kind::Step, "merge", "act on-main.yml", 31.0),
            span(Kind::Step, "merge", "merge", 30.0),
            span(Kind::Terraform, "calls", "calls", 9.0),
            span(Kind::Step, "calls", "calls", 10.0),
        ];
        let mark = |act: &str, at| Mark { act: act.into(), at, to: 90.0 };
        assert_eq!(marks(&spans), [mark("calls", 10.0), mark("merge", 30.0)]);
    }

    #[test]
    fn every_move_is_told_with_the_acts_that_play_then() {
        let span = Shown { from: 12.0, to: 20.0, shares: vec![("1".into(), 0.9), ("2".into(), 0.1)] };
        let mark = |act: &str, at, to| Mark { act: act.into(), at, to };
        let lane = Lane { function: "enrich-<x>".into(), alias: "live".into(), spans: vec![span] };
        let told = table(
            &[lane],
            &[mark("calls", 1.0, 12.5), mark("beside", 2.0, 19.0), mark("before", 0.0, 9.0), mark("later", 13.0, 20.0)],
        );
        let row = "<td>12.0 s</td><td>calls, beside</td><td>enrich-&lt;x&gt;:live</td><td>version 1: 90 %, version 2: 10 %</td>";
        assert!(told.into_string().contains(row));
    }
}
