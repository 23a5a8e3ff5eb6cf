//! From the moves of aliases to what each pointed to, from when to when.

use stand_ins::emulator::AliasMove;

/// An alias over time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lane {
    /// The function's name.
    pub(super) function: String,
    /// The alias's name.
    pub(super) alias: String,
    /// What it pointed to, oldest first.
    pub(super) spans: Vec<Shown>,
}

/// What an alias pointed to for a time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    /// Seconds from the start of the rehearsal to its beginning.
    pub(super) from: f64,
    /// Seconds from the start of the rehearsal to its end.
    pub(super) to: f64,
    /// Each version's share of the traffic, above 0 and up to 1, oldest version first.
    pub(super) shares: Vec<(String, f64)>,
}

impl Shown {
    /// The shares in words.
    pub(super) fn shares(&self) -> String {
        let share =
            |(version, share): &(String, f64)| format!("version {version}: {} %", (share * 1000.0).round() / 10.0);
        self.shares.iter().map(share).collect::<Vec<_>>().join(", ")
    }
}

/// The environment of a function's name.
fn environment(function: &str) -> &str {
    function.rsplit('-').next().unwrap_or_default()
}

/// A lane for each alias, by environments in the order of their first moves and then by name. `began` is the start of the
/// rehearsal in seconds since 1970, and `end` its end in seconds since then.
pub(super) fn lanes(moves: &[AliasMove], began: f64, end: f64) -> Vec<Lane> {
    let mut moves: Vec<&AliasMove> = moves.iter().collect();
    moves.sort_by(|one, other| one.at.total_cmp(&other.at));
    let mut lanes: Vec<Lane> = Vec::new();
    for one in &moves {
        let at = (one.at - began).clamp(0.0, end);
        let of = lanes.iter().position(|lane| (&lane.function, &lane.alias) == (&one.function, &one.alias));
        let of = of.unwrap_or_else(|| {
            lanes.push(Lane { function: one.function.clone(), alias: one.alias.clone(), spans: Vec::new() });
            lanes.len() - 1
        });
        let (spans, shares) = (&mut lanes[of].spans, shares(one));
        if spans.last().is_some_and(|last| last.shares == shares) {
            continue;
        }
        if let Some(last) = spans.last_mut() {
            last.to = at;
        }
        spans.push(Shown { from: at, to: end, shares });
    }
    let rank = |lane: &Lane| moves.iter().position(|one| environment(&one.function) == environment(&lane.function));
    lanes.sort_by_cached_key(|lane| (rank(lane), lane.function.clone(), lane.alias.clone()));
    lanes
}

/// The shares of the versions that get any.
fn shares(one: &AliasMove) -> Vec<(String, f64)> {
    let others = one.weights.iter().filter(|(version, _)| **version != one.version);
    let mut shares: Vec<(String, f64)> = others.map(|(version, weight)| (version.clone(), *weight)).collect();
    shares.push((one.version.clone(), 1.0 - shares.iter().map(|(_, share)| share).sum::<f64>()));
    shares.retain(|(_, share)| *share > 0.0);
    shares.sort_by_key(|(version, _)| version.parse::<u64>().unwrap_or(u64::MAX));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(at: f64, function: &str, version: &str, weights: &[(&str, f64)]) -> AliasMove {
        AliasMove {
            at: 1_000.0 + at,
            function: function.to_owned(),
            alias: "live".to_owned(),
            version: version.to_owned(),
            weights: weights.iter().map(|(version, weight)| ((*version).to_owned(), *weight)).collect(),
        }
    }

    fn shown(from: f64, to: f64, shares: &[(&str, f64)]) -> Shown {
        Shown { from, to, shares: shares.iter().map(|(version, share)| ((*version).to_owned(), *share)).collect() }
    }

    #[test]
    fn an_alias_points_where_it_was_moved_until_the_next_move() {
        let moves = [
            moved(5.0, "enrich-staging", "9", &[]),
            moved(20.0, "enrich-staging", "9", &[("10", 0.25)]),
            // Described otherwise, pointing where it did.
            moved(22.0, "enrich-staging", "9", &[("10", 0.25)]),
            moved(28.0, "enrich-staging", "10", &[]),
        ];
        let lanes = lanes(&moves, 1_000.0, 40.0);
        let spans = [
            shown(5.0, 20.0, &[("9", 1.0)]),
            shown(20.0, 28.0, &[("9", 0.75), ("10", 0.25)]),
            shown(28.0, 40.0, &[("10", 1.0)]),
        ];
        assert_eq!(lanes.len(), 1);
        assert_eq!(lanes[0].spans, spans);
        assert_eq!(lanes[0].spans[1].shares(), "version 9: 75 %, version 10: 25 %");
    }

    #[test]
    fn lanes_are_in_the_order_of_delivery() {
        let moves = [
            moved(9.0, "ingest-production", "1", &[]),
            moved(8.0, "enrich-production", "1", &[]),
            moved(2.0, "query-staging", "1", &[]),
            moved(3.0, "enrich-staging", "1", &[]),
        ];
        let lanes = lanes(&moves, 1_000.0, 10.0);
        let names: Vec<_> = lanes.iter().map(|lane| lane.function.as_str()).collect();
        assert_eq!(names, ["enrich-staging", "query-staging", "enrich-production", "ingest-production"]);
        assert!(super::lanes(&[], 1_000.0, 10.0).is_empty());
    }

    #[test]
    fn a_version_without_a_share_is_not_shown() {
        let lanes = lanes(&[moved(1.0, "a-b", "1", &[("2", 1.0), ("3", 0.0)])], 1_000.0, 2.0);
        assert_eq!(lanes[0].spans, [shown(1.0, 2.0, &[("2", 1.0)])]);
    }
}
