//! What a Terraform plan's JSON says.

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
pub mod marker;
mod marks;
mod model;
mod others;
mod page;
mod read;
mod record;
mod scrub;
mod shown;
mod skip;
mod table;
mod text;
mod words;

#[cfg(test)]
mod tests;

pub use build::Options;
pub use compare::{Comparison, compare};
pub use model::{Action, Change, Check, Counts, Drift, Output, Plan, Risk};
pub use read::read;
pub use record::{Recorder, Store};
