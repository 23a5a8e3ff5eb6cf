//! One promotion: step by step forward, watched, and all the way back if it must be.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Result, anyhow};
use futures::future::try_join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    Args, OnTooFew,
    picture::{self, Moment},
    smoke,
    strategy::{self, Step},
    verdict::{Rules, Sums, Verdict, judge, starved},
    watch::{Firing, Watch, Watched},
};
use crate::{
    alias::{Alias, Error, Traffic},
    failure::Failure,
    interrupt,
    ledger::{Action, AliasMove, Change, Hold, Live, Moving, Release, State},
    lock,
    moves::Mover,
    runner,
    version::{Unanswered, Versions},
    who,
    words::Words,
};

/// How often a step is looked at, at the most.
const LOOK: Duration = Duration::from_secs(10);

/// A step may be extended to this many times its length.
const EXTENSIONS: u32 = 3;

/// How a promotion went wrong.
enum Broken {
    /// The release was judged worse; the functions whose fault it is, by their names in `lockgate.toml`, and what was seen.
    Bad(Vec<String>, Words),
    /// The run was asked to stop.
    Interrupted,
    /// Something failed that says nothing about the release.
    Failed(anyhow::Error),
}

/// It did not go well. What was moved, if anything was, is back where it was.
#[derive(Debug)]
pub(super) struct TakenBack {
    release: String,
    /// Whether any alias was to move already.
    pub(super) moved: bool,
    why: Words,
}

impl TakenBack {
    /// What is said where values are hidden, or are not.
    pub(super) fn told(&self, hidden: bool) -> String {
        let how = if self.moved { "taken back" } else { "not promoted" };
        format!("{} was {how}: {}", self.release, self.why.shown(hidden))
    }
}

impl fmt::Display for TakenBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(false))
    }
}

impl std::error::Error for TakenBack {}

/// A promotion under way.
pub(super) struct Promotion<'a> {
    pub(super) args: &'a Args,
    pub(super) mover: &'a Mover,
    pub(super) versions: Versions,
    pub(super) watch: Watch,
    pub(super) alarms: Vec<String>,
    pub(super) release: Release,
    pub(super) live: Live,
    pub(super) moving: Moving,
    pub(super) moved: bool,
    /// Whether what functions and AWS say is kept out of the summary.
    pub(super) hidden: bool,
    pub(super) moments: Vec<Moment>,
    pub(super) began: Instant,
}

impl Promotion<'_> {
    /// Plays it to its end, whichever that is.
    pub(super) async fn play(&mut self, serving: Option<Release>) -> Result<(), Failure> {
        let mut interrupted = std::pin::pin!(interrupt::asked());
        let forward = tokio::select! {
            biased;
            () = &mut interrupted => Err(Broken::Interrupted),
            done = self.forward() => done,
        };
        // From here on nobody interrupts: what is live is decided by one write, which must not be left in the air.
        let ended = match forward {
            Ok(()) => self.finish(serving).await.map_err(Broken::Failed),
            broken => broken,
        };
        let ended = match ended {
            Ok(()) => Ok(()),
            Err(broken) => self.back(broken).await,
        };
        let title = format!("{} in {}", self.release.id, self.args.environment);
        if let Err(error) = runner::summary(&picture::draw(&title, &self.moments)) {
            runner::warning(format_args!("the summary has no picture: {error:#}"));
        }
        ended
    }

    /// All traffic to the new release.
    async fn forward(&mut self) -> Result<(), Broken> {
        // Nothing has moved yet: a version that cannot answer costs nobody a request.
        self.probe(&self.moving.aliases.keys().cloned().collect::<Vec<_>>()).await?;
        let (mover, live) = (self.mover, &self.live);
        let releases = std::slice::from_ref(&self.release);
        mover.ledger.write(&mover.held, Change { live, releases, holds: &[] }).await.map_err(Broken::Failed)?;
        let mut aliases = BTreeMap::new();
        for (stem, one) in &self.moving.aliases {
            let fenced = mover.aliases.fence(&one.function, &one.alias).await.map_err(failed)?;
            if fenced.version != one.from || !fenced.weights.is_empty() {
                let why = anyhow!("alias {} of {} was moved meanwhile: {}", one.alias, one.function, fenced.shown());
                return Err(Broken::Failed(why));
            }
            aliases.insert(stem.clone(), fenced);
        }
        let steps = if aliases.is_empty() { Vec::new() } else { self.args.strategy.steps() };
        let watched: BTreeMap<_, _> =
            self.moving.aliases.keys().map(|stem| (stem.clone(), self.watched(stem))).collect();
        for step in steps {
            // CloudWatch counts by whole minutes: what it has of this one already is none of the step's samples.
            let since = Timestamp::now();
            let before = self.watch.sums(&watched, since).await.map_err(Broken::Failed)?;
            self.shift(&mut aliases, step.percent).await?;
            self.watch_step(step, &watched, (since, &before)).await?;
        }
        self.shift(&mut aliases, 100).await?;
        self.smoke().await
    }

    /// Whether it answers the way its callers come, now that it has all the traffic.
    async fn smoke(&self) -> Result<(), Broken> {
        let through = async |(stem, one): (&String, &AliasMove)| {
            let probe = &self.release.functions[stem].probe;
            let probed = self.versions.probe(&one.function, &one.alias, probe).await;
            probed.map_err(|unanswered| broken(stem, unanswered))
        };
        try_join_all(self.moving.aliases.iter().map(through)).await?;
        match &self.args.health_url {
            // It speaks for the service, not for one function.
            Some(url) => smoke::health(url).await.map_err(|error| Broken::Bad(Vec::new(), format!("{error:#}").into())),
            None => Ok(()),
        }
    }

    /// Gives the new versions so much of the traffic, one function after another.
    async fn shift(&mut self, aliases: &mut BTreeMap<String, Alias>, percent: u8) -> Result<(), Broken> {
        for (stem, one) in &self.moving.aliases {
            let Some(alias) = aliases.get_mut(stem) else { continue };
            let traffic = match percent {
                100 => Traffic::all(&one.to),
                part => Traffic::split(&one.from, &one.to, f64::from(part) / 100.0),
            };
            // The revision is known from the last move: a new owner who takes the lock after this makes it stale.
            self.mover.held.renew(&self.mover.ledger).await.map_err(Broken::Failed)?;
            self.moved = true;
            *alias = self.mover.aliases.send(alias, &traffic).await.map_err(failed)?;
            runner::say(format_args!("{}: {traffic}", one.function));
        }
        self.note(percent, if percent == 100 { "all of it" } else { "watching" });
        Ok(())
    }

    fn note(&mut self, percent: u8, what: impl Into<String>) {
        self.moments.push(Moment { at: self.began.elapsed(), percent, what: what.into() });
    }

    /// Watches a step until there is a verdict: what came to be since a time, besides what was there of its minute before.
    async fn watch_step(
        &mut self,
        step: Step,
        watched: &BTreeMap<String, Watched>,
        (since, before): (Timestamp, &BTreeMap<String, (Sums, Sums)>),
    ) -> Result<(), Broken> {
        let began = Instant::now();
        let longest = step.wait * EXTENSIONS;
        let rules = Rules { samples: f64::from(self.args.min_samples), tolerance: self.args.tolerance / 100.0 };
        let pause = (step.wait / 5).min(LOOK).min(self.mover.held.heartbeat());
        let (mut extended, mut told) = (false, String::new());
        loop {
            tokio::time::sleep(pause).await;
            self.mover.held.renew(&self.mover.ledger).await.map_err(Broken::Failed)?;
            let (firing, _) = self.watch.alarms(&self.alarms).await.map_err(Broken::Failed)?;
            let mut sums = self.watch.sums(watched, since).await.map_err(Broken::Failed)?;
            for (stem, (new, old)) in &mut sums {
                let (new_before, old_before) = before[stem];
                (*new, *old) = (*new - new_before, *old - old_before);
            }
            tell(&mut told, &sums);
            let verdicts = sums.iter().map(|(stem, (new, old))| (stem, judge(new, old, &rules)));
            let verdicts: BTreeMap<_, _> = verdicts.collect();
            let bad: Vec<_> = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Bad(_))).collect();
            let fires = |alarm: &Firing| Words::new(format_args!("alarm {} fires", alarm.name), &alarm.why);
            let mut why: Vec<_> = firing.iter().map(fires).collect();
            why.extend(bad.iter().map(|(stem, verdict)| format!("{stem} is {verdict}").into()));
            if !why.is_empty() {
                let mut blamed: Vec<String> = bad.iter().map(|(stem, _)| (**stem).clone()).collect();
                // An alarm names neither version nor function: it is the only one's fault, or nobody's for certain.
                if let ([], [only]) = (&blamed[..], &watched.keys().collect::<Vec<_>>()[..]) {
                    blamed.push((*only).clone());
                }
                return Err(Broken::Bad(blamed, Words::join(&why)));
            }
            if began.elapsed() < step.wait {
                continue;
            }
            let few: Vec<String> = verdicts
                .iter()
                .filter(|(_, verdict)| matches!(verdict, Verdict::TooFew(_)))
                .map(|(stem, _)| (**stem).clone())
                .collect();
            if few.is_empty() {
                self.note(step.percent, "good");
                return Ok(());
            }
            let seen: Vec<_> = few.iter().map(|stem| format!("{stem}: {}", verdicts[stem])).collect();
            if began.elapsed() < longest {
                if !extended {
                    runner::say(format_args!(
                        "the step is extended to {} at most: {}",
                        strategy::shown(longest),
                        seen.join("; ")
                    ));
                    self.note(step.percent, "extended: too few samples");
                    extended = true;
                }
                continue;
            }
            let starved: Vec<_> =
                few.iter().filter(|stem| starved(&sums[*stem].0, &sums[*stem].1, step.percent)).cloned().collect();
            if !starved.is_empty() {
                let why = format!(
                    "{} got none of {} % of the traffic, while the version before got all of it; something keeps requests \
                     from the new version",
                    starved.join(", "),
                    step.percent
                );
                return Err(Broken::Bad(Vec::new(), why.into()));
            }
            return self.decide_by_probe(step, few, seen.join("; ")).await;
        }
    }

    async fn decide_by_probe(&mut self, step: Step, few: Vec<String>, seen: String) -> Result<(), Broken> {
        self.probe(&few).await?;
        if self.args.on_too_few == OnTooFew::Fail {
            return Err(Broken::Bad(Vec::new(), format!("{seen}, and --on-too-few is fail").into()));
        }
        runner::notice(format_args!("{}: decided by probes ({seen})", self.release.id));
        self.note(step.percent, "good by probes: too few samples");
        Ok(())
    }

    async fn probe(&self, stems: &[String]) -> Result<(), Broken> {
        let one = async |stem: &String| {
            let (function, one) = (&self.release.functions[stem], &self.moving.aliases[stem]);
            let probed = self.versions.probe(&one.function, &one.to, &function.probe).await;
            probed.map_err(|unanswered| broken(stem, unanswered))
        };
        try_join_all(stems.iter().map(one)).await.map(drop)
    }

    fn watched(&self, stem: &str) -> Watched {
        let one = &self.moving.aliases[stem];
        Watched {
            function: one.function.clone(),
            alias: one.alias.clone(),
            namespace: self.release.functions[stem].metrics.clone(),
            old: one.from.clone(),
            new: one.to.clone(),
        }
    }

    /// Writes that the release is live.
    async fn finish(&mut self, serving: Option<Release>) -> Result<()> {
        let (ledger, id) = (&self.mover.ledger, &self.release.id);
        let now = Timestamp::now();
        let previous = serving.as_ref().map(|serving| serving.id.clone());
        let live = Live { release: Some(id.clone()), since: Some(now), previous: previous.clone(), moving: None };
        let ours = Release { state: State::Live, live_since: Some(now), previous, ..self.release.clone() };
        let releases: Vec<_> =
            serving.into_iter().map(|serving| Release { state: State::Replaced, ..serving }).chain([ours]).collect();
        let change = Change { live: &live, releases: &releases, holds: &[] };
        if let Err(error) = ledger.write(&self.mover.held, change).await {
            // The answer may have been lost alone: what is written is looked up before anything is taken back.
            let written = ledger.live().await.is_ok_and(|now| now == live);
            if !written {
                return Err(error);
            }
        }
        runner::say(format_args!("{id} is live in {}", self.args.environment));
        Ok(())
    }

    /// Takes everything back. The reason and the holds are written first: a run that is killed here leaves them behind.
    async fn back(&mut self, broken: Broken) -> Result<(), Failure> {
        if let Broken::Failed(error) = &broken {
            // A new owner of the lock decides from here on; it may have moved an alias before this one heard of it.
            let ours = self.mover.held.still(&self.mover.ledger).await.unwrap_or(true);
            if error.is::<lock::Lost>() || !ours {
                return Err(Failure::World(lock::Lost.into()));
            }
        }
        let (bad, why) = match &broken {
            Broken::Bad(bad, why) => (bad.clone(), why.clone()),
            Broken::Interrupted => (Vec::new(), "its promotion was cancelled".to_owned().into()),
            Broken::Failed(error) => {
                let what = "something failed that says nothing about it; the run's log says what";
                (Vec::new(), Words { all: format!("{error:#}"), public: what.to_owned() })
            }
        };
        if self.moved {
            runner::say(format_args!("taking {} back: {why}", self.release.id));
        }
        if let Err(error) = self.undo(&bad, &why.all).await {
            if error.is::<lock::Lost>() {
                return Err(Failure::World(error));
            }
            let left = why.within(|why| {
                format!("{} could not be taken back ({why}); run `lockgate rollback` now", self.release.id)
            });
            return Err(Failure::World(error.context(left)));
        }
        let what = TakenBack { release: self.release.id.clone(), moved: self.moved, why };
        self.note(0, what.told(self.hidden));
        let what = what.into();
        Err(if matches!(broken, Broken::Failed(_)) { Failure::World(what) } else { Failure::Gate(what) })
    }

    async fn undo(&mut self, bad: &[String], why: &str) -> Result<()> {
        let (mover, by) = (self.mover, who::run());
        let holds: Vec<_> = bad
            .iter()
            .filter_map(|stem| Hold::new(stem, &self.release.functions[stem], &self.release.id, why, &by))
            .collect();
        self.release.reason = Some(why.to_owned());
        self.moving.action = Action::TakeBack;
        self.live.moving = Some(self.moving.clone());
        let releases = std::slice::from_ref(&self.release);
        mover.ledger.write(&mover.held, Change { live: &self.live, releases, holds: &holds }).await?;
        mover.take_back(&self.live, self.moving.clone(), &mut self.release, why).await?;
        for hold in &holds {
            runner::say(format_args!("held: {} ({})", hold.function, hold.id));
        }
        Ok(())
    }
}

/// Says what both versions did so far, when that is news.
fn tell(told: &mut String, sums: &BTreeMap<String, (Sums, Sums)>) {
    let one = |(stem, (new, old)): (&String, &(Sums, Sums))| format!("{stem}: new {new}, old {old}");
    let now = sums.iter().map(one).collect::<Vec<_>>().join("; ");
    if now != *told {
        runner::say(&now);
        *told = now;
    }
}

/// A function that does not answer its probe as it should is bad; one that could not be asked is not.
fn broken(stem: &str, unanswered: Unanswered) -> Broken {
    match unanswered {
        Unanswered::Wrong(why) => Broken::Bad(vec![stem.to_owned()], why),
        Unanswered::Unasked(why) => Broken::Failed(why),
    }
}

fn failed(error: Error) -> Broken {
    Broken::Failed(match error {
        Error::Failed(error) => error,
        stale => stale.into(),
    })
}
