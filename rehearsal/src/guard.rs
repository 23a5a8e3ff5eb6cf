//! No process is left behind, whichever way the rehearsal ends.
//!
//! `cargo rehearse` is two processes: the guard, which people see, and the worker it starts, which plays. Each adopts the
//! orphans below it. When the worker ends, for whatever reason, the guard ends what is left of its descendants; when the
//! guard is killed, the kernel tells the worker, which ends its own.
//! <https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html>

use anyhow::{Context, Result};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};
use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Names the guard to its worker.
const GUARD: &str = "LOCKGATE_REHEARSAL_GUARD";

/// How long processes may take to end by themselves. Whatever happens, all is over within ten seconds: the worker has
/// `PATIENCE`, in which it gives its own descendants `GRACE`; what it leaves has `REST`.
const GRACE: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(6);
const REST: Duration = Duration::from_secs(2);

/// The exit code of a command that SIGINT ended.
const INTERRUPTED: u8 = 130;

/// Runs `work` in a worker process, guarded; returns its exit code.
///
/// # Errors
/// If the worker cannot be started or the system offers no process control.
pub async fn guarded(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    prctl::set_child_subreaper(true).context("failed to become the parent of orphans")?;
    match std::env::var(GUARD) {
        Ok(guard) => worker(&guard, work).await,
        Err(_) => guard().await,
    }
}

async fn guard() -> Result<ExitCode> {
    let program = std::env::current_exe().context("failed to find the running program")?;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).env(GUARD, getpid().to_string());
    let mut worker = command.spawn().context("failed to start the worker")?;
    let status = tokio::select! {
        status = worker.wait() => status?,
        () = interrupted() => {
            // Ctrl-C reaches the worker too; a signal to this process alone does not.
            if let Some(pid) = worker.id().and_then(|pid| pid.try_into().ok()) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            }
            match tokio::time::timeout(PATIENCE, worker.wait()).await {
                Ok(status) => status?,
                Err(_) => {
                    // It was asked, and did not end.
                    end_descendants(Duration::ZERO).await;
                    return Ok(ExitCode::from(INTERRUPTED));
                }
            }
        }
    };
    end_descendants(REST).await;
    Ok(status.code().and_then(|code| code.try_into().ok()).map_or(ExitCode::FAILURE, |code: u8| ExitCode::from(code)))
}

async fn worker(guard: &str, work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    prctl::set_pdeathsig(Signal::SIGTERM).context("failed to watch the guard")?;
    if getppid().to_string() != guard {
        // The guard ended before it could be watched.
        return Ok(ExitCode::FAILURE);
    }
    let done = tokio::select! {
        done = work => done,
        () = interrupted() => Ok(ExitCode::from(INTERRUPTED)),
    };
    end_descendants(GRACE).await;
    done
}

/// Returns when somebody asks this process to stop.
async fn interrupted() {
    let streams = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = streams else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// Asks every descendant to end, and makes those end that have not after `grace`.
async fn end_descendants(grace: Duration) {
    let began = Instant::now();
    let mut signal = Signal::SIGTERM;
    let mut asked = Vec::new();
    loop {
        let left = descendants(getpid());
        if left.is_empty() {
            return;
        }
        if began.elapsed() >= grace {
            signal = Signal::SIGKILL;
            asked.clear();
        }
        for pid in left {
            if !asked.contains(&pid) {
                // It may have ended meanwhile.
                let _ = kill(pid, signal);
                asked.push(pid);
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All running processes below this one.
fn descendants(ancestor: Pid) -> Vec<Pid> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    for process in processes {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<i32>() else { continue };
        let Ok(stat) = std::fs::read_to_string(process.path().join("stat")) else { continue };
        // The name stands in parentheses and may hold anything; state and parent follow it.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let (state, parent) = (fields.next(), fields.next().and_then(|parent| parent.parse().ok()));
        if let (Some(state), Some(parent)) = (state, parent)
            && state != "Z"
        {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut open = vec![ancestor.as_raw()];
    while let Some(parent) = open.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            found.push(Pid::from_raw(child));
            open.push(child);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_grandchild_counts_as_a_descendant() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 600 & echo $!; wait"]).stdout(std::process::Stdio::piped()).kill_on_drop(true);
        let mut shell = shell.spawn().expect("sh");
        let mut line = String::new();
        let mut out = tokio::io::BufReader::new(shell.stdout.take().expect("piped"));
        tokio::io::AsyncBufReadExt::read_line(&mut out, &mut line).await.expect("the pid");
        let sleeping = Pid::from_raw(line.trim().parse().expect("a pid"));
        assert!(descendants(getpid()).contains(&sleeping));
        kill(sleeping, Signal::SIGKILL).expect("ours");
        shell.wait().await.expect("ended");
    }
}
