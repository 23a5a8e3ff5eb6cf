//! `apply` as a process: with a real Terraform, state in a file, GitHub's stand-in, and the emulated AWS for the ledger.

mod approval;
mod environment;
mod failures;
mod ledger;
mod told;
mod world;
