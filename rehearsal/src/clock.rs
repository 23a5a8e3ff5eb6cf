//! Where the time goes: when Terraform ran, cargo, or a scanner, and what is left.

use jiff::Timestamp;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Terraform and its provider.
    Terraform,
    /// Cargo and the compiler.
    Cargo,
    /// A scanner.
    Scanner,
    /// Making or finding a tool.
    Tool,
    /// Anything else worth a bar in the report.
    Step,
}

/// Something that ran, in seconds since the start.
#[derive(Debug, Clone, Serialize)]
pub struct Span {
    /// What kind of work.
    pub kind: Kind,
    /// What exactly.
    pub what: String,
    /// The act it belongs to.
    pub act: String,
    /// Seconds from the start of the rehearsal to its beginning.
    pub from: f64,
    /// Seconds from the start of the rehearsal to its end.
    pub to: f64,
}

/// Measures a rehearsal from its start; clones share it.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    /// The same moment as other programs' clocks tell it.
    began: Timestamp,
    spans: Arc<Mutex<Vec<Span>>>,
    /// What has begun and not ended, and when, in seconds since the start.
    running: Arc<Mutex<Vec<(String, f64)>>>,
}

impl Default for Clock {
    fn default() -> Self {
        let (spans, running) = (Arc::default(), Arc::default());
        Self { started: Instant::now(), began: Timestamp::now(), spans, running }
    }
}

/// Something that runs, for as long as this lives: it may also be given up.
struct Running<'c> {
    clock: &'c Clock,
    what: (String, f64),
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut running = self.clock.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = running.iter().position(|one| *one == self.what) {
            running.remove(at);
        }
    }
}

/// Wall time, split: a moment in which two things run counts for each of them.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Split {
    /// The whole, in seconds.
    pub total: f64,
    /// Seconds in which Terraform ran.
    pub terraform: f64,
    /// Seconds in which cargo ran.
    pub cargo: f64,
    /// Seconds in which a scanner ran.
    pub scanners: f64,
    /// Seconds in which none of them ran.
    pub neither: f64,
}

impl Split {
    /// What ran, in words.
    #[must_use]
    pub fn shown(&self) -> String {
        let Self { terraform, cargo, scanners, neither, .. } = self;
        format!("Terraform {terraform:.1} s, cargo {cargo:.1} s, scanners {scanners:.1} s, none of them {neither:.1} s")
    }
}

impl Clock {
    /// Since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The start, as other programs' clocks tell it.
    #[must_use]
    pub const fn began(&self) -> Timestamp {
        self.began
    }

    /// Does `work` and remembers how long it took.
    pub async fn measure<T>(&self, kind: Kind, act: &str, what: &str, work: impl Future<Output = T>) -> T {
        let from = self.elapsed().as_secs_f64();
        let running = Running { clock: self, what: (what.to_owned(), from) };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(running.what.clone());
        let done = work.await;
        drop(running);
        self.add(kind, act, what, from, self.elapsed().as_secs_f64());
        done
    }

    /// Remembers what ran from `from` to `to`, in seconds since the start.
    pub fn add(&self, kind: Kind, act: &str, what: &str, from: f64, to: f64) {
        let span = Span { kind, what: what.to_owned(), act: act.to_owned(), from, to };
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }

    /// What runs now, and for how many seconds it has.
    #[must_use]
    pub fn running(&self) -> Vec<(String, f64)> {
        let now = self.elapsed().as_secs_f64();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().map(|(what, from)| (what.clone(), now - from)).collect()
    }

    /// Everything measured so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How the time so far divides.
    #[must_use]
    pub fn split(&self) -> Split {
        split(&self.spans(), 0.0, self.elapsed().as_secs_f64())
    }

    /// How the time of an act, in seconds since the start, divides into what ran for it. Others play meanwhile.
    #[must_use]
    pub fn split_of(&self, act: &str, (from, to): (f64, f64)) -> Split {
        let spans: Vec<Span> = self.spans().into_iter().filter(|span| span.act == act).collect();
        split(&spans, from, to)
    }
}

fn split(spans: &[Span], begin: f64, end: f64) -> Split {
    let covered = |kinds: &[Kind]| {
        let mut ranges: Vec<(f64, f64)> =
            spans.iter().filter(|span| kinds.contains(&span.kind)).map(|span| (span.from, span.to.min(end))).collect();
        ranges.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (mut sum, mut until) = (0.0, begin);
        for (from, to) in ranges {
            sum += (to - from.max(until)).max(0.0);
            until = until.max(to);
        }
        sum
    };
    let total = end - begin;
    Split {
        total,
        terraform: covered(&[Kind::Terraform]),
        cargo: covered(&[Kind::Cargo]),
        scanners: covered(&[Kind::Scanner]),
        neither: total - covered(&[Kind::Terraform, Kind::Cargo, Kind::Scanner]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn what_runs_is_known_until_it_ends_or_is_given_up() {
        let clock = Clock::default();
        let running = || clock.running().into_iter().map(|(what, _)| what).collect::<Vec<_>>();
        let given_up = clock.measure(Kind::Cargo, "a", "for ever", std::future::pending::<()>());
        clock
            .measure(Kind::Tool, "a", "outer", async {
                assert_eq!(running(), ["outer"]);
                tokio::select! {
                    biased;
                    () = given_up => {}
                    seen = std::future::ready(()).map(|()| running()) => assert_eq!(seen, ["outer", "for ever"]),
                }
            })
            .await;
        assert!(running().is_empty(), "{:?}", running());
    }

    #[test]
    fn overlapping_work_is_counted_once() {
        let span = |kind, from, to| Span { kind, what: String::new(), act: String::new(), from, to };
        let spans = [
            span(Kind::Terraform, 1.0, 4.0),
            span(Kind::Terraform, 2.0, 3.0),
            span(Kind::Cargo, 3.0, 6.0),
            span(Kind::Step, 0.0, 10.0),
        ];
        let of_act = split(&spans, 2.5, 5.0);
        assert!((of_act.terraform - 1.5).abs() < 1e-9 && of_act.neither.abs() < 1e-9, "cut at both ends");
        let split = split(&spans, 0.0, 10.0);
        assert!((split.terraform - 3.0).abs() < 1e-9 && (split.cargo - 3.0).abs() < 1e-9);
        assert!((split.neither - 5.0).abs() < 1e-9);
    }
}
