//! What jobs have to wait for, for runners that know no environments and no concurrency groups: a server that a job asks
//! whether it may begin, and that answers once it may, or never will.
//!
//! Every request is a POST with its parameters in the query; every answer is one sentence of plain text:
//!
//! - `/job?repository=&run=&ref=&actor=&job=&environment=` when a job that names an environment wants to begin: 200 if it
//!   may, at once or after a review, 403 if its branch may not deploy there or a reviewer said no;
//! - `/queue?repository=&run=&group=` when a run wants a concurrency group: 200 when it has it, 409 if another run took
//!   its place while it waited;
//! - `/leave?repository=&run=&group=` gives it back, or up: 200.
//!
//! Status 400 is for a request that says too little, 404 for another place or repository, 405 for another method, and 503
//! for who waits when the server ends. Who hangs up waits no more.
//!
//! What it does not do: wait timers, custom protection rules, teams as reviewers, administrators who bypass, policies on
//! tags, `cancel-in-progress: true`, time limits. Where no branch is protected, GitHub lets all deploy to an environment
//! for protected branches; here none does. Nobody has to say who they are.

mod board;
mod policy;
mod queue;
mod serve;

use super::state::now;
use super::{Github, Shared};
use anyhow::{Context, Result, ensure};
use std::sync::Arc;
use tokio::sync::watch;

pub(super) use board::Board;
pub use board::{Review, Waiting};

/// A running server that jobs ask. It ends with this value; who waits for what is GitHub's, and outlives it.
pub struct Gates {
    /// Where it listens: `http://127.0.0.1:<port>`.
    pub url: String,
    shared: Arc<Shared>,
    // Its thread ends when this is dropped.
    _stop: watch::Sender<()>,
}

impl std::fmt::Debug for Gates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gates").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Gates {
    /// The jobs that wait for a review, in the order in which they came.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        self.shared.gates.borrow().waiting().cloned().collect()
    }

    /// The reviews so far, in order: one for each job.
    #[must_use]
    pub fn reviews(&self) -> Vec<Review> {
        self.shared.gates.borrow().reviews().to_vec()
    }

    /// Waits until some job of a repository waits for a review of this environment. Any runtime will do.
    pub async fn awaited(&self, repository: &str, environment: &str) -> Waiting {
        self.awaited_where(repository, environment, |_| true).await
    }

    /// The same for a job of this run.
    pub async fn awaited_of(&self, repository: &str, run: u64, environment: &str) -> Waiting {
        self.awaited_where(repository, environment, |waiting| waiting.run == run).await
    }

    async fn awaited_where(&self, repository: &str, environment: &str, fits: impl Fn(&Waiting) -> bool) -> Waiting {
        let is_it = |waiting: &&Waiting| {
            board::same(&waiting.repository, repository)
                && board::same(&waiting.environment, environment)
                && fits(waiting)
        };
        found(&self.shared.gates, |board| board.waiting().find(is_it).cloned()).await
    }

    /// Waits until this environment has let a job of a run in. Any runtime will do.
    pub async fn entered(&self, repository: &str, run: u64, environment: &str) {
        found(&self.shared.gates, |board| board.has_entered(repository, environment, run).then_some(())).await;
    }

    /// Waits until a run has a concurrency group, or waits for it. Any runtime will do.
    pub async fn asked(&self, repository: &str, group: &str, run: u64) {
        let is_there = |queue: &&queue::Queue| queue.waits(run) || queue.turn(run) == Some(queue::Turn::Held);
        found(&self.shared.gates, |board| board.queue(repository, group).filter(is_there).map(|_| ())).await;
    }

    /// Waits until a run waits for a concurrency group that another one has. Any runtime will do.
    pub async fn queued(&self, repository: &str, group: &str, run: u64) {
        found(&self.shared.gates, |board| board.queue(repository, group).filter(|queue| queue.waits(run)).map(|_| ()))
            .await;
    }
}

impl Github {
    /// Starts a server on a free port, in a thread of its own, that jobs ask whether they may begin.
    ///
    /// # Errors
    /// If the system has no free port.
    pub fn gates(&self) -> Result<Gates> {
        let (stop, stopped) = watch::channel(());
        let url = serve::start(Arc::clone(&self.shared), stopped)?;
        Ok(Gates { url, shared: Arc::clone(&self.shared), _stop: stop })
    }

    /// Approves or rejects, as somebody, all jobs of a run that wait for a review of this environment.
    ///
    /// # Errors
    /// As [`Github::repository`]; if there is no such environment, no such job waits, the person is none of the
    /// environment's reviewers, or started the run where that is prevented.
    pub fn review(
        &self,
        full_name: &str,
        run: u64,
        environment: &str,
        login: &str,
        approve: bool,
        comment: &str,
    ) -> Result<()> {
        let found = self.edit(full_name, |repository| {
            let (name, found) = repository.environments.iter().find(|(name, _)| board::same(name, environment))?;
            Some((repository.about.full_name(), name.clone(), found.clone()))
        })?;
        let (repository, environment, protection) =
            found.with_context(|| format!("there is no environment {environment} in {full_name}: add it first"))?;
        ensure!(
            protection.reviewers.iter().any(|reviewer| board::same(&reviewer.login, login)),
            "{login} is no reviewer of {environment} in {repository}"
        );
        let review = Review {
            repository,
            run,
            job: String::new(),
            environment,
            login: login.to_owned(),
            approved: approve,
            comment: comment.to_owned(),
            at: now(),
        };
        let mut done = Ok(());
        self.shared.gates.send_modify(|board| done = board.review(&review, protection.prevent_self_review));
        done
    }
}

/// What a look at the board finds, as soon as it finds something.
async fn found<T>(board: &watch::Sender<Board>, mut look: impl FnMut(&Board) -> Option<T>) -> T {
    let mut seen = board.subscribe();
    loop {
        let found = look(&seen.borrow_and_update());
        if let Some(found) = found {
            return found;
        }
        if seen.changed().await.is_err() {
            // The sender is there as long as the reference is.
            std::future::pending::<()>().await;
        }
    }
}
