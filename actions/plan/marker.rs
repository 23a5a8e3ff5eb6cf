//! The line by which a comment of ours is known, and which root its section is about:
//! `<!-- lockgate:plan root=terraform/environments/staging -->`. Who wrote the comment is asked besides: anybody can write
//! such a line.

const BEGIN: &str = "<!-- lockgate:plan root=";
const END: &str = " -->";

/// The marker of a root. Everything but letters, digits, `.`, `_`, `/` and single hyphens is written as `%XX`.
#[must_use]
pub fn line(root: &str) -> String {
    let mut out = String::from(BEGIN);
    for byte in root.bytes() {
        match byte {
            b'-' if out.ends_with('-') => out.push_str("%2D"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out.push_str(END);
    out
}

/// The root that a line marks. Only what [`line`] writes is a marker: nothing before it or after it, no other spelling.
#[must_use]
pub fn parse(text: &str) -> Option<String> {
    let inner = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(*first);
        }
    }
    let root = String::from_utf8(bytes).ok()?;
    (line(&root) == text).then_some(root)
}

/// The sections of a comment: each root with its text, which begins with its marker. Text before the first marker belongs
/// to nobody and is left out; none at all is no comment of ours.
#[must_use]
pub fn sections(body: &str) -> Vec<(String, &str)> {
    let mut found: Vec<(String, usize)> = Vec::new();
    let mut at = 0;
    for text in body.split_inclusive('\n') {
        if let Some(root) = parse(text.trim_end_matches(['\n', '\r'])) {
            found.push((root, at));
        }
        at += text.len();
    }
    let ends: Vec<usize> = found.iter().skip(1).map(|(_, at)| *at).chain([body.len()]).collect();
    found.into_iter().zip(ends).map(|((root, from), to)| (root, &body[from..to])).collect()
}

/// A comment in which a root's section is this one: the sections of other roots stay, in the order of their roots. `body` is
/// the comment as it is, or empty. Whoever renders a section sees to it that all together fit.
#[must_use]
pub fn with_section(body: &str, root: &str, section: &str) -> String {
    let mut all: Vec<(String, &str)> = sections(body).into_iter().filter(|(other, _)| other != root).collect();
    all.push((root.to_owned(), section));
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.iter().map(|(_, text)| text.trim_end()).collect::<Vec<_>>().join("\n\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_trap_08_a_marker_says_its_root_back_whatever_it_is() {
        for root in
            ["terraform/environments/staging", ".", "", "a--b-->", "ä b\n%41", "x\" -->\n<!-- lockgate:plan root=y"]
        {
            let line = line(root);
            assert_eq!(parse(&line).as_deref(), Some(root));
            assert_eq!(line.matches("-->").count(), 1, "{line}");
            assert!(!line.contains('\n'));
        }
    }

    #[test]
    fn plan_trap_08_nothing_else_is_a_marker() {
        for text in [
            "<!-- lockgate:plan root=a --> ",
            " <!-- lockgate:plan root=a -->",
            "<!-- lockgate:plan root=%61 -->",
            "<!-- lockgate:plan root=a b -->",
            "<!-- lockgate:plan root=a--b -->",
            "<!-- lockgate:plan root=%zz -->",
            "<!-- lockgate:plan root=%2d -->",
            "<!-- lockgate:scan root=a -->",
            "<!-- lockgate:plan root=%ff -->",
            "<!-- lockgate:plan root=%FF -->",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn sections_are_cut_at_their_markers() {
        let body = format!("hello\n{}\none\n{}\r\ntwo", line("a"), line("b/c"));
        let found = sections(&body);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], ("a".to_owned(), "<!-- lockgate:plan root=a -->\none\n"));
        assert_eq!(found[1].0, "b/c");
        assert!(sections("> <!-- lockgate:plan root=a -->\n").is_empty());
    }

    #[test]
    fn a_root_has_one_section_and_leaves_the_others_alone() {
        let section = |root: &str, text: &str| format!("{}\n{text}\n", line(root));
        let first = with_section("", "b", &section("b", "old"));
        let both = with_section(&first, "a", &section("a", "one"));
        let again = with_section(&both, "b", &section("b", "new"));
        assert_eq!(again, format!("{}\n{}", section("a", "one"), section("b", "new")));
        assert_eq!(with_section(&again, "b", &section("b", "new")), again);
    }
}
