//! `lockgate push-image` against real registries, and against a scripted one for what those do not show. Trap numbers are
//! those of the project's list of what goes wrong when images are pushed.

mod faults;
mod fixture;
mod memory;
mod real;
mod refusals;
mod siblings;
mod tls;
