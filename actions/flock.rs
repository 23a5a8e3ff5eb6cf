//! Locks between processes of one machine, by a file that stays.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
};

use crate::runner;

/// Takes the lock of this file, which is held until what comes back is dropped; whoever has to wait is told for whom.
///
/// # Errors
/// If the file cannot be made, or its file system knows no locks.
pub(crate) fn take(path: &Path, other: &str) -> io::Result<File> {
    let file = File::create(path)?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => runner::say(format_args!("waiting for {other}")),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.lock().map(|()| file)
}
