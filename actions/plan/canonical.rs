//! A change as one line of canonical JSON, as `docs/plan-digest.md` specifies it: what will be done, nothing of what is.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{
    guess,
    json::{self, Value},
    marks::Mark,
    shown::any,
};
use crate::scrub::Scrubs;

/// The key of the sensitive values' digests.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    /// Any bytes, none too.
    pub(super) fn new(bytes: &[u8]) -> Self {
        // NOTE: HMAC takes keys of every length; the error is the type's, not ours.
        Self(Hmac::new_from_slice(bytes).unwrap_or_else(|_| Hmac::new(&[0; 64].into())))
    }

    /// HMAC-SHA256 of these bytes.
    pub(super) fn seal_bytes(&self, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }

    /// HMAC-SHA256 of a value's canonical form, as lower-case hexadecimal digits.
    fn seal(&self, value: &Value<'_>) -> String {
        let mut text = String::new();
        value.canonical(&mut text);
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

/// What of a change's value is its intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Every known leaf of `after` that is not null.
    Whole,
    /// Where `after` differs from `before`.
    Changed,
    /// Nothing: the address says it all.
    Identity,
}

/// A line and its SHA-256.
pub(super) struct Line {
    pub(super) sha256: [u8; 32],
    /// What it is about: see [`name`].
    pub(super) name: [u8; 4],
    /// What the record keeps: the line itself, or, if it holds something that looks like a secret, the line without it
    /// and the digest of the whole.
    pub(super) record: Option<String>,
}

/// Builds lines.
pub(super) struct Writer<'a> {
    pub(super) key: &'a Key,
    /// The values known to be secret.
    pub(super) scrubber: Scrubs<'a>,
    /// Whether the record is wanted, or the digest alone.
    pub(super) record: bool,
}

/// A field of a line.
pub(super) enum Field<'v> {
    Text(&'v str),
    Raw(&'v Value<'v>),
    /// A value of which nothing says whether it may be seen.
    Sealed(&'v Value<'v>),
    /// A change's value after the apply.
    After(&'v Value<'v>, &'v Mark, Part),
}

impl Writer<'_> {
    /// The line of the fields, which come sorted by name. `kind` is the resource's type.
    pub(super) fn line(&self, fields: &[(&str, Field<'_>)], kind: &str) -> Line {
        let encode = |hide| {
            let mut encoder = Encoder { key: self.key, hide, hidden: 0, out: String::with_capacity(2_048) };
            encoder.fields(fields);
            (encoder.out, encoder.hidden)
        };
        let digest = |text: &str| Sha256::digest(text.as_bytes()).into();
        let field = |wanted: &str| {
            let found = fields.iter().find(|(name, _)| *name == wanted);
            found.and_then(|(_, field)| if let Field::Text(text) = field { Some(*text) } else { None })
        };
        let name = name(field("kind"), field("address").or(field("name")), field("deposed"));
        if !self.record {
            return Line { sha256: digest(&encode(None).0), name, record: None };
        }
        let (safe, hidden) = encode(Some((self.scrubber, kind)));
        if hidden == 0 {
            return Line { sha256: digest(&safe), name, record: Some(safe) };
        }
        let sha256: [u8; 32] = digest(&encode(None).0);
        let record = format!("{{\"line\":{safe},\"sha256\":\"{}\"}}", hex::encode(sha256));
        Line { sha256, name, record: Some(record) }
    }
}

/// A short name of what a line is about, in which nothing can be read: its kind, its address (or an output's name) and the
/// key of a deposed object.
pub(super) fn name(kind: Option<&str>, address: Option<&str>, deposed: Option<&str>) -> [u8; 4] {
    let parts = [kind, address, deposed].map(Option::unwrap_or_default);
    let digest = Sha256::digest(parts.join("\0"));
    [digest[0], digest[1], digest[2], digest[3]]
}

struct Encoder<'a> {
    key: &'a Key,
    /// What else is hidden, for the record: known values, and by names and shapes.
    hide: Option<(Scrubs<'a>, &'a str)>,
    hidden: usize,
    out: String,
}

impl Encoder<'_> {
    fn fields(&mut self, fields: &[(&str, Field<'_>)]) {
        self.out.push('{');
        let mut comma = false;
        for (name, field) in fields {
            if matches!(field, Field::After(_, _, Part::Identity)) {
                continue;
            }
            if comma {
                self.out.push(',');
            }
            comma = true;
            json::string(name, &mut self.out);
            self.out.push(':');
            match field {
                Field::Text(text) => self.string(text, ""),
                Field::Raw(value) => self.whole(value, &json::NULL, &Mark::None, "", false),
                Field::Sealed(value) => self.sealed(value, &json::NULL),
                Field::After(change, mark, Part::Changed) => {
                    let (before, after) = (change.get("before"), change.get("after"));
                    self.changed(before, after, change.get("after_unknown"), mark, true);
                }
                Field::After(change, mark, _) => {
                    self.whole(change.get("after"), change.get("after_unknown"), mark, "", true);
                }
            }
        }
        self.out.push('}');
    }

    fn string(&mut self, text: &str, key: &str) {
        if let Some((scrubber, _)) = self.hide
            && (guess::shape(key, text) || scrubber.finds(text) || in_json(text))
        {
            self.hidden += 1;
            let seal = self.key.seal(&Value::String(text.into()));
            return self.tag("$hidden", &seal);
        }
        json::string(text, &mut self.out);
    }

    fn tag(&mut self, name: &str, seal: &str) {
        self.out.push_str("{\"");
        self.out.push_str(name);
        self.out.push_str("\":\"");
        self.out.push_str(seal);
        self.out.push_str("\"}");
    }

    fn unknown(&mut self) {
        self.out.push_str("{\"$unknown\":true}");
    }

    /// A key, with one more `$` before one: what we add begins with it.
    fn name(&mut self, key: &str, comma: &mut bool) {
        if std::mem::replace(comma, true) {
            self.out.push(',');
        }
        let mut key = Cow::Borrowed(key);
        if let Some((scrubber, _)) = self.hide
            && scrubber.finds(&key)
        {
            self.hidden += 1;
            key = Cow::Owned(scrubber.cleaned(&key));
        }
        if key.starts_with('$') {
            key = Cow::Owned(format!("${key}"));
        }
        json::string(&key, &mut self.out);
        self.out.push(':');
    }

    /// A value that Terraform marks sensitive.
    fn sealed(&mut self, value: &Value<'_>, unknown: &Value<'_>) {
        match (value.is_null(), any(unknown)) {
            (true, false) => self.out.push_str("null"),
            (true, true) => self.unknown(),
            (false, later) => {
                let seal = self.key.seal(value);
                self.tag("$hmac", &seal);
                if later {
                    self.out.pop();
                    self.out.push_str(",\"$unknown\":true}");
                }
            }
        }
    }

    /// A value whole: members that are null are left out, and if `known`, unknown ones too.
    fn whole(&mut self, value: &Value<'_>, unknown: &Value<'_>, mark: &Mark, key: &str, known: bool) {
        if *mark == Mark::All {
            return self.sealed(value, if known { &json::NULL } else { unknown });
        }
        if unknown.is_true() {
            return self.unknown();
        }
        match value {
            Value::String(text) => self.string(text, key),
            Value::Array(elements) => {
                self.out.push('[');
                for (at, element) in elements.iter().enumerate() {
                    if at > 0 {
                        self.out.push(',');
                    }
                    self.whole(element, unknown.at(at), mark.element(), key, known);
                }
                self.out.push(']');
            }
            Value::Object(members) => {
                let setting = self.hide.is_some() && guess::setting(value);
                self.out.push('{');
                let mut comma = false;
                let mut later = unknown.members().iter().filter(|_| !known).peekable();
                for (name, member) in members {
                    while let Some((name, _)) = later.next_if(|(other, _)| other < name) {
                        self.unknown_member(value, name, unknown, &mut comma);
                    }
                    later.next_if(|(other, _)| other == name);
                    let unknown = unknown.get(name);
                    let absent =
                        if known { member.is_null() || unknown.is_true() } else { member.is_null() && !any(unknown) };
                    if absent {
                        continue;
                    }
                    self.name(name, &mut comma);
                    let mark = mark.key(name);
                    if self.guessed(name, member, mark) || (setting && name == "value" && *mark != Mark::All) {
                        self.hidden += 1;
                        let seal = self.key.seal(member);
                        self.tag("$hidden", &seal);
                    } else if member.is_null() {
                        self.unknown();
                    } else {
                        self.whole(member, unknown, mark, name, known);
                    }
                }
                for (name, _) in later {
                    self.unknown_member(value, name, unknown, &mut comma);
                }
                self.out.push('}');
            }
            scalar => match self.hide {
                Some((scrubber, _)) if matches!(scalar, Value::Number(text) if scrubber.finds(text)) => {
                    self.hidden += 1;
                    let seal = self.key.seal(scalar);
                    self.tag("$hidden", &seal);
                }
                _ => scalar.canonical(&mut self.out),
            },
        }
    }

    fn unknown_member(&mut self, value: &Value<'_>, name: &str, unknown: &Value<'_>, comma: &mut bool) {
        if value.find(name).is_none() && any(unknown.get(name)) {
            self.name(name, comma);
            self.unknown();
        }
    }

    fn guessed(&self, name: &str, value: &Value<'_>, mark: &Mark) -> bool {
        let Some((_, kind)) = self.hide else { return false };
        !matches!(value, Value::Null | Value::Bool(_))
            && *mark != Mark::All
            && (guess::name(name) || guess::attribute(kind, name))
    }

    /// What differs: objects member by member, everything else whole.
    fn changed(&mut self, before: &Value<'_>, after: &Value<'_>, unknown: &Value<'_>, mark: &Mark, top: bool) {
        if *mark == Mark::All {
            return self.sealed(after, unknown);
        }
        let (Value::Object(_) | Value::Null, Value::Object(_) | Value::Null) = (before, after) else {
            return self.whole(after, unknown, mark, "", false);
        };
        if !top && (before.is_null() || after.is_null()) {
            return if after.is_null() && any(unknown) {
                self.unknown()
            } else {
                self.whole(after, unknown, mark, "", false)
            };
        }
        let mut names: Vec<&str> =
            [before, after, unknown].iter().flat_map(|side| side.members()).map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        names.dedup();
        self.out.push('{');
        let mut comma = false;
        for name in names {
            let (before, after, unknown, mark) = (before.get(name), after.get(name), unknown.get(name), mark.key(name));
            if !any(unknown) && before.same(after) {
                continue;
            }
            self.name(name, &mut comma);
            if !unknown.is_true() && self.guessed(name, after, mark) {
                self.hidden += 1;
                let seal = self.key.seal(after);
                self.tag("$hidden", &seal);
            } else if *mark != Mark::All && unknown.is_true() {
                self.unknown();
            } else if matches!((before, after), (Value::Object(_), Value::Object(_))) {
                self.changed(before, after, unknown, mark, false);
            } else if after.is_null() && any(unknown) {
                self.unknown();
            } else if let (Value::String(text), false) = (after, *mark == Mark::All) {
                self.string(text, name);
            } else {
                self.whole(after, unknown, mark, name, false);
            }
        }
        self.out.push('}');
    }
}

/// Whether a string holds JSON in which something looks like a secret.
fn in_json(text: &str) -> bool {
    fn inside(value: &Value<'_>, key: &str) -> bool {
        match value {
            Value::String(text) => guess::shape(key, text) || in_json(text),
            Value::Array(elements) => elements.iter().any(|element| inside(element, key)),
            Value::Object(members) => {
                guess::setting(value)
                    || members.iter().any(|(key, value)| {
                        (guess::name(key) && !matches!(value, Value::Null | Value::Bool(_))) || inside(value, key)
                    })
            }
            _ => false,
        }
    }
    text.trim_start().starts_with(['{', '[']) && json::parse(text).is_ok_and(|value| inside(&value, ""))
}
