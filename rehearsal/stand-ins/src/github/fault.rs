//! What goes wrong when a test wants it to, and what happens just before a request is answered.

use super::Github;
use super::call::Reply;
use http::Method;
use serde_json::Value;

/// How a request fails.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This is the answer: status, headers, body. Nothing is done.
    Status(u16, Vec<(String, String)>, Value),
    /// The answer is that too much was asked lately, and that it may be asked again after so many seconds; nothing is
    /// done. <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>
    SecondaryRateLimit {
        /// What the header `retry-after` says, in seconds.
        retry_after: u64,
    },
    /// The hour's requests are used up until this time, in seconds since 1970; nothing is done.
    RateLimit {
        /// What the header `x-ratelimit-reset` says.
        reset: u64,
    },
    /// The connection is reset, and nothing is done.
    Reset,
    /// It is done, but instead of the answer the connection is reset.
    Lost,
    /// It is done, but only half of the answer's body arrives.
    HalfBody,
    /// Nothing is done and nothing comes, for as long as the client waits.
    Hang,
}

impl Fault {
    /// The answer that comes instead of the operation's own, if that is how it fails.
    pub(super) fn reply(&self) -> Option<Reply> {
        let limits = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";
        match self {
            Self::Status(status, headers, body) => {
                let reply = Reply::json(*status, body.clone());
                Some(headers.iter().fold(reply, |reply, (name, value)| reply.header(name, value)))
            }
            Self::SecondaryRateLimit { retry_after } => {
                let message =
                    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
                let documentation = format!("{limits}#about-secondary-rate-limits");
                Some(Reply::error(403, message, &documentation).header("retry-after", &retry_after.to_string()))
            }
            Self::RateLimit { reset } => {
                let reply = Reply::error(403, "API rate limit exceeded for installation.", limits);
                let reply = reply.header("x-ratelimit-limit", "1000").header("x-ratelimit-remaining", "0");
                Some(reply.header("x-ratelimit-reset", &reset.to_string()))
            }
            Self::Reset | Self::Lost | Self::HalfBody | Self::Hang => None,
        }
    }
}

/// What happens before a request is answered.
pub type Before = Box<dyn FnMut(&Github) + Send>;

/// Something for the next so many requests of a method below a path.
pub(super) struct Planned<T> {
    pub(super) method: Method,
    pub(super) prefix: String,
    pub(super) times: usize,
    pub(super) what: T,
}

/// The first that fits, one time less.
pub(super) fn take<T: Clone>(planned: &mut [Planned<T>], method: &Method, path: &str) -> Option<T> {
    let fits = |it: &&mut Planned<T>| it.times > 0 && it.method == *method && path.starts_with(&it.prefix);
    let planned = planned.iter_mut().find(fits)?;
    planned.times -= 1;
    Some(planned.what.clone())
}
