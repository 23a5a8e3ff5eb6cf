//! What of a value may be seen. A value becomes a tree that no longer holds what must be hidden, and everything that is
//! printed is printed from such a tree: what is not in it cannot get out.

use sha2::{Digest, Sha256};

use super::{
    guess,
    json::{self, Value},
    marks::Mark,
};
use crate::{markdown, scrub::Scrubs};

/// A string of this many levels of JSON in JSON is a string.
const NESTED: usize = 3;

/// A value without its secrets.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    /// Null or absent.
    Nothing,
    /// Known only after the apply.
    Unknown,
    /// A number or a boolean.
    Plain(String),
    Text(String),
    /// A string that holds JSON: what it says, and whether it was written the same.
    Json(Box<Self>, [u8; 16]),
    List(Vec<Self>),
    /// Sorted by key.
    Object(Vec<(String, Self)>),
    /// Not to be seen: why, and a mark by which equal ones are known.
    Hidden(Why, [u8; 16]),
}

/// Why a value is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Terraform marks it.
    Marked,
    /// Its name or shape.
    Guessed,
}

/// How values of one change are looked at.
pub(super) struct Eye<'a> {
    /// The resource's type.
    pub(super) kind: &'a str,
    /// The values known to be secret.
    pub(super) scrubber: Scrubs<'a>,
}

impl Eye<'_> {
    /// One side of a change. `unknown` is its `after_unknown`, or null.
    pub(super) fn look(&self, value: &Value<'_>, unknown: &Value<'_>, mark: &Mark) -> Shown {
        if let Value::Object(members) = value
            && *mark != Mark::All
        {
            return self.object(value, members, unknown, mark, true, 0);
        }
        self.see(value, unknown, mark, "", 0)
    }

    /// A value that stands alone under a name, such as an output.
    pub(super) fn alone(&self, name: &str, value: &Value<'_>, unknown: &Value<'_>, mark: &Mark) -> Shown {
        let plain = matches!(value, Value::Null | Value::Bool(_)) || *mark == Mark::All;
        if guess::name(name) && !plain {
            return Shown::Hidden(Why::Guessed, fingerprint(value, unknown));
        }
        self.see(value, unknown, mark, name, 0)
    }

    fn see(&self, value: &Value<'_>, unknown: &Value<'_>, mark: &Mark, key: &str, level: usize) -> Shown {
        if *mark == Mark::All {
            return match (value.is_null(), any(unknown)) {
                (true, false) => Shown::Nothing,
                _ => Shown::Hidden(Why::Marked, fingerprint(value, unknown)),
            };
        }
        if unknown.is_true() {
            return Shown::Unknown;
        }
        match value {
            Value::Null if any(unknown) => match unknown {
                Value::Object(_) => self.object(value, &[], unknown, mark, false, level),
                _ => Shown::Unknown,
            },
            Value::Null => Shown::Nothing,
            Value::Bool(is) => Shown::Plain(is.to_string()),
            Value::Number(number) => Shown::Plain(self.scrubber.cleaned(&json::number(number))),
            Value::String(text) => self.string(text, key, level),
            Value::Array(elements) => Shown::List(
                (0..elements.len().max(unknown.elements().len()))
                    .map(|at| self.see(value.at(at), unknown.at(at), mark.element(), key, level))
                    .collect(),
            ),
            Value::Object(members) => self.object(value, members, unknown, mark, false, level),
        }
    }

    fn object(
        &self,
        object: &Value<'_>,
        members: &[(std::borrow::Cow<'_, str>, Value<'_>)],
        unknown: &Value<'_>,
        mark: &Mark,
        top: bool,
        level: usize,
    ) -> Shown {
        let setting = guess::setting(object);
        let later = unknown.members().iter().filter(|(key, value)| any(value) && object.find(key).is_none());
        let mut shown: Vec<_> = members
            .iter()
            .filter(|(key, value)| !value.is_null() || !any(unknown.get(key)))
            .map(|(key, value)| (key, value))
            .chain(later.map(|(key, _)| (key, &json::NULL)))
            .map(|(key, value)| {
                let (mark, unknown) = (mark.key(key), unknown.get(key));
                let guessed =
                    guess::name(key) || (top && guess::attribute(self.kind, key)) || (setting && key == "value");
                let plain = matches!(value, Value::Null | Value::Bool(_));
                let shown = if guessed && !plain && *mark != Mark::All {
                    Shown::Hidden(Why::Guessed, fingerprint(value, unknown))
                } else {
                    self.see(value, unknown, mark, key, level)
                };
                (self.scrubber.cleaned(key), shown)
            })
            .collect();
        shown.sort_by(|a, b| a.0.cmp(&b.0));
        Shown::Object(shown)
    }

    fn string(&self, text: &str, key: &str, level: usize) -> Shown {
        let start = text.trim_start();
        if level < NESTED
            && start.len() > 2
            && start.starts_with(['{', '['])
            && let Ok(inner) = json::parse(text)
        {
            let inner = self.see(&inner, &json::NULL, &Mark::None, key, level + 1);
            return Shown::Json(Box::new(inner), fingerprint(&Value::String(text.into()), &json::NULL));
        }
        if guess::shape(key, text) {
            return Shown::Hidden(Why::Guessed, fingerprint(&Value::String(text.into()), &json::NULL));
        }
        Shown::Text(self.scrubber.cleaned(text))
    }
}

impl Shown {
    /// The member of an object, or nothing.
    pub(super) fn get(&self, key: &str) -> &Self {
        let members = self.members();
        members.binary_search_by(|(name, _)| name.as_str().cmp(key)).map_or(&Self::Nothing, |at| &members[at].1)
    }

    pub(super) fn members(&self) -> &[(String, Self)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    pub(super) fn nothing(&self) -> bool {
        *self == Self::Nothing
    }

    /// Appends the value on one line, as JSON with words for what is not known or hidden.
    pub(super) fn line(&self, out: &mut String) {
        match self {
            Self::Nothing => out.push_str("null"),
            Self::Unknown => out.push_str("(known after apply)"),
            Self::Plain(text) => markdown::push_plain(text, out),
            Self::Text(text) => {
                let mut quoted = String::with_capacity(text.len() + 2);
                json::string(text, &mut quoted);
                markdown::push_plain(&quoted, out);
            }
            Self::Json(inner, _) => {
                out.push_str("jsonencode(");
                inner.line(out);
                out.push(')');
            }
            Self::List(elements) => {
                out.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    element.line(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    Self::Text(key.clone()).line(out);
                    out.push_str(": ");
                    value.line(out);
                }
                out.push('}');
            }
            Self::Hidden(Why::Marked, _) => out.push_str("(sensitive value)"),
            Self::Hidden(Why::Guessed, _) => out.push_str("(hidden: looks like a secret)"),
        }
    }
}

/// Whether anything in it is unknown.
pub(super) fn any(unknown: &Value<'_>) -> bool {
    match unknown {
        Value::Bool(is) => *is,
        Value::Array(elements) => elements.iter().any(any),
        Value::Object(members) => members.iter().any(|(_, value)| any(value)),
        _ => false,
    }
}

/// Equal for equal values. Never printed.
fn fingerprint(value: &Value<'_>, unknown: &Value<'_>) -> [u8; 16] {
    let mut text = String::new();
    value.canonical(&mut text);
    if any(unknown) {
        text.push('?');
        unknown.canonical(&mut text);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    short
}
