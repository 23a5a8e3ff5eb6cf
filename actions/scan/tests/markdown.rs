//! Looks at a comment as GitHub would, as far as breaking out goes: folds are balanced, and outside of code nothing is HTML but
//! ours, nobody is mentioned, and nothing is linked but the run, files of the repository, and those who explain rules.

/// What is wrong with a comment, or nothing.
pub(super) fn wrong(text: &str) -> Option<String> {
    let (mut folds, mut columns) = (0_i32, None);
    for (number, line) in text.lines().enumerate() {
        let at = |what: &str| Some(format!("line {}: {what}: {line:?}", number + 1));
        if line.trim_start().starts_with("::") || line.contains("##[") {
            return at("a workflow command");
        }
        if line.chars().any(|c| crate::markdown::hostile(c) && !"\u{200b}\u{fe0f}".contains(c)) {
            return at("a character that is not seen");
        }
        if line.starts_with("```") || line.starts_with("~~~") || line.starts_with("    ") {
            return at("a block of code");
        }
        let cells = line.starts_with('|').then(|| line.matches('|').count());
        if cells.is_some() && columns.is_some() && cells != columns {
            return at("a row with other cells than its table");
        }
        columns = cells;
        if number == 0 && crate::sticky::marker::parse("scan", line).is_some() {
            continue;
        }
        let bare = without_links(&without_spans(line));
        folds += bare.matches("<details>").count() as i32 - bare.matches("</details>").count() as i32;
        if !(0..=1).contains(&folds) {
            return at("folds in folds, or shut twice");
        }
        let ours = ["<details>", "</details>", "<summary>", "</summary>", "[!CAUTION]"];
        let bare = ours.iter().fold(bare, |bare, tag| bare.replace(tag, ""));
        if let Some(bad) = ["<", "@", "://", "[", "]", "`", "www.", "#1"].iter().find(|bad| bare.contains(**bad)) {
            return at(&format!("{bad} outside of code"));
        }
    }
    (folds != 0).then(|| "a fold is never shut".to_owned())
}

/// Links whose text is one code span, or `run`, and whose end is one that may be there.
fn without_links(bare: &str) -> String {
    let ends = [
        "https://github.com/example/calls/",
        "https://rustsec.org/",
        "https://avd.aquasec.com/",
        "https://aquasecurity.github.io/",
        "https://rust-lang.github.io/",
        "https://doc.rust-lang.org/",
        "https://nvd.nist.gov/",
        "https://registry.terraform.io/",
        "https://spdx.org/",
        "https://github.com/advisories/",
    ];
    let mut out = String::new();
    let mut rest = bare.replace("[run](", "[CODE](");
    while let Some((before, link)) = rest.split_once("[CODE](") {
        out.push_str(before);
        match link.split_once(')') {
            Some((url, after)) if ends.iter().any(|end| url.starts_with(end)) && !url.contains(' ') => {
                rest = after.to_owned()
            }
            _ => return bare.to_owned(),
        }
    }
    out + &rest
}

/// The line with `CODE` for each code span.
fn without_spans(line: &str) -> String {
    let run = |text: &str| text.len() - text.trim_start_matches('`').len();
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let ticks = run(&rest[start..]);
        let mut at = start + ticks;
        let end = loop {
            let Some(next) = rest[at..].find('`') else { break None };
            let length = run(&rest[at + next..]);
            at += next + length;
            if length == ticks {
                break Some(at);
            }
        };
        let Some(end) = end else { return out + rest };
        out.push_str(&rest[..start]);
        out.push_str("CODE");
        rest = &rest[end..];
    }
    out + rest
}
