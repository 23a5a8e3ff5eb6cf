//! Tools that are found on PATH at an accepted version, else made at a pinned version below the target folder; else the
//! message says what to install.

mod crane;
mod docker_registry;
mod go;
mod install;
mod ministack;
mod pip;
mod version;

pub use crane::crane;
pub use docker_registry::docker_registry;
pub use go::{go_program, go_tool};
pub use install::{Tool, made_once, on_path, on_path_since, output};
pub use ministack::ministack;
pub use pip::pip_install;
pub use version::{at_least, found_version};
