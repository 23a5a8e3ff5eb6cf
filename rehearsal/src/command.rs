//! How programs are started that a person would run against AWS.

use stand_ins::emulator;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// A program of which the person's environment shows nothing but where programs and the home are, and that speaks to the
/// emulated AWS at `url` as the account's root user. It ends with this process.
pub(crate) fn as_root(program: &Path, url: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"));
    command.envs([
        ("AWS_ACCESS_KEY_ID", emulator::ROOT_KEY),
        ("AWS_SECRET_ACCESS_KEY", emulator::ROOT_KEY),
        ("AWS_REGION", emulator::REGION),
        ("AWS_ENDPOINT_URL", url),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}
