//! The tools of a rehearsal: what is on PATH at an accepted version is used, else it is made at a pinned version below
//! the target folder, else the message says what to install.

mod provider;
mod terraform;

pub use provider::provider_configuration;
pub use stand_ins::tools::{Tool, crane, ministack};
pub use terraform::terraform;
