//! Which parts of a value Terraform calls sensitive: `before_sensitive` and `after_sensitive`, each `true`, or an object
//! or list of the value's shape that is `true` where it is sensitive
//! ([format](https://developer.hashicorp.com/terraform/internals/json-format#change-representation)).
//!
//! Read for safety, not for beauty: what either side marks is marked on both; what is marked in one element of a list is
//! marked in all of them, because sets lose their order; and where marks and value differ in shape, the whole attribute
//! is marked.

use super::json::Value;

/// Marks on a value and its parts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    None,
    All,
    /// By key, sorted.
    Keys(Vec<(String, Self)>),
    /// On every element.
    Each(Box<Self>),
}

impl Mark {
    /// What a change marks in both of its sides.
    pub(super) fn of_change(change: &Value<'_>) -> Self {
        let mut both = Self::None;
        for (side, marks) in [("before", "before_sensitive"), ("after", "after_sensitive")] {
            both = both.merge(match change.find(marks) {
                Some(marks) => Self::read(marks),
                // Formats before 1.0 have no marks: nothing says that a value may be shown.
                None if change.find(side).is_some() => Self::All,
                None => Self::None,
            });
        }
        both.fitted(change.get("before"), change.get("after"))
    }

    pub(super) fn read(marks: &Value<'_>) -> Self {
        match marks {
            Value::Null | Value::Bool(false) => Self::None,
            Value::Bool(true) | Value::Number(_) | Value::String(_) => Self::All,
            Value::Array(elements) => match elements.iter().map(Self::read).fold(Self::None, Self::merge) {
                Self::None => Self::None,
                each => Self::Each(Box::new(each)),
            },
            Value::Object(members) => {
                let marked: Vec<_> = members
                    .iter()
                    .map(|(key, marks)| (key.to_string(), Self::read(marks)))
                    .filter(|(_, mark)| *mark != Self::None)
                    .collect();
                if marked.is_empty() { Self::None } else { Self::Keys(marked) }
            }
        }
    }

    pub(super) fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, mark) | (mark, Self::None) => mark,
            (Self::Each(a), Self::Each(b)) => Self::Each(Box::new(a.merge(*b))),
            (Self::Keys(mut a), Self::Keys(b)) => {
                for (key, mark) in b {
                    match a.binary_search_by(|(name, _)| name.cmp(&key)) {
                        Ok(at) => {
                            let old = std::mem::replace(&mut a[at].1, Self::None);
                            a[at].1 = old.merge(mark);
                        }
                        Err(at) => a.insert(at, (key, mark)),
                    }
                }
                Self::Keys(a)
            }
            _ => Self::All,
        }
    }

    /// The marks on a member of an object.
    pub(super) fn key(&self, key: &str) -> &Self {
        match self {
            Self::None => &Self::None,
            Self::Keys(marks) => {
                marks.binary_search_by(|(name, _)| name.as_str().cmp(key)).map_or(&Self::None, |at| &marks[at].1)
            }
            Self::All | Self::Each(_) => &Self::All,
        }
    }

    /// The marks on an element of a list.
    pub(super) fn element(&self) -> &Self {
        match self {
            Self::None => &Self::None,
            Self::Each(mark) => mark,
            Self::All | Self::Keys(_) => &Self::All,
        }
    }

    /// Marks the whole attribute where its marks have another shape than one of its values.
    fn fitted(self, before: &Value<'_>, after: &Value<'_>) -> Self {
        match self {
            Self::Keys(marks) if before.attributes() && after.attributes() => Self::Keys(
                marks
                    .into_iter()
                    .map(|(key, mark)| {
                        let fits = mark.fits(before.get(&key)) && mark.fits(after.get(&key));
                        (key, if fits { mark } else { Self::All })
                    })
                    .collect(),
            ),
            mark if mark.fits(before) && mark.fits(after) => mark,
            _ => Self::All,
        }
    }

    fn fits(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::None | Self::All, _) | (_, Value::Null) => true,
            (Self::Keys(marks), Value::Object(_)) => marks.iter().all(|(key, mark)| mark.fits(value.get(key))),
            (Self::Each(mark), Value::Array(elements)) => elements.iter().all(|element| mark.fits(element)),
            _ => false,
        }
    }
}

impl Value<'_> {
    fn attributes(&self) -> bool {
        matches!(self, Self::Object(_) | Self::Null)
    }
}

/// Calls back with every string and number that is marked in a value.
pub(super) fn marked(value: &Value<'_>, mark: &Mark, found: &mut impl FnMut(&str)) {
    if *mark == Mark::None {
        return;
    }
    match value {
        Value::String(text) if *mark == Mark::All => found(text),
        Value::Number(text) if *mark == Mark::All => found(text),
        Value::Array(elements) => elements.iter().for_each(|element| marked(element, mark.element(), found)),
        Value::Object(members) => members.iter().for_each(|(key, value)| marked(value, mark.key(key), found)),
        _ => {}
    }
}
