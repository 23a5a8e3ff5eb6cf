//! What was approved: the digest of a plan, and its record to show what differs from it.

use std::{fmt, fs, io::Read, path::Path, str::FromStr};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{
    aws, object,
    plan::{Comparison, compare},
};

/// A larger record is not read, in bytes: nobody would read what it says.
const LARGEST: u64 = 256 << 20;

/// A canonical plan digest: see `docs/plan-digest.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest(String);

impl FromStr for Digest {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim().to_ascii_lowercase();
        ensure!(
            text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "a plan digest has 64 hexadecimal digits: the output `digest` of `lockgate plan`"
        );
        Ok(Self(text))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Digest {
    /// Whether a plan has this digest. One that was never read has none.
    pub(super) fn is(&self, digest: &str) -> bool {
        self.0 == digest
    }

    /// How the plan of the record in `file` differs from the one that was approved, whose record lies at `place`.
    pub(super) async fn compare(&self, place: &str, file: &Path) -> Result<Comparison> {
        let approved =
            read(place).await.with_context(|| format!("the approved plan's record {place} cannot be read"))?;
        let digest = digest_of(&approved).with_context(|| format!("{place} is no plan record"))?;
        ensure!(self.is(&digest), "{place} is the record of another plan than the approved one: of {digest}");
        let now = fs::File::open(file).context("the plan's own record cannot be read")?;
        compare(&approved[..], now)
    }
}

/// What a record says of itself in its first line.
fn digest_of(record: &[u8]) -> Result<String> {
    #[derive(Deserialize)]
    struct Head {
        digest: String,
    }
    let first = record.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let head: Head = serde_json::from_slice(first).context("its first line names no digest")?;
    Ok(head.digest)
}

async fn read(place: &str) -> Result<Vec<u8>> {
    if let Some((bucket, key)) = object::named(place)? {
        return object::read(&object::client(&aws::config().await?), bucket, key, LARGEST).await;
    }
    let mut bytes = Vec::new();
    fs::File::open(place)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_64_hexadecimal_digits() {
        let digest: Digest = format!(" {}\n", "AB".repeat(32)).parse().expect("a digest");
        assert!(digest.is(&"ab".repeat(32)));
        for text in ["", "ab", &"g".repeat(64), &"a".repeat(65)] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_plan_that_was_never_read_is_not_the_approved_one() {
        let digest: Digest = "0".repeat(64).parse().expect("a digest");
        assert!(!digest.is(""));
    }
}
