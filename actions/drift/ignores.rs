//! `drift.toml` at the repository's root: drift that is known and accepted for a time. See `docs/drift.md`.

use anyhow::{Context, Result, bail, ensure};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;

/// An entry lasts at most so many days: a year, and one to spare.
const LONGEST: i32 = 366;
/// A text of an entry has at most so many characters.
const TEXT: usize = 500;

/// The entries of the file.
#[derive(Clone, Debug, Default)]
pub struct Ignores {
    /// In the file's order.
    pub entries: Vec<Ignore>,
}

/// One entry: what is ignored, why, by whose word, until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// The resource's address as the report shows it; `*` stands for any run of characters.
    pub address: String,
    /// The attribute's path as the report shows it, or one above it; `*` as in `address`. `*` alone hides whatever happens
    /// to the resource, its deletion too.
    pub attribute: String,
    /// Why it is accepted.
    pub reason: String,
    /// Who says so.
    pub owner: String,
    /// The last day (UTC) on which it holds.
    pub expires: Date,
    /// The environment in which it holds; all, if none is named.
    pub environment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    ignore: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    address: String,
    attribute: String,
    reason: String,
    owner: String,
    expires: toml::value::Datetime,
    environment: Option<String>,
}

impl Ignores {
    /// Reads the file's text.
    ///
    /// # Errors
    /// No TOML, a key that is not known or missing, an empty text, an address of stars alone, a day more than a year away,
    /// the same entry twice.
    pub fn read(text: &str, now: Timestamp) -> Result<Self> {
        let file: File = toml::from_str(text).context("failed to read drift.toml: see docs/drift.md for its form")?;
        let mut entries: Vec<Ignore> = Vec::new();
        for (at, entry) in file.ignore.into_iter().enumerate() {
            let entry = entry.checked(now).with_context(|| format!("failed to read drift.toml: entry {}", at + 1))?;
            let twice = entries.iter().position(|other| {
                (&other.address, &other.attribute, &other.environment)
                    == (&entry.address, &entry.attribute, &entry.environment)
            });
            if let Some(first) = twice {
                bail!("failed to read drift.toml: entry {} is entry {} again; remove one of them", at + 1, first + 1);
            }
            entries.push(entry);
        }
        Ok(Self { entries })
    }

    /// The entries for an environment.
    pub(super) fn of<'i>(&'i self, environment: &'i str) -> impl Iterator<Item = &'i Ignore> {
        self.entries.iter().filter(move |entry| entry.environment.as_deref().is_none_or(|name| name == environment))
    }
}

impl Entry {
    fn checked(self, now: Timestamp) -> Result<Ignore> {
        let texts = [&self.address, &self.attribute, &self.reason, &self.owner];
        for (name, text) in ["address", "attribute", "reason", "owner"].into_iter().zip(texts) {
            ensure!(!text.trim().is_empty(), "its {name} is empty; say it");
            ensure!(text.chars().count() <= TEXT, "its {name} is longer than {TEXT} characters; shorten it");
        }
        ensure!(
            self.address.contains(|c: char| c != '*'),
            "its address is of stars alone, which would hide all drift; name the resource"
        );
        let expires = match (self.expires.date, self.expires.time, self.expires.offset) {
            (Some(day), None, None) => {
                let (year, month, day) = (i16::try_from(day.year), i8::try_from(day.month), i8::try_from(day.day));
                Date::new(year.unwrap_or(0), month.unwrap_or(0), day.unwrap_or(0)).context("its expires is no day")?
            }
            _ => bail!("its expires is no day; write one without time and quotes: expires = 2027-01-31"),
        };
        let latest = today(now).saturating_add(jiff::Span::new().days(LONGEST));
        ensure!(
            expires <= latest,
            "it expires on {expires}, more than {LONGEST} days away; take {latest} or earlier, and renew it then"
        );
        let Self { address, attribute, reason, owner, environment, .. } = self;
        Ok(Ignore { address, attribute, reason, owner, expires, environment })
    }
}

impl Ignore {
    /// Whether its last day is over.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires < today(now)
    }

    /// Whether it is about this place; `None` is the resource as a whole.
    pub(super) fn matches(&self, address: &str, path: Option<&str>) -> bool {
        let attribute = || match path {
            None => self.attribute == "*",
            Some(path) => ancestors(path).any(|path| glob(&self.attribute, path)),
        };
        glob(&self.address, address) && attribute()
    }
}

fn today(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// A path and all those above it.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.char_indices().filter(|(_, c)| ['.', '[', ':'].contains(c)).map(|(at, _)| at);
    ends.chain([path.len()]).map(|end| &path[..end])
}

/// Whether a pattern is the whole text, `*` being any run of characters, an empty one too.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
