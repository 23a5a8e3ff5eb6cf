//! The acts of the story, one file each.

mod answers;
mod bad_pull_request;
mod bootstrap;
mod calls;
mod canary;
mod deliver;
mod drift;
mod erase;
mod live;
mod merge;
mod policies;
mod provision;
mod pull_request;
mod replay;
mod rollback;
mod tables;
mod traffic;
mod trust;

pub(crate) use answers::{Answers, rejected};
pub(crate) use bad_pull_request::bad_pull_request;
pub(crate) use bootstrap::bootstrap;
pub(crate) use calls::calls;
pub(crate) use canary::{bad_release, canary};
pub(crate) use drift::drift;
pub(crate) use erase::erase;
pub(crate) use merge::{merge, moved_ground};
pub(crate) use provision::provision;
pub(crate) use pull_request::pull_request;
pub(crate) use replay::replay;
pub(crate) use rollback::{after_rollback, rollback};
