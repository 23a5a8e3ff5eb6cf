//! What a plan says, in few bytes: all that a comment needs, nothing that must be hidden.

use std::collections::BTreeMap;

use super::{leaves::Leaf, record::Brief};

/// A plan without its values.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The JSON's `format_version`, such as `1.2`.
    pub format_version: String,
    /// The Terraform that made it; empty if it does not say.
    pub terraform_version: String,
    /// Whether planning failed: what is listed is not all.
    pub errored: bool,
    /// Whether applying it brings everything about; `false` with `-target` and deferred changes.
    pub complete: Option<bool>,
    /// Whether Terraform would apply it at all.
    pub applyable: Option<bool>,
    /// What happens to resources, in the plan's order; without those that stay as they are.
    pub changes: Vec<Change>,
    /// Outputs that change.
    pub outputs: Vec<Output>,
    /// What was changed outside of Terraform.
    pub drift: Vec<Drift>,
    /// What is put off to a later plan.
    pub deferred: Vec<Change>,
    /// Checks that did not pass.
    pub checks: Vec<Check>,
    /// So many checks passed.
    pub checks_passed: usize,
    /// Actions that providers are asked for, such as a function's invocation: address and what starts it.
    pub invocations: Vec<String>,
    /// Fields of newer formats, by path, which are not understood here.
    pub unknown_fields: BTreeMap<String, usize>,
    /// The canonical digest: 64 lower-case hexadecimal digits. See `docs/plan-digest.md`.
    pub digest: String,
    /// Whether it says nothing of what is configured, as `terraform plan -refresh-only` does: drift alone.
    pub refresh_only: bool,
    /// Whether values were not to be shown.
    pub values_hidden: bool,
    /// The configurations that the plan's Lambda functions will have, by the functions' names: see
    /// [`crate::configuration`]. None where it is known only after the apply.
    pub functions: BTreeMap<String, Option<String>>,
    pub(crate) briefs: Vec<Brief>,
    pub(crate) scrubber: crate::scrub::Scrubber,
}

/// What happens to one resource.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its address, such as `module.a.aws_x.y["key"]`. Untrusted: see [`super::comment`].
    pub address: String,
    /// What it was called before.
    pub previous_address: Option<String>,
    /// The key of a deposed object: one that a replacement left behind.
    pub deposed: Option<String>,
    /// `aws_lambda_function`, for example.
    pub kind: String,
    /// What is done.
    pub action: Action,
    /// Why, in words.
    pub reason: Option<String>,
    /// The paths whose change forces a replacement.
    pub replace_paths: Vec<String>,
    /// The id it is imported by.
    pub import: Option<String>,
    /// The names of the attributes that change.
    pub attributes: Vec<String>,
    /// The difference, a line for each leaf; `None` if there was no room for it or values are not to be shown.
    pub detail: Option<Box<str>>,
    /// Each place that changes by itself, if [`super::Options::leaves`] asks for it.
    pub leaves: Vec<Leaf>,
}

/// What Terraform does to a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Destroys the one, then creates the other.
    DeleteCreate,
    /// Creates the new one first, then destroys the old.
    CreateDelete,
    /// Destroys it.
    Delete,
    /// An action, or combination, that is newer than this program.
    Other(Vec<String>),
    /// Creates a new one and forgets the old, which stays.
    CreateForget,
    /// Forgets it: it stays, and nobody manages it.
    Forget,
    /// Changes it in place.
    Update,
    /// Creates it.
    Create,
    /// Opens an ephemeral resource.
    Open,
    /// Reads a data source during the apply.
    Read,
    /// Nothing: moved or imported only.
    NoOp,
}

impl Action {
    pub(super) fn of(actions: &[&str]) -> Self {
        match actions {
            ["no-op"] => Self::NoOp,
            [] => Self::Other(vec!["(none given)".to_owned()]),
            ["create"] => Self::Create,
            ["read"] => Self::Read,
            ["update"] => Self::Update,
            ["delete"] => Self::Delete,
            ["delete", "create"] => Self::DeleteCreate,
            ["create", "delete"] => Self::CreateDelete,
            ["forget"] => Self::Forget,
            ["create", "forget"] => Self::CreateForget,
            ["open"] => Self::Open,
            other => Self::Other(
                other.iter().map(|action| crate::markdown::plain(&crate::markdown::short(action, 60))).collect(),
            ),
        }
    }

    /// Whether it destroys, by Terraform's own rule: whether `delete` is among the actions.
    #[must_use]
    pub fn destroys(&self) -> bool {
        match self {
            Self::Delete | Self::DeleteCreate | Self::CreateDelete => true,
            Self::Other(actions) => actions.iter().any(|action| action == "delete"),
            _ => false,
        }
    }

    /// In words, such as `destroy, then create`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::DeleteCreate => "replace (destroy, then create)".to_owned(),
            Self::CreateDelete => "replace (create, then destroy)".to_owned(),
            Self::Delete => "destroy".to_owned(),
            Self::Other(actions) => format!("unknown action {}", actions.join("+")),
            Self::CreateForget => "create anew, forget the old one".to_owned(),
            Self::Forget => "forget (stays, no longer managed)".to_owned(),
            Self::Update => "update".to_owned(),
            Self::Create => "create".to_owned(),
            Self::Open => "open".to_owned(),
            Self::Read => "read during apply".to_owned(),
            Self::NoOp => "no change".to_owned(),
        }
    }

    /// The sign that Terraform's text has for it.
    #[must_use]
    pub fn sign(&self) -> &'static str {
        match self {
            Self::DeleteCreate => "-/+",
            Self::CreateDelete => "+/-",
            Self::Delete => "-",
            Self::Other(_) => "?",
            Self::CreateForget => "+/.",
            Self::Forget => ".",
            Self::Update => "~",
            Self::Create => "+",
            Self::Open | Self::Read => "<=",
            Self::NoOp => " ",
        }
    }
}

/// A change of an output.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What happens to it.
    pub action: Action,
    /// The difference; `None` as in [`Change::detail`].
    pub detail: Option<Box<str>>,
}

/// A change made outside of Terraform.
#[derive(Clone, Debug)]
pub struct Drift {
    /// Whose.
    pub address: String,
    /// `aws_lambda_function`, for example.
    pub kind: String,
    /// What was done: an update, or a delete.
    pub action: Action,
    /// The names of the attributes.
    pub attributes: Vec<String>,
    /// The difference; `None` as in [`Change::detail`].
    pub detail: Option<Box<str>>,
    /// Whether this plan depends on it.
    pub matters: bool,
    /// As [`Change::leaves`].
    pub leaves: Vec<Leaf>,
}

/// A check that did not pass.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was checked, such as `check.health`.
    pub address: String,
    /// `fail`, `error`, `unknown`, or what a newer format says.
    pub status: String,
    /// What it says. Untrusted.
    pub messages: Vec<String>,
}

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Counts {
    pub create: usize,
    pub update: usize,
    /// In either order.
    pub replace: usize,
    /// Deposed objects too.
    pub delete: usize,
    pub forget: usize,
    /// Created anew, the old one forgotten.
    pub create_forget: usize,
    pub moved: usize,
    pub import: usize,
    pub read: usize,
    pub open: usize,
    /// With actions that are newer than this program.
    pub other: usize,
    /// Of the deletes.
    pub deposed: usize,
    pub deferred: usize,
    pub outputs: usize,
    /// That matters to this plan.
    pub drift: usize,
    /// Failed or in error.
    pub checks: usize,
    pub invocations: usize,
}

impl Counts {
    /// Terraform's own line.
    #[must_use]
    pub fn terraform(&self) -> String {
        let import = if self.import > 0 { format!("{} to import, ", self.import) } else { String::new() };
        let invoke =
            if self.invocations > 0 { format!(" Actions: {} to invoke.", self.invocations) } else { String::new() };
        format!(
            "Plan: {import}{} to add, {} to change, {} to destroy.{invoke}",
            self.create + self.replace + self.create_forget,
            self.update,
            self.delete + self.replace,
        )
    }
}

/// How much care a plan needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// Nothing is done.
    None,
    /// Things are created, read or renamed.
    Low,
    /// Things are changed in place or forgotten.
    Medium,
    /// Things are destroyed or replaced, or nobody knows what is done.
    High,
    /// Functions, aliases or tables are destroyed or replaced: rollback targets are lost.
    Top,
}

/// Without one of these there is nothing to roll back to. The ledger is a table.
const ROLLBACK_TARGETS: [&str; 3] = ["aws_lambda_function", "aws_lambda_alias", "aws_dynamodb_table"];

impl Change {
    /// Its risk.
    #[must_use]
    pub fn risk(&self) -> Risk {
        match &self.action {
            action if action.destroys() && ROLLBACK_TARGETS.contains(&self.kind.as_str()) => Risk::Top,
            action if action.destroys() => Risk::High,
            Action::Other(_) => Risk::High,
            Action::Forget | Action::CreateForget | Action::Update => Risk::Medium,
            _ => Risk::Low,
        }
    }

    /// Whether it changes who may do what: identities, policies, and rights given to services.
    pub(super) fn grants(&self) -> bool {
        let kind = self.kind.as_str();
        self.action != Action::NoOp
            && (kind.starts_with("aws_iam_")
                || ["_policy", "_policy_attachment", "_permission", "_acl", "_grant"]
                    .iter()
                    .any(|end| kind.ends_with(end)))
    }
}

impl Plan {
    /// Of a Terraform that failed before it could say anything.
    #[must_use]
    pub fn failed(options: &super::Options) -> Self {
        let mut plan = Self { errored: true, values_hidden: options.hide_values, ..Self::default() };
        options.secrets.iter().for_each(|secret| plan.scrubber.learn(secret));
        plan
    }

    /// The secrets that are known of it, for other pages than its own.
    pub(crate) fn scrubber(&self) -> &crate::scrub::Scrubber {
        &self.scrubber
    }

    /// How many of each.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts {
            deferred: self.deferred.len(),
            outputs: self.outputs.len(),
            drift: self.drift.iter().filter(|drift| drift.matters).count(),
            checks: self.checks.iter().filter(|check| check.status != "unknown").count(),
            invocations: self.invocations.len(),
            ..Counts::default()
        };
        let mut nothing = 0;
        for change in &self.changes {
            *match change.action {
                Action::Create => &mut counts.create,
                Action::Update => &mut counts.update,
                Action::DeleteCreate | Action::CreateDelete => &mut counts.replace,
                Action::Delete => &mut counts.delete,
                Action::Forget => &mut counts.forget,
                Action::CreateForget => &mut counts.create_forget,
                Action::Read => &mut counts.read,
                Action::Open => &mut counts.open,
                Action::Other(_) => &mut counts.other,
                Action::NoOp => &mut nothing,
            } += 1;
            counts.moved += usize::from(change.previous_address.is_some());
            counts.import += usize::from(change.import.is_some());
            counts.deposed += usize::from(change.deposed.is_some() && change.action == Action::Delete);
        }
        counts
    }

    /// Whether anything is to be done or to be told: outputs, invocations, and drift that would be recorded count too.
    #[must_use]
    pub fn changed(&self) -> bool {
        !(self.changes.is_empty() && self.outputs.is_empty() && self.deferred.is_empty() && self.invocations.is_empty())
            || self.applyable == Some(true)
    }

    /// The highest risk of its changes.
    #[must_use]
    pub fn risk(&self) -> Risk {
        let changes = self.changes.iter().chain(&self.deferred).map(Change::risk);
        let others = if self.changed() { Risk::Low } else { Risk::None };
        // Nobody knows what a plan would do that was never finished.
        let others = if self.errored { Risk::High } else { others };
        let invoked = if self.invocations.is_empty() { Risk::None } else { Risk::Medium };
        changes.max().unwrap_or(Risk::None).max(others).max(invoked)
    }
}
