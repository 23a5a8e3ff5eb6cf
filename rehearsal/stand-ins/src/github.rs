//! GitHub's REST API (<https://docs.github.com/en/rest>, version 2022-11-28) on loopback, as far as `openapi/paths.txt`
//! lists operations. Every request and every answer is checked against GitHub's own description of them, and what breaks
//! it is kept as a violation ([`Github::violations`]).
//!
//! Besides the API there are the gates where jobs wait for a review of their environment, or for a concurrency group
//! ([`Github::gates`], [`Github::review`]).
//!
//! What it does not do: it has no git, so commits, branches and archives are what a test says they are: a commit has an
//! author and a message, and changes nothing; the default branch's are a line ([`Github::push`], [`Github::merge`]), and
//! of no other branch more than the last is known. It starts no workflow itself, but tells who asked for that
//! ([`Github::on_dispatch`]). Nobody waits at a gate who does not ask there, and what waits there is no workflow run of
//! the API, nor a deployment. There are no organisations, teams, webhooks, rulesets, reviews or milestones, no GraphQL and no web pages behind its links;
//! there are no anonymous requests, conditional requests and rate limits (unless a [`Fault`] plays one); SARIF files are
//! taken when they are JSON of the right version, and count as processed at once. GitHub's description lists few of the
//! errors that GitHub gives: 401, 403, 404 and 422 pass for any operation, if they look like GitHub's. A request that
//! breaks the description gets status 500 here where GitHub would answer 400 or 422, or ignore what is wrong. The
//! description is github.com's, also where the server plays an Enterprise Server.

mod answer;
mod call;
mod checks;
mod comments;
mod deployments;
mod description;
mod dispatches;
mod fault;
mod gate;
mod history;
mod identity;
mod issues;
mod pulls;
mod routes;
mod scanning;
mod settings;
mod setup;
mod show;
mod state;
mod tarball;

use crate::scripted::Scripted;
use anyhow::Result;
use description::Description;
use fault::Planned;
use http::Method;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::watch;

pub use dispatches::{Dispatch, Event};
pub use fault::{Before, Fault};
pub use gate::{Gates, Review, Waiting};
pub use identity::{Identity, User};
pub use setup::NewPull;
pub use state::{
    About, Actions, Branch, Branches, CheckRun, Comment, Commit, Deployment, DeploymentStatus, Environment, Issue,
    Pull, Repository, Role, Sarif,
};

/// Where an Enterprise Server has its API.
pub const ENTERPRISE: &str = "/api/v3";

/// A running GitHub. Clones are the same one, which ends with the last of them.
#[derive(Clone)]
pub struct Github {
    /// Where its API is: what `GITHUB_API_URL` is for a job.
    pub url: String,
    shared: Arc<Shared>,
    // What hooks are given has none: it does not keep the server running.
    _server: Option<Arc<Scripted>>,
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Its method.
    pub method: Method,
    /// Its path below the API's URL, with the query if there is one.
    pub path: String,
    /// The answer's status; `None` if none was sent.
    pub status: Option<u16>,
    /// Whose token it carried, if the token was one.
    pub identity: Option<Identity>,
}

type OnDispatch = Arc<dyn Fn(&Github, &Dispatch) + Send + Sync>;

struct Shared {
    description: &'static Description,
    prefix: String,
    url: OnceLock<String>,
    // By their full names in lower case, as GitHub finds them.
    repositories: Mutex<BTreeMap<String, Repository>>,
    tokens: Mutex<BTreeMap<String, Identity>>,
    ids: AtomicU64,
    faults: Mutex<Vec<Planned<Fault>>>,
    hooks: Mutex<Vec<Planned<Arc<Mutex<Before>>>>>,
    on_dispatch: Mutex<Option<OnDispatch>>,
    gates: watch::Sender<gate::Board>,
    log: Mutex<Vec<Logged>>,
    violations: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Github {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Github").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Github {
    /// Starts an empty one on a free port, in a thread of its own, with the API at the root as on github.com.
    ///
    /// # Errors
    /// If the API's description cannot be read.
    ///
    /// # Panics
    /// As [`Scripted::start`].
    pub fn start() -> Result<Self> {
        Self::start_below("")
    }

    /// The same with the API below a path, such as [`ENTERPRISE`].
    ///
    /// # Errors
    /// As [`Github::start`].
    ///
    /// # Panics
    /// As [`Github::start`].
    pub fn start_below(prefix: &str) -> Result<Self> {
        let shared = Arc::new(Shared {
            description: description::description()?,
            prefix: prefix.to_owned(),
            url: OnceLock::new(),
            repositories: Mutex::default(),
            tokens: Mutex::default(),
            ids: AtomicU64::new(1_000_001),
            faults: Mutex::default(),
            hooks: Mutex::default(),
            on_dispatch: Mutex::default(),
            gates: watch::Sender::default(),
            log: Mutex::default(),
            violations: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let server = Scripted::start(move |request| Self::of(&serving).answer(request));
        let url = shared.url.get_or_init(|| format!("{}{prefix}", server.url)).clone();
        Ok(Self { url, shared, _server: Some(Arc::new(server)) })
    }

    fn of(shared: &Arc<Shared>) -> Self {
        let url = shared.url.get().cloned().unwrap_or_default();
        Self { url, shared: Arc::clone(shared), _server: None }
    }

    /// What was asked so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Logged> {
        locked(&self.shared.log).clone()
    }

    /// How requests broke GitHub's description so far, and answers too: there, the stand-in is wrong.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        locked(&self.shared.violations).clone()
    }

    /// Lets the next so many requests of this method, whose path below the API's URL begins so, fail.
    ///
    /// # Panics
    /// If the method is none of HTTP's.
    pub fn fault(&self, method: &str, prefix: &str, fault: Fault, times: usize) {
        locked(&self.shared.faults).push(planned(method, prefix, fault, times));
    }

    /// Does something before each of the next so many such requests is looked at, for what happens in between. It runs on
    /// the server's thread: it may use what it is given, but not ask the server, nor keep a clone of this value.
    ///
    /// # Panics
    /// As [`Github::fault`].
    pub fn before(&self, method: &str, prefix: &str, times: usize, hook: impl FnMut(&Self) + Send + 'static) {
        let hook: Before = Box::new(hook);
        locked(&self.shared.hooks).push(planned(method, prefix, Arc::new(Mutex::new(hook)), times));
    }

    /// Tells who wants workflows to start, as it happens. It runs on the thread of who asked for that: the server's, before
    /// the answer is sent, or that of [`Github::push`] and [`Github::merge`]; at times both at once. Whoever starts
    /// something long does so elsewhere. It must not keep a clone of what it is given.
    pub fn on_dispatch(&self, told: impl Fn(&Self, &Dispatch) + Send + Sync + 'static) {
        *locked(&self.shared.on_dispatch) = Some(Arc::new(told));
    }
}

#[expect(clippy::expect_used, reason = "a test with such a method is a wrong test")]
fn planned<T>(method: &str, prefix: &str, what: T, times: usize) -> Planned<T> {
    let method = Method::from_bytes(method.as_bytes()).expect("a method of HTTP");
    Planned { method, prefix: prefix.to_owned(), times, what }
}

/// A hook that panicked is a test that fails anyway: what it left is still to be read.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
