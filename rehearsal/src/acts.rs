//! The acts of the story, one file each.

mod answers;
mod bad_pull_request;
mod bootstrap;
mod calls;
mod deliver;
mod erase;
mod policies;
mod provision;
mod pull_request;
mod releases;
mod replay;
mod rollback;
mod tables;
mod traffic;

pub(crate) use answers::{Answers, rejected};
pub(crate) use bad_pull_request::bad_pull_request;
pub(crate) use bootstrap::bootstrap;
pub(crate) use calls::calls;
pub(crate) use erase::erase;
pub(crate) use provision::provision;
pub(crate) use pull_request::pull_request;
pub(crate) use releases::{again, bad_release, quiet_release, release_one, release_two};
pub(crate) use replay::replay;
pub(crate) use rollback::rollback;
