//! Tools that are found on PATH at an accepted version, else made at a pinned version below the target folder; else the
//! message says what to install.

mod crane;
mod docker_registry;
mod install;
mod ministack;

pub use crane::crane;
pub use docker_registry::docker_registry;
pub use install::{Tool, made_once, on_path, output};
pub use ministack::{REQUIREMENTS as MINISTACK_REQUIREMENTS, ministack};
