//! The story: its acts, what each needs, and what each found. Those before GitHub takes part play one after another; on GitHub,
//! acts play at the same time where they can, as the work of several people does.

use crate::acts;
use crate::api::Asked;
use crate::clock::{Clock, Kind, Split};
use crate::hub::Hub;
use crate::stage::Stage;
use crate::tell::Teller;
use anyhow::{Context, Result, bail};
use futures::future::join_all;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long an act may take, also where all is built from nothing: it may wait for what another one was to do.
const LONGEST: Duration = Duration::from_secs(45 * 60);

/// One act of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Act {
    /// Makes what Terraform itself and every delivery stand on, then moves Terraform's own state there.
    Bootstrap,
    /// Packages the functions, pushes them, and applies the environment `staging`.
    Provision,
    /// Lands files of every shape and compares every answer of the HTTP API with what was landed.
    Calls,
    /// Delivers every event again, in another order: nothing changes.
    Replay,
    /// Erases a call and delivers its file again: it stays gone.
    Erase,
    /// Opens a pull request: one comment says what would change, and changes with it.
    PullRequest,
    /// Opens one that brings a vulnerability, a public bucket and wrong code: it is stopped, and told why.
    BadPullRequest,
    /// Merges the reviewed one: staging, then production after one approval.
    Merge,
    /// Merges one whose plan is no longer the reviewed one: it waits for a person.
    MovedGround,
    /// Merges a change of the code, which reaches production by a canary, under traffic.
    Canary,
    /// Goes back by hand, through the workflow.
    Rollback,
    /// Merges something else, which would bring the bad bytes back: it is stopped until a person frees them.
    AfterRollback,
    /// Merges one that fails a share of its records: it is taken back.
    BadRelease,
    /// Changes something by hand: an issue tells it until it is accepted or mended.
    Drift,
}

impl Act {
    /// All acts, in the order in which they are told.
    pub const ALL: [Self; 14] = [
        Self::Bootstrap,
        Self::Provision,
        Self::Calls,
        Self::Replay,
        Self::Erase,
        Self::PullRequest,
        Self::BadPullRequest,
        Self::Merge,
        Self::MovedGround,
        Self::Canary,
        Self::Rollback,
        Self::AfterRollback,
        Self::BadRelease,
        Self::Drift,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Provision => "provision",
            Self::Calls => "calls",
            Self::Replay => "replay",
            Self::Erase => "erase",
            Self::PullRequest => "pull-request",
            Self::BadPullRequest => "bad-pull-request",
            Self::Merge => "merge",
            Self::MovedGround => "moved-ground",
            Self::Canary => "canary",
            Self::Rollback => "rollback",
            Self::AfterRollback => "after-rollback",
            Self::BadRelease => "bad-release",
            Self::Drift => "drift",
        }
    }

    /// What it shows, in a sentence.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Bootstrap => "Terraform makes its own state bucket, lock table, ledgers and registries, and moves in",
            Self::Provision => "the functions are packaged, pushed, and applied to staging; each answers its probe",
            Self::Calls => "files of every shape, good and bad, land; every answer of the API is compared",
            Self::Replay => "every event is delivered again, shuffled: tables, counters and answers stay equal",
            Self::Erase => "a call is erased and its file delivered again: it stays gone, counters agree",
            Self::PullRequest => "a pull request gets one comment with its plans, which changes with the pull request",
            Self::BadPullRequest => "one that brings what is insecure is stopped, and told what is new and nothing old",
            Self::Merge => "the reviewed one is merged: staging by itself, production after one approval",
            Self::MovedGround => {
                "one whose plan is no longer the reviewed one waits for a person, who sees what differs"
            }
            Self::Canary => "a change of the code reaches production by a canary, under traffic",
            Self::Rollback => "a person rolls production back by the workflow, whose role reaches nothing else",
            Self::AfterRollback => "an unrelated merge does not bring the bad bytes back until a person frees them",
            Self::BadRelease => "a release that fails a share of its records, without one Lambda error, is taken back",
            Self::Drift => "a change by hand opens an issue, which closes when it is accepted for a time, or mended",
        }
    }

    /// Whether it is played on GitHub.
    #[must_use]
    pub const fn is_on_github(self) -> bool {
        !matches!(self, Self::Bootstrap | Self::Provision | Self::Calls | Self::Replay | Self::Erase)
    }

    /// The act that has to have passed before, or have left staging for one that begins beside it.
    const fn needs(self) -> Option<Self> {
        match self {
            Self::Bootstrap => None,
            Self::Provision => Some(Self::Bootstrap),
            Self::Calls => Some(Self::Provision),
            Self::Replay | Self::Erase => Some(Self::Calls),
            Self::PullRequest | Self::BadPullRequest => Some(Self::Provision),
            Self::Merge => Some(Self::PullRequest),
            Self::MovedGround => Some(Self::Merge),
            Self::Canary => Some(Self::MovedGround),
            Self::Rollback => Some(Self::Canary),
            Self::AfterRollback => Some(Self::Rollback),
            Self::BadRelease => Some(Self::AfterRollback),
            Self::Drift => Some(Self::Provision),
        }
    }

    /// The act that has to have ended before, if it is played at all, whatever came of it: it changes the same environment, or
    /// wants the machine for itself.
    const fn waits_for(self) -> Option<Self> {
        match self {
            Self::Drift => Some(Self::BadRelease),
            // Of two that wait for production's turn, GitHub keeps the later.
            Self::Canary => Some(Self::Merge),
            // It scans while AWS makes production, and leaves the machine to the first pull request before.
            Self::BadPullRequest => Some(Self::Merge),
            _ => None,
        }
    }

    /// Whether it begins as soon as the other one has left staging, which goes on in production meanwhile.
    const fn begins_beside(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::MovedGround | Self::BadPullRequest, Self::Merge)
                | (Self::Canary, Self::MovedGround)
                | (Self::BadRelease, Self::AfterRollback)
                | (Self::Drift, Self::BadRelease)
        )
    }

    /// The acts that have to be played for these, in order.
    #[must_use]
    pub fn with_needed(chosen: &[Self]) -> Vec<Self> {
        let needed = |act: &Self| {
            chosen.iter().any(|chosen| {
                std::iter::successors(Some(*chosen), |chosen| chosen.needs()).any(|needed| needed == *act)
            })
        };
        Self::ALL.into_iter().filter(needed).collect()
    }
}

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every check held.
    Passed,
    /// A check did not hold, or the act broke off.
    Failed,
    /// An act that it needs failed.
    Skipped,
}

/// One thing that an act looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What has to hold.
    pub name: String,
    /// Whether it did.
    pub ok: bool,
    /// What was seen.
    pub detail: String,
}

/// The result of one act.
#[derive(Debug, Clone, Serialize)]
pub struct Played {
    /// Which.
    pub name: &'static str,
    /// How it ended.
    pub status: Status,
    /// When it began and ended, in seconds since the rehearsal's start.
    #[serde(skip)]
    pub at: (f64, f64),
    /// How long it took, and what ran for it meanwhile.
    pub time: Split,
    /// What it looked at.
    pub checks: Vec<Check>,
}

/// The result of a rehearsal.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Every selected act, and those they need.
    pub acts: Vec<Played>,
    /// Where the time went.
    pub time: Split,
}

impl Outcome {
    /// Whether every act passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.acts.iter().all(|act| act.status == Status::Passed)
    }
}

/// Collects the checks of an act, and what the report shows of it.
#[derive(Debug)]
pub struct Checks {
    act: Act,
    teller: Teller,
    /// Acts that need staging no more.
    staged: watch::Sender<BTreeSet<Act>>,
    list: Vec<Check>,
    later: Vec<Later>,
    /// Requests to the API, for the report.
    pub asked: Vec<Asked>,
}

/// A check that takes long and that no other act waits for; it is awaited when all acts have played.
#[derive(Debug)]
struct Later {
    act: Act,
    name: String,
    seen: JoinHandle<Result<(bool, String)>>,
}

impl Checks {
    const fn new(act: Act, teller: Teller, staged: watch::Sender<BTreeSet<Act>>) -> Self {
        Self { act, teller, staged, list: Vec::new(), later: Vec::new(), asked: Vec::new() }
    }

    /// Tells that the act needs staging no more.
    pub fn leaves_staging(&self) {
        self.staged.send_modify(|staged| {
            staged.insert(self.act);
        });
    }

    /// Notes whether something holds, and what was seen.
    pub fn that(&mut self, name: &str, ok: bool, detail: impl Into<String>) {
        let detail = detail.into();
        let mark = if ok { "ok   " } else { "WRONG" };
        self.teller.line(&format!("{mark} {}: {name}: {detail}", self.act.name()));
        self.list.push(Check { name: name.to_owned(), ok, detail });
    }

    /// Begins to look at something that the next acts need not wait for: `seen` says whether it holds, and what was seen.
    pub fn later(&mut self, name: &str, seen: impl Future<Output = Result<(bool, String)>> + Send + 'static) {
        self.later.push(Later { act: self.act, name: name.to_owned(), seen: tokio::spawn(seen) });
    }

    /// Notes whether two things are equal.
    pub fn equal<T: PartialEq + std::fmt::Debug>(&mut self, name: &str, found: &T, expected: &T) {
        let detail = if found == expected { format!("{found:?}") } else { format!("{found:?}, not {expected:?}") };
        self.that(name, found == expected, detail);
    }
}

/// Plays these acts; returns their results and every request to the API that they made.
pub async fn play(stage: &mut Stage, acts: &[Act]) -> (Outcome, Vec<Asked>) {
    let mut played: Vec<Played> = Vec::new();
    let (mut asked, mut later) = (Vec::new(), Vec::new());
    let playing = Playing::new(stage, acts);
    let (github, before): (Vec<Act>, Vec<Act>) = acts.iter().partition(|act| act.is_on_github());
    let mut ended = Vec::new();
    for act in before {
        ended.push(playing.act(act, async |checks| by_hand(act, stage, checks).await).await);
    }
    if !github.is_empty() {
        let opened = open(stage, &playing).await;
        let (stage, opened) = (&*stage, &opened);
        let play = |act| playing.act(act, async move |checks| on_github(act, stage, opened, checks).await);
        ended.extend(join_all(github.into_iter().map(play)).await);
    }
    for (result, checks) in ended {
        played.push(result);
        asked.extend(checks.asked);
        later.extend(checks.later);
    }
    for Later { act, name, seen } in later {
        let seen = seen.await.unwrap_or_else(|ended| Err(ended.into()));
        let (ok, detail) = seen.unwrap_or_else(|error| (false, format!("{error:#}")));
        note(stage, &mut played, act, &name, ok, detail);
    }
    // Now also what went on when an act had ended was measured.
    for played in played.iter_mut().filter(|played| played.status != Status::Skipped) {
        played.time = stage.clock.split_of(played.name, played.at);
    }
    // An unsigned call was refused; whoever made it may have taken that for the refusal that the story wants to see.
    if let Some(last) = acts.iter().rfind(|act| was_played(&played, **act)) {
        let (ok, detail) = match stage.emulator.unsigned().await {
            Ok(calls) => (calls.is_empty(), format!("{} unsigned {calls:?}", calls.len())),
            Err(error) => (false, format!("{error:#}")),
        };
        note(stage, &mut played, *last, "no call to AWS came without a signature", ok, detail);
        if let Some(hub) = &stage.hub {
            let (asked, wrong) = (hub.github.requests().len(), hub.github.violations());
            let name = "every request to GitHub and every answer was as GitHub describes them";
            let ok = asked > 0 && wrong.is_empty();
            note(stage, &mut played, *last, name, ok, format!("{asked} requests, {wrong:?}"));
        }
    }
    (Outcome { acts: played, time: stage.clock.split() }, asked)
}

fn was_played(played: &[Played], act: Act) -> bool {
    played.iter().any(|played| played.name == act.name() && played.status != Status::Skipped)
}

/// Adds a check to the results of an act that has ended.
fn note(stage: &Stage, played: &mut [Played], act: Act, name: &str, ok: bool, detail: String) {
    let mut checks = Checks::new(act, stage.teller.clone(), watch::Sender::default());
    checks.that(name, ok, detail);
    if let Some(played) = played.iter_mut().find(|played| played.name == act.name()) {
        played.checks.extend(checks.list);
        played.status = if ok { played.status } else { Status::Failed };
    }
}

/// Acts that play, and how those ended that have.
#[derive(Debug)]
struct Playing {
    clock: Clock,
    teller: Teller,
    acts: Vec<Act>,
    ended: watch::Sender<BTreeMap<Act, Status>>,
    staged: watch::Sender<BTreeSet<Act>>,
}

impl Playing {
    fn new(stage: &Stage, acts: &[Act]) -> Self {
        let (clock, teller) = (stage.clock.clone(), stage.teller.clone());
        Self { clock, teller, acts: acts.to_vec(), ended: watch::Sender::default(), staged: watch::Sender::default() }
    }

    /// Plays an act once those have ended that it needs or waits for; not at all if one that it needs did not pass.
    async fn act(&self, act: Act, play: impl AsyncFnOnce(&mut Checks) -> Result<()>) -> (Played, Checks) {
        let (mut ended, mut staged) = (self.ended.subscribe(), self.staged.subscribe());
        for before in [act.needs(), act.waits_for()].into_iter().flatten().filter(|before| self.acts.contains(before)) {
            // The senders live as long as this does.
            tokio::select! {
                _ = ended.wait_for(|ended| ended.contains_key(&before)) => {}
                _ = staged.wait_for(|staged| staged.contains(&before)), if act.begins_beside(before) => {}
            }
        }
        let mut checks = Checks::new(act, self.teller.clone(), self.staged.clone());
        let needed = act.needs().and_then(|needed| ended.borrow().get(&needed).copied());
        let played = if needed.is_some_and(|status| status != Status::Passed) {
            self.teller.line(&format!("act   {}: skipped, as an act that it needs failed", act.name()));
            let (at, time) = ((0.0, 0.0), Split::default());
            Played { name: act.name(), status: Status::Skipped, at, time, checks: Vec::new() }
        } else {
            self.play(act, &mut checks, play).await
        };
        self.ended.send_modify(|ended| {
            ended.insert(act, played.status);
        });
        (played, checks)
    }

    async fn play(&self, act: Act, checks: &mut Checks, play: impl AsyncFnOnce(&mut Checks) -> Result<()>) -> Played {
        self.teller.line(&format!("act   {}: {}", act.name(), act.about()));
        let began = self.clock.elapsed().as_secs_f64();
        let playing = tokio::time::timeout(LONGEST, play(checks));
        let done = self.clock.measure(Kind::Step, act.name(), act.name(), playing).await;
        let ended = || format!("it did not end within {} minutes", LONGEST.as_secs() / 60);
        if let Err(error) = done.with_context(ended).and_then(|done| done) {
            checks.that("the act plays to its end", false, format!("{error:#}"));
        }
        let passed = !checks.list.is_empty() && checks.list.iter().all(|check| check.ok);
        let status = if passed { Status::Passed } else { Status::Failed };
        let at = (began, self.clock.elapsed().as_secs_f64());
        let how = if passed { "passed" } else { "FAILED" };
        self.teller.line(&format!("act   {}: {how} in {:.1} s", act.name(), at.1 - at.0));
        Played { name: act.name(), status, at, time: Split::default(), checks: std::mem::take(&mut checks.list) }
    }
}

/// Plays one of the acts before GitHub takes part.
async fn by_hand(act: Act, stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    match act {
        Act::Bootstrap => acts::bootstrap(stage, checks).await,
        Act::Provision => acts::provision(stage, checks).await,
        Act::Calls => acts::calls(stage, checks).await,
        Act::Replay => acts::replay(stage, checks).await,
        Act::Erase => acts::erase(stage, checks).await,
        _ => bail!("{} plays on GitHub", act.name()),
    }
}

/// Plays one of the others.
async fn on_github(act: Act, stage: &Stage, opened: &Result<()>, checks: &mut Checks) -> Result<()> {
    if let Err(error) = opened {
        bail!("{error:#}");
    }
    let hub = stage.hub.as_ref().context("GitHub's stand-in was not started")?;
    if act != Act::BadPullRequest {
        // What it says of Terraform does not matter there.
        stage.settle().await;
    }
    match act {
        Act::PullRequest => acts::pull_request(stage, hub, checks).await,
        Act::BadPullRequest => acts::bad_pull_request(stage, hub, checks).await,
        Act::Merge => acts::merge(stage, hub, checks).await,
        Act::MovedGround => acts::moved_ground(stage, hub, checks).await,
        Act::Canary => acts::canary(stage, hub, checks).await,
        Act::Rollback => acts::rollback(stage, hub, checks).await,
        Act::AfterRollback => acts::after_rollback(stage, hub, checks).await,
        Act::BadRelease => acts::bad_release(stage, hub, checks).await,
        Act::Drift => acts::drift(stage, hub, checks).await,
        _ => bail!("{} plays without GitHub", act.name()),
    }
}

/// Starts GitHub's side, if the acts before it passed so far that it can be used.
async fn open(stage: &mut Stage, playing: &Playing) -> Result<()> {
    if playing.ended.borrow().get(&Act::Provision) == Some(&Status::Passed) {
        stage.hub = Some(Hub::new(stage).await?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_brings_the_acts_it_needs() {
        assert_eq!(Act::with_needed(&[Act::Replay]), [Act::Bootstrap, Act::Provision, Act::Calls, Act::Replay]);
        assert_eq!(Act::with_needed(&[Act::Bootstrap]), [Act::Bootstrap]);
        assert_eq!(Act::with_needed(&Act::ALL), Act::ALL);
    }

    #[test]
    fn no_act_waits_for_one_that_waits_for_it() {
        let mut done = Vec::new();
        while let Some(next) = Act::ALL.into_iter().find(|act| {
            let mut before = [act.needs(), act.waits_for()].into_iter().flatten();
            !done.contains(act) && before.all(|before| done.contains(&before))
        }) {
            done.push(next);
        }
        assert_eq!(done.len(), Act::ALL.len(), "{done:?}");
        for (act, other) in Act::ALL.into_iter().flat_map(|act| Act::ALL.map(|other| (act, other))) {
            let waits = [act.needs(), act.waits_for()].contains(&Some(other));
            assert!(waits || !act.begins_beside(other), "{act:?} does not wait for {other:?}");
        }
    }
}
