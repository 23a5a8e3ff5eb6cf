//! The acts: what each shows, and what has to have been played before it.

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
    pub(super) const fn needs(self) -> Option<Self> {
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
    pub(super) const fn waits_for(self) -> Option<Self> {
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
    pub(super) const fn begins_beside(self, other: Self) -> bool {
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
