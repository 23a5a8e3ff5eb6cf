//! Keeps silver and the counters: read, decide, write in transactions, and again where somebody else was faster.

use crate::batch::Candidate;
use crate::clean::Cause;
use crate::tables::{Tables, pause};
use crate::transaction::{self, Outcome, Write};
use lambda_runtime::tracing;

/// How often a group is tried before it is split, and a single call before it is given up.
const ATTEMPTS: u32 = 4;

/// Calls that are not in silver now; all others are, in this version or a later one.
#[derive(Debug, Default)]
pub struct Unwritten {
    /// Tombstones forbid them.
    pub erased: Vec<Candidate>,
    /// They can never be written, for this reason.
    pub refused: Vec<(Candidate, Cause)>,
    /// To be delivered again.
    pub failed: Vec<Candidate>,
}

/// Calls that are tried together.
struct Piece {
    candidates: Vec<Candidate>,
    attempt: u32,
}

/// Brings these calls, at most one version of each, into silver.
///
/// A transaction holds only if silver is as it was read, so a batch delivered twice, two deliveries at once and an answer
/// lost on the way all count once.
pub async fn write(tables: &Tables, candidates: Vec<Candidate>) -> Unwritten {
    let mut unwritten = Unwritten::default();
    let mut pieces = vec![Piece { candidates, attempt: 0 }];
    while let Some(Piece { candidates, attempt }) = pieces.pop() {
        pause(attempt).await;
        for group in transaction::groups(decide(tables, candidates, &mut unwritten).await) {
            let outcome = transaction::write(tables, &group).await;
            let rest = group.into_iter().map(|write| write.candidate);
            match outcome {
                Outcome::Committed => {}
                Outcome::Cancelled { erased } if !erased.is_empty() => {
                    let (gone, rest) = partition(rest, |index| erased.contains(&index));
                    unwritten.erased.extend(gone);
                    // The piece became smaller: that is progress, not another attempt.
                    pieces.push(Piece { candidates: rest, attempt });
                }
                Outcome::Cancelled { .. } if attempt + 1 < ATTEMPTS => {
                    pieces.push(Piece { candidates: rest.collect(), attempt: attempt + 1 });
                }
                Outcome::Cancelled { .. } => match halves(rest.collect()) {
                    Ok(halves) => pieces.extend(halves),
                    Err(one) => unwritten.fail(one, "it was always in conflict"),
                },
                Outcome::Refused(reason) => match halves(rest.collect()) {
                    Ok(halves) => pieces.extend(halves),
                    Err(one) => unwritten.refuse(one, Cause::Refused, &reason),
                },
                Outcome::Failed(reason) => unwritten.fail(rest.collect(), &reason),
            }
        }
    }
    unwritten
}

/// Reads silver and keeps what is later than it.
async fn decide(tables: &Tables, candidates: Vec<Candidate>, unwritten: &mut Unwritten) -> Vec<Write> {
    let call_ids = candidates.iter().map(|candidate| candidate.call.call_id.clone()).collect();
    let mut held = match tables.seen(call_ids).await {
        Ok(held) => held,
        Err(error) => {
            unwritten.fail(candidates, &error.to_string());
            return Vec::new();
        }
    };
    let mut writes = Vec::new();
    for candidate in candidates {
        match held.remove(&candidate.call.call_id) {
            None => writes.push(Write { candidate, seen: None }),
            Some(None) => unwritten.refuse(vec![candidate], Cause::Silver, "what silver holds cannot be read"),
            Some(Some(seen)) if seen.position < candidate.call.position => {
                writes.push(Write { candidate, seen: Some(seen) });
            }
            Some(Some(_)) => {}
        }
    }
    writes
}

/// Two pieces to be tried apart, or the one call that there is.
fn halves(mut candidates: Vec<Candidate>) -> Result<[Piece; 2], Vec<Candidate>> {
    if candidates.len() < 2 {
        return Err(candidates);
    }
    let half = candidates.split_off(candidates.len() / 2);
    Ok([candidates, half].map(|candidates| Piece { candidates, attempt: 0 }))
}

fn partition(
    candidates: impl Iterator<Item = Candidate>,
    chosen: impl Fn(usize) -> bool,
) -> (Vec<Candidate>, Vec<Candidate>) {
    let (yes, no): (Vec<_>, Vec<_>) = candidates.enumerate().partition(|(index, _)| chosen(*index));
    let plain = |indexed: Vec<(usize, Candidate)>| indexed.into_iter().map(|(_, candidate)| candidate).collect();
    (plain(yes), plain(no))
}

impl Unwritten {
    fn fail(&mut self, candidates: Vec<Candidate>, reason: &str) {
        tell(&candidates, reason);
        self.failed.extend(candidates);
    }

    fn refuse(&mut self, candidates: Vec<Candidate>, cause: Cause, reason: &str) {
        tell(&candidates, reason);
        self.refused.extend(candidates.into_iter().map(|candidate| (candidate, cause)));
    }
}

fn tell(candidates: &[Candidate], reason: &str) {
    let call_ids: Vec<&str> = candidates.iter().map(|candidate| candidate.call.call_id.as_str()).collect();
    tracing::error!(?call_ids, "failed to write calls: {reason}");
}
