//! A pull request's or an issue's page, drawn as GitHub draws it: for the report and for the pictures in `docs/`.
//!
//! It is for people's eyes. What is checked of a comment is checked on its Markdown.

mod markdown;

pub use markdown::markdown;

use maud::{Markup, html};

/// The style of [`page`], which touches nothing outside of `.github-page`; light and dark as the reader's system is.
pub const CSS: &str = include_str!("github_page.css");

/// Raised when [`page`] or [`markdown`] draws something differently, so that pictures are taken again.
pub const VERSION: u32 = 1;

/// What a page shows.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// Its title.
    pub title: String,
    /// Its number in the repository.
    pub number: u64,
    /// The login of who opened it.
    pub author: String,
    /// What it was opened with, in Markdown. `None` leaves that box out, as in a picture of one comment.
    pub body: Option<String>,
    /// Where it stands.
    pub state: State,
    /// What was said, oldest first.
    pub comments: Vec<Said>,
    /// The checks of its last commit: the name, and whether it passed.
    pub checks: Vec<(String, bool)>,
}

/// Where a pull request or an issue stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing was decided yet.
    #[default]
    Open,
    /// Its commits were taken.
    Merged,
    /// It ended without that.
    Closed,
}

/// A comment.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// The login of who wrote it. GitHub shows one that ends in `[bot]` without that, and with a badge.
    pub author: String,
    /// Its Markdown.
    pub body: String,
    /// What it said before each edit, oldest first.
    pub earlier: Vec<String>,
}

/// Draws the page as a fragment that stands inside another page, which also brings [`CSS`].
pub fn page(conversation: &Conversation) -> Markup {
    let Conversation { title, number, author, body, state, comments, checks } = conversation;
    let (class, word) = match state {
        State::Open => ("open", "Open"),
        State::Merged => ("merged", "Merged"),
        State::Closed => ("closed", "Closed"),
    };
    let opening = body.as_ref().map(|body| Said { author: author.clone(), body: body.clone(), ..Said::default() });
    html! {
        div class="github-page" {
            h1 { (title) " " small { "#" (number) } }
            p class="standing" { b class={ "state " (class) } { (word) } " opened by " b { (name(author).0) } }
            @for comment in opening.iter().chain(comments) { (said(comment)) }
            @if !checks.is_empty() { (ended(checks)) }
        }
    }
}

fn said(said: &Said) -> Markup {
    let (name, bot) = name(&said.author);
    html! {
        div class="said" {
            i class="avatar" style={ "background:hsl(" (hue(name)) " 45% 45%)" } aria-hidden="true" { (initials(name)) }
            div class="box" {
                p class="by" {
                    b { (name) }
                    @if bot { " " b class="bot" { "bot" } }
                    " commented"
                    @if !said.earlier.is_empty() { " · edited" }
                }
                @if !said.earlier.is_empty() {
                    details class="earlier" {
                        summary { (format!("What it said before ({})", said.earlier.len())) }
                        @for body in &said.earlier { div class="markdown" { (markdown(body)) } }
                    }
                }
                div class="markdown" {
                    @if said.body.trim().is_empty() { p { em { "No description provided." } } } @else { (markdown(&said.body)) }
                }
            }
        }
    }
}

fn ended(checks: &[(String, bool)]) -> Markup {
    let failing = checks.iter().filter(|(_, passed)| !passed).count();
    html! {
        div class="checks" {
            p class={ "sum " (if failing == 0 { "good" } else { "bad" }) } {
                b { (if failing == 0 { "All checks have passed" } else { "Some checks were not successful" }) }
                br;
                (format!("{failing} failing, {} successful", checks.len() - failing))
            }
            ul {
                @for (name, passed) in checks {
                    li { b class=(if *passed { "good" } else { "bad" }) { (if *passed { "✓" } else { "✗" }) } " " (name) }
                }
            }
        }
    }
}

/// A login as it is shown, and whether it is an app's.
fn name(login: &str) -> (&str, bool) {
    login.strip_suffix("[bot]").map_or((login, false), |name| (name, true))
}

/// The first letters of a name's first two words.
fn initials(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric());
    words.filter_map(|word| word.chars().next()).take(2).flat_map(char::to_uppercase).collect()
}

/// A colour's angle, the same for a name every time.
fn hue(name: &str) -> u32 {
    name.bytes().fold(7, |hue: u32, byte| (hue * 31 + u32::from(byte)) % 360)
}

#[cfg(test)]
mod tests {
    use super::{Conversation, Said, State, page};

    fn conversation() -> Conversation {
        Conversation {
            title: "Give ingest <more> memory".into(),
            number: 12,
            author: "ada".into(),
            body: Some(String::new()),
            state: State::Merged,
            comments: vec![Said {
                author: "github-actions[bot]".into(),
                body: "## Plan\n\n</div></div></div><b>kept".into(),
                earlier: vec!["## Planning".into()],
            }],
            checks: vec![("plan".into(), true), ("scan".into(), false)],
        }
    }

    #[test]
    fn a_page_shows_who_said_what_and_where_it_stands() {
        let page = page(&conversation()).into_string();
        for shown in [
            "Give ingest &lt;more&gt; memory <small>#12</small>",
            "state merged",
            "No description provided.",
            "<b>github-actions</b> <b class=\"bot\">bot</b> commented · edited",
            "What it said before (1)",
            "<h2>Planning</h2>",
            ">GA</i>",
            "<h2>Plan</h2>",
            "1 failing, 1 successful",
            "✓</b> plan",
            "✗</b> scan",
        ] {
            assert!(page.contains(shown), "{shown} is not in {page}");
        }
        assert!(!page.contains("[bot]"), "{page}");
    }

    #[test]
    fn a_comment_does_not_leave_its_box() {
        let page = page(&conversation()).into_string();
        assert_eq!(page.matches("<div").count(), page.matches("</div>").count(), "{page}");
        let (_, after) = page.split_once("<b>kept").unwrap_or_default();
        assert!(after.trim_start().starts_with("</b></div></div></div><div class=\"checks\">"), "{after}");
    }
}
