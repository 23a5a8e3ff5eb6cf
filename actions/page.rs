//! A page of Markdown that knows how much fits on it. Untrusted text comes in only through [`Page::span`], [`Page::code`]
//! and [`Page::fence`], which take known secrets out of it first.

use crate::{
    markdown::{self, short},
    scrub::Scrubber,
};

/// GitHub's limit of a comment or an issue is 65,536 characters; we count UTF-16 units, of which there are never fewer, and
/// stay below. <https://github.com/orgs/community/discussions/41331>
pub const COMMENT: usize = 65_000;
/// GitHub's limit of a step summary is 1 MiB.
/// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions#step-isolation-and-limits>
pub const SUMMARY: usize = (1 << 20) - 4_096;
/// Less than this holds no headline and no footer.
pub(crate) const LEAST: usize = 4_000;

/// An address or a name is cut beyond so many characters.
const NAME: usize = 240;

/// How long a text is where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// UTF-16 units: never fewer than characters.
    Utf16,
    Bytes,
}

impl Measure {
    pub(crate) fn of(self, text: &str) -> usize {
        match self {
            Self::Utf16 => text.encode_utf16().count(),
            Self::Bytes => text.len(),
        }
    }
}

pub(crate) struct Page<'p> {
    pub(crate) text: String,
    size: usize,
    most: usize,
    measure: Measure,
    scrubber: &'p Scrubber,
}

impl<'p> Page<'p> {
    pub(crate) fn new(most: usize, measure: Measure, scrubber: &'p Scrubber) -> Self {
        Self { text: String::new(), size: 0, most, measure, scrubber }
    }

    /// How much still fits.
    pub(crate) fn room(&self) -> usize {
        self.most.saturating_sub(self.size)
    }

    /// A page of its own on this one, of at most so much.
    pub(crate) fn part(&self, most: usize) -> Self {
        Self::new(most.min(self.room()), self.measure, self.scrubber)
    }

    /// Keeps so much free for what comes at the end.
    pub(crate) fn keep_free(&mut self, text: &str) -> usize {
        let size = self.measure.of(text);
        self.most = self.most.saturating_sub(size);
        size
    }

    /// Gives back what was kept free.
    pub(crate) fn give_back(&mut self, size: usize) {
        self.most += size;
    }

    /// Appends a text whole, or not at all.
    pub(crate) fn push(&mut self, piece: &str) -> bool {
        let piece = markdown::defuse(piece);
        let size = self.measure.of(&piece);
        if size > self.room() {
            return false;
        }
        self.size += size;
        self.text.push_str(&piece);
        true
    }

    /// A name in Markdown.
    pub(crate) fn span(&self, name: &str) -> String {
        markdown::span(&short(&self.scrubber.cleaned(name), NAME))
    }

    /// A name in a table's cell.
    pub(crate) fn cell(&self, name: &str) -> String {
        markdown::in_cell(&self.span(name))
    }

    /// A message of any length up to some lines, in Markdown.
    pub(crate) fn message(&self, message: &str) -> String {
        markdown::span(&short(&self.scrubber.cleaned(message), 1_000))
    }

    /// A name inside of an HTML block.
    pub(crate) fn code(&self, name: &str) -> String {
        markdown::code(&short(&self.scrubber.cleaned(name), NAME))
    }

    /// Lines of a diff.
    pub(crate) fn fence(&self, lines: &str) -> String {
        self.fence_of(lines, "diff")
    }

    /// Lines of another language.
    pub(crate) fn fence_of(&self, lines: &str, language: &str) -> String {
        markdown::fence(&self.scrubber.cleaned(lines), language)
    }

    /// What Terraform complained of, of a quarter of the page at most. Where values are hidden only how often it did: a
    /// complaint may quote any of them.
    pub(crate) fn complaints(&mut self, errors: &[String], hide_values: bool) {
        if hide_values {
            let count = if errors.len() == 1 { "an error".to_owned() } else { format!("{} errors", errors.len()) };
            if !errors.is_empty() {
                self.push(&format!("Terraform told {count}, which the run's log shows.\n\n"));
            }
            return;
        }
        let mut part = self.part(self.room() / 4);
        for error in errors {
            let lines: Vec<String> = error.lines().map(markdown::plain).collect();
            part.push(&format!("{}\n", part.fence_of(&short(&lines.join("\n"), 2_000), "text")));
        }
        self.push(&part.text);
    }

    /// Names as a list in Markdown, the first few of them.
    pub(crate) fn names(&self, names: &[String], most: usize) -> String {
        let mut out = names.iter().take(most).map(|name| self.span(name)).collect::<Vec<_>>().join(", ");
        if names.len() > most {
            out.push_str(&format!(" and {} more", names.len() - most));
        }
        out
    }
}

/// A fold, shut.
pub(crate) fn fold(summary: &str, inside: &str) -> String {
    details("", summary, inside)
}

/// A fold, open.
pub(crate) fn unfolded(summary: &str, inside: &str) -> String {
    details(" open", summary, inside)
}

fn details(open: &str, summary: &str, inside: &str) -> String {
    let inside = inside.trim_end_matches('\n');
    format!("<details{open}><summary>{summary}</summary>\n\n{inside}\n\n</details>\n\n")
}
