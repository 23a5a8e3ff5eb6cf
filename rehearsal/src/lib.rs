//! The rehearsal: Lockgate's whole story on one machine, without GitHub and without AWS.
//!
//! `cargo rehearse` plays it ([`story`]); tests of other crates share its [`stand_ins`].

mod acts;
pub mod api;
pub mod clock;
mod command;
pub mod generator;
pub mod github_page;
pub mod guard;
pub mod host;
pub mod http;
mod hub;
mod lambda;
pub mod lockgate;
pub mod misreported;
pub mod packages;
pub mod pictures;
pub mod report;
pub mod repository;
pub mod stage;
pub mod story;
pub mod tell;
pub mod terraform;
pub mod tools;
pub mod variant;
pub mod workflows;
