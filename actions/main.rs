//! `lockgate <action>`: one binary for every action; what an action does is in the folder of its name.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lockgate::{failure::Failure, package, runner};

/// Delivers AWS Lambda services from GitHub.
#[derive(Debug, Parser)]
#[command(name = "lockgate", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build every function of lockgate.toml into a ZIP or an OCI image layout
    Package(package::Args),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            runner::error(&failure);
            failure.code().into()
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Package(args) => package::run(&args),
    }
}

#[test]
fn verify_cli() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}
