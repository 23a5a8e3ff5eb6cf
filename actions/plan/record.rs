//! The plan record: the canonical lines of a plan, sorted by their digests, and the digest over all of them. The lines
//! wait in a store of the caller's (a temporary file), not in memory.

use std::io::{self, Read, Seek, SeekFrom, Write};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use super::{canonical::Line, json, model::Plan};
use crate::scrub::Scrubber;

/// The first line of a record says so.
pub(super) const FORMAT: &str = "lockgate-plan-record/1";
/// What every digest begins with: another way to compute it gets another number.
const DOMAIN: &[u8] = b"lockgate-plan-digest/1\n";

/// Where lines wait: a file opened for both, or a `Cursor<Vec<u8>>`.
pub trait Store: Read + Write + Seek {}
impl<T: Read + Write + Seek> Store for T {}

/// Takes the lines of a plan in any order.
pub struct Recorder<'s> {
    store: Option<io::BufWriter<&'s mut dyn Store>>,
    lines: Vec<Entry>,
    end: u64,
}

struct Entry {
    sha256: [u8; 32],
    name: [u8; 4],
    from: u64,
    length: u64,
}

/// A line of a record, so short that a comment can carry all of them. Two that are equal are very likely the same line: good
/// enough to show what differs, never to decide whether anything does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Brief {
    /// See [`super::canonical::name`].
    pub(crate) name: [u8; 4],
    /// The beginning of its SHA-256.
    pub(crate) line: [u8; 4],
}

impl<'s> Recorder<'s> {
    /// For the digest alone; nothing is stored.
    #[must_use]
    pub fn digest_only() -> Self {
        Self { store: None, lines: Vec::new(), end: 0 }
    }

    /// Lines wait in this store, which is empty.
    pub fn storing(store: &'s mut dyn Store) -> Self {
        Self { store: Some(io::BufWriter::with_capacity(1 << 16, store)), lines: Vec::new(), end: 0 }
    }

    pub(super) fn stores(&self) -> bool {
        self.store.is_some()
    }

    pub(super) fn add(&mut self, line: &Line) -> Result<()> {
        let mut length = 0;
        if let (Some(store), Some(text)) = (&mut self.store, &line.record) {
            store.write_all(text.as_bytes()).context("failed to keep the plan record: is the disk full?")?;
            length = text.len() as u64;
        }
        self.lines.push(Entry { sha256: line.sha256, name: line.name, from: self.end, length });
        self.end += length;
        Ok(())
    }

    /// The plan's canonical digest, of the lines so far: 64 lower-case hexadecimal digits.
    pub(super) fn digest(&mut self) -> String {
        self.lines.sort_unstable_by_key(|line| (line.sha256, line.from));
        let mut digest = Sha256::new_with_prefix(DOMAIN);
        self.lines.iter().for_each(|line| digest.update(line.sha256));
        hex::encode(digest.finalize())
    }

    /// What each line is about, and the beginning of its digest.
    pub(super) fn brief(&self) -> Vec<Brief> {
        let brief = |entry: &Entry| {
            let [a, b, c, d, ..] = entry.sha256;
            Brief { name: entry.name, line: [a, b, c, d] }
        };
        self.lines.iter().map(brief).collect()
    }

    /// Writes the record of the plan that was read with it: a first line with the digest, then a line for each change, in
    /// the order of their digests. What the plan marks sensitive anywhere is in none of them.
    ///
    /// # Errors
    /// Reading the store or writing failed, or the recorder stores nothing.
    pub fn write(mut self, plan: &Plan, to: &mut dyn Write) -> Result<()> {
        let digest = self.digest();
        let store = self.store.take().context("failed to write the plan record: only the digest was asked for")?;
        let store = store.into_inner().map_err(io::IntoInnerError::into_error);
        let store = store.context("failed to keep the plan record: is the disk full?")?;
        let head = serde_json::json!({ "changes": self.lines.len(), "digest": digest, "format": FORMAT });
        writeln!(to, "{head}").context("failed to write the plan record")?;
        let mut text = Vec::new();
        for line in &self.lines {
            text.clear();
            store.seek(SeekFrom::Start(line.from)).context("failed to read the plan record back")?;
            Read::take(&mut *store, line.length)
                .read_to_end(&mut text)
                .context("failed to read the plan record back")?;
            let text = std::str::from_utf8(&text).context("failed to read the plan record back: it was changed")?;
            let safe = without(&plan.scrubber, text, &line.sha256);
            writeln!(to, "{}", safe.as_deref().unwrap_or(text)).context("failed to write the plan record")?;
        }
        to.flush().context("failed to write the plan record")
    }
}

/// A line without values that were found to be secret only after it was stored, or nothing if it has none.
fn without(scrubber: &Scrubber, line: &str, sha256: &[u8; 32]) -> Option<String> {
    if !scrubber.finds(line) {
        return None;
    }
    let cleaned = scrubber.cleaned(line);
    let wrapped = json::parse(line).is_ok_and(|line| line.find("line").is_some());
    let cleaned =
        if wrapped { cleaned } else { format!("{{\"line\":{cleaned},\"sha256\":\"{}\"}}", hex::encode(sha256)) };
    let good = json::parse(&cleaned).is_ok_and(|line| line.get("sha256").text() == Some(&hex::encode(sha256)));
    // A secret that looks like JSON itself: nothing of the line can be kept.
    Some(if good {
        cleaned
    } else {
        format!("{{\"line\":{{\"kind\":\"hidden\"}},\"sha256\":\"{}\"}}", hex::encode(sha256))
    })
}

/// The digest that a record's lines have, given each line's own: for whoever checks a record.
pub(super) fn digest_of(mut lines: Vec<[u8; 32]>) -> String {
    lines.sort_unstable();
    let mut digest = Sha256::new_with_prefix(DOMAIN);
    lines.iter().for_each(|line| digest.update(line));
    hex::encode(digest.finalize())
}
