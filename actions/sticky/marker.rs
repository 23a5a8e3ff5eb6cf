//! The line by which a comment of ours is known, with the action that wrote it and what it is about:
//! `<!-- lockgate:plan of=terraform/environments/staging -->`. Who wrote the comment is asked besides: anybody can write
//! such a line.

const END: &str = " -->";

fn begin(action: &str) -> String {
    format!("<!-- lockgate:{action} of=")
}

/// The marker of an action and its subject, such as a root's folder. Everything in the subject but letters, digits, `.`,
/// `_`, `/` and single hyphens is written as `%XX`.
#[must_use]
pub fn line(action: &str, subject: &str) -> String {
    let mut out = begin(action);
    for byte in subject.bytes() {
        match byte {
            b'-' if out.ends_with('-') => out.push_str("%2D"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out.push_str(END);
    out
}

/// The subject that a line marks for the action. Only what [`line`] writes is a marker: nothing before it or after it, no
/// other spelling.
#[must_use]
pub fn parse(action: &str, text: &str) -> Option<String> {
    let inner = text.strip_prefix(&begin(action))?.strip_suffix(END)?;
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
    let subject = String::from_utf8(bytes).ok()?;
    (line(action, &subject) == text).then_some(subject)
}

/// The sections of a comment: each subject with its text, which begins with its marker. Text before the first marker belongs
/// to nobody and is left out; none at all is no comment of ours.
#[must_use]
pub fn sections<'a>(action: &str, body: &'a str) -> Vec<(String, &'a str)> {
    let mut found: Vec<(String, usize)> = Vec::new();
    let mut at = 0;
    for text in body.split_inclusive('\n') {
        if let Some(subject) = parse(action, text.trim_end_matches(['\n', '\r'])) {
            found.push((subject, at));
        }
        at += text.len();
    }
    let ends: Vec<usize> = found.iter().skip(1).map(|(_, at)| *at).chain([body.len()]).collect();
    found.into_iter().zip(ends).map(|((subject, from), to)| (subject, &body[from..to])).collect()
}

/// A comment in which a subject's section is this one: the others stay, in the order of their subjects. `body` is
/// the comment as it is, or empty. Whoever renders a section sees to it that all together fit.
#[must_use]
pub fn with_section(action: &str, body: &str, subject: &str, section: &str) -> String {
    let mut all: Vec<(String, &str)> =
        sections(action, body).into_iter().filter(|(other, _)| other != subject).collect();
    all.push((subject.to_owned(), section));
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.iter().map(|(_, text)| text.trim_end()).collect::<Vec<_>>().join("\n\n") + "\n"
}

/// The comment without the folds of its sections, to make room for another one. Each section that loses some says so.
#[must_use]
pub fn without_folds(action: &str, body: &str) -> String {
    let slim = |(_, section): (String, &str)| {
        let (mut out, mut fence, mut folded, mut lost) = (String::new(), None, false, false);
        for line in section.split_inclusive('\n') {
            let ticks = line.len() - line.trim_start_matches('`').len();
            match fence {
                None if ticks >= 3 => fence = Some(ticks),
                Some(open) if ticks >= open && line[ticks..].trim().is_empty() => fence = None,
                None if line.starts_with("<details") => {
                    (folded, lost) = (true, true);
                    // A heading of folds alone has nothing below it.
                    let kept = out.trim_end();
                    if kept.lines().last().is_some_and(|last| last.starts_with("### ")) {
                        out.truncate(kept.rfind('\n').map_or(0, |end| end + 1));
                    }
                }
                _ => {}
            }
            if !folded {
                out.push_str(line);
            }
            folded &= !(fence.is_none() && line.starts_with("</details>"));
        }
        let out = out.trim_end();
        if lost {
            format!("{out}\n\nDifferences are left out here: the run's summary shows them.")
        } else {
            out.to_owned()
        }
    };
    sections(action, body).into_iter().map(slim).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_trap_08_a_marker_says_its_root_back_whatever_it_is() {
        for root in
            ["terraform/environments/staging", ".", "", "a--b-->", "ä b\n%41", "x\" -->\n<!-- lockgate:plan of=y"]
        {
            let line = line("plan", root);
            assert_eq!(parse("plan", &line).as_deref(), Some(root));
            assert_eq!(line.matches("-->").count(), 1, "{line}");
            assert!(!line.contains('\n'));
        }
    }

    #[test]
    fn plan_trap_08_nothing_else_is_a_marker() {
        for text in [
            "<!-- lockgate:plan of=a --> ",
            " <!-- lockgate:plan of=a -->",
            "<!-- lockgate:plan of=%61 -->",
            "<!-- lockgate:plan of=a b -->",
            "<!-- lockgate:plan of=a--b -->",
            "<!-- lockgate:plan of=%zz -->",
            "<!-- lockgate:plan of=%2d -->",
            "<!-- lockgate:scan root=a -->",
            "<!-- lockgate:plan of=%ff -->",
            "<!-- lockgate:plan of=%FF -->",
        ] {
            assert_eq!(parse("plan", text), None, "{text}");
        }
    }

    #[test]
    fn sections_are_cut_at_their_markers() {
        let body = format!("hello\n{}\none\n{}\r\ntwo", line("plan", "a"), line("plan", "b/c"));
        let found = sections("plan", &body);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], ("a".to_owned(), "<!-- lockgate:plan of=a -->\none\n"));
        assert_eq!(found[1].0, "b/c");
        assert!(sections("plan", "> <!-- lockgate:plan of=a -->\n").is_empty());
    }

    #[test]
    fn a_subject_has_one_section_and_leaves_the_others_alone() {
        let section = |root: &str, text: &str| format!("{}\n{text}\n", line("plan", root));
        let first = with_section("plan", "", "b", &section("b", "old"));
        let both = with_section("plan", &first, "a", &section("a", "one"));
        let again = with_section("plan", &both, "b", &section("b", "new"));
        assert_eq!(again, format!("{}\n{}", section("a", "one"), section("b", "new")));
        assert_eq!(with_section("plan", &again, "b", &section("b", "new")), again);
    }

    #[test]
    fn a_section_gives_up_its_folds_and_says_so() {
        let fold = |open: &str| {
            format!("<details{open}><summary>x</summary>\n\n```diff\n+ </details>\n</details>\n```\n\n</details>\n")
        };
        let folds = format!("### Differences\n\n{}\n{}", fold(" open"), fold(""));
        let body = format!("{}\nhead\n{folds}foot\n{}\nplain\n", line("plan", "a"), line("plan", "b"));
        assert_eq!(
            without_folds("plan", &body),
            format!(
                "{}\nhead\n\nfoot\n\nDifferences are left out here: the run's summary shows them.\n\n{}\nplain",
                line("plan", "a"),
                line("plan", "b")
            )
        );
    }
}
