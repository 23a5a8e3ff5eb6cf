//! How an apply ended, for people and for later steps.

use std::collections::BTreeMap;

use anyhow::Result;

use super::tally::Tally;
use crate::{
    origin::Refusal,
    plan::{Comparison, Plan},
    progress::State,
    runner,
};

/// Instead of words that may quote a value.
pub(super) const SEE_LOG: &str = "the run's log says why";

/// What came of it.
#[derive(Debug)]
pub(super) struct Report {
    /// The plan that was made now.
    pub(super) plan: Plan,
    /// How it ended.
    pub(super) end: End,
    /// The versions of the release's functions, once they are recorded.
    pub(super) versions: BTreeMap<String, String>,
    /// Why they are not, although the plan is applied.
    pub(super) unrecorded: Option<String>,
    /// Where the service says that it is well: the root's output `health_url`.
    pub(super) health_url: Option<String>,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum End {
    /// Terraform could not plan.
    Unplanned { errors: Vec<String> },
    /// Somebody else holds a lock: whoever that is, and what to do.
    Locked { owner: String, what: String },
    /// The environment that the release came from took it out of service, or holds its code.
    Refused(Refusal),
    /// It is another plan than the approved one.
    Differs { difference: Option<Comparison>, unknown: Option<String> },
    /// The job was cancelled before anything was applied.
    Cancelled,
    /// It is the approved one; that is all that was asked.
    Agreed,
    /// It is the approved one, and changes nothing.
    Nothing,
    /// All of it was applied.
    Applied(Tally),
    /// Some of it was not.
    Failed { tally: Tally, errors: Vec<String>, stopped: bool },
}

impl Report {
    pub(super) fn new(plan: Plan, end: End) -> Self {
        Self { plan, end, versions: BTreeMap::new(), unrecorded: None, health_url: None }
    }

    /// Whether the plan is the approved one.
    pub(super) fn approved(&self) -> bool {
        match self.end {
            End::Unplanned { .. } | End::Locked { .. } | End::Refused(_) | End::Differs { .. } => false,
            // It may have been cancelled before there was a plan.
            End::Cancelled => !self.plan.digest.is_empty(),
            End::Agreed | End::Nothing | End::Applied(_) | End::Failed { .. } => true,
        }
    }

    /// See [`super::run`].
    pub(super) fn outputs(&self) -> Result<()> {
        let flag = |is: bool| if is { "true" } else { "false" };
        runner::output("digest", &self.plan.digest)?;
        runner::output("changed", flag(!self.plan.digest.is_empty() && self.plan.changed()))?;
        runner::output("approved", flag(self.approved()))?;
        runner::output("applied", flag(matches!(self.end, End::Applied(_))))?;
        runner::output("health-url", self.health_url.as_deref().unwrap_or_default())?;
        match &self.end {
            End::Locked { owner, .. } => runner::output("lock-owner", owner),
            _ => Ok(()),
        }
    }

    /// What becomes of the deployment, in a line.
    pub(super) fn status(&self, root: &str) -> (State, String) {
        // Everybody may read it, as they may the comment.
        let why = || self.plan.scrubber().cleaned(&self.because(root, self.plan.values_hidden));
        match &self.end {
            // What it brings serves only once it is promoted.
            End::Agreed | End::Nothing | End::Applied(_) if self.unrecorded.is_none() => {
                (State::InProgress, format!("Terraform applied {root}; the promotion comes next"))
            }
            End::Unplanned { .. } | End::Locked { .. } | End::Refused(_) | End::Differs { .. } => {
                (State::Failure, why())
            }
            _ => (State::Error, why()),
        }
    }

    /// What the log says of it.
    pub(super) fn told(&self) -> String {
        let mut lines = Vec::new();
        match &self.end {
            End::Differs { difference: Some(difference), .. } => {
                lines.push("what differs from the approved plan (-) in the plan as it is now (+):".to_owned());
                lines.push(self.shown(difference).trim_end().to_owned());
            }
            End::Applied(tally) => lines.push(format!("applied: {} changes", tally.all())),
            End::Nothing => lines.push("nothing to apply: everything is as the approved plan says".to_owned()),
            End::Agreed => lines.push("the plan is the approved one; nothing was applied (dry run)".to_owned()),
            End::Failed { tally, .. } => {
                lines.push(format!("applied {} of {} changes", tally.done.len(), tally.all()));
                lines.extend(tally.done.iter().map(|address| format!("  done      {address}")));
                lines.extend(tally.left.iter().map(|(address, how)| format!("  not done  {address}: {how}")));
            }
            End::Unplanned { .. } | End::Locked { .. } | End::Refused(_) | End::Differs { .. } | End::Cancelled => {}
        }
        lines.extend(self.versions.iter().map(|(stem, version)| format!("{stem}: version {version}")));
        lines.join("\n")
    }

    /// A difference, with values or without.
    pub(super) fn shown<'d>(&self, difference: &'d Comparison) -> &'d str {
        if self.plan.values_hidden { &difference.names } else { &difference.text }
    }

    /// Why it failed, if it did, and what to do; for the log.
    pub(super) fn why(&self, root: &str) -> String {
        self.because(root, false)
    }

    /// The same. Where values are hidden without the words of Terraform's and AWS's, which may quote any of them.
    fn because(&self, root: &str, hide_values: bool) -> String {
        let said = |words: &str| if hide_values { SEE_LOG.to_owned() } else { words.to_owned() };
        let first = |errors: &[String]| said(errors.first().map_or("it did not say why", String::as_str));
        match &self.end {
            End::Unplanned { errors } => {
                format!("nothing was applied: terraform could not plan {root}: {}", first(errors))
            }
            End::Locked { what, .. } => format!("nothing was applied: {what}"),
            End::Refused(refusal) => format!("nothing was applied: {}", refusal.why.shown(hide_values)),
            End::Differs { unknown, .. } => format!(
                "nothing was applied: the plan of {root} has the digest {} now, which nobody approved{}; review the \
                 difference and approve this one",
                self.plan.digest,
                unknown.as_ref().map(|why| format!(" (what differs is not known: {})", said(why))).unwrap_or_default()
            ),
            End::Cancelled => format!("nothing was applied to {root}: the job was cancelled"),
            End::Failed { tally, stopped: true, .. } => format!(
                "the apply of {root} was stopped after {} of {} changes, because this job was cancelled; plan again",
                tally.done.len(),
                tally.all()
            ),
            End::Failed { tally, errors, .. } => format!(
                "terraform failed in {root} after {} of {} changes: {}; correct that and plan again",
                tally.done.len(),
                tally.all(),
                first(errors)
            ),
            End::Agreed | End::Nothing | End::Applied(_) => {
                let why = said(self.unrecorded.as_deref().unwrap_or_default());
                format!("{root} is as the approved plan says, but the release's versions were not recorded: {why}")
            }
        }
    }
}
