//! What a handler is given of a request, and what it gives back.

use super::identity::User;
use super::state::{About, Repository, Role};
use http::{HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// A query's parameters, decoded.
pub(super) type Query = BTreeMap<String, String>;

/// An answer, or the refusal that comes instead.
pub(super) type Outcome = Result<Reply, Reply>;

/// A request that is as described and allowed.
pub(super) struct Call<'a> {
    /// Whose token it carries.
    pub(super) user: &'a User,
    /// What the user may do here; a job's token has no role.
    pub(super) role: Option<Role>,
    /// Where the API is: `http://127.0.0.1:<port>`, and `/api/v3` behind it if the server is an Enterprise Server.
    pub(super) api: &'a str,
    /// The path below that, not decoded.
    pub(super) path: &'a str,
    pub(super) parameters: &'a BTreeMap<String, String>,
    pub(super) query: &'a Query,
    /// `null` without one.
    pub(super) body: &'a Value,
    pub(super) now: Timestamp,
    pub(super) ids: &'a AtomicU64,
}

impl Call<'_> {
    /// An id that nothing else has.
    pub(super) fn id(&self) -> u64 {
        next(self.ids)
    }

    /// The path's number of this name, which the description has checked.
    pub(super) fn number(&self, name: &str) -> u64 {
        self.parameters.get(name).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// The path's text of this name.
    pub(super) fn name(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// The query's text of this name, or what it is by default.
    pub(super) fn asked<'b>(&'b self, name: &str, default: &'b str) -> &'b str {
        self.query.get(name).map_or(default, String::as_str)
    }

    /// The body's text of this name.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.body[name].as_str().map(ToOwned::to_owned)
    }

    /// The body's time of this name.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        self.body[name].as_str()?.parse().ok()
    }

    /// The URL of something in a repository.
    pub(super) fn url(&self, about: &About, rest: &str) -> String {
        format!("{}/repos/{}{rest}", self.api, about.full_name())
    }

    /// Where people find something in a repository.
    pub(super) fn page_url(&self, about: &About, rest: &str) -> String {
        format!("{}/{}{rest}", self.web(), about.full_name())
    }

    /// Where people look: the server without the API's prefix.
    pub(super) fn web(&self) -> &str {
        self.api.strip_suffix(super::ENTERPRISE).unwrap_or(self.api)
    }

    /// One page of what there is, as the query wants it.
    pub(super) fn page<T>(&self, repository: &Repository, all: impl IntoIterator<Item = T>, size: usize) -> Page<T> {
        let number = |name| self.query.get(name).and_then(|text| text.parse().ok()).filter(|number| *number > 0);
        let (size, page) = (number("per_page").unwrap_or(size), number("page").unwrap_or(1));
        let all: Vec<T> = all.into_iter().collect();
        let (total, last) = (all.len(), all.len().div_ceil(size).max(1));
        let items = all.into_iter().skip((page - 1) * size).take(size).collect();
        // GitHub's links name the repository by its id.
        let below = self.path.splitn(5, '/').nth(4).map_or_else(String::new, |rest| format!("/{rest}"));
        let place = format!("{}/repositories/{}{below}", self.api, repository.about.id);
        let link = |page: usize, relation: &str| {
            let others = self.query.iter().filter(|(name, _)| name.as_str() != "page");
            let encoded = |text: &str| {
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
            };
            let others: String = others.map(|(name, value)| format!("{name}={}&", encoded(value))).collect();
            format!("<{place}?{others}page={page}>; rel=\"{relation}\"")
        };
        let mut links = Vec::new();
        if page > 1 {
            links.push(link((page - 1).min(last), "prev"));
        }
        if page < last {
            links.push(link(page + 1, "next"));
            links.push(link(last, "last"));
        }
        if page > 1 {
            links.push(link(1, "first"));
        }
        Page { items, total, links: links.join(", ") }
    }
}

/// The next of ascending ids.
pub(super) fn next(ids: &AtomicU64) -> u64 {
    ids.fetch_add(1, Ordering::Relaxed)
}

/// A page of a list.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// How many there are on all pages.
    pub(super) total: usize,
    links: String,
}

impl<T> Page<T> {
    /// The answer that is a list.
    pub(super) fn list(self, show: impl FnMut(T) -> Value) -> Reply {
        let Self { items, links, .. } = self;
        Reply::json(200, items.into_iter().map(show).collect()).linked(&links)
    }

    /// The answer that has the list in a member, beside how many there are.
    pub(super) fn counted(self, member: &str, show: impl FnMut(T) -> Value) -> Reply {
        let total = self.total;
        self.within(json!({ "total_count": total }), member, show)
    }

    /// The answer that has the list in a member, beside these.
    pub(super) fn within(self, mut others: Value, member: &str, show: impl FnMut(T) -> Value) -> Reply {
        let Self { items, links, .. } = self;
        others[member] = items.into_iter().map(show).collect();
        Reply::json(200, others).linked(&links)
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// `None` without one.
    pub(super) body: Option<Value>,
}

impl Reply {
    /// An answer with a body.
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self { body: Some(body), ..Self::empty(status) }
    }

    /// An answer without.
    pub(super) fn empty(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers: Vec::new(), body: None }
    }

    /// GitHub's plain error.
    pub(super) fn error(status: u16, message: &str, documentation: &str) -> Self {
        let documentation = if documentation.starts_with("https:") {
            documentation.to_owned()
        } else {
            format!("https://docs.github.com/rest{documentation}")
        };
        let body = json!({ "message": message, "documentation_url": documentation, "status": status.to_string() });
        Self::json(status, body)
    }

    /// What GitHub says of things that do not exist, or must not be known to exist.
    pub(super) fn not_found() -> Self {
        Self::error(404, "Not Found", "")
    }

    /// What GitHub says of members that are well-formed but not good.
    pub(super) fn invalid(errors: Value, documentation: &str) -> Self {
        let mut reply = Self::error(422, "Validation Failed", documentation);
        if let Some(body) = &mut reply.body {
            body["errors"] = errors;
        }
        reply
    }

    /// The same with a header more, unless name or value are none of HTTP's.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            self.headers.push((name, value));
        }
        self
    }

    fn linked(self, links: &str) -> Self {
        if links.is_empty() { self } else { self.header("link", links) }
    }
}
