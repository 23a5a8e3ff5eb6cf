//! Lockgate's actions: one module per folder, and the files they share.

pub mod delivery;
pub mod failure;
pub mod package;
pub mod runner;
