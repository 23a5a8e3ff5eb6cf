//! Takes known secret values out of text, wherever they stand in it and in whichever form: as they are, escaped as JSON,
//! and as base64 in each of its three alignments.

use std::{collections::BTreeSet, fmt, ops::Bound};

use crate::markdown;

/// Stands where a secret was.
pub(crate) const HIDDEN: &str = "(hidden)";
/// Shorter values stand in too many words to be told apart.
const SHORTEST: usize = 6;
/// So many bytes of patterns are kept at most, with what it takes to keep one. Beyond that, values are still hidden where
/// they are marked, but no longer where copies of them are not.
const MOST: usize = 8 << 20;
const OVERHEAD: usize = 48;

/// Known secrets in all their forms.
#[derive(Clone, Default)]
pub(crate) struct Scrubber {
    patterns: BTreeSet<Box<[u8]>>,
    size: usize,
    /// A bit for each first two bytes of a pattern: nearly every place is passed over by this alone.
    begins: Vec<u64>,
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrubber(…)")
    }
}

impl Scrubber {
    /// One that knows these values.
    pub(crate) fn knowing(secrets: &[String]) -> Self {
        let mut scrubber = Self::default();
        secrets.iter().for_each(|secret| scrubber.learn(secret));
        scrubber
    }

    /// Learns a value in all its forms, and, when it has several lines, each long line of it.
    pub(crate) fn learn(&mut self, secret: &str) {
        self.forms(secret);
        if secret.contains('\n') {
            secret.lines().filter(|line| line.trim().len() >= 12).for_each(|line| self.forms(line.trim()));
        }
    }

    /// Learns what another one knows.
    pub(crate) fn learn_all(&mut self, other: &Self) {
        other.patterns.iter().for_each(|pattern| self.keep(pattern));
    }

    fn forms(&mut self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        self.add(secret);
        let escaped = serde_json::Value::from(secret).to_string();
        self.add(escaped[1..escaped.len() - 1].trim_end_matches('\\'));
        // As they are printed: with what is not seen escaped.
        self.add(&markdown::plain(secret));
        self.add(markdown::plain(&escaped[1..escaped.len() - 1]).trim_end_matches('\\'));
        for alignment in 0..3 {
            // Only the characters that depend on nothing but the secret: what surrounds it changes the others.
            let bytes: Vec<u8> = [0, 0].into_iter().take(alignment).chain(secret.bytes()).collect();
            let (from, to) = ([0, 2, 3][alignment], bytes.len() * 4 / 3);
            for alphabet in [b"+/", b"-_"] {
                if let Some(inner) = base64(&bytes, *alphabet).get(from..to).filter(|inner| inner.len() >= 8) {
                    self.add(inner);
                }
            }
        }
    }

    fn add(&mut self, pattern: &str) {
        self.keep(pattern.as_bytes());
    }

    fn keep(&mut self, pattern: &[u8]) {
        if pattern.len() < SHORTEST || self.size + pattern.len() > MOST || !self.patterns.insert(pattern.into()) {
            return;
        }
        self.size += pattern.len() + OVERHEAD;
        self.begins.resize(1024, 0);
        let begin = usize::from(pattern[0]) << 8 | usize::from(pattern[1]);
        self.begins[begin >> 6] |= 1 << (begin & 63);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The length of the longest secret that the bytes begin with.
    fn begins_with(&self, bytes: &[u8]) -> Option<usize> {
        let mut probe = bytes;
        loop {
            // Of all that sort before the bytes the last; if they do not begin with it, then at most with what both share.
            let pattern = self.patterns.range::<[u8], _>((Bound::Unbounded, Bound::Included(probe))).next_back()?;
            if probe.starts_with(pattern) {
                return Some(pattern.len());
            }
            let shared = pattern.iter().zip(probe).take_while(|(a, b)| a == b).count();
            if shared < SHORTEST {
                return None;
            }
            probe = &probe[..shared];
        }
    }

    /// Where the first secret stands: its place and length in bytes.
    fn find(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        bytes.get(from..)?.windows(2).enumerate().find_map(|(at, pair)| {
            let begin = usize::from(pair[0]) << 8 | usize::from(pair[1]);
            if self.begins[begin >> 6] & 1 << (begin & 63) == 0 {
                return None;
            }
            Some((from + at, self.begins_with(&bytes[from + at..])?))
        })
    }

    /// Whether a secret stands in the text.
    pub(crate) fn finds(&self, text: &str) -> bool {
        !self.is_empty() && self.find(text, 0).is_some()
    }

    /// The text without the secrets.
    pub(crate) fn clean(&self, text: &mut String) {
        if self.is_empty() {
            return;
        }
        let mut out = String::new();
        let mut from = 0;
        while let Some((at, length)) = self.find(text, from) {
            out.push_str(&text[from..at]);
            out.push_str(HIDDEN);
            from = at + length;
        }
        if from > 0 {
            out.push_str(&text[from..]);
            *text = out;
        }
    }

    /// The text without the secrets, as a new one.
    pub(crate) fn cleaned(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.clean(&mut text);
        text
    }
}

/// What is known of the whole plan, and what of the change at hand besides.
#[derive(Clone, Copy)]
pub(crate) struct Scrubs<'a> {
    pub(crate) plan: &'a Scrubber,
    pub(crate) change: &'a Scrubber,
}

impl Scrubs<'_> {
    pub(crate) fn finds(self, text: &str) -> bool {
        self.plan.finds(text) || self.change.finds(text)
    }

    pub(crate) fn cleaned(self, text: &str) -> String {
        let mut text = self.plan.cleaned(text);
        self.change.clean(&mut text);
        text
    }
}

/// Base64 without padding; `last` are its last two characters.
fn base64(bytes: &[u8], last: [u8; 2]) -> String {
    let digit = |value: u32| match value & 63 {
        value @ 0..26 => (b'A' + value as u8) as char,
        value @ 26..52 => (b'a' + (value - 26) as u8) as char,
        value @ 52..62 => (b'0' + (value - 52) as u8) as char,
        value => last[(value - 62) as usize] as char,
    };
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().chain([&0; 3]).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        out.extend([18, 12, 6, 0].into_iter().take(chunk.len() + 1).map(|shift| digit(bits >> shift)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_as_it_is_as_json_and_as_base64_wherever_it_begins() {
        let mut scrubber = Scrubber::default();
        scrubber.learn("s3cr\"et\nvalue-of-länge");
        let json = serde_json::Value::from("a s3cr\"et\nvalue-of-länge b").to_string();
        assert_eq!(scrubber.cleaned(&json), "\"a (hidden) b\"");
        for before in ["", "a", "ab", "abc", "abcd"] {
            for last in [*b"+/", *b"-_"] {
                let text = base64(format!("{before}s3cr\"et\nvalue-of-länge tail").as_bytes(), last);
                let cleaned = scrubber.cleaned(&text);
                assert!(cleaned.contains(HIDDEN), "{before}: {cleaned}");
                assert!(cleaned.len() < text.len() - 20, "{before}: {cleaned}");
            }
        }
    }

    #[test]
    fn text_without_secrets_stays_as_it_is() {
        let mut scrubber = Scrubber::default();
        scrubber.learn("short");
        assert!(scrubber.is_empty());
        scrubber.learn("hunter2-supersecret");
        assert_eq!(scrubber.cleaned("ünter hunter2-super"), "ünter hunter2-super");
        assert_eq!(scrubber.cleaned("=hunter2-supersecret="), "=(hidden)=");
        assert!(scrubber.finds("xhunter2-supersecret"));
    }

    #[test]
    fn of_secrets_that_begin_alike_the_longest_is_taken() {
        let mut scrubber = Scrubber::default();
        ["production", "production-a", "production-abc", "produce"].iter().for_each(|secret| scrubber.learn(secret));
        assert_eq!(
            scrubber.cleaned("production-ab production-abcd producer productio"),
            "(hidden)b (hidden)d (hidden)r productio"
        );
    }

    #[test]
    fn base64_is_the_one_of_rfc_4648() {
        assert_eq!(base64(b"foobar", *b"+/"), "Zm9vYmFy");
        assert_eq!(base64(b"fooba", *b"+/"), "Zm9vYmE");
        assert_eq!(base64(&[0xff, 0xfe, 0xfd], *b"-_"), "__79");
    }
}
