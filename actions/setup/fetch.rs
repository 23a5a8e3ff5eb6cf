//! A download whose every byte is accounted for before anything looks into it.

use std::{fs::File, io::Write, path::Path, time::Duration};

use anyhow::{Context, anyhow};
use sha2::{Digest, Sha256};

use super::release_file::Tool;
use crate::{
    failure::{Blame, Failure},
    http::{Client, Trouble},
    runner,
};

/// More than any tool has.
const LIMIT: usize = 256 * 1024 * 1024;

/// Long enough for that on a slow line.
const WITHIN: Duration = Duration::from_secs(300);

/// Attempts, and the pause after the first; it doubles.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// A longer wait than this is not begun.
const LONGEST: Duration = Duration::from_secs(60);

/// Fetches the tool's file to `to`; a file with another digest than the line's is refused.
pub(super) async fn fetch(tool: &Tool, to: &Path) -> Result<(), Failure> {
    let client = Client::default();
    let mut attempt = 1;
    let digest = loop {
        let file = File::create(to).with_context(|| format!("{} cannot be written", to.display())).usage()?;
        let mut file = Hashing { file, hash: Sha256::new() };
        match client.download(&tool.url, &mut file, LIMIT, WITHIN).await {
            Ok(()) => break hex::encode(file.hash.finalize()),
            Err(trouble) => {
                let asked = if let Trouble::Status(_, after) = &trouble { *after } else { None };
                let pause = asked.unwrap_or(PAUSE * 2u32.pow(attempt - 1));
                if !trouble.heals() || attempt == ATTEMPTS || pause > LONGEST {
                    return Err(Failure::World(anyhow!(
                        "{} cannot be fetched: {trouble}; see whether this runner reaches it (HTTPS_PROXY, NO_PROXY)",
                        tool.url
                    )));
                }
                runner::say(format_args!("attempt {attempt} of {ATTEMPTS}: {}: {trouble}", tool.url));
                tokio::time::sleep(pause).await;
                attempt += 1;
            }
        }
    };
    if digest == tool.sha256 {
        return Ok(());
    }
    Err(Failure::Gate(anyhow!(
        "{} has the SHA-256 {digest}, not {} as RELEASE says: it was thrown away. If its project replaced the file, find \
         out why before you change RELEASE",
        tool.url,
        tool.sha256
    )))
}

/// A file and the digest of what was written to it.
struct Hashing {
    file: File,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
