//! `lockgate package` on a small repository, through the binary.

mod determinism;
mod fixture;
mod image;
mod scanned;
mod stand_ins;
