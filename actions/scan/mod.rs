//! Scanners' findings, merged into one list, compared with the base, and judged: the part that needs neither a network nor
//! the scanners.
//!
//! Each scanner's output becomes a [`Report`] ([`report`]), those of a commit a [`Scan`]; [`assess`] compares the head's with
//! the base's and asks the [`suppressions`]. What comes of it goes out as a [`comment`], as [`annotations`] and as [`sarif`].

pub mod annotations;
pub mod comment;
pub mod compare;
pub mod files;
pub mod finding;
pub mod fingerprint;
pub mod gate;
pub mod inline;
mod link;
mod lists;
pub mod merge;
pub mod report;
pub mod sarif;
mod sarif_json;
pub mod severity;
pub mod suppressions;
pub mod text;

#[cfg(test)]
mod tests;

pub use compare::{Commit, Comparison, compare};
pub use files::{Files, Folder, Roots};
pub use finding::{Finding, Kind, Part, Place, Tool};
pub use gate::{Assessment, Base, Outcome, Policy, Scan, assess};
pub use link::Links;
pub use report::{NotScanned, Report};
pub use severity::Severity;
