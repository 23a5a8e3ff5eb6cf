//! Who acts: the run of a workflow, or a person at a machine. From the runner's default variables:
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/variables#default-environment-variables>.

use std::env;

/// The run that this process is part of: its URL in a runner, `<user>@<machine>` elsewhere.
#[must_use]
pub fn run() -> String {
    run_url().unwrap_or_else(|| {
        let machine =
            var("HOSTNAME").or_else(|| Some(std::fs::read_to_string("/etc/hostname").ok()?.trim().to_owned()));
        format!("{}@{}", actor(), machine.unwrap_or_else(|| "unknown".to_owned()))
    })
}

/// Where the run is to be seen; nothing outside of a runner.
#[must_use]
pub fn run_url() -> Option<String> {
    let (server, repository, run) = (var("GITHUB_SERVER_URL")?, var("GITHUB_REPOSITORY")?, var("GITHUB_RUN_ID")?);
    let attempt = var("GITHUB_RUN_ATTEMPT").map(|attempt| format!("/attempts/{attempt}")).unwrap_or_default();
    Some(format!("{server}/{repository}/actions/runs/{run}{attempt}"))
}

/// The person whose doing it is: GitHub's login in a runner, the system's user elsewhere.
#[must_use]
pub fn actor() -> String {
    var("GITHUB_TRIGGERING_ACTOR")
        .or_else(|| var("GITHUB_ACTOR"))
        .or_else(|| var("USER"))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The commit that the run is about.
#[must_use]
pub fn commit() -> Option<String> {
    var("GITHUB_SHA")
}

fn var(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
