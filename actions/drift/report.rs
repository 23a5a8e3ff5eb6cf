//! What drifted, judged: with effect or without, ignored or not.

use anyhow::{Result, ensure};
use jiff::Timestamp;

use super::{
    aliases::{self, AliasDrift, AliasFact},
    digest,
    ignores::{Ignore, Ignores},
    judge,
};
use crate::{plan::Plan, scrub::Scrubber};

/// The plans of one root. They are read with [`crate::plan::Options::leaves`] and one key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plans<'p> {
    /// Of `terraform plan -refresh-only`; without it, what a full plan says of drift is taken.
    pub refresh: Option<&'p Plan>,
    /// Of `terraform plan`; without it, nobody knows what has an effect, and all is taken to have one.
    pub full: Option<&'p Plan>,
}

/// What is not as recorded in an environment.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Resources, sorted by address: what was changed outside before what was not applied.
    pub resources: Vec<Drifted>,
    /// Aliases that are not where the ledger says.
    pub aliases: Vec<AliasDrift>,
    /// The ignores that hid something.
    pub ignored: Vec<Hidden>,
    /// The ignores whose day is over, and what they would hide. They hide nothing.
    pub expired_ignores: Vec<Hidden>,
    /// The ignores that found nothing to hide.
    pub unused_ignores: Vec<Ignore>,
    /// Whether a full plan told what has an effect.
    pub judged: bool,
    /// Whether a plan was not complete: what is not listed may have drifted nevertheless.
    pub partial: bool,
    /// Over what counts: 64 lower-case hexadecimal digits.
    pub digest: String,
    /// Whether values were not to be shown.
    pub values_hidden: bool,
    pub(super) scrubber: Scrubber,
}

/// A resource, or an output, that is not as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drifted {
    /// Its address, `output.<name>` of an output. Untrusted.
    pub address: String,
    /// The key of a deposed object.
    pub deposed: Option<String>,
    /// `aws_lambda_function`, for example; `output` or `action` of what is no resource. Untrusted.
    pub kind: String,
    /// What happened, or did not.
    pub what: What,
    /// The attributes; none if it is about the whole resource.
    pub attributes: Vec<Attribute>,
    /// Whether it matters: a plan would change it, or depends on it.
    pub effect: bool,
}

/// What happened to a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// It was changed outside of Terraform.
    Changed,
    /// It was deleted outside of Terraform.
    Deleted,
    /// The configuration says otherwise, and nobody applied it: what applying would do, in words. Untrusted.
    NotApplied(String),
}

/// An attribute that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its path. Untrusted.
    pub path: String,
    /// The difference as lines of a diff; what must not be seen is hidden.
    pub detail: Box<str>,
    /// Whether it matters.
    pub effect: bool,
    /// HMAC of the new value. Never printed.
    pub(super) after: [u8; 32],
}

/// An ignore and how much it hid, or would hide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The entry.
    pub ignore: Ignore,
    /// So many attributes, or whole resources.
    pub places: usize,
}

impl<'p> Plans<'p> {
    /// One plan of either kind.
    #[must_use]
    pub fn of_one(plan: &'p Plan) -> Self {
        if plan.refresh_only {
            Self { refresh: Some(plan), full: None }
        } else {
            Self { refresh: None, full: Some(plan) }
        }
    }

    pub(super) fn each(self) -> impl Iterator<Item = &'p Plan> {
        [self.refresh, self.full].into_iter().flatten()
    }
}

impl Report {
    /// Judges what the plans and the facts say of an environment.
    ///
    /// # Errors
    /// A plan that failed, or is of the other kind, or none: nobody knows what drifted, and an issue must stay as it is.
    pub fn new(
        plans: Plans<'_>,
        facts: &[AliasFact],
        ignores: &Ignores,
        environment: &str,
        now: Timestamp,
    ) -> Result<Self> {
        for plan in plans.each() {
            ensure!(
                !plan.errored,
                "failed to look for drift: the plan itself failed, so nobody knows what drifted and the issue stays as it \
                 is; see what `terraform plan` says above and mend that"
            );
        }
        // NOTE: a full plan of a configuration without any resource looks the same; nothing of it drifts.
        let swapped = plans.refresh.is_some_and(|plan| !plan.refresh_only)
            || plans.full.is_some_and(|plan| plan.refresh_only && !plan.drift.is_empty());
        ensure!(
            !swapped,
            "failed to look for drift: a refresh-only plan and a full plan were taken for each other; give the one of \
             `terraform plan -refresh-only` as the refresh-only one"
        );
        ensure!(
            plans.each().next().is_some(),
            "failed to look for drift: there is no plan; give one of `terraform plan -refresh-only` or `terraform plan`"
        );
        let mut report = Self {
            judged: plans.full.is_some(),
            partial: plans.each().any(|plan| plan.complete == Some(false) || !plan.deferred.is_empty()),
            values_hidden: plans.each().any(|plan| plan.values_hidden),
            ..Self::default()
        };
        // What one plan marks may stand unmarked in the other.
        plans.each().for_each(|plan| report.scrubber.learn_all(plan.scrubber()));
        let mut resources = judge::outside(plans);
        resources.extend(judge::not_applied(plans));
        resources.iter_mut().for_each(|drifted| drifted.clean(&report.scrubber));
        resources.sort_by(|a, b| (&a.address, &a.what, &a.deposed).cmp(&(&b.address, &b.what, &b.deposed)));
        report.ignore(&mut resources, ignores, environment, now);
        report.resources = resources;
        report.aliases = facts.iter().flat_map(|fact| aliases::judge(fact, now)).collect();
        report.aliases.sort_by(|a, b| (&a.function, &a.alias).cmp(&(&b.function, &b.alias)));
        report.digest = digest::of(&report.resources, &report.aliases);
        Ok(report)
    }

    /// Whether anything drifted that matters.
    #[must_use]
    pub fn drifted(&self) -> bool {
        !self.aliases.is_empty() || self.resources.iter().any(|drifted| drifted.effect)
    }

    fn ignore(&mut self, resources: &mut Vec<Drifted>, ignores: &Ignores, environment: &str, now: Timestamp) {
        let mut entries: Vec<Hidden> =
            ignores.of(environment).map(|ignore| Hidden { ignore: ignore.clone(), places: 0 }).collect();
        let mut hides = |address: &str, path: Option<&str>| {
            let mut hidden = false;
            for entry in entries.iter_mut().filter(|entry| entry.ignore.matches(address, path)) {
                entry.places += 1;
                hidden |= !entry.ignore.expired(now);
            }
            hidden
        };
        resources.retain_mut(|drifted| {
            if drifted.attributes.is_empty() {
                return !hides(&drifted.address, None);
            }
            drifted.attributes.retain(|attribute| !hides(&drifted.address, Some(&attribute.path)));
            drifted.effect = drifted.attributes.iter().any(|attribute| attribute.effect);
            !drifted.attributes.is_empty()
        });
        for entry in entries {
            if entry.ignore.expired(now) {
                self.expired_ignores.push(entry);
            } else if entry.places > 0 {
                self.ignored.push(entry);
            } else {
                self.unused_ignores.push(entry.ignore);
            }
        }
    }
}

impl Drifted {
    fn clean(&mut self, scrubber: &Scrubber) {
        scrubber.clean(&mut self.address);
        scrubber.clean(&mut self.kind);
        if let What::NotApplied(words) = &mut self.what {
            scrubber.clean(words);
        }
        for attribute in &mut self.attributes {
            scrubber.clean(&mut attribute.path);
            if scrubber.finds(&attribute.detail) {
                attribute.detail = scrubber.cleaned(&attribute.detail).into_boxed_str();
            }
        }
    }
}
