//! `lockgate <action>`: one binary for every action; what an action does is in the folder of its name.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, builder::Resettable};
use lockgate::{
    apply, assume_role, check,
    cli::{Cli, Command},
    doctor, drift,
    failure::Failure,
    finish, package, plan, promote, push_image, release, rollback, runner, scan, setup, status, unlock,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::from_arg_matches(&without_empty_inputs(Cli::command()).get_matches());
    match run(cli.unwrap_or_else(|error| error.exit()).command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            runner::error(&failure);
            failure.code().into()
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Setup(args) => setup::run(args).await,
        Command::AssumeRole(args) => assume_role::run(args).await,
        Command::Package(args) => package::run(&args),
        Command::PushImage(args) => push_image::run(args).await,
        Command::Release(args) => release::run(args).await,
        Command::Plan(args) => plan::run(*args).await,
        Command::Check(args) => check::run(*args).await,
        Command::Apply(args) => apply::run(*args).await,
        Command::Drift(args) => drift::run(*args).await,
        Command::Promote(args) => promote::run(args).await,
        Command::Finish(args) => finish::run(args).await,
        Command::Rollback(args) => rollback::run(args).await,
        Command::Scan(args) => scan::run(*args).await,
        Command::Status(args) => status::run(args).await,
        Command::Unlock(args) => unlock::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
    }
}

/// An input that a workflow leaves out arrives as an empty variable: the same as none.
fn without_empty_inputs(command: clap::Command) -> clap::Command {
    let empty = |arg: &clap::Arg| {
        arg.get_env().is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()))
    };
    let reset = |arg: clap::Arg| if empty(&arg) { arg.env(Resettable::Reset) } else { arg };
    command.mut_subcommands(|command| command.mut_args(reset))
}

#[test]
fn verify_cli() {
    Cli::command().debug_assert();
}
