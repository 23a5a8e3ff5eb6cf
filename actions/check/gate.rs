//! The GitHub environments behind which a job may apply or promote. The roles trust their names, so whoever can make a job
//! with such a name can take the role: an environment that is open opens everything.

use anyhow::{Result, anyhow};

use super::review::Why;
use crate::{
    failure::{Blame, Failure},
    github::GitHub,
    protection::Protection,
};

/// When a person has to approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Approval {
    /// Where the plan is not the reviewed one, or takes away what a rollback needs
    OnDifference,
    /// Every time
    Always,
}

/// How an environment is entered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate<'a> {
    pub(super) environment: &'a str,
    pub(super) approval: Approval,
    /// The branch that alone delivers.
    pub(super) branch: &'a str,
}

impl Gate<'_> {
    /// The GitHub environment of the job that applies, given why a person has to approve.
    pub(super) fn taken(&self, why: &[Why]) -> String {
        match self.approval {
            Approval::OnDifference if !why.is_empty() => format!("{}-approval", self.environment),
            _ => self.environment.to_owned(),
        }
    }

    /// Every GitHub environment that leads to one of the environment's roles, and whether it needs reviewers. Where everything
    /// is approved, `terraform/bootstrap` trusts no `-approval` (its `always_approved`), so there is none to look at.
    fn all(&self) -> Vec<(String, bool)> {
        let name = |end: &str| format!("{}{end}", self.environment);
        let mut all =
            vec![(name(""), self.approval == Approval::Always), (name("-promote"), false), (name("-rollback"), false)];
        if self.approval == Approval::OnDifference {
            all.push((name("-approval"), true));
        }
        all
    }

    /// Refuses to go on where one of them is open.
    ///
    /// # Errors
    /// [`Failure::Gate`] with what to do; [`Failure::World`] if GitHub does not say.
    pub(super) async fn refuse_open(&self, github: &GitHub) -> Result<(), Failure> {
        let mut open = Vec::new();
        for (name, reviewed) in self.all() {
            let read = Protection::read(github, &name).await;
            let found = read
                .map_err(|refusal| {
                    anyhow!(refusal)
                        .context(format!("the GitHub environment {name} cannot be read; give the job `actions: read`"))
                })
                .world()?;
            open.extend(self.judge(&name, reviewed, found.as_ref()));
        }
        if open.is_empty() {
            return Ok(());
        }
        Err(Failure::Gate(anyhow!(
            "nothing is delivered to {}: {}; `lockgate doctor` says how to set this",
            self.environment,
            open.join("; ")
        )))
    }

    fn judge(&self, name: &str, reviewed: bool, found: Option<&Protection>) -> Option<String> {
        match found {
            None => Some(format!("the GitHub environment {name} is not there")),
            Some(found) if !found.lets_in_only(self.branch) => {
                Some(format!("the GitHub environment {name} {}", found.branches.told(self.branch)))
            }
            Some(found) if reviewed && found.reviewers.is_empty() => {
                Some(format!("the GitHub environment {name} has no reviewer"))
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protection::Branches;

    const STAGING: Gate<'_> = Gate { environment: "staging", approval: Approval::OnDifference, branch: "main" };

    fn protection(branches: Branches, reviewers: &[&str]) -> Protection {
        Protection {
            name: "staging".to_owned(),
            branches,
            reviewers: reviewers.iter().map(ToString::to_string).collect(),
            wait_minutes: 0,
            prevent_self_review: false,
        }
    }

    #[test]
    fn a_difference_takes_the_environment_that_somebody_approves() {
        assert_eq!(STAGING.taken(&[]), "staging");
        assert_eq!(STAGING.taken(&[Why::NoPullRequest]), "staging-approval");
        let production = Gate { environment: "production", approval: Approval::Always, ..STAGING };
        assert_eq!(production.taken(&[Why::NoPullRequest]), "production");
    }

    #[test]
    fn an_environment_that_is_open_is_named() {
        let main = || Branches::Named(vec!["main".to_owned()]);
        assert_eq!(STAGING.judge("staging", false, Some(&protection(main(), &[]))), None);
        assert_eq!(STAGING.judge("staging", true, Some(&protection(main(), &["ada"]))), None);
        let told =
            |reviewed, found: Option<Protection>| STAGING.judge("staging", reviewed, found.as_ref()).expect("open");
        assert!(told(false, None).contains("is not there"));
        assert!(told(false, Some(protection(Branches::All, &["ada"]))).contains("more than main alone"));
        assert!(told(false, Some(protection(Branches::Protected, &[]))).contains("every protected branch"));
        assert!(told(false, Some(protection(Branches::Named(vec![]), &[]))).contains("lets in nobody"));
        assert!(told(true, Some(protection(main(), &[]))).contains("no reviewer"));
    }

    #[test]
    fn production_needs_reviewers_and_staging_has_an_environment_for_them() {
        let names = |gate: Gate<'_>| gate.all();
        assert_eq!(
            names(STAGING),
            [
                ("staging".into(), false),
                ("staging-promote".into(), false),
                ("staging-rollback".into(), false),
                ("staging-approval".into(), true)
            ]
        );
        let production = Gate { environment: "production", approval: Approval::Always, branch: "main" };
        assert_eq!(
            names(production),
            [("production".into(), true), ("production-promote".into(), false), ("production-rollback".into(), false)]
        );
    }
}
