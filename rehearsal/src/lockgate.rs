//! Runs the program `lockgate` as a workflow's step would, against the emulated AWS.

use crate::clock::{Clock, Kind};
use crate::command;
use crate::stage::GITHUB_REPOSITORY;
use anyhow::{Context, Result, bail};
use stand_ins::folders;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The program, and where it runs.
#[derive(Debug, Clone)]
pub struct Lockgate {
    program: PathBuf,
    url: String,
    log: PathBuf,
    clock: Clock,
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// Its outputs, as a later step would see them.
    pub outputs: BTreeMap<String, String>,
    /// All that it printed.
    pub said: String,
}

impl Lockgate {
    /// The program that was built into the target folder; `url` is the emulated AWS, `folder` that of the run.
    ///
    /// # Errors
    /// As [`folders::target`].
    pub fn new(url: &str, folder: &Path, clock: &Clock) -> Result<Self> {
        let program = folders::target()?.join("debug/lockgate");
        Ok(Self { program, url: url.to_owned(), log: folder.join("lockgate.log"), clock: clock.clone() })
    }

    /// Runs `lockgate <arguments>` in `folder` as run number `run`, to its end.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn run(&self, act: &str, folder: &Path, run: u64, arguments: &[&str]) -> Result<Ended> {
        let what = format!("lockgate {}", arguments.first().copied().unwrap_or_default());
        self.clock.measure(Kind::Step, act, &what, self.spawn(folder, run, arguments)).await
    }

    /// The same, where anything but success is an error.
    ///
    /// # Errors
    /// If it ends without success: with what it said.
    pub async fn succeed(&self, act: &str, folder: &Path, run: u64, arguments: &[&str]) -> Result<Ended> {
        let ended = self.run(act, folder, run, arguments).await?;
        if ended.code != 0 {
            bail!("lockgate {} ended with {}:\n{}", arguments.join(" "), ended.code, ended.said);
        }
        Ok(ended)
    }

    async fn spawn(&self, folder: &Path, run: u64, arguments: &[&str]) -> Result<Ended> {
        let outputs =
            self.log.with_extension(format!("outputs-{run}-{}", arguments.first().copied().unwrap_or_default()));
        // Left from an earlier command of this run.
        let _ = fs::remove_file(&outputs);
        let mut command = command::as_root(&self.program, &self.url);
        command.args(arguments).current_dir(folder);
        command.envs([
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", GITHUB_REPOSITORY),
            ("GITHUB_ACTOR", "operator"),
        ]);
        command.env("GITHUB_RUN_ID", run.to_string()).env("GITHUB_OUTPUT", &outputs);
        let done = command.output().await.with_context(|| format!("failed to start {}", self.program.display()))?;
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        let mut log = File::options().create(true).append(true).open(&self.log)?;
        writeln!(log, "$ lockgate {}\n{said}", arguments.join(" "))?;
        let outputs = heredocs(&fs::read_to_string(&outputs).unwrap_or_default());
        Ok(Ended { code: done.status.code().unwrap_or(-1), outputs, said })
    }
}

/// Reads a file of outputs back.
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#multiline-strings>
fn heredocs(text: &str) -> BTreeMap<String, String> {
    let (mut outputs, mut lines) = (BTreeMap::new(), text.lines());
    while let Some((name, delimiter)) = lines.next().and_then(|line| line.split_once("<<")) {
        let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        outputs.insert(name.to_owned(), value.join("\n"));
    }
    outputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_as_a_runner_reads_them() {
        let outputs = heredocs("one<<d\na\nb\nd\ntwo<<e\n\ne\n");
        assert_eq!(outputs, BTreeMap::from([("one".into(), "a\nb".into()), ("two".into(), String::new())]));
    }
}
