//! The tools of a rehearsal: what is on PATH at an accepted version is used, else it is made at a pinned version below
//! the target folder, else the message says what to install.

mod act;
mod actionlint;
mod advisories;
mod cargo_audit;
mod provider;
mod terraform;
mod tfsec;
mod trivy;
mod zizmor;

pub use act::act;
pub use actionlint::actionlint;
pub use advisories::advisories;
pub use cargo_audit::cargo_audit;
pub use provider::{Accepted, provider_configuration};
pub use stand_ins::tools::{Tool, ministack};
pub use terraform::terraform;
pub use tfsec::tfsec;
pub use trivy::trivy;
pub use zizmor::zizmor;
