//! What a Terraform plan's JSON says.

mod build;
mod canonical;
pub mod comment;
mod diff;
mod drift;
mod guess;
mod input;
mod json;
pub mod marker;
mod marks;
mod model;
mod page;
mod read;
mod record;
mod scrub;
mod shown;
mod text;
mod words;

pub use build::Options;
pub use model::{Action, Change, Check, Counts, Drift, Output, Plan, Risk};
pub use read::read;
pub use record::{Recorder, Store};
