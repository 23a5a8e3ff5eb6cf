//! Takes the values of some members out of a stream of JSON before anything reads it: `null` comes in their place. More than
//! half of a plan is what must not be read anyway, see [`super::read`], and looking for its end is much faster than parsing
//! it.

use std::io::{self, BufRead, Read};

/// The members of a plan that repeat its values, or hold some that nothing marks.
const MEMBERS: [&[u8]; 4] = [b"variables", b"planned_values", b"prior_state", b"configuration"];
const LONGEST: usize = 16;

/// A JSON object without the values of [`MEMBERS`].
pub(super) struct Skip<R> {
    from: R,
    depth: usize,
    string: Option<Text>,
    /// The last string on the outermost level, as far as it may be one of the members.
    key: Vec<u8>,
    /// The value that is being passed over.
    skipping: Option<Value>,
    /// What comes in its place.
    pending: &'static [u8],
}

/// Within a string: whether a backslash came last.
#[derive(Clone, Copy, Default)]
struct Text {
    escaped: bool,
}

/// A value that is being passed over.
#[derive(Default)]
struct Value {
    begun: bool,
    depth: usize,
    string: Option<Text>,
}

impl<R> Skip<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, depth: 0, string: None, key: Vec::new(), skipping: None, pending: b"" }
    }

    /// Looks at bytes that are passed on; gives how many, up to where something is to be skipped.
    fn pass(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if let Some(text) = &mut self.string {
                let from = at;
                let ended = text.end(bytes, &mut at);
                if self.depth == 1 {
                    let room = LONGEST.saturating_sub(self.key.len());
                    self.key.extend(bytes[from..at].iter().take(room));
                }
                if ended {
                    self.string = None;
                }
                continue;
            }
            match bytes[at] {
                b'"' => {
                    self.string = Some(Text::default());
                    self.key.clear();
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b':' if self.depth == 1 && self.key.strip_suffix(b"\"").is_some_and(|key| MEMBERS.contains(&key)) => {
                    self.key.clear();
                    self.skipping = Some(Value::default());
                    return at + 1;
                }
                _ => {}
            }
            at += 1;
        }
        at
    }
}

impl Text {
    /// Goes on to behind the string's end, or to the end of the bytes. Whether it ended.
    fn end(&mut self, bytes: &[u8], at: &mut usize) -> bool {
        while *at < bytes.len() {
            if std::mem::take(&mut self.escaped) {
                *at += 1;
                continue;
            }
            let rest = &bytes[*at..];
            let Some(found) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else {
                *at = bytes.len();
                return false;
            };
            *at += found + 1;
            if rest[found] == b'"' {
                return true;
            }
            self.escaped = true;
        }
        false
    }
}

impl Value {
    /// Passes over bytes of the value: how many, and whether it is over.
    fn pass(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < bytes.len() {
            if let Some(text) = &mut self.string {
                if text.end(bytes, &mut at) {
                    self.string = None;
                    if self.depth == 0 {
                        return (at, true);
                    }
                }
                continue;
            }
            match bytes[at] {
                b'"' => self.string = Some(Text::default()),
                b'{' | b'[' => self.depth += 1,
                b',' | b'}' | b']' if self.depth == 0 => return (at, true),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 && self.begun => return (at, true),
                b' ' | b'\t' | b'\r' | b'\n' => {
                    at += 1;
                    continue;
                }
                _ => {}
            }
            self.begun = true;
            at += 1;
        }
        (at, false)
    }
}

impl<R: BufRead> Read for Skip<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.pending.is_empty() || to.is_empty() {
                return self.pending.read(to);
            }
            let bytes = self.from.fill_buf()?;
            if bytes.is_empty() {
                return Ok(0);
            }
            if let Some(value) = &mut self.skipping {
                let (used, over) = value.pass(bytes);
                self.from.consume(used);
                if over {
                    self.skipping = None;
                    self.pending = b"null";
                }
                continue;
            }
            let most = bytes.len().min(to.len());
            to[..most].copy_from_slice(&bytes[..most]);
            let used = self.pass(&to[..most]);
            self.from.consume(used);
            return Ok(used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read in pieces of every size from one byte on.
    fn skipped(text: &str) -> String {
        let mut all = Vec::new();
        for (buffer, piece) in [(1, 1), (2, 3), (7, 2), (64, 64), (4_096, 4_096)] {
            let mut skip = Skip::new(io::BufReader::with_capacity(buffer, text.as_bytes()));
            let mut out = Vec::new();
            let mut to = vec![0; piece];
            loop {
                match skip.read(&mut to).expect("read") {
                    0 => break,
                    count => out.extend_from_slice(&to[..count]),
                }
            }
            all.push(String::from_utf8(out).expect("UTF-8"));
        }
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{all:?}");
        all.swap_remove(0)
    }

    #[test]
    fn plan_trap_19_members_with_unmarked_secrets_do_not_even_reach_the_parser() {
        for (text, left) in [
            (r#"{"variables":{"a":"}\"]"},"b":1}"#, r#"{"variables":null,"b":1}"#),
            (
                r#"{"b":{"variables":{"a":1}},"prior_state" : [ {"x":[1,"\\"]} ] }"#,
                r#"{"b":{"variables":{"a":1}},"prior_state" :null }"#,
            ),
            (r#"{"configuration":"a\"b","planned_values":-1.5e3}"#, r#"{"configuration":null,"planned_values":null}"#),
            ("{\"variables\": true\n,\"prior_state\":null}", "{\"variables\":null\n,\"prior_state\":null}"),
            (
                r#"{"a":"variables","b":[":"],"variables_too":{"a":1}}"#,
                r#"{"a":"variables","b":[":"],"variables_too":{"a":1}}"#,
            ),
            (r#"{"variables":{"a":"#, r#"{"variables":"#),
            (r#"{"variables":}"#, r#"{"variables":null}"#),
        ] {
            assert_eq!(skipped(text), left, "{text}");
        }
    }
}
