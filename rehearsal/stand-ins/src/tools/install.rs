//! How a tool that is not on PATH gets below the target folder: made in a folder of its own, moved into place when whole.

use super::version::{at_least, found_version};
use crate::folders;
use anyhow::{Context, Result, bail};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// A tool that is ready to run.
#[derive(Debug, Clone)]
pub struct Tool {
    /// What it is called, for the report.
    pub name: &'static str,
    /// Its version.
    pub version: String,
    /// The program, or the folder of a library.
    pub path: PathBuf,
    /// Where it comes from: `PATH`, or how it was made.
    pub origin: String,
}

/// The folder `<tools>/<name>`, made by `make` if it is not there. `make` gets an empty folder that becomes it.
///
/// Several processes may ask at once: one makes it, the others wait.
pub async fn made_once<F>(name: &str, make: F) -> Result<PathBuf>
where
    F: AsyncFnOnce(&Path) -> Result<()>,
{
    let tools = folders::tools()?;
    let place = tools.join(name);
    if place.is_dir() {
        return Ok(place);
    }
    fs::create_dir_all(&tools).with_context(|| format!("failed to create {}", tools.display()))?;
    let lock = tools.join(format!("{name}.lock"));
    let lock = File::create(&lock).with_context(|| format!("failed to create {}", lock.display()))?;
    let lock = locked(lock).await.with_context(|| format!("failed to lock {name}"))?;
    if !place.is_dir() {
        let making = tools.join(format!("{name}.making"));
        if making.exists() {
            fs::remove_dir_all(&making).with_context(|| format!("failed to clear {}", making.display()))?;
        }
        fs::create_dir_all(&making)?;
        make(&making).await.with_context(|| format!("failed to make {name}"))?;
        fs::rename(&making, &place).with_context(|| format!("failed to put {name} into {}", place.display()))?;
    }
    drop(lock);
    Ok(place)
}

/// Waits for a file's lock. A thread that waits for it in the system could not be stopped, and would keep this process from
/// ending; nothing else tells when it is free.
async fn locked(file: File) -> Result<File> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
    }
}

/// Runs a command to its end and returns what it printed; its error output is part of the error.
pub async fn output(command: &mut Command) -> Result<String> {
    let shown = format!("{:?}", command.as_std());
    let done = command.kill_on_drop(true).output().await.with_context(|| format!("failed to start {shown}"))?;
    if !done.status.success() {
        bail!("{shown} ended with {}:\n{}", done.status, String::from_utf8_lossy(&done.stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// The program of this name on PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The program of this name on PATH, if it is at least of this version, as it says when asked with `arguments`.
///
/// # Errors
/// If it fails when asked.
pub async fn on_path_since(name: &'static str, version: &str, arguments: &[&str]) -> Result<Option<Tool>> {
    let Some(path) = on_path(name) else { return Ok(None) };
    let found = found_version(&output(Command::new(&path).args(arguments)).await?);
    Ok(at_least(&found, version).then(|| Tool { name, version: found, path, origin: "PATH".to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn who_waits_for_a_tool_that_another_makes_can_be_stopped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let held = File::create(&path).expect("a file");
        held.lock().expect("nobody else has it");
        let (ended, end) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let waiting = locked(File::open(path).expect("the same file"));
            let waited = runtime.block_on(async { tokio::time::timeout(Duration::from_millis(100), waiting).await });
            // A runtime ends only when its blocking threads have.
            drop(runtime);
            ended.send(waited.is_err()).expect("the test waits");
        });
        assert_eq!(end.recv_timeout(Duration::from_secs(30)), Ok(true), "it waited, and then ended");
        drop(held);
    }
}
