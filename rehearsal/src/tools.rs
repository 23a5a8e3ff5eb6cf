//! The tools of a rehearsal: what is on PATH at an accepted version is used, else it is made at a pinned version below
//! the target folder, else the message says what to install.

mod install;
mod ministack;
mod provider;
mod registry_client;
mod terraform;

pub use install::Tool;
pub(crate) use install::output;
pub use ministack::{REQUIREMENTS as MINISTACK_REQUIREMENTS, ministack};
pub use provider::provider_configuration;
pub use registry_client::crane;
pub use terraform::terraform;
