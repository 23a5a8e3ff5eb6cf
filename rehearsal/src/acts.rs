//! The acts of the story, one file each.

mod bootstrap;
mod calls;
mod erase;
mod policies;
mod provision;
mod replay;
mod tables;

pub(crate) use bootstrap::bootstrap;
pub(crate) use calls::calls;
pub(crate) use erase::erase;
pub(crate) use provision::provision;
pub(crate) use replay::replay;
