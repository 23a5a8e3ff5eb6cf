//! Who waits for what, and what was decided.

use super::queue::Queue;
use anyhow::{Result, ensure};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A job that waits for a review of its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// `owner/name`.
    pub repository: String,
    /// The run's id.
    pub run: u64,
    /// The job's name.
    pub job: String,
    /// Where it wants to deploy.
    pub environment: String,
    /// What it deploys, such as `refs/heads/main`.
    pub git_ref: String,
    /// The login of who started the run.
    pub actor: String,
    /// Since when it waits.
    pub since: Timestamp,
}

/// What a reviewer said of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// `owner/name`.
    pub repository: String,
    /// The run's id.
    pub run: u64,
    /// The job's name.
    pub job: String,
    /// Where it wants to deploy.
    pub environment: String,
    /// The reviewer's login.
    pub login: String,
    /// Whether the job may begin.
    pub approved: bool,
    /// What the reviewer wrote with it.
    pub comment: String,
    /// When that was.
    pub at: Timestamp,
}

/// A request's number: what it waits for is known by it.
pub(super) type Ticket = u64;

/// A job whose request is not answered yet.
#[derive(Debug)]
struct Pending {
    waiting: Waiting,
    decided: Option<Review>,
}

/// All that waits in all repositories.
#[derive(Debug, Default)]
pub(in crate::github) struct Board {
    last: Ticket,
    jobs: BTreeMap<Ticket, Pending>,
    // By repository and group, both in lower case.
    queues: BTreeMap<(String, String), Queue>,
    reviews: Vec<Review>,
    // Repository and environment in lower case, and the run.
    entered: BTreeSet<(String, String, u64)>,
}

impl Board {
    pub(super) fn ticket(&mut self) -> Ticket {
        self.last += 1;
        self.last
    }

    /// Lets a job wait for a review.
    pub(super) fn wait(&mut self, waiting: Waiting) -> Ticket {
        let ticket = self.ticket();
        self.jobs.insert(ticket, Pending { waiting, decided: None });
        ticket
    }

    /// The jobs that nobody has reviewed, in the order in which they came.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.jobs.values().filter(|job| job.decided.is_none()).map(|job| &job.waiting)
    }

    pub(super) fn decided(&self, ticket: Ticket) -> Option<&Review> {
        self.jobs.get(&ticket)?.decided.as_ref()
    }

    /// Notes that an environment let a run's job in.
    pub(super) fn enter(&mut self, repository: &str, environment: &str, run: u64) {
        self.entered.insert((repository.to_lowercase(), environment.to_lowercase(), run));
    }

    /// Whether it did.
    pub(super) fn has_entered(&self, repository: &str, environment: &str, run: u64) -> bool {
        self.entered.contains(&(repository.to_lowercase(), environment.to_lowercase(), run))
    }

    /// All reviews, in order.
    pub(super) fn reviews(&self) -> &[Review] {
        &self.reviews
    }

    /// Decides on all jobs of a run that wait for an environment; `not_own` says that nobody decides on runs of their own.
    pub(super) fn review(&mut self, said: &Review, not_own: bool) -> Result<()> {
        let Review { repository, run, environment, login, .. } = said;
        let is_meant = |job: &Pending| {
            let Waiting { repository: place, run: of, environment: to, .. } = &job.waiting;
            (place, of, to) == (repository, run, environment) && job.decided.is_none()
        };
        let mut found: Vec<_> = self.jobs.values_mut().filter(|job| is_meant(job)).collect();
        ensure!(
            !found.is_empty(),
            "no job of run {run} in {repository} waits for a review of {environment}: wait until one does"
        );
        let own = found.iter().any(|job| same(&job.waiting.actor, login));
        ensure!(
            !(not_own && own),
            "{login} started run {run} and may not review it: {environment} prevents self-review"
        );
        for job in &mut found {
            let review = Review { job: job.waiting.job.clone(), ..said.clone() };
            self.reviews.push(review.clone());
            job.decided = Some(review);
        }
        Ok(())
    }

    /// A concurrency group.
    pub(super) fn queue(&self, repository: &str, group: &str) -> Option<&Queue> {
        self.queues.get(&(repository.to_lowercase(), group.to_lowercase()))
    }

    /// The same to change it; it is made if there is none.
    pub(super) fn queue_mut(&mut self, repository: &str, group: &str) -> &mut Queue {
        self.queues.entry((repository.to_lowercase(), group.to_lowercase())).or_default()
    }

    /// Whoever sent this request waits no more, and does not have what nobody told them of.
    pub(super) fn forget(&mut self, ticket: Ticket) {
        self.jobs.remove(&ticket);
        self.queues.values_mut().for_each(|queue| queue.forget(ticket));
    }
}

/// Whether two names of accounts, repositories or environments are the same to GitHub.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}
