//! Undoes gzip (<https://www.rfc-editor.org/rfc/rfc1952>) where a file is compressed, whatever its name says.
//!
//! Sans-IO and in small steps: a file that unpacks to a thousand times its size needs no more memory than another.

use crate::judge::Reason;
use flate2::write::MultiGzDecoder;
use std::io::Write as _;

/// The most bytes that one step gives. The decoder's own steps are half of it.
const STEP: usize = 64 * 1024;

/// The first bytes of a gzip file.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The state between two pieces of a file.
#[derive(Debug)]
pub struct Unpack {
    state: State,
    /// What the last step unpacked.
    out: Vec<u8>,
    /// The header that is being read, at the beginning and after every member: the decoder would keep it for itself.
    header: Vec<u8>,
}

#[derive(Debug)]
enum State {
    /// So much of the magic number was seen, and no other byte.
    Magic(usize),
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// What comes is no gzip any more and goes on as it is.
    Damaged,
}

impl Default for Unpack {
    /// At the beginning of a file.
    fn default() -> Self {
        Self { state: State::Magic(0), out: Vec::new(), header: Vec::new() }
    }
}

impl Unpack {
    /// Unpacks a little of `input`, shortened by what was taken, and gives what that makes: at most 64 KiB.
    ///
    /// # Errors
    /// [`Reason::DamagedGzip`], once: [`Self::last`] gives what was unpacked before, [`Self::untaken`] the first bytes
    /// that no decoder takes, and the next steps give what is left of the input as it is.
    pub fn step<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<&'s [u8], Reason> {
        self.out.clear();
        if let State::Magic(seen) = self.state {
            return Ok(self.magic(seen, input));
        }
        let State::Gzip(decoder) = &mut self.state else {
            let (step, rest) = input.split_at(input.len().min(STEP));
            *input = rest;
            return Ok(step);
        };
        match decoder.write(input) {
            Ok(taken) => {
                std::mem::swap(decoder.get_mut(), &mut self.out);
                let (taken, rest) = input.split_at(taken);
                *input = rest;
                if decoder.header().is_some() {
                    self.header.clear();
                } else {
                    self.header.extend_from_slice(taken);
                }
                Ok(&self.out)
            }
            Err(error) => {
                // The close fails as well, and only repeats that something is wrong.
                let _ = self.close();
                Err(Reason::DamagedGzip(error.to_string()))
            }
        }
    }

    /// The file has no more input: whether it was whole. [`Self::last`] gives what was still inside.
    ///
    /// # Errors
    /// [`Reason::TruncatedGzip`] if a compressed file breaks off, or its check sum is wrong; see [`Self::untaken`].
    pub fn finish(&mut self) -> Result<(), Reason> {
        self.out.clear();
        if let State::Magic(seen) = self.state {
            self.out.extend_from_slice(&MAGIC[..seen]);
            return Ok(());
        }
        self.close()
    }

    /// What the last error or the end left to be given.
    #[must_use]
    pub fn last(&self) -> &[u8] {
        &self.out
    }

    /// What an error left of a header that was never complete: no text, but the file's own bytes.
    #[must_use]
    pub fn untaken(&self) -> &[u8] {
        &self.header
    }

    fn magic(&mut self, seen: usize, input: &mut &[u8]) -> &'static [u8] {
        let Some((first, rest)) = input.split_first() else { return &[] };
        if *first != MAGIC[seen] {
            self.state = State::Plain;
            return &MAGIC[..seen];
        }
        *input = rest;
        self.state = State::Magic(seen + 1);
        if seen + 1 == MAGIC.len() {
            let mut decoder = Box::new(MultiGzDecoder::new(Vec::new()));
            // The header's first bytes cannot be wrong: they are compared above.
            let _ = decoder.write(&MAGIC);
            self.header.extend_from_slice(&MAGIC);
            self.state = State::Gzip(decoder);
        }
        &[]
    }

    fn close(&mut self) -> Result<(), Reason> {
        let State::Gzip(mut decoder) = std::mem::replace(&mut self.state, State::Damaged) else { return Ok(()) };
        let finished = decoder.try_finish();
        self.out = std::mem::take(decoder.get_mut());
        finished.map_err(|_| Reason::TruncatedGzip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    /// What pushing the file in pieces of this size gives, and the fault that was met.
    fn unpack(file: &[u8], size: usize) -> (Vec<u8>, Option<Reason>) {
        let mut unpack = Unpack::default();
        let (mut all, mut fault) = (Vec::new(), None);
        for mut piece in file.chunks(size) {
            while !piece.is_empty() {
                match unpack.step(&mut piece) {
                    Ok(bytes) => all.extend_from_slice(bytes),
                    Err(reason) => {
                        fault = Some(reason);
                        all.extend_from_slice(unpack.last());
                        all.extend_from_slice(unpack.untaken());
                    }
                }
            }
        }
        let end = unpack.finish();
        all.extend_from_slice(unpack.last());
        if end.is_err() {
            all.extend_from_slice(unpack.untaken());
        }
        (all, fault.or(end.err()))
    }

    #[test]
    fn files_are_unpacked_wherever_they_are_cut() {
        let text = b"one\ntwo\nthree\n".repeat(9);
        let members = [gzip(&text[..20]), gzip(b""), gzip(&text[20..])].concat();
        let plain: [&[u8]; 5] = [&text, b"", b"\x1f", b"\x1f\x1f\x8b", b"x"];
        for size in 1..=members.len() {
            assert_eq!(unpack(&gzip(&text), size), (text.clone(), None), "pieces of {size}");
            assert_eq!(unpack(&members, size), (text.clone(), None), "members in pieces of {size}");
            for plain in plain {
                assert_eq!(unpack(plain, size), (plain.to_vec(), None), "plain in pieces of {size}");
            }
        }
    }

    #[test]
    fn a_truncated_file_gives_what_came_before() {
        let text = b"0123456789".repeat(20_000);
        let file = gzip(&text);
        for length in 2..file.len() {
            let (all, fault) = unpack(&file[..length], 7);
            let header = length <= 10 && all == file[..length];
            assert!(header || text.starts_with(&all), "after {length} bytes");
            assert_eq!(fault, Some(Reason::TruncatedGzip), "after {length} bytes");
        }
        // All but the check sum.
        assert_eq!(unpack(&file[..file.len() - 1], 7).0, text);
    }

    #[test]
    fn what_cannot_be_unpacked_is_given_as_it_is() {
        for garbage in [b"x".as_slice(), b"garbage", b"garbage longer than a header"] {
            let file = [&gzip(b"good"), garbage].concat();
            for size in 1..=file.len() {
                let (all, fault) = unpack(&file, size);
                assert_eq!(all, [b"good", garbage].concat(), "in pieces of {size}");
                assert!(matches!(fault, Some(Reason::DamagedGzip(_) | Reason::TruncatedGzip)), "{fault:?}");
            }
        }
    }

    #[test]
    fn no_step_gives_much_however_well_the_file_was_packed() {
        let bomb = gzip(&vec![b' '; 50_000_000]);
        let mut unpack = Unpack::default();
        let (mut input, mut total) = (bomb.as_slice(), 0);
        while !input.is_empty() {
            let step = unpack.step(&mut input).expect("a whole file").len();
            assert!(step <= STEP, "{step} bytes in one step");
            total += step;
        }
        assert_eq!(unpack.finish(), Ok(()));
        assert_eq!(total + unpack.last().len(), 50_000_000);
    }
}
