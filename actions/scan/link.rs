//! Links to a line of a file as GitHub shows it, and paths as URIs.

use std::fmt::Write as _;

use super::finding::Place;

/// Where files are to be seen: server, repository and commit.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// Such as `https://github.com`.
    pub server: String,
    /// `owner/name`.
    pub repository: String,
    /// The commit that was scanned.
    pub commit: String,
}

impl Links {
    /// The URL of a place in a file of the repository, if it is one and all that it is made of is as it has to be.
    pub(super) fn of(&self, place: &Place) -> Option<String> {
        let plain = |text: &str, more: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        let host = self.server.strip_prefix("https://").or_else(|| self.server.strip_prefix("http://"))?;
        let fine = plain(host, ".:-/") && plain(&self.repository, "._-/") && plain(&self.commit, "");
        if !place.inside || !fine {
            return None;
        }
        let mut url = format!("{}/{}/blob/{}/{}", self.server, self.repository, self.commit, uri(&place.path));
        match place.lines {
            Some((first, last)) if first == last => _ = write!(url, "#L{first}"),
            Some((first, last)) => _ = write!(url, "#L{first}-L{last}"),
            None => {}
        }
        (url.len() <= 2_000).then_some(url)
    }
}

/// A relative path as a URI reference ([RFC 3986](https://www.rfc-editor.org/rfc/rfc3986)): everything but unreserved
/// characters and slashes is percent-encoded, so also a colon, which could make a scheme of its first part.
pub(super) fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte as char),
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
    out
}
