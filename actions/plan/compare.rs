//! What differs between two plan records: what was approved and what would be done now.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::{
    diff::{self, Lines},
    guess,
    json::{self, Value},
    record::{FORMAT, digest_of},
    shown::{Shown, Why},
};
use crate::markdown;

/// Longer differences are cut, in bytes.
const TEXT: usize = 256 << 10;

/// The difference of two records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// So many changes only the second has.
    pub added: usize,
    /// So many only the first has.
    pub removed: usize,
    /// So many both have, but not the same.
    pub changed: usize,
    /// Lines of a diff, without anything that is to be hidden: `+` and `-` for what only one has, and below `#` and an
    /// address what differs. Untrusted text is escaped; for Markdown it needs a fence, see [`Comparison::fenced`].
    pub text: String,
    /// The same with names and actions only, for where values are not shown.
    pub names: String,
}

impl Comparison {
    /// Whether both intend the same.
    #[must_use]
    pub fn same(&self) -> bool {
        self.added + self.removed + self.changed == 0
    }

    /// The text as a Markdown block that nothing in it can break out of.
    #[must_use]
    pub fn fenced(&self) -> String {
        markdown::fence(&self.text, "diff")
    }
}

/// Compares two records as [`super::Recorder::write`] wrote them.
///
/// # Errors
/// One of them is no record, or its lines do not have the digest that it gives.
pub fn compare(first: impl Read, second: impl Read) -> Result<Comparison> {
    let mut first = lines(first).context("failed to read the first plan record")?;
    let mut second = lines(second).context("failed to read the second plan record")?;
    for (sha256, (count, _)) in &mut first {
        if let Some((other, _)) = second.get_mut(sha256) {
            let common = (*count).min(*other);
            *count -= common;
            *other -= common;
        }
    }
    first.retain(|_, (count, _)| *count > 0);
    second.retain(|_, (count, _)| *count > 0);
    let first = entries(&first)?;
    let second = entries(&second)?;
    let mut found = Comparison::default();
    let (mut out, mut short) = (Lines::new(TEXT, &[]), Lines::new(TEXT, &[]));
    let mut names: Vec<_> = first.keys().chain(second.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let title = markdown::short(&markdown::plain(&name.join(" ")), 300);
        let (sign, rest) = match (first.get(name), second.get(name)) {
            (Some(_), Some(_)) => ('#', String::new()),
            (None, Some(new)) => ('+', done(new)),
            (Some(old), None) => ('-', done(old)),
            (None, None) => continue,
        };
        [&mut out, &mut short].into_iter().for_each(|lines| lines.push(sign, &title, &rest));
        match (first.get(name), second.get(name)) {
            (Some(old), Some(new)) => {
                found.changed += 1;
                diff::diff(old, new, "", &mut out);
            }
            (None, _) => found.added += 1,
            (_, None) => found.removed += 1,
        }
    }
    found.text = markdown::defuse(&out.finish());
    found.names = markdown::defuse(&short.finish());
    Ok(found)
}

fn done(entry: &Shown) -> String {
    let mut out = String::from(": ");
    entry.get("actions").line(&mut out);
    out
}

/// A record's lines by their digests, with how often each is there.
type Counted = BTreeMap<[u8; 32], (usize, String)>;

fn lines(record: impl Read) -> Result<Counted> {
    let mut lines = BufReader::new(record).lines();
    let head = lines.next().context("it is empty")??;
    let head = json::parse(&head).context("its first line is no JSON")?;
    ensure!(
        head.get("format").text() == Some(FORMAT),
        "its first line does not say {FORMAT}: another Lockgate wrote it"
    );
    let mut found = Counted::new();
    let mut digests = Vec::new();
    for line in lines {
        let line = line?;
        let value = json::parse(&line).with_context(|| format!("line {} is no JSON", digests.len() + 2))?;
        let given = value.find("line").and(value.get("sha256").text());
        let sha256 = match given {
            Some(text) => {
                let mut sha256 = [0; 32];
                hex::decode_to_slice(text, &mut sha256)
                    .with_context(|| format!("line {} has no sha256", digests.len() + 2))?;
                sha256
            }
            None => Sha256::digest(line.as_bytes()).into(),
        };
        digests.push(sha256);
        found.entry(sha256).or_insert((0, line)).0 += 1;
    }
    let digest = digest_of(digests);
    if head.get("digest").text() != Some(&digest) {
        bail!("its lines have the digest {digest}, not the one it gives: it was changed or cut; plan again");
    }
    Ok(found)
}

/// What a line is about, and what it says.
fn entries(lines: &Counted) -> Result<BTreeMap<Vec<String>, Shown>> {
    let mut found = BTreeMap::new();
    for (_, line) in lines.values() {
        let value = json::parse(line)?;
        let line = value.find("line").unwrap_or(&value);
        let name = |field: &str| line.get(field).text().map(str::to_owned);
        let kind = name("kind").filter(|kind| kind != "resource");
        let name: Vec<String> =
            [kind, name("address").or(name("name")), name("deposed")].into_iter().flatten().collect();
        found.insert(name, tree(line, ""));
    }
    Ok(found)
}

/// A line's value as a tree that may be shown.
fn tree(value: &Value<'_>, key: &str) -> Shown {
    let seal = |why, text: &str| {
        let mut short = [0; 16];
        short.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
        Shown::Hidden(why, short)
    };
    match value {
        Value::Null => Shown::Nothing,
        Value::Bool(is) => Shown::Plain(is.to_string()),
        Value::Number(number) => Shown::Plain((*number).to_owned()),
        Value::String(text) if guess::shape(key, text) => seal(Why::Guessed, text),
        Value::String(text) => Shown::Text(text.to_string()),
        Value::Array(elements) => Shown::List(elements.iter().map(|element| tree(element, key)).collect()),
        Value::Object(_) if value.find("$hmac").is_some() => {
            let later = value.find("$unknown").map_or("", |_| "?");
            seal(Why::Marked, &format!("{}{later}", value.get("$hmac").text().unwrap_or_default()))
        }
        Value::Object(_) if value.find("$hidden").is_some() => {
            seal(Why::Guessed, value.get("$hidden").text().unwrap_or_default())
        }
        Value::Object(_) if value.find("$unknown").is_some() => Shown::Unknown,
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .map(|(key, value)| {
                    let name = key.strip_prefix('$').filter(|rest| rest.starts_with('$')).unwrap_or(key);
                    (name.to_owned(), tree(value, name))
                })
                .collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Shown::Object(members)
        }
    }
}
