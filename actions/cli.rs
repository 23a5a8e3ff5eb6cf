//! What `lockgate` can be told; each command's settings are in the folder of its name.

use clap::{Parser, Subcommand};

use crate::{
    apply, assume_role, check, doctor, drift, finish, package, plan, promote, push_image, release, rollback, scan,
    setup, status, unlock,
};

/// Delivers AWS Lambda services from GitHub.
#[derive(Debug, Parser)]
#[command(name = "lockgate", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// An action or a command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put the pinned lockgate and named tools on PATH
    Setup(setup::Args),
    /// Assume an AWS role with the runner's OIDC token
    AssumeRole(assume_role::Args),
    /// Build every function of lockgate.toml into a ZIP or an OCI image layout
    Package(package::Args),
    /// Push an image to ECR, without Docker
    PushImage(push_image::Args),
    /// Upload the packages of a release and write it into the ledger
    Release(release::Args),
    /// Plan a Terraform root, comment on the pull request, and digest what the plan intends
    Plan(Box<plan::Args>),
    /// Decide whether a merged change may be applied as it is, or a person has to look at it first
    Check(Box<check::Args>),
    /// Plan a root again, and apply that plan if it is the approved one
    Apply(Box<apply::Args>),
    /// Compare an environment with what is recorded of it, and keep one issue that says what differs
    Drift(Box<drift::Args>),
    /// Move the aliases of an environment to a release, step by step
    Promote(promote::Args),
    /// Finish what a delivery left behind whose job was lost, cancelled or refused
    Finish(finish::Args),
    /// Move the aliases of an environment back to an earlier release
    Rollback(rollback::Args),
    /// Scan a change, compare with what it is based on, and comment on the pull request
    Scan(Box<scan::Args>),
    /// Say what is live in an environment, what moves, and what is held
    Status(status::Args),
    /// Free a lock or a hold, for a recorded reason
    Unlock(unlock::Args),
    /// Compare the repository's settings at GitHub with what the trust needs, and say how to set them
    Doctor(doctor::Args),
}
