//! Scanners' findings, merged into one list, compared with the base, and judged: the part that needs neither a network nor
//! the scanners.
//!
//! Reports become findings ([`report`]), those of a commit are merged and known by their content ([`Commit`]).

pub mod compare;
pub mod files;
pub mod finding;
pub mod fingerprint;
pub mod merge;
pub mod report;
pub mod severity;

pub use compare::{Commit, Comparison, compare};
pub use files::{Files, Folder, Roots};
pub use finding::{Finding, Kind, Part, Place, Tool};
pub use report::{NotScanned, Report};
pub use severity::Severity;
