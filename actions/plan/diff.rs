//! The difference of two values as lines of a diff: one line by path and leaf, nested blocks, policies and other JSON in
//! strings by their paths too.

use super::shown::Shown;
use crate::markdown;

/// A value longer than this is cut, in characters.
const VALUE: usize = 1_500;
/// Lists longer than this are compared place by place: finding what moved takes the square of it.
const LIST: usize = 400;

/// Collects lines up to a size.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) text: String,
    /// So many bytes are kept.
    most: usize,
    /// So many lines were not.
    left_out: usize,
    /// Paths whose change forces a replacement.
    forced: Vec<String>,
}

impl Lines {
    pub(super) fn new(most: usize, forced: &[String]) -> Self {
        Self { most, forced: forced.to_vec(), ..Self::default() }
    }

    pub(super) fn push(&mut self, sign: char, path: &str, rest: &str) {
        if self.text.len() + path.len() + rest.len() > self.most {
            self.left_out += 1;
            return;
        }
        self.text.push(sign);
        self.text.push(' ');
        self.text.push_str(path);
        self.text.push_str(rest);
        if self.forced.iter().any(|forced| path.strip_prefix(forced.as_str()).is_some_and(ends_name)) {
            self.text.push_str("  # forces replacement");
        }
        self.text.push('\n');
    }

    pub(super) fn finish(mut self) -> String {
        if self.left_out > 0 {
            self.text.push_str(&format!("# {} more lines are too long to be shown\n", self.left_out));
        }
        self.text
    }
}

fn ends_name(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['.', '[', ' '])
}

/// Appends what differs between two values.
pub(super) fn diff(before: &Shown, after: &Shown, path: &str, lines: &mut Lines) {
    if before == after {
        return;
    }
    match (before, after) {
        (Shown::Object(_), Shown::Object(_)) => {
            for key in keys(before, after) {
                diff(before.get(key), after.get(key), &join(path, key), lines);
            }
        }
        (Shown::List(old), Shown::List(new)) => list(old, new, path, lines),
        (Shown::Json(old, _), Shown::Json(new, _)) => {
            if old == new {
                lines.push('!', path, " (only white space or the order of keys in its JSON)");
            }
            diff(old, new, &format!("{path}:"), lines);
        }
        (Shown::Nothing, new) => whole('+', new, path, lines),
        (old, Shown::Nothing) => whole('-', old, path, lines),
        (Shown::Text(old), Shown::Text(new)) if old.contains('\n') || new.contains('\n') => {
            multiline(old, new, path, lines);
        }
        (Shown::Hidden(..), Shown::Hidden(..)) => {
            let mut rest = String::from(" = ");
            after.line(&mut rest);
            rest.push_str(", changed");
            lines.push('!', path, &rest);
        }
        _ => lines.push('!', path, &format!(" = {} -> {}", cut(before), cut(after))),
    }
}

/// Appends all leaves of a value that only one side has.
fn whole(sign: char, value: &Shown, path: &str, lines: &mut Lines) {
    match value {
        Shown::Nothing => {}
        Shown::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                whole(sign, value, &join(path, key), lines);
            }
        }
        Shown::List(elements)
            if elements.iter().any(|element| matches!(element, Shown::Object(_) | Shown::List(_))) =>
        {
            for (at, element) in elements.iter().enumerate() {
                whole(sign, element, &format!("{path}[{at}]"), lines);
            }
        }
        Shown::Json(inner, _) if matches!(&**inner, Shown::Object(_) | Shown::List(_)) => {
            whole(sign, inner, &format!("{path}:"), lines);
        }
        Shown::Text(text) if text.contains('\n') => {
            lines.push(sign, path, " = (text)");
            for line in text.lines() {
                lines.push(sign, "", &format!("  | {}", markdown::short(&markdown::plain(line), VALUE)));
            }
        }
        value => lines.push(sign, path, &format!(" = {}", cut(value))),
    }
}

/// Elements that are equal in both are paired first, in order; what is left over is paired by place.
fn list(old: &[Shown], new: &[Shown], path: &str, lines: &mut Lines) {
    let mut old_left: Vec<usize> = (0..old.len()).collect();
    let mut new_left: Vec<usize> = (0..new.len()).collect();
    if old.len().max(new.len()) <= LIST {
        new_left.retain(|at| match old_left.iter().position(|other| old[*other] == new[*at]) {
            Some(found) => {
                old_left.remove(found);
                false
            }
            None => true,
        });
    }
    if old_left.is_empty() && new_left.is_empty() {
        lines.push('!', path, " (only the order of its elements)");
        return;
    }
    for pair in 0..old_left.len().max(new_left.len()) {
        match (old_left.get(pair), new_left.get(pair)) {
            (Some(from), Some(to)) => diff(&old[*from], &new[*to], &format!("{path}[{to}]"), lines),
            (Some(from), None) => element('-', &old[*from], &format!("{path}[{from}]"), lines),
            (None, Some(to)) => element('+', &new[*to], &format!("{path}[{to}]"), lines),
            (None, None) => {}
        }
    }
}

/// An element that came or went, even when it is null.
fn element(sign: char, value: &Shown, path: &str, lines: &mut Lines) {
    if value.nothing() {
        lines.push(sign, path, " = null");
    } else {
        whole(sign, value, path, lines);
    }
}

/// Texts of several lines: what is equal at both ends is left away.
fn multiline(old: &str, new: &str, path: &str, lines: &mut Lines) {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    lines.push('!', path, &format!(" = (text, changed from line {})", head + 1));
    for line in &old[head..old.len() - tail] {
        lines.push('-', "", &format!("  | {}", markdown::short(&markdown::plain(line), VALUE)));
    }
    for line in &new[head..new.len() - tail] {
        lines.push('+', "", &format!("  | {}", markdown::short(&markdown::plain(line), VALUE)));
    }
}

fn cut(value: &Shown) -> String {
    let mut line = String::new();
    value.line(&mut line);
    if line.len() > VALUE { markdown::short(&line, VALUE) } else { line }
}

/// The names of the members in which two objects differ.
pub(super) fn names(before: &Shown, after: &Shown) -> Vec<String> {
    keys(before, after).filter(|key| before.get(key) != after.get(key)).map(markdown::plain).collect()
}

pub(super) fn keys<'s>(before: &'s Shown, after: &'s Shown) -> impl Iterator<Item = &'s str> {
    let (mut old, mut new) = (before.members().iter().peekable(), after.members().iter().peekable());
    std::iter::from_fn(move || {
        let (a, b) = (old.peek().map(|(key, _)| key.as_str()), new.peek().map(|(key, _)| key.as_str()));
        match (a, b) {
            (Some(a), Some(b)) if a == b => {
                old.next();
                new.next();
                Some(a)
            }
            (Some(a), Some(b)) if a < b => {
                old.next();
                Some(a)
            }
            (Some(a), None) => {
                old.next();
                Some(a)
            }
            (_, Some(b)) => {
                new.next();
                Some(b)
            }
            (None, None) => None,
        }
    })
}

/// A path and a key: a name after a dot, anything else in brackets.
pub(super) fn join(path: &str, key: &str) -> String {
    let mut out = path.to_owned();
    let name = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if name {
        if !path.is_empty() && !path.ends_with(':') {
            out.push('.');
        } else if path.ends_with(':') {
            out.push(' ');
        }
        out.push_str(key);
    } else {
        out.push('[');
        Shown::Text(key.to_owned()).line(&mut out);
        out.push(']');
    }
    out
}
