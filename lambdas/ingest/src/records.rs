//! Cuts a file into records while it streams by: one object, an array, or one record per line.
//! <https://github.com/ndjson/ndjson-spec>
//!
//! Sans-IO: bytes are pushed in pieces of any size, and what comes out does not depend on where they were cut. Nothing
//! is kept but the record at hand, and of that [`PART`] bytes at most.

use crate::judge::{Reason, is_incomplete_object, is_object};
use memchr::{memchr, memchr2};

/// The most bytes kept of one record. A longer one can never be stored and is given away in parts of this size.
pub const PART: usize = 1024 * 1024;

/// What was cut out of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The physical line on which it begins, or the number of the array's element, from 1.
    pub line: u64,
    /// Which part of a record that is too long to be kept, from 1; the parts in order are the record.
    pub part: Option<u32>,
    /// Why it cannot be a record; nothing yet says so of a piece without.
    pub refused: Option<Reason>,
    /// The bytes as they were received, without the white space around them.
    pub bytes: &'a [u8],
}

/// What takes the pieces, in their order.
pub type Sink<'s> = dyn FnMut(Piece<'_>) + 's;

/// The state between two pushes.
#[derive(Debug)]
pub struct Splitter {
    /// Whether the first bytes, which may be a byte order mark, were looked at; until then they are pending.
    begun: bool,
    mode: Mode,
    /// The line, or element, that the next byte belongs to.
    line: u64,
    pending: Pending,
}

#[derive(Debug, Default)]
enum Mode {
    /// White space before the first byte that matters.
    #[default]
    Blank,
    /// The first line that is not blank.
    FirstLine,
    /// After a first line that only begins an object: one object over many lines if it parses as one, else lines of which
    /// the first is cut.
    Object(Scan),
    /// Records are lines.
    Lines,
    /// All that is left of the file is one object, too large for a record.
    Whole,
    /// Inside an array.
    Array(Scan),
    /// After the array.
    Closed,
    /// Nothing from here on can be a record.
    Refused(Reason),
}

/// Where in an array's element, or in an object, the scanner is.
#[derive(Debug, Default)]
struct Scan {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

/// What the scanner found in an object.
enum Found {
    /// It ends with the byte here.
    End(usize),
    /// A line break inside a text, which JSON forbids: whatever it is, it is no object.
    Broken,
    /// It goes on.
    Open,
}

impl Default for Splitter {
    /// At the beginning of a file.
    fn default() -> Self {
        Self { begun: false, mode: Mode::default(), line: 1, pending: Pending::default() }
    }
}

impl Splitter {
    /// Takes the file's next bytes.
    pub fn push(&mut self, mut bytes: &[u8], sink: &mut Sink<'_>) {
        if !self.begun {
            let missing = bytes.len().min(MARK - self.pending.bytes.len());
            self.pending.bytes.extend_from_slice(&bytes[..missing]);
            if self.pending.bytes.len() < MARK {
                return;
            }
            self.begin(sink);
            bytes = &bytes[missing..];
        }
        self.feed(bytes, sink);
    }

    /// The file ends.
    pub fn finish(mut self, sink: &mut Sink<'_>) {
        if !self.begun {
            self.begin(sink);
        }
        if matches!(self.mode, Mode::Object(_)) && self.holds_a_record() {
            self.split(sink);
        }
        match self.mode {
            Mode::Array(_) => self.pending.give(self.line, Some(&Reason::OpenArray), sink),
            Mode::Refused(reason) if !self.pending.is_empty() => self.pending.give(self.line, Some(&reason), sink),
            _ if self.pending.is_empty() => {}
            _ => self.pending.give(self.line, None, sink),
        }
    }

    /// The file breaks off: the record at hand, even if nothing of it came, is refused for this reason, and with it all
    /// that is pushed after.
    pub fn refuse(&mut self, reason: Reason, sink: &mut Sink<'_>) {
        if !self.begun {
            self.begin(sink);
        }
        if matches!(self.mode, Mode::Object(_)) && self.holds_a_record() {
            self.split(sink);
        }
        self.pending.give(self.line, Some(&reason), sink);
        self.line += 1;
        self.mode = Mode::Refused(reason);
    }

    fn begin(&mut self, sink: &mut Sink<'_>) {
        self.begun = true;
        let first = std::mem::take(&mut self.pending.bytes);
        if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = first.as_slice() {
            self.mode = Mode::Refused(Reason::Utf16);
        }
        self.feed(first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&first), sink);
    }

    fn feed(&mut self, mut bytes: &[u8], sink: &mut Sink<'_>) {
        while !bytes.is_empty() {
            bytes = match &mut self.mode {
                Mode::Blank => self.blank(bytes),
                Mode::FirstLine => self.first_line(bytes, sink),
                Mode::Object(_) => self.object(bytes, sink),
                Mode::Lines => self.lines(bytes, sink),
                Mode::Array(_) => self.array(bytes, sink),
                Mode::Closed => {
                    let rest = skip_space(bytes);
                    if !rest.is_empty() {
                        self.mode = Mode::Refused(Reason::AfterArray);
                    }
                    rest
                }
                Mode::Whole => {
                    self.pending.extend(self.line, bytes, None, sink);
                    &[]
                }
                Mode::Refused(reason) => {
                    self.pending.extend(self.line, bytes, Some(reason), sink);
                    &[]
                }
            };
        }
    }

    fn blank<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let rest = skip_space(bytes);
        self.line += breaks(&bytes[..bytes.len() - rest.len()]);
        match rest {
            [] => rest,
            [b'[', elements @ ..] => {
                self.line = 1;
                self.mode = Mode::Array(Scan::default());
                elements
            }
            _ => {
                self.mode = Mode::FirstLine;
                rest
            }
        }
    }

    fn first_line<'a>(&mut self, bytes: &'a [u8], sink: &mut Sink<'_>) -> &'a [u8] {
        let Some(end) = memchr(b'\n', bytes) else {
            self.pending.extend(self.line, bytes, None, sink);
            return &[];
        };
        self.pending.extend(self.line, &bytes[..end], None, sink);
        if self.pending.parts == 0 && is_incomplete_object(&self.pending.bytes) {
            let mut scan = Scan::default();
            // It cannot end: it is incomplete.
            let _ = scan.object(&self.pending.bytes);
            self.mode = Mode::Object(scan);
            return &bytes[end..];
        }
        self.pending.give(self.line, None, sink);
        self.line += 1;
        self.mode = Mode::Lines;
        &bytes[end + 1..]
    }

    /// Keeps what may be one object until it is known, but no more of it than one record may have.
    fn object<'a>(&mut self, bytes: &'a [u8], sink: &mut Sink<'_>) -> &'a [u8] {
        let Mode::Object(scan) = &mut self.mode else { return bytes };
        let room = PART - self.pending.bytes.len();
        let (here, rest) = bytes.split_at(bytes.len().min(room));
        match scan.object(here) {
            Found::End(at) => {
                self.pending.extend(self.line, &here[..=at], None, sink);
                // What follows on its last line spoils it, as it would a record of one line.
                if is_object(&self.pending.bytes) {
                    self.mode = Mode::Lines
                } else {
                    self.split(sink)
                }
                return &bytes[at + 1..];
            }
            Found::Broken => {
                self.pending.extend(self.line, here, None, sink);
                self.split(sink);
            }
            Found::Open => {
                self.pending.extend(self.line, here, None, sink);
                // Too large for a record either way; what it looks like decides how it is given away.
                if !rest.is_empty() {
                    if is_incomplete_object(&self.pending.bytes) { self.mode = Mode::Whole } else { self.split(sink) }
                }
            }
        }
        rest
    }

    /// What was kept is no object: its lines are records by themselves, and the last of them may go on.
    fn split(&mut self, sink: &mut Sink<'_>) {
        self.mode = Mode::Lines;
        let kept = std::mem::take(&mut self.pending.bytes);
        let mut rest = kept.as_slice();
        while !rest.is_empty() {
            rest = self.lines(rest, sink);
        }
    }

    /// Whether a line of what was kept is a record by itself: if none is, an object that breaks off is told as one.
    fn holds_a_record(&self) -> bool {
        !is_incomplete_object(&self.pending.bytes) || self.pending.bytes.split(|byte| *byte == b'\n').any(is_object)
    }

    fn lines<'a>(&mut self, bytes: &'a [u8], sink: &mut Sink<'_>) -> &'a [u8] {
        let bytes = if self.pending.is_empty() { skip_blanks(bytes) } else { bytes };
        let Some(end) = memchr(b'\n', bytes) else {
            self.pending.extend(self.line, bytes, None, sink);
            return &[];
        };
        // An object over many lines ends on one of them.
        let before = breaks(&self.pending.bytes);
        if end > 0 || !self.pending.is_empty() {
            self.pending.complete(self.line, &bytes[..end], sink);
        }
        self.line += before + 1;
        &bytes[end + 1..]
    }

    fn array<'a>(&mut self, bytes: &'a [u8], sink: &mut Sink<'_>) -> &'a [u8] {
        let Mode::Array(scan) = &mut self.mode else { return bytes };
        let bytes = if self.pending.is_empty() { skip_space(bytes) } else { bytes };
        let Some(end) = scan.end_of_element(bytes) else {
            self.pending.extend(self.line, bytes, None, sink);
            return &[];
        };
        let closes = bytes[end] == b']';
        let nothing = end == 0 && self.pending.is_empty();
        // `[]` has no element; after a comma, or before one, nothing is a fault.
        if !(closes && nothing && self.line == 1) {
            self.pending.complete(self.line, &bytes[..end], sink);
        }
        self.line += 1;
        if closes {
            self.mode = Mode::Closed;
        }
        &bytes[end + 1..]
    }
}

impl Scan {
    /// Whether the object that these bytes go on with ends in them.
    fn object(&mut self, bytes: &[u8]) -> Found {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.in_string => return Found::Broken,
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Found::End(at);
                    }
                }
                _ => {}
            }
        }
        Found::Open
    }

    /// Where the comma or bracket stands that ends the element; none if not in these bytes.
    fn end_of_element(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.escaped {
                self.escaped = false;
            } else if self.in_string {
                at += memchr2(b'"', b'\\', &bytes[at..])?;
                self.escaped = bytes[at] == b'\\';
                self.in_string = self.escaped;
            } else {
                match bytes[at] {
                    b'"' => self.in_string = true,
                    b'{' | b'[' => self.depth += 1,
                    b',' | b']' if self.depth == 0 => return Some(at),
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
            }
            at += 1;
        }
        None
    }
}

/// The record at hand.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    /// How many parts of it were given away.
    parts: u32,
}

impl Pending {
    const fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.parts == 0
    }

    /// More of it. A part is given away only when more comes, so that the last one is never empty.
    fn extend(&mut self, line: u64, mut more: &[u8], refused: Option<&Reason>, sink: &mut Sink<'_>) {
        while self.bytes.len() + more.len() > PART {
            let (fits, rest) = more.split_at(PART - self.bytes.len());
            self.bytes.extend_from_slice(fits);
            self.parts += 1;
            let refused = Some(refused.cloned().unwrap_or(Reason::TooLarge));
            sink(Piece { line, part: Some(self.parts), refused, bytes: &self.bytes });
            self.bytes.clear();
            more = rest;
        }
        self.bytes.extend_from_slice(more);
    }

    /// The last of it, without a copy where all of it is here.
    fn complete(&mut self, line: u64, last: &[u8], sink: &mut Sink<'_>) {
        if self.is_empty() && last.len() <= PART {
            sink(Piece { line, part: None, refused: None, bytes: trim_end(last) });
        } else {
            self.extend(line, last, None, sink);
            self.give(line, None, sink);
        }
    }

    /// All of it is here.
    fn give(&mut self, line: u64, refused: Option<&Reason>, sink: &mut Sink<'_>) {
        if self.parts > 0 {
            let refused = Some(refused.cloned().unwrap_or(Reason::TooLarge));
            sink(Piece { line, part: Some(self.parts + 1), refused, bytes: &self.bytes });
        } else if refused.is_some() {
            sink(Piece { line, part: None, refused: refused.cloned(), bytes: &self.bytes });
        } else {
            sink(Piece { line, part: None, refused: None, bytes: trim_end(&self.bytes) });
        }
        self.bytes.clear();
        self.parts = 0;
    }
}

/// The bytes of the longest byte order mark.
const MARK: usize = 3;

fn skip_space(bytes: &[u8]) -> &[u8] {
    skip(bytes, is_space)
}

/// As [`skip_space`], within a line.
fn skip_blanks(bytes: &[u8]) -> &[u8] {
    skip(bytes, |byte| is_space(byte) && byte != b'\n')
}

fn skip(bytes: &[u8], space: impl Fn(u8) -> bool) -> &[u8] {
    let start = bytes.iter().position(|byte| !space(*byte)).unwrap_or(bytes.len());
    &bytes[start..]
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// What JSON allows between its tokens.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn breaks(space: &[u8]) -> u64 {
    space.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
