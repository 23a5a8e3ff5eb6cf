//! gzip (<https://www.rfc-editor.org/rfc/rfc1952>) on all cores, with bytes that do not depend on how many there are: blocks
//! of a fixed size are compressed each on its own and end on a byte, so that together they are one stream.

use std::{
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, ensure};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use ring::digest::{Context as Sha, SHA256};

/// Bytes that are compressed together. A block does not know the one before it, which costs less than a percent at this
/// size. Another size gives other bytes: every image's digest would change.
const BLOCK: usize = 1 << 20;

/// A tenth less time than 6, gzip's default, for a third of a percent more bytes.
const LEVEL: u32 = 5;

/// Nothing but the format: no name, no time, and 255 for an unknown operating system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compressed bytes, with the digests that an image states.
#[derive(Debug)]
pub(crate) struct Gzip {
    pub(crate) bytes: Vec<u8>,
    /// `sha256:<hex>` of what was compressed.
    pub(crate) diff_id: String,
    /// `sha256:<hex>` of the compressed bytes.
    pub(crate) digest: String,
}

/// Compresses `input` with as many threads as the machine has cores.
///
/// # Errors
/// None that this crate knows of: the compressor's own.
pub(crate) fn compress(input: &[u8]) -> Result<Gzip> {
    compress_with(input, thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}

/// As [`compress`], with this many threads.
pub(crate) fn compress_with(input: &[u8], threads: NonZeroUsize) -> Result<Gzip> {
    // An empty input still is one (last) block.
    let blocks: Vec<&[u8]> = if input.is_empty() { vec![input] } else { input.chunks(BLOCK).collect() };
    let slots: Vec<_> = blocks.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let (Some(block), Some(slot)) = (blocks.get(place), slots.get(place)) else { break };
            let deflated = deflate(block, place + 1 == blocks.len());
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(deflated);
        }
    };
    let (crc, diff_id) = thread::scope(|scope| {
        for _ in 1..threads.get().min(blocks.len()) {
            scope.spawn(work);
        }
        let sums = sums(input);
        work();
        sums
    });

    let mut bytes = HEADER.to_vec();
    for slot in slots {
        let deflated = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
        bytes.extend(deflated.context("a block was not compressed")?.context("a block could not be compressed")?);
    }
    bytes.extend(crc.to_le_bytes());
    // The format keeps the length modulo 2^32.
    bytes.extend(u32::try_from(input.len() & 0xffff_ffff).unwrap_or_default().to_le_bytes());
    let digest = super::digest(&bytes);
    Ok(Gzip { bytes, diff_id, digest })
}

/// The checksums of what is compressed, in one pass over it.
fn sums(input: &[u8]) -> (u32, String) {
    let (mut crc, mut sha) = (Crc::new(), Sha::new(&SHA256));
    for block in input.chunks(BLOCK / 8) {
        crc.update(block);
        sha.update(block);
    }
    (crc.sum(), format!("sha256:{}", hex::encode(sha.finish())))
}

fn deflate(block: &[u8], last: bool) -> Result<Vec<u8>> {
    // In one call, which needs room for what does not compress: a flush that ran out of room would not end on a whole byte.
    // <https://www.zlib.net/manual.html#Advanced> (`deflateBound`)
    let mut deflated = Vec::with_capacity(block.len() + block.len() / 100 + 1024);
    let mut encoder = Compress::new(Compression::new(LEVEL), false);
    // Without the mark of the stream's end that finishing adds, but for the last one.
    let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
    let status = encoder.compress_vec(block, &mut deflated, flush)?;
    let whole = encoder.total_in() == block.len() as u64 && deflated.len() < deflated.capacity();
    ensure!(whole && (status == Status::StreamEnd) == last, "a block of {} bytes found no room", block.len());
    deflated.shrink_to_fit();
    Ok(deflated)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    /// Something that compresses, but not to nothing: words in an order without period.
    fn text(length: usize) -> Vec<u8> {
        let mut state = 7_u32;
        let mut word = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            [b"call ", b"gate ", b"lock ", b"push "][(state >> 30) as usize]
        };
        std::iter::repeat_with(&mut word).flatten().copied().take(length).collect()
    }

    /// Something that does not compress.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252_u64;
        let mut byte = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        std::iter::repeat_with(&mut byte).take(length).collect()
    }

    /// Trap 19: one input is one digest, whatever the machine.
    #[test]
    fn the_number_of_threads_does_not_change_a_byte() {
        let input = text(3 * BLOCK + 12_345);
        let [one, two, four] = [1, 2, 4].map(|threads| {
            compress_with(&input, NonZeroUsize::new(threads).expect("some threads")).expect("compressed bytes")
        });
        assert!(one.bytes == two.bytes && two.bytes == four.bytes);
        assert_eq!((&one.digest, &one.diff_id), (&four.digest, &four.diff_id));
        assert!(one.bytes.len() < input.len() / 4, "{} bytes", one.bytes.len());
    }

    #[test]
    fn one_ordinary_gzip_member_comes_of_any_number_of_blocks() {
        let inputs = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK].map(text);
        for input in inputs.into_iter().chain([noise(2 * BLOCK + 1)]) {
            let length = input.len();
            let gzip = compress(&input).expect("compressed bytes");
            // This decoder stops after the first member, so all the input is in it.
            let mut decoder = GzDecoder::new(&gzip.bytes[..]);
            let mut output = Vec::new();
            decoder.read_to_end(&mut output).expect("gzip whose checksum and length fit");
            assert!(output == input, "{length} bytes");
            assert!(decoder.into_inner().is_empty(), "{length} bytes: nothing follows the member");
            assert_eq!(gzip.diff_id, crate::oci::digest(&input));
            assert_eq!(gzip.digest, crate::oci::digest(&gzip.bytes));
        }
    }
}
