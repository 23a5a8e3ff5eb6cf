//! The tools of a rehearsal: what is on PATH at an accepted version is used, else it is made at a pinned version below
//! the target folder, else the message says what to install.

mod act;
mod actionlint;
mod provider;
mod terraform;
mod zizmor;

pub use act::act;
pub use actionlint::actionlint;
pub use provider::provider_configuration;
pub use stand_ins::tools::{Tool, ministack};
pub use terraform::terraform;
pub use zizmor::zizmor;
