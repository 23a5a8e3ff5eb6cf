//! Untrusted text in Markdown as GitHub renders it ([GFM](https://github.github.com/gfm/)): addresses, values and messages
//! stand in code spans, in `<code>` inside of HTML blocks, or in fences, and nowhere else. There neither HTML nor links,
//! mentions and issue references are made of them.

use std::fmt::Write as _;

/// Control characters, and all that is not seen or turns the order of what is: shown as `\u{…}`.
pub(crate) fn hostile(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// One line: what is [hostile], escaped; a line break as `\n`.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_plain(text, &mut out);
    out
}

pub(crate) fn push_plain(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if hostile(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

/// At most so many characters, the rest counted.
pub(crate) fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… ({} more characters)", &text[..at], text[at..].chars().count()),
    }
}

/// The longest run of a character.
fn run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

/// Markdown in a table's cell, in which bars stand in code spans alone.
///
/// Tables are cut into cells before spans are read (GFM 4.10): a bar needs its backslash even there. Behind another
/// backslash that one would be taken by the other, and the bar would cut.
pub(crate) fn in_cell(markdown: &str) -> String {
    markdown.replace("\\|", "\\\\u{7c}").replace('|', "\\|")
}

/// Markdown's code span, outside of tables.
pub(crate) fn span(text: &str) -> String {
    let text = plain(text);
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let ticks = "`".repeat(run(&text, '`') + 1);
    let space = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ', '\\']) { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// `<code>` for the inside of an HTML block, where Markdown is not read.
pub(crate) fn code(text: &str) -> String {
    let mut out = String::from("<code>");
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '`' => out.push_str("&#96;"),
            '|' => out.push_str("&#124;"),
            c => out.push(c),
        }
    }
    out.push_str("</code>");
    out
}

/// A fence longer than any run of backticks in the text, which may have several lines, each escaped already.
pub(crate) fn fence(text: &str, language: &str) -> String {
    let ticks = "`".repeat((run(text, '`') + 1).max(3));
    format!("{ticks}{language}\n{}\n{ticks}\n", text.trim_end_matches('\n'))
}

/// Takes workflow commands their meaning, should the text be printed to a job's log: `::` at a line's beginning and `##[`
/// anywhere ([commands](https://docs.github.com/actions/reference/workflow-commands-for-github-actions)).
pub(crate) fn defuse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let start = line.len() - line.trim_start().len();
        if line[start..].starts_with("::") {
            out.push_str(&line[..=start]);
            out.push('\u{200b}');
            out.push_str(&line[start + 1..].replace("##[", "#\u{200b}#["));
        } else {
            out.push_str(&line.replace("##[", "#\u{200b}#["));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_trap_01_a_fence_is_longer_than_any_run_in_it() {
        assert_eq!(fence("a ```` b", "diff"), "`````diff\na ```` b\n`````\n");
        assert_eq!(fence("~~~", ""), "```\n~~~\n```\n");
    }

    #[test]
    fn plan_trap_02_and_03_addresses_stay_in_their_code() {
        for key in ["@org/team", "a|b", "](http://evil)", "</details>", "<!-- x -->", "`", "``", "#12", "a\nb"] {
            let address = format!("aws_x.y[\"{key}\"]");
            let span = span(&address);
            let ticks = span.len() - span.trim_start_matches('`').len();
            assert!(run(span.trim_matches('`').trim(), '`') < ticks, "{span}");
            assert!(!span.contains('\n'));
            let code = code(&address);
            assert!(!code["<code>".len()..code.len() - "</code>".len()].contains(['<', '>', '\n', '`']), "{code}");
        }
    }

    #[test]
    fn plan_trap_04_a_cell_ends_at_no_bar_of_its_text() {
        assert_eq!(in_cell(&span("a|b")), "`a\\|b`");
        assert_eq!(in_cell(&span("a\\|b")), "`a\\\\u{7c}b`");
        // Elsewhere the backslash would be seen.
        assert_eq!(span("a|b"), "`a|b`");
    }

    #[test]
    fn plan_trap_05_what_is_not_seen_is_shown() {
        assert_eq!(plain("\u{1b}[31mx\u{202e}y\u{200b}"), "\\u{1b}[31mx\\u{202e}y\\u{200b}");
    }

    #[test]
    fn plan_trap_06_no_line_is_a_workflow_command() {
        for line in ["::error::x", "  ::add-mask::x", "a ##[group]x"] {
            let defused = defuse(line);
            assert!(!defused.trim_start().starts_with("::") && !defused.contains("##["), "{defused}");
        }
    }
}
