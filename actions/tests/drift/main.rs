//! `drift` as a process: with plans from files and GitHub's stand-in, and with Terraform, a ledger and Lambda's stand-in.
//! `plan_trap_NN` are the numbers of the traps of reading plans.

mod aliases;
#[path = "../promotion/world.rs"]
#[expect(dead_code, reason = "promotions need more of it")]
mod aws;
mod ignoring;
mod issue;
mod kit;
mod refusals;
