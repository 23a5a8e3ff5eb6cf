//! Takes known secret values out of text, wherever they stand in it and in whichever form: as they are, escaped as JSON,
//! and as base64 in each of its three alignments.

use std::{collections::HashMap, fmt};

use super::{json, text};

/// Stands where a secret was.
pub(super) const HIDDEN: &str = "(hidden)";
/// Shorter values stand in too many words to be told apart.
const SHORTEST: usize = 6;
/// Patterns are found by their first bytes.
const HEAD: usize = 4;
/// So many bytes of patterns are kept at most; a plan with more secrets than that is full of them, not of text.
const MOST: usize = 8 << 20;

/// Known secrets, by their first bytes.
#[derive(Clone, Default)]
pub(super) struct Scrubber {
    patterns: HashMap<[u8; HEAD], Vec<Box<str>>>,
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
    /// Learns a value in all its forms, and, when it has several lines, each long line of it.
    pub(super) fn learn(&mut self, secret: &str) {
        self.forms(secret);
        if secret.contains('\n') {
            secret.lines().filter(|line| line.trim().len() >= 12).for_each(|line| self.forms(line.trim()));
        }
    }

    fn forms(&mut self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        self.add(secret);
        let mut escaped = String::new();
        json::string(secret, &mut escaped);
        self.add(escaped[1..escaped.len() - 1].trim_end_matches('\\'));
        // As they are printed: with what is not seen escaped.
        self.add(&text::plain(secret));
        self.add(text::plain(&escaped[1..escaped.len() - 1]).trim_end_matches('\\'));
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
        let Some(head) = pattern.as_bytes().first_chunk::<HEAD>().filter(|_| pattern.len() >= SHORTEST) else { return };
        let patterns = self.patterns.entry(*head).or_default();
        self.begins.resize(1024, 0);
        let begin = usize::from(head[0]) << 8 | usize::from(head[1]);
        self.begins[begin >> 6] |= 1 << (begin & 63);
        if self.size + pattern.len() < MOST && !patterns.iter().any(|known| **known == *pattern) {
            self.size += pattern.len() + 24;
            patterns.push(pattern.into());
            patterns.sort_unstable_by_key(|pattern| std::cmp::Reverse(pattern.len()));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Where the first secret stands: its place and length in bytes.
    fn find(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        (from..bytes.len().saturating_sub(HEAD - 1)).find_map(|at| {
            let begin = usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1]);
            if self.begins[begin >> 6] & 1 << (begin & 63) == 0 {
                return None;
            }
            let patterns = self.patterns.get(bytes[at..].first_chunk::<HEAD>()?)?;
            let found = patterns.iter().find(|pattern| bytes[at..].starts_with(pattern.as_bytes()))?;
            Some((at, found.len()))
        })
    }

    /// Whether a secret stands in the text.
    pub(super) fn finds(&self, text: &str) -> bool {
        !self.is_empty() && self.find(text, 0).is_some()
    }

    /// The text without the secrets.
    pub(super) fn clean(&self, text: &mut String) {
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
    pub(super) fn cleaned(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.clean(&mut text);
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
        let mut json = String::new();
        json::string("a s3cr\"et\nvalue-of-länge b", &mut json);
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
    fn base64_is_the_one_of_rfc_4648() {
        assert_eq!(base64(b"foobar", *b"+/"), "Zm9vYmFy");
        assert_eq!(base64(b"fooba", *b"+/"), "Zm9vYmE");
        assert_eq!(base64(&[0xff, 0xfe, 0xfd], *b"-_"), "__79");
    }
}
