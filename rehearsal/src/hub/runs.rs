//! The runs that were played, kept for the report.

use super::{Hub, Started};
use crate::workflows::{Outcome, Step};
use anyhow::Result;
use stand_ins::github::Review;
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// A run of a workflow that was played to its end.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlayedRun {
    /// Its id.
    pub(crate) id: u64,
    /// Which attempt at it this was, from 1.
    pub(crate) attempt: usize,
    /// The workflow's file, from the repository's root.
    pub(crate) workflow: String,
    /// The event's name.
    pub(crate) event: &'static str,
    /// What it ran on, such as `refs/heads/main`.
    pub(crate) git_ref: String,
    /// Who started it.
    pub(crate) actor: String,
    /// The pull request on whose page its jobs are shown.
    pub(crate) shown_on: Option<u64>,
    /// The act that it belongs to.
    pub(crate) act: String,
    /// Seconds from the start of the rehearsal to its beginning.
    pub(crate) from: f64,
    /// Seconds from the start of the rehearsal to its end.
    pub(crate) to: f64,
    /// Each job's result, `success` or `failure`, by its path of names.
    pub(crate) jobs: BTreeMap<String, String>,
    /// The steps in the order in which they ended; their times count from the beginning of the run.
    pub(crate) steps: Vec<Step>,
    /// Who let its jobs begin, or did not.
    pub(crate) reviews: Vec<Review>,
    /// The log's name in the folder of the rehearsal's run, if there is one.
    pub(crate) log: Option<String>,
    /// Why it broke off, if it did.
    pub(crate) broke: Option<String>,
}

impl PlayedRun {
    /// Whether it came to its end and every job succeeded.
    pub(crate) fn succeeded(&self) -> bool {
        self.broke.is_none() && !self.jobs.is_empty() && self.jobs.values().all(|result| result == "success")
    }
}

/// What a run had before it began.
#[derive(Debug)]
pub(super) struct Before {
    attempt: usize,
    reviews: usize,
    /// The name that its log gets.
    pub(super) log: String,
}

impl Hub {
    /// Looks at what there is before a run begins.
    pub(super) fn before(&self, id: u64) -> Before {
        let played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = played.iter().filter(|run| run.id == id).count() + 1;
        Before { attempt, reviews: self.gates.reviews().len(), log: log(id, attempt) }
    }

    /// Keeps what became of a run of an act, which took from `from` to `to`, for the report.
    pub(super) fn remember(
        &self,
        started: &Started,
        act: &str,
        from: f64,
        to: f64,
        had: Before,
        done: &Result<Outcome>,
    ) {
        let reviews = self.gates.reviews().into_iter().skip(had.reviews);
        let run = PlayedRun {
            id: started.run_id,
            attempt: had.attempt,
            workflow: started.workflow.clone(),
            event: started.event,
            git_ref: started.git_ref.clone(),
            actor: started.actor.clone(),
            shown_on: started.shown_on,
            act: act.to_owned(),
            from,
            to,
            jobs: done.as_ref().map(|done| done.jobs.clone()).unwrap_or_default(),
            steps: done.as_ref().map(|done| done.steps.clone()).unwrap_or_default(),
            reviews: reviews.filter(|review| review.run == started.run_id).collect(),
            log: done.is_ok().then_some(had.log),
            broke: done.as_ref().err().map(|error| format!("{error:#}")),
        };
        self.played.lock().unwrap_or_else(PoisonError::into_inner).push(run);
    }

    /// Every run that was played, in the order in which they ended.
    pub(crate) fn played(&self) -> Vec<PlayedRun> {
        self.played.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The name of a log: that of a later attempt does not overwrite the first one's.
fn log(id: u64, attempt: usize) -> String {
    if attempt == 1 { format!("act-{id}.log") } else { format!("act-{id}-attempt-{attempt}.log") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_at_a_run_keeps_its_log() {
        assert_eq!([log(7, 1), log(7, 2)], ["act-7.log", "act-7-attempt-2.log"]);
    }

    #[test]
    fn a_run_with_a_failed_job_or_without_any_did_not_succeed() {
        let run = |results: &[&str]| PlayedRun {
            jobs: results.iter().map(|result| (format!("job {result}"), (*result).to_owned())).collect(),
            ..PlayedRun::default()
        };
        assert!(run(&["success"]).succeeded());
        assert!(!run(&["success", "failure"]).succeeded());
        assert!(!run(&[]).succeeded());
        assert!(!PlayedRun { broke: Some("act is gone".into()), ..run(&["success"]) }.succeeded());
    }
}
