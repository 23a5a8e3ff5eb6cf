//! What reviewers saw of a change before it was merged, and what a plan has that they did not see.

use anyhow::Result;

use super::{Approval, Args};
use crate::{
    github::GitHub,
    plan::{Plan, Risk, reviewed::Reviewed},
    sticky::comment::{merged_by, section},
    terraform,
};

/// The review of a change.
#[derive(Debug)]
pub(super) struct Review {
    /// The pull request that it came by.
    pub(super) pull_request: Option<u64>,
    /// The plan that stands there.
    pub(super) plan: Option<Reviewed>,
}

/// Why a person has to approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The commit came by no pull request.
    NoPullRequest,
    /// The pull request has no plan of this root.
    NotReviewed,
    /// The plan is another one now.
    Differs,
    /// It destroys or replaces what a rollback needs.
    Top,
    /// What is live is newer.
    Older,
    /// It brings back what was taken out of service.
    TakenBack,
    /// This environment always asks.
    Always,
}

impl Why {
    /// For a line in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::NoPullRequest => "the commit came by no pull request",
            Self::NotReviewed => "no plan was reviewed",
            Self::Differs => "the plan is not the reviewed one",
            Self::Top => "rollback targets are lost",
            Self::Older => "what is live is newer",
            Self::TakenBack => "it has code that was taken out of service",
            Self::Always => "this environment always asks",
        }
    }
}

/// Finds what was reviewed.
///
/// # Errors
/// If GitHub refuses, or cannot be reached.
pub(super) async fn find(github: &GitHub, args: &Args, commit: Option<&str>) -> Result<Review> {
    let pull_request = match (args.pull_request, commit) {
        (Some(number), _) => Some(number),
        (None, Some(commit)) => merged_by(github, commit, &args.branch).await?,
        (None, None) => None,
    };
    let Some(number) = pull_request else { return Ok(Review { pull_request: None, plan: None }) };
    let root = terraform::name(&args.terraform.root)?;
    let said = section(github, number, "plan", &root).await?;
    Ok(Review { pull_request, plan: said.as_deref().and_then(Reviewed::read) })
}

impl Review {
    /// Why a person has to approve this plan; nothing if none has. `older`: what is live is newer; `taken_back`: the release
    /// has code that was taken out of service.
    pub(super) fn judge(&self, plan: &Plan, older: bool, taken_back: bool, approval: Approval) -> Vec<Why> {
        let mut why = Vec::new();
        match (&self.pull_request, &self.plan) {
            // What changes nothing needs nobody: a run that is repeated after its apply, or a change of words.
            _ if !plan.changed() && !plan.errored => {}
            (None, _) => why.push(Why::NoPullRequest),
            (Some(_), None) => why.push(Why::NotReviewed),
            (Some(_), Some(reviewed)) if reviewed.digest != plan.digest => why.push(Why::Differs),
            _ => {}
        }
        if plan.risk() == Risk::Top {
            why.push(Why::Top);
        }
        // Also where the plan changes nothing: the aliases would move back.
        if older {
            why.push(Why::Older);
        }
        // Also where the plan changes nothing: the apply of that other release left its code there.
        if taken_back {
            why.push(Why::TakenBack);
        }
        if approval == Approval::Always {
            why.push(Why::Always);
        }
        why
    }

    /// For the output `reviewed`.
    pub(super) fn word(&self, plan: &Plan) -> &'static str {
        match &self.plan {
            None => "none",
            Some(reviewed) if reviewed.digest == plan.digest => "equal",
            Some(_) => "differs",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Options, Recorder, read};

    /// A plan that changes something.
    fn plan(digest: &str) -> Plan {
        let text = br#"{"format_version": "1.2", "planned_values": {}, "resource_changes": [{"address": "terraform_data.x",
            "mode": "managed", "type": "terraform_data", "change": {"actions": ["create"], "before": null, "after": {}}}]}"#;
        let plan = read(&text[..], &Options::default(), &mut Recorder::digest_only()).expect("a plan");
        Plan { digest: digest.to_owned(), ..plan }
    }

    fn reviewed(digest: &str) -> Option<Reviewed> {
        Reviewed::read(&format!("<!-- lockgate:reviewed {digest} - -->"))
    }

    #[test]
    fn only_what_was_reviewed_goes_on_by_itself() {
        let digest = "a".repeat(64);
        let review = Review { pull_request: Some(7), plan: reviewed(&digest) };
        assert_eq!(review.judge(&plan(&digest), false, false, Approval::OnDifference), []);
        assert_eq!(review.judge(&plan(&digest), false, false, Approval::Always), [Why::Always]);
        assert_eq!(review.judge(&plan(&"b".repeat(64)), false, false, Approval::OnDifference), [Why::Differs]);
        let silent = Review { pull_request: Some(7), plan: None };
        assert_eq!(silent.judge(&plan(&digest), false, false, Approval::OnDifference), [Why::NotReviewed]);
        let pushed = Review { pull_request: None, plan: None };
        let nothing = Plan { digest: digest.clone(), ..Plan::default() };
        assert_eq!(
            pushed.judge(&nothing, false, false, Approval::OnDifference),
            [],
            "what changes nothing needs nobody"
        );
        assert_eq!(pushed.judge(&plan(&digest), false, false, Approval::OnDifference), [Why::NoPullRequest]);
        assert_eq!(review.judge(&plan(&digest), true, false, Approval::OnDifference), [Why::Older]);
        assert_eq!(
            review.judge(&nothing, true, false, Approval::OnDifference),
            [Why::Older],
            "the aliases would go back"
        );
        assert_eq!(
            review.judge(&nothing, false, true, Approval::OnDifference),
            [Why::TakenBack],
            "its code would serve again"
        );
    }
}
