//! One file from its bytes to what is to be done with them: unpacked, cut, judged. Without I/O.

use crate::judge::{Reason, judge};
use crate::records::{Piece, Splitter};
use crate::unpack::Unpack;
use call_model::position::Delivery;
use call_model::{BronzeItem, SCHEMA};

/// What is to be done with some of a file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// They are a record, to be stored.
    Item(BronzeItem),
    /// They are none, to be handed back.
    Rejected(Rejected),
}

/// Bytes that were not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// See [`Piece::line`].
    pub line: u64,
    /// See [`Piece::part`].
    pub part: Option<u32>,
    /// Why.
    pub reason: Reason,
    /// As they were received.
    pub bytes: Vec<u8>,
}

/// What the items of one file have in common.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Their position but for the line.
    pub delivery: Delivery,
    /// See [`BronzeItem::expires_at`].
    pub expires_at: Option<i64>,
}

/// A file while it streams by.
#[derive(Debug)]
pub struct File {
    origin: Origin,
    unpack: Unpack,
    splitter: Splitter,
}

impl File {
    /// A file of which nothing was seen yet.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self { origin, unpack: Unpack::default(), splitter: Splitter::default() }
    }

    /// Takes a little of the file's next bytes, shortened by what was taken: repeat until nothing is left of them.
    pub fn step(&mut self, input: &mut &[u8], out: &mut Vec<Outcome>) {
        let mut sink = |piece: Piece<'_>| out.push(self.origin.prepare(piece));
        match self.unpack.step(input) {
            Ok(bytes) => self.splitter.push(bytes, &mut sink),
            Err(reason) => {
                self.splitter.push(self.unpack.last(), &mut sink);
                self.splitter.refuse(reason, &mut sink);
                self.splitter.push(self.unpack.untaken(), &mut sink);
            }
        }
    }

    /// The file ends.
    pub fn finish(mut self, out: &mut Vec<Outcome>) {
        let mut sink = |piece: Piece<'_>| out.push(self.origin.prepare(piece));
        let whole = self.unpack.finish();
        self.splitter.push(self.unpack.last(), &mut sink);
        if let Err(reason) = whole {
            self.splitter.refuse(reason, &mut sink);
            self.splitter.push(self.unpack.untaken(), &mut sink);
        }
        self.splitter.finish(&mut sink);
    }
}

impl Origin {
    fn prepare(&self, Piece { line, part, refused, bytes }: Piece<'_>) -> Outcome {
        match refused.map_or_else(|| judge(bytes), Err) {
            Ok((call_id, record)) => Outcome::Item(BronzeItem {
                call_id,
                position: self.delivery.line(line),
                record: record.to_owned(),
                schema: SCHEMA,
                expires_at: self.expires_at,
            }),
            Err(reason) => Outcome::Rejected(Rejected { line, part, reason, bytes: bytes.to_vec() }),
        }
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
