//! What scanners are told to ignore in the code itself, past the reviewed file: counted where it is new.

use std::collections::HashMap;

/// One such place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ignore {
    /// The file.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// Which mechanism it uses, in our words.
    pub what: &'static str,
    /// The line's text, trimmed. Untrusted.
    pub text: String,
}

/// Every place in a file's text where a scanner is told to ignore something.
#[must_use]
pub fn ignores(path: &str, text: &str) -> Vec<Ignore> {
    (1..).zip(text.lines()).filter_map(|(line, text)| ignore(path, line, text)).collect()
}

fn ignore(path: &str, line: u32, text: &str) -> Option<Ignore> {
    let what = what(path, text.trim())?;
    Some(Ignore { path: path.to_owned(), line, what, text: super::text::capped(text, 200) })
}

fn what(path: &str, text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return None;
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    let config = |what| (!text.starts_with('#')).then_some(what);
    let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match file {
        ".trivyignore" | ".trivyignore.yaml" | ".trivyignore.yml" => return config("Trivy's list of ignores"),
        "trivy.yaml" | "trivy-secret.yaml" => return config("Trivy's settings"),
        "audit.toml" if packed.contains("RUSTSEC-") || packed.starts_with("ignore=") => {
            return config("cargo-audit's list of ignores");
        }
        "Cargo.toml" if packed.contains("=\"allow\"") => return config("a lint that is allowed everywhere"),
        "clippy.toml" | ".clippy.toml" => return config("clippy's settings"),
        _ => {}
    }
    if path.contains(".tfsec/") {
        return config("tfsec's settings");
    }
    if packed.contains("tfsec:ignore:") {
        return Some("tfsec:ignore");
    }
    if packed.contains("trivy:ignore:") {
        return Some("trivy:ignore");
    }
    if !file.ends_with(".rs") || !packed.contains('[') && !packed.contains("allow(") && !packed.contains("expect(") {
        return None;
    }
    // Behind `//` it is no attribute; nor is a call such as `result.expect(…)`, for which there is no bracket.
    let code = packed.split("//").next().unwrap_or_default();
    let attribute = |name: &str| {
        code.match_indices(name).any(|(at, _)| {
            code[..at].ends_with("#[")
                || code[..at].ends_with("#![")
                || code[..at].ends_with(',') && code[..at].contains("cfg_attr(")
        })
    };
    match (attribute("allow("), attribute("expect(")) {
        (true, _) => Some("#[allow]"),
        (_, true) => Some("#[expect]"),
        _ => None,
    }
}

/// Those of the new texts of files that the old texts do not have, wherever: what only moved is not new. An item is a path
/// with the old and the new text, without which the file was not or is no more there.
#[must_use]
pub fn new_between<'t>(files: impl IntoIterator<Item = (&'t str, Option<&'t str>, Option<&'t str>)>) -> Vec<Ignore> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for (path, before, after) in files {
        old.extend(before.into_iter().flat_map(|text| ignores(path, text)));
        new.extend(after.into_iter().flat_map(|text| ignores(path, text)));
    }
    without(new, old)
}

/// The same, of a unified diff as `git diff` prints it.
#[must_use]
pub fn new_in_diff(diff: &str) -> Vec<Ignore> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    let (mut from, mut to) = (String::new(), String::new());
    // How many lines of the hunk are still to come, and the number of the next one.
    let (mut minus, mut plus, mut number) = (0_u32, 0_u32, 0_u32);
    for line in diff.lines() {
        if minus == 0 && plus == 0 {
            if let Some(name) = line.strip_prefix("--- ") {
                from = name_of(name);
            } else if let Some(name) = line.strip_prefix("+++ ") {
                to = name_of(name);
            } else if let Some((a, b)) = hunk(line) {
                (minus, plus, number) = (a.1, b.1, b.0);
            }
            continue;
        }
        match line.split_at_checked(1) {
            Some(("+", text)) => {
                new.extend(ignore(&to, number, text));
                (plus, number) = (plus.saturating_sub(1), number.saturating_add(1));
            }
            Some(("-", text)) => {
                old.extend(ignore(&from, 0, text));
                minus = minus.saturating_sub(1);
            }
            Some(("\\", _)) => {}
            _ => {
                (minus, plus, number) = (minus.saturating_sub(1), plus.saturating_sub(1), number.saturating_add(1));
            }
        }
    }
    without(new, old)
}

fn without(mut new: Vec<Ignore>, old: Vec<Ignore>) -> Vec<Ignore> {
    let mut had: HashMap<(&str, String), usize> = HashMap::new();
    for Ignore { what, text, .. } in old {
        *had.entry((what, text)).or_default() += 1;
    }
    new.retain(|ignore| match had.get_mut(&(ignore.what, ignore.text.clone())) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    new.sort();
    new
}

/// `a/path`, `"b/p\303\244th"` or `/dev/null`, without the prefix.
fn name_of(name: &str) -> String {
    let name = name.split('\t').next().unwrap_or_default().trim_matches('"');
    name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")).unwrap_or(name).to_owned()
}

/// First line and count of both sides of `@@ -1,2 +3,4 @@`.
fn hunk(line: &str) -> Option<((u32, u32), (u32, u32))> {
    let (ranges, _) = line.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let range = |range: &str| match range.split_once(',') {
        Some((first, count)) => Some((first.parse().ok()?, count.parse().ok()?)),
        None => Some((range.parse().ok()?, 1)),
    };
    Some((range(old)?, range(new)?))
}
