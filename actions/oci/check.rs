//! Whether an image's layers are what its manifest and configuration say: each is read once, on a thread of its own.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use anyhow::{Context, Result, anyhow, ensure};
use flate2::read::MultiGzDecoder;
use ring::digest::{Context as Sha, SHA256};

use super::{
    Descriptor,
    content::{self, Content, Entry},
    layout::Layout,
};

/// What Lambda takes, unpacked: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const UNPACKED: u64 = 10 << 30;

/// The bytes that are read at once.
const CHUNK: usize = 128 * 1024;

pub(super) fn content(layout: &Layout) -> Result<Content> {
    let unpacked = AtomicU64::new(0);
    let layers: Vec<Result<Vec<Entry>>> = thread::scope(|scope| {
        let unpacked = &unpacked;
        let layers = layout.layers.iter().zip(&layout.diff_ids);
        let checks: Vec<_> =
            layers.map(|(blob, diff_id)| scope.spawn(move || layer(layout, blob, diff_id, unpacked))).collect();
        checks.into_iter().map(|check| check.join().unwrap_or_else(|_| Err(anyhow!("its check failed")))).collect()
    });
    let mut content = Content::default();
    for layer in layers {
        content.add(layer?);
    }
    content.runs(&layout.program).context("its entrypoint does not start")?;
    Ok(content)
}

fn layer(layout: &Layout, blob: &Descriptor, diff_id: &str, unpacked: &AtomicU64) -> Result<Vec<Entry>> {
    let digest = &blob.digest;
    let file = File::open(layout.path(blob)?).with_context(|| format!("{digest} cannot be read"))?;
    let mut packed = Hashed { of: file, sha: Sha::new(&SHA256), total: None };
    let mut tar = Hashed {
        of: MultiGzDecoder::new(BufReader::with_capacity(CHUNK, &mut packed)),
        sha: Sha::new(&SHA256),
        total: Some(unpacked),
    };
    let entries = content::entries(&mut tar);
    // A tar ends before its file does; the digests cover the rest too.
    let rest = io::copy(&mut tar, &mut io::sink());
    let unpacked = format!("sha256:{}", hex::encode(tar.sha.finish()));
    drop(tar.of);
    io::copy(&mut packed, &mut io::sink()).with_context(|| format!("{digest} cannot be read"))?;
    // What is damaged may be anything: this reason comes first.
    let actual = format!("sha256:{}", hex::encode(packed.sha.finish()));
    ensure!(actual == *digest, "{digest} has other content; the layout is damaged, write it again");
    let entries = entries.with_context(|| format!("the layer {digest} is no gzip of a tar; build the image again"))?;
    rest.with_context(|| format!("the layer {digest} is no gzip; build the image again"))?;
    ensure!(
        unpacked == diff_id,
        "a layer's diff_id is {diff_id}, its content's digest {unpacked}; build the image again"
    );
    Ok(entries)
}

/// Hashes what is read through it, and counts it into a total that is limited.
struct Hashed<'a, R> {
    of: R,
    sha: Sha,
    total: Option<&'a AtomicU64>,
}

impl<R: Read> Read for Hashed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.of.read(buffer)?;
        self.sha.update(buffer.get(..length).unwrap_or_default());
        if let Some(total) = self.total {
            let before = total.fetch_add(length as u64, Ordering::Relaxed);
            if before + length as u64 > UNPACKED {
                return Err(io::Error::other("the image unpacks to more than the 10 GiB that Lambda takes"));
            }
        }
        Ok(length)
    }
}
