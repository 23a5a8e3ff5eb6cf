//! `cargo clippy --message-format=json`: a [message of cargo](https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages)
//! a line, with a [diagnostic of rustc](https://doc.rust-lang.org/rustc/json.html) in it.

use std::collections::HashSet;

use serde::Deserialize;

use super::{NotScanned, Report, nullable, text, without_ansi};
use crate::scan::{
    files::Roots,
    finding::{Finding, Kind, Part, Place, Tool},
    severity::Severity,
    text::{MOST_MESSAGE, MOST_NAME, capped, url},
};

#[derive(Deserialize)]
struct Line {
    reason: String,
    #[serde(default)]
    success: Option<bool>,
    #[serde(default)]
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    message: String,
    #[serde(default)]
    code: Option<Code>,
    #[serde(default)]
    level: String,
    #[serde(default, deserialize_with = "nullable")]
    spans: Vec<Span>,
    #[serde(default, deserialize_with = "nullable")]
    children: Vec<Child>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Child {
    #[serde(default)]
    message: String,
    #[serde(default)]
    level: String,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u32,
    line_end: u32,
    column_start: u32,
    column_end: u32,
    is_primary: bool,
    #[serde(default)]
    expansion: Option<Expansion>,
}

/// The macro that a span lies in, and where it was called.
#[derive(Deserialize)]
struct Expansion {
    span: Box<Span>,
}

const COMPILES: &str = "see the log for the compiler's errors; run clippy with --keep-going and with warnings that do not \
                        fail (-- --cap-lints warn), so that all crates are looked at";

/// Reads a report.
///
/// # Errors
/// If there is none. If the build failed or the report ends too early, what was found until then is in the report, with
/// the rest as [`Report::not_scanned`].
pub fn read(bytes: &[u8], roots: &Roots) -> Result<Report, NotScanned> {
    let tool = Tool::Clippy;
    let bytes = text(bytes);
    let mut report = Report::new(tool, [Part::Lints]);
    let (mut finished, mut messages, mut torn) = (None, 0_usize, 0_usize);
    // The same diagnostic comes once for a library and once for its tests.
    let mut seen = HashSet::new();
    for line in bytes.split(|b| *b == b'\n') {
        let line = line.trim_ascii();
        if !line.starts_with(b"{") {
            continue;
        }
        let Ok(line) = serde_json::from_slice::<Line>(line) else {
            torn += 1;
            continue;
        };
        messages += 1;
        match (line.reason.as_str(), line.message) {
            ("build-finished", _) => finished = line.success,
            ("compiler-message", Some(message)) => {
                if let Some(finding) = finding(&message, roots)
                    && seen.insert((finding.id.clone(), finding.title.clone(), finding.place.clone()))
                {
                    report.findings.push(finding);
                }
            }
            _ => {}
        }
    }
    if messages == 0 {
        let why = if bytes.trim_ascii().is_empty() { "it printed nothing" } else { "it printed no message of cargo" };
        return Err(NotScanned::all(tool, why, super::AGAIN));
    }
    let gap = match finished {
        _ if torn > 0 => Some((format!("{torn} lines of its report cannot be read"), super::AGAIN)),
        None => Some(("its report ends before the build does".to_owned(), super::AGAIN)),
        Some(false) => Some(("the code does not build, so some of it was not looked at".to_owned(), COMPILES)),
        Some(true) => None,
    };
    if let Some((why, next)) = gap {
        report.scanned.clear();
        report.not_scanned.push(NotScanned::all(tool, why, next));
    }
    Ok(report)
}

fn finding(message: &Message, roots: &Roots) -> Option<Finding> {
    // Without a code it is a summary such as "3 warnings emitted", or an error that the end of the build tells anyway.
    let rule = message.code.as_ref().map(|code| code.code.as_str()).filter(|code| !code.is_empty())?;
    let mut finding = Finding::new(Tool::Clippy, rule, Kind::Lint, Severity::of_level(&message.level));
    finding.title = capped(&without_ansi(&message.message), MOST_NAME);
    const MORE: &str = "for further information visit ";
    let help: Vec<&Child> = message.children.iter().filter(|child| child.level == "help").collect();
    finding.url = help.iter().find_map(|child| url(child.message.strip_prefix(MORE)?.trim()));
    let advice: Vec<String> = help
        .iter()
        .filter(|child| !child.message.starts_with(MORE))
        .map(|child| without_ansi(&child.message))
        .collect();
    finding.message = capped(&advice.join("; "), MOST_MESSAGE);
    finding.place = place(&message.spans, roots);
    Some(finding)
}

/// The first primary span; if that is a macro of somebody else's, where that macro was called from here.
fn place(spans: &[Span], roots: &Roots) -> Place {
    let Some(mut span) = spans.iter().find(|span| span.is_primary) else {
        // Some lints are about a whole crate.
        return Place { path: "Cargo.toml".to_owned(), inside: true, ..Place::default() };
    };
    let mut relative = roots.relative(&span.file_name);
    while let (false, Some(expansion)) = (relative.1 && !span.file_name.starts_with('<'), &span.expansion) {
        span = &expansion.span;
        relative = roots.relative(&span.file_name);
    }
    let (path, inside) = relative;
    let inside = inside && !span.file_name.starts_with('<');
    let lines = super::tfsec::lines(span.line_start, span.line_end);
    let columns = (span.column_start > 0 && lines.is_some()).then(|| {
        (span.column_start, span.column_end.max(if span.line_end > span.line_start { 1 } else { span.column_start }))
    });
    Place { path, inside, lines, columns }
}
