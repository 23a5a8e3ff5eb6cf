//! What differs between an environment and what is recorded of it: resources changed outside of Terraform, configuration
//! that was not applied, and aliases that are not where the ledger says. [`Report::new`] judges plans and facts,
//! [`decide`] says what becomes of the environment's one issue, [`summary`] what is told besides. No network, no
//! Terraform. See `docs/drift.md`.

mod advice;
mod aliases;
mod asides;
mod decide;
mod digest;
mod ignores;
pub mod issue;
mod judge;
mod render;
mod report;
pub mod summary;
mod table;

pub use aliases::{AliasDrift, AliasFact, Code, Found, Moving, Routing};
pub use decide::{Candidate, Closed, Step, decide};
pub use ignores::{Ignore, Ignores};
pub use render::Context;
pub use report::{Attribute, Drifted, Hidden, Plans, Report, What};

#[cfg(test)]
mod tests;
