//! The bytes of a plan as they are met: UTF-8 or UTF-16, with or without a byte order mark, behind text that a wrapper
//! printed first. Nothing is held but a buffer.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use anyhow::{Context, Result, bail};

use super::skip::Skip;

/// Text longer than this before the first `{` is not what a wrapper prints.
const PREFIX: usize = 1 << 20;
const BUFFER: usize = 1 << 16;

/// The plan's JSON as UTF-8 from its first `{` on, without what is not to be read.
///
/// # Errors
/// Reading failed, or no JSON object begins within the first 1 MiB.
pub(super) fn open<'r>(mut bytes: impl Read + 'r) -> Result<BufReader<Box<dyn Read + 'r>>> {
    let mut head = Vec::new();
    bytes.by_ref().take(4).read_to_end(&mut head).context("failed to read the plan")?;
    let (encoding, mark) = sniff(&head);
    let bytes = Cursor::new(head.split_off(mark)).chain(bytes);
    let utf8: Box<dyn Read + 'r> = match encoding {
        Encoding::Utf8 => Box::new(bytes),
        Encoding::Utf16(unit) => Box::new(Utf16 { bytes, unit, units: Vec::new(), odd: None, out: Cursor::default() }),
    };
    let mut text = BufReader::with_capacity(BUFFER, utf8);
    let start = skip(&mut text)?;
    let plan = Skip::new(BufReader::with_capacity(BUFFER, Cursor::new(start).chain(text)));
    Ok(BufReader::with_capacity(BUFFER, Box::new(plan)))
}

#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    Utf16(fn([u8; 2]) -> u16),
}

/// The encoding, and the length of the byte order mark.
fn sniff(head: &[u8]) -> (Encoding, usize) {
    match head {
        [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
        [0xff, 0xfe, ..] => (Encoding::Utf16(u16::from_le_bytes), 2),
        [0xfe, 0xff, ..] => (Encoding::Utf16(u16::from_be_bytes), 2),
        [1..=255, 0, ..] => (Encoding::Utf16(u16::from_le_bytes), 0),
        [0, 1..=255, ..] => (Encoding::Utf16(u16::from_be_bytes), 0),
        _ => (Encoding::Utf8, 0),
    }
}

/// Reads up to the object's beginning: a `{` before a key or a `}`. Gives what was read of it.
fn skip(text: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut start: Vec<u8> = Vec::new();
    let mut seen = 0;
    loop {
        let buffer = text.fill_buf().context("failed to read the plan")?;
        if buffer.is_empty() {
            bail!(
                "failed to read the plan: it holds no JSON object; give what `terraform show -json PLANFILE` prints, \
                 not the plan file itself"
            );
        }
        let length = buffer.len();
        for (index, byte) in buffer.iter().enumerate() {
            match byte {
                b'{' => start = vec![b'{'],
                b'"' | b'}' if !start.is_empty() => {
                    start.push(*byte);
                    text.consume(index + 1);
                    return Ok(start);
                }
                b' ' | b'\t' | b'\r' | b'\n' if !start.is_empty() && start.len() < BUFFER => start.push(*byte),
                _ => start.clear(),
            }
        }
        text.consume(length);
        seen += length;
        if seen > PREFIX {
            bail!(
                "failed to read the plan: no JSON object begins within its first 1 MiB; give what \
                 `terraform show -json PLANFILE` prints, redirected to a file"
            );
        }
    }
}

/// UTF-16 as UTF-8; half a pair becomes U+FFFD.
struct Utf16<R> {
    bytes: R,
    unit: fn([u8; 2]) -> u16,
    /// The first half of a pair, waiting for its second.
    units: Vec<u16>,
    odd: Option<u8>,
    out: Cursor<Vec<u8>>,
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.out.read(to)?;
            if count > 0 || to.is_empty() {
                return Ok(count);
            }
            let mut chunk = vec![0; BUFFER];
            let count = self.bytes.read(&mut chunk)?;
            if count == 0 && self.units.is_empty() {
                return Ok(0);
            }
            let bytes = self.odd.take().into_iter().chain(chunk.into_iter().take(count)).collect::<Vec<_>>();
            let pairs = bytes.chunks_exact(2);
            self.odd = pairs.remainder().first().copied();
            self.units.extend(pairs.filter_map(|pair| pair.try_into().ok()).map(self.unit));
            let waiting = self.units.pop_if(|unit| count > 0 && (0xd800..0xdc00).contains(unit));
            let text: String =
                char::decode_utf16(self.units.drain(..)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
            self.units.extend(waiting);
            self.out = Cursor::new(text.into_bytes());
        }
    }
}
