//! `lockgate setup` through the binary, and the few lines of shell that get the binary itself.

mod cache;
mod kit;
mod refusals;
mod shell;
