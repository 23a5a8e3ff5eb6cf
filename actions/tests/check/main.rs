//! `check` as a process: with a real Terraform, GitHub's stand-in with its environments, and the emulated AWS for the ledger.

mod decisions;
mod deployments;
#[path = "../apply/environment.rs"]
#[expect(dead_code, reason = "applies need more of it")]
mod environment;
mod gates;
mod held;
mod older;
mod stage;
mod taken_back;
#[path = "../apply/world.rs"]
#[expect(dead_code, reason = "applies need more of it")]
mod world;
