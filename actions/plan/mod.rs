//! What a Terraform plan's JSON says: [`read`] streams it into a [`Plan`], [`comment`] says it to reviewers, a [`Recorder`]
//! digests and keeps what it intends, and [`compare`] shows how two of them differ. No network, no Terraform.
//!
//! What must not be seen is taken out as early as it is known: values become trees without secrets (`shown`), texts lose
//! known ones ([`crate::scrub`]), and everything untrusted reaches Markdown only in code ([`crate::markdown`], [`crate::page`]).

mod build;
mod canonical;
mod clean;
pub mod comment;
mod compare;
mod diff;
mod drift;
mod folds;
mod guess;
mod input;
mod json;
mod leaves;
mod marks;
mod model;
mod others;
mod read;
mod record;
mod shown;
mod skip;
mod table;
mod words;

#[cfg(test)]
pub(crate) mod tests;

pub use build::Options;
pub use compare::{Comparison, compare};
pub use leaves::Leaf;
pub use model::{Action, Change, Check, Counts, Drift, Output, Plan, Risk};
pub use read::read;
pub use record::{Recorder, Store};
