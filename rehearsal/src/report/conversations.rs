//! Pull requests and issues as GitHub would show them.

use crate::github_page::{self, Conversation};
use anyhow::Result;
use maud::{Markup, html};

/// A fold for each.
pub(super) fn pages(conversations: Result<Vec<Conversation>>) -> Markup {
    html! {
        @match conversations {
            Ok(conversations) => @for conversation in &conversations {
                details {
                    summary { "#" (conversation.number) " " b { (conversation.title) } }
                    (github_page::page(conversation))
                }
            },
            Err(error) => p { span class="failed" { (format!("{error:#}")) } },
        }
    }
}
