//! [`action.yml`](action.yml): put lockgate and named tools on PATH, with the digests of [`RELEASE`](../RELEASE)
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-system-path>).

mod fetch;
mod release_file;
mod tool_cache;
mod unpack;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use self::{release_file::ReleaseFile, tool_cache::ToolCache};
use crate::{
    failure::{Blame, Failure},
    runner,
};

/// The variable by which later setups of a job know that a locally built lockgate is to stay.
const FROM: &str = "LOCKGATE_FROM";

/// What to put on PATH.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Tools of RELEASE to put on PATH besides lockgate, with commas between
    #[arg(long, env = "INPUT_TOOLS", value_name = "NAMES", value_delimiter = ',')]
    tools: Vec<String>,

    /// A locally built lockgate to use instead of the released one, for the rest of the job
    #[arg(long, env = "INPUT_FROM", value_name = "FILE")]
    from: Option<PathBuf>,

    /// The list of versions, URLs and digests [default: RELEASE beside the action]
    #[arg(long, env = "INPUT_RELEASE_FILE", value_name = "FILE")]
    release_file: Option<PathBuf>,
}

/// Puts this lockgate (or the one of `--from`) and the tools on the PATH of the job's later steps. What is in the runner's
/// tool cache already is not fetched again.
///
/// # Errors
/// [`Failure::Usage`] for a tool or platform that RELEASE does not name, for a wrong RELEASE, and outside of a runner;
/// [`Failure::World`] if a tool cannot be fetched; [`Failure::Gate`] for bytes with another digest and for an archive
/// that would write outside of its folder.
pub async fn run(args: Args) -> Result<(), Failure> {
    let _group = runner::group("lockgate setup (actions/setup/mod.rs)");
    match &args.from {
        Some(file) => local(file).usage()?,
        None => {
            on_path(&folder_of(&env::current_exe().context("this program's file cannot be found").usage()?)).usage()?
        }
    }
    let tools: Vec<_> = args.tools.iter().map(|tool| tool.trim()).filter(|tool| !tool.is_empty()).collect();
    if tools.is_empty() {
        return Ok(());
    }
    let release = ReleaseFile::read(&args.release_file.unwrap_or_else(beside_the_action)).usage()?;
    let cache = ToolCache::of_runner().usage()?;
    // Every name is checked before the first download.
    let wanted: Vec<_> = tools.iter().map(|tool| release.tool(tool)).collect::<Result<_>>().usage()?;
    for tool in wanted {
        let folder = cache.folder(tool);
        if folder.join(&tool.name).is_file() {
            runner::say(format_args!("{} {}: in the tool cache", tool.name, tool.version));
        } else {
            cache.install(tool, &folder).await?;
            runner::say(format_args!("{} {}: {}, SHA-256 {}", tool.name, tool.version, tool.url, tool.sha256));
        }
        on_path(&folder).usage()?;
    }
    Ok(())
}

/// Keeps a copy of a locally built lockgate, so that a later build does not change what the job runs, and says so: it is
/// not what a release would run.
fn local(file: &Path) -> Result<()> {
    let temp = env::var_os("RUNNER_TEMP").filter(|folder| !folder.is_empty()).map_or_else(env::temp_dir, PathBuf::from);
    let kept = temp.join("lockgate-from");
    if file.starts_with(&kept) {
        return on_path(&folder_of(file));
    }
    let bytes = fs::read(file).with_context(|| {
        format!("--from {} cannot be read; build it first: cargo build -p lockgate", file.display())
    })?;
    let digest = hex::encode(Sha256::digest(&bytes));
    let folder = kept.join(&digest[..16]);
    let program = folder.join("lockgate");
    tool_cache::write_program(&program, &bytes)?;
    runner::notice(format_args!("lockgate is {} (SHA-256 {digest}), built locally, and no release", file.display()));
    runner::export(FROM, &program.display().to_string())?;
    on_path(&folder)
}

/// Puts the folder on PATH, unless it is there.
fn on_path(folder: &Path) -> Result<()> {
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|known| known == folder) { Ok(()) } else { runner::path(folder) }
}

fn folder_of(program: &Path) -> PathBuf {
    program.parent().map(Path::to_owned).unwrap_or_default()
}

fn beside_the_action() -> PathBuf {
    let action = env::var_os("GITHUB_ACTION_PATH").filter(|path| !path.is_empty());
    action.map_or_else(|| PathBuf::from("actions/RELEASE"), |path| PathBuf::from(path).join("../RELEASE"))
}
