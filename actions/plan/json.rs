//! JSON ([RFC 8259](https://www.rfc-editor.org/rfc/rfc8259)) as a borrowed tree that keeps numbers as they were written,
//! and its canonical form.
//!
//! Terraform's numbers may be longer than any machine number, and two plans that differ in the twentieth digit are two
//! plans: nothing here ever becomes a float.

use std::borrow::Cow;

use anyhow::{Result, bail, ensure};

/// Nested deeper than this, a text is refused: our own functions recurse.
const DEPTH: usize = 128;

/// A JSON value. Members of objects are sorted by their key's bytes; of a key given twice the last counts.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// The number as it was written.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Self>),
    Object(Vec<(Cow<'a, str>, Self)>),
}

/// What an absent member is read as.
pub(super) static NULL: Value<'static> = Value::Null;

impl<'a> Value<'a> {
    /// A member, or null.
    pub(super) fn get(&self, key: &str) -> &Self {
        self.find(key).unwrap_or(&NULL)
    }

    /// A member, if there is one that is not null.
    pub(super) fn find(&self, key: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        let at = members.binary_search_by(|(name, _)| name.as_ref().cmp(key)).ok()?;
        members.get(at).map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// An element, or null.
    pub(super) fn at(&self, index: usize) -> &Self {
        self.elements().get(index).unwrap_or(&NULL)
    }

    pub(super) fn members(&self) -> &[(Cow<'a, str>, Self)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    pub(super) fn elements(&self) -> &[Self] {
        if let Self::Array(elements) = self { elements } else { &[] }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(super) fn is_true(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// Whether two values mean the same: numbers by value, and in objects null as absent.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b || number(a) == number(b),
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Self::Object(a), Self::Object(b)) => {
                a.iter().all(|(key, value)| value.same(other.get(key)))
                    && b.iter().all(|(key, value)| value.is_null() || self.find(key).is_some())
            }
            _ => false,
        }
    }

    /// Appends the canonical form: no white space, keys sorted by bytes, one way to write each number and string.
    pub(super) fn canonical(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(text) => out.push_str(&number(text)),
            Self::String(text) => string(text, out),
            Self::Array(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    element.canonical(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    string(key, out);
                    out.push(':');
                    value.canonical(out);
                }
                out.push('}');
            }
        }
    }
}

/// Reads one JSON text that is nothing but one value.
///
/// # Errors
/// No JSON, something after it, or nested too deep; with the place, never with the text.
pub(super) fn parse(text: &str) -> Result<Value<'_>> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let value = parser.value()?;
    parser.space();
    ensure!(parser.at == text.len(), "something follows the JSON value at byte {}", parser.at);
    Ok(value)
}

/// Appends a JSON string: `"` and `\` escaped, U+0000 to U+001F as `\b \t \n \f \r` or `\u00xx`, all else as it is.
pub(super) fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut from = 0;
    loop {
        let at = plain_end(text.as_bytes(), from);
        out.push_str(&text[from..at]);
        let Some(byte) = text.as_bytes().get(at) else { break };
        from = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            _ => out.push_str(&format!("\\u{byte:04x}")),
        }
    }
    out.push('"');
}

/// A number's one form: digits without leading zeros, a fraction without trailing ones, and an exponent only where the
/// plain form would need more than 40 digits of which some only hold a place. Exact at any length; `-0` is `0`.
pub(super) fn number(text: &str) -> Cow<'_, str> {
    let plain = |digits: &str| !digits.is_empty() && digits.len() <= 40 && digits.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if plain(unsigned) && (!unsigned.starts_with('0') || text == "0") {
        return Cow::Borrowed(text);
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // An exponent of more than nine digits is no number that anything computes with: left as it was written.
    let Some(exponent) = exponent.parse::<i64>().ok().filter(|exponent| exponent.abs() < 1_000_000_000) else {
        return Cow::Borrowed(text);
    };
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Cow::Borrowed("0");
    }
    let dropped = digits.len() - digits.trim_end_matches('0').len();
    let scale = exponent - fraction.len() as i64 + dropped as i64;
    let length = significant.len() as i64;
    Cow::Owned(if scale == 0 || (scale > 0 && length + scale <= 40) {
        format!("{sign}{significant}{}", "0".repeat(scale as usize))
    } else if scale < 0 && -scale < length {
        let (whole, fraction) = significant.split_at((length + scale) as usize);
        format!("{sign}{whole}.{fraction}")
    } else if scale < 0 && -scale <= 40 {
        format!("{sign}0.{}{significant}", "0".repeat((-scale - length) as usize))
    } else {
        format!("{sign}{significant}e{scale}")
    })
}

/// Where a string's plain text ends: at a quote, a backslash, a bare control character, or the end.
fn plain_end(bytes: &[u8], from: usize) -> usize {
    let rest = &bytes[from..];
    from + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>> {
        ensure!(self.text.as_bytes()[self.at..].starts_with(word.as_bytes()), "no JSON value at byte {}", self.at);
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self) -> Result<Value<'a>> {
        self.space();
        match self.peek() {
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => self.nested(Self::array),
            Some(b'{') => self.nested(Self::object),
            Some(_) => bail!("no JSON value at byte {}", self.at),
            None => bail!("the JSON text ends in the middle of a value"),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value<'a>>) -> Result<Value<'a>> {
        self.depth += 1;
        ensure!(self.depth <= DEPTH, "a value is nested deeper than {DEPTH} levels");
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// Whether a list goes on: reads the comma or the end.
    fn more(&mut self, first: bool, end: u8) -> Result<bool> {
        self.space();
        match self.peek() {
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            Some(_) if first => Ok(true),
            Some(_) => bail!("neither a comma nor an end at byte {}", self.at),
            None => bail!("the JSON text ends in the middle of a value"),
        }
    }

    fn array(&mut self) -> Result<Value<'a>> {
        let mut elements = Vec::new();
        while self.more(elements.is_empty(), b']')? {
            elements.push(self.value()?);
        }
        Ok(Value::Array(elements))
    }

    fn object(&mut self) -> Result<Value<'a>> {
        let mut members: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        while self.more(members.is_empty(), b'}')? {
            ensure!(self.peek() == Some(b'"'), "no key at byte {}", self.at);
            let key = self.string()?;
            self.space();
            ensure!(self.peek() == Some(b':'), "no colon at byte {}", self.at);
            self.at += 1;
            members.push((key, self.value()?));
        }
        if !members.is_sorted_by(|a, b| a.0 < b.0) {
            members.reverse();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            members.dedup_by(|later, earlier| later.0 == earlier.0);
        }
        Ok(Value::Object(members))
    }

    fn number(&mut self) -> Result<Value<'a>> {
        let from = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let text = &self.text[from..self.at];
        let mut rest = text.strip_prefix('-').unwrap_or(text);
        let mut digits = || {
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            rest = &rest[length..];
            (length, rest.as_bytes().first().copied())
        };
        let (length, mut next) = digits();
        let mut good = length > 0;
        if next == Some(b'.') {
            rest = &rest[1..];
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            rest = &rest[length..];
            next = rest.as_bytes().first().copied();
            good &= length > 0;
        }
        if matches!(next, Some(b'e' | b'E')) {
            rest = rest[1..].strip_prefix(['+', '-']).unwrap_or(&rest[1..]);
            good &= !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
            rest = "";
        }
        ensure!(good && rest.is_empty(), "no JSON number at byte {from}");
        Ok(Value::Number(text))
    }

    fn string(&mut self) -> Result<Cow<'a, str>> {
        self.at += 1;
        let from = self.at;
        let bytes = self.text.as_bytes();
        self.at = plain_end(bytes, from);
        if bytes.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[from..self.at - 1]));
        }
        let mut out = self.text[from..self.at].to_owned();
        loop {
            let from = self.at;
            self.at = plain_end(bytes, from);
            out.push_str(&self.text[from..self.at]);
            match (bytes.get(self.at), bytes.get(self.at + 1)) {
                (Some(b'"'), _) => {
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                (Some(b'\\'), Some(escape)) => {
                    self.at += 2;
                    out.push(match escape {
                        b'"' => '"',
                        b'\\' => '\\',
                        b'/' => '/',
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        b'u' => self.unicode()?,
                        _ => bail!("no JSON escape at byte {}", self.at),
                    });
                }
                (Some(_), _) => bail!("a control character stands bare in a string at byte {}", self.at),
                (None, _) => bail!("the JSON text ends in the middle of a string"),
            }
        }
    }

    /// The character of a `\u` escape; half a pair is U+FFFD.
    fn unicode(&mut self) -> Result<char> {
        let first = self.hex()?;
        if (0xd800..0xdc00).contains(&first) && self.text.as_bytes()[self.at..].starts_with(b"\\u") {
            let back = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(code) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            bail!("no four hexadecimal digits at byte {}", self.at);
        };
        self.at += 4;
        Ok(code)
    }
}
