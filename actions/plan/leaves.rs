//! Each place where two values differ, by itself: what can be ignored, judged and compared with another plan's.

use sha2::{Digest, Sha256};

use super::{
    canonical::Key,
    diff::{self, Lines},
    json,
    shown::Shown,
};

/// Beyond so many places, whole attributes are told apart only.
pub(super) const PATHS: usize = 300;

/// One place where two values differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its path, such as `tags.owner`, `environment[0].variables["a b"]`. Untrusted.
    pub path: String,
    /// The difference as lines of a diff, what must not be seen hidden; empty if values are not to be shown.
    pub detail: Box<str>,
    /// Equal for equal values of this side: HMAC-SHA256 under the plan's key. Never printed.
    pub before: [u8; 32],
    /// As `before`, of the other side.
    pub after: [u8; 32],
    /// Whether the new value is known only after the apply.
    pub unknown: bool,
    /// Of drift: whether something that the plan changes depends on it.
    pub relevant: bool,
}

/// Two values at the path where they differ.
pub(super) type Pair<'s> = (String, &'s Shown, &'s Shown);

/// Where two values differ: objects by member, lists of one length by place, at most [`PATHS`].
pub(super) fn differing<'s>(before: &'s Shown, after: &'s Shown) -> Vec<Pair<'s>> {
    let mut found = Vec::new();
    differ(before, after, "", &mut found);
    found
}

fn differ<'s>(before: &'s Shown, after: &'s Shown, path: &str, found: &mut Vec<Pair<'s>>) {
    if before == after || found.len() >= PATHS {
        return;
    }
    match (before, after) {
        (Shown::Object(old), Shown::Object(new)) => {
            let mut names: Vec<&String> = old.iter().chain(new).map(|(name, _)| name).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                differ(before.get(name), after.get(name), &diff::join(path, name), found);
            }
        }
        (Shown::List(old), Shown::List(new)) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                differ(old, new, &format!("{path}[{at}]"), found);
            }
        }
        _ => found.push((path.to_owned(), before, after)),
    }
}

/// The leaves of these places, their differences in so many bytes.
pub(super) fn leaves(before: &Shown, after: &Shown, found: &[Pair<'_>], room: usize, key: &Key) -> Vec<Leaf> {
    let mut left = room;
    let mut leaf = |path: &str, before: &Shown, after: &Shown| {
        let mut lines = Lines::new(left, &[]);
        if room > 0 {
            diff::diff(before, after, path, &mut lines);
        }
        let detail = if room > 0 { lines.finish() } else { String::new() };
        left = left.saturating_sub(detail.len());
        Leaf {
            path: path.to_owned(),
            detail: detail.into_boxed_str(),
            before: key.seal_bytes(&mark(before)),
            after: key.seal_bytes(&mark(after)),
            unknown: *after == Shown::Unknown,
            relevant: false,
        }
    };
    if found.len() < PATHS {
        return found.iter().map(|(path, before, after)| leaf(path, before, after)).collect();
    }
    let names = diff::keys(before, after).filter(|name| before.get(name) != after.get(name));
    names.map(|name| leaf(&diff::join("", name), before.get(name), after.get(name))).collect()
}

/// The same for a value whether it is hidden or not: what one plan marks sensitive another may not.
fn mark(value: &Shown) -> [u8; 16] {
    let mut text = String::new();
    match value {
        Shown::Hidden(_, mark) => return *mark,
        Shown::Nothing => text.push_str("null"),
        Shown::Unknown => text.push('?'),
        Shown::Plain(plain) => text.push_str(plain),
        Shown::Text(inner) => json::string(inner, &mut text),
        // What it says, not how it is written: providers write policies anew.
        Shown::Json(inner, _) => text.push_str(&format!("json {}", hex::encode(mark(inner)))),
        Shown::List(elements) => {
            text.push('[');
            elements.iter().for_each(|element| text.push_str(&hex::encode(mark(element))));
        }
        Shown::Object(members) => {
            text.push('{');
            for (name, member) in members.iter().filter(|(_, member)| !member.nothing()) {
                json::string(name, &mut text);
                text.push_str(&hex::encode(mark(member)));
            }
        }
    }
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    short
}
