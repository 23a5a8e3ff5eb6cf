//! The story: its acts, what each needs, and what each found. Those before GitHub takes part play one after another; on GitHub,
//! acts play at the same time where they can, as the work of several people does.

mod act;

pub use act::Act;

use crate::acts;
use crate::api::Asked;
use crate::clock::{Clock, Kind, Split};
use crate::hub::Hub;
use crate::stage::{Settled, Stage};
use crate::tell::Teller;
use anyhow::{Context, Result, bail};
use futures::future::join_all;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// After so long an act hangs: it may wait for others, and build everything from nothing on a slow machine.
const LONGEST: Duration = Duration::from_secs(3 * 60 * 60);

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
    match act {
        // What it says of Terraform does not matter there.
        Act::BadPullRequest => {}
        Act::Drift => stage.settle(Settled::Planned).await,
        _ => stage.settle(Settled::Applied).await,
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
