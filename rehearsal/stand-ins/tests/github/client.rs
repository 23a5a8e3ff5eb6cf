//! A client that shows what GitHub's stand-in really sends.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// `null` without one, or if it is no JSON.
    pub(crate) body: Value,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &'_ str| line.split_once(": ").is_some_and(|(it, _)| it.eq_ignore_ascii_case(name));
        self.head.lines().find(|line| of(line))?.split_once(": ").map(|(_, value)| value)
    }

    /// The page of the `Link` header with this relation.
    pub(crate) fn link(&self, relation: &str) -> Option<String> {
        let mut links = self.header("link")?.split(", ");
        let found = links.find_map(|link| link.strip_suffix(&format!("; rel=\"{relation}\"")));
        found.map(|link| link.trim_matches(['<', '>']).to_owned())
    }
}

/// Sends this text and reads until the connection ends: `None` if no whole answer came.
pub(crate) fn raw(address: &str, request: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).expect("a running server");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let bytes = bytes[end + 4..].to_vec();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    if length.is_some_and(|length: usize| length != bytes.len()) {
        return None;
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Some(Answer { status, head, body: serde_json::from_slice(&bytes).unwrap_or_default(), bytes })
}

/// Asks as a client of GitHub does; a body of `null` is none.
pub(crate) fn try_ask(method: &str, url: &str, token: &str, body: &Value) -> Option<Answer> {
    let (address, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a URL");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: test\r\nauthorization: Bearer {token}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    raw(address, &request)
}

/// The same where an answer is expected.
pub(crate) fn ask(method: &str, url: &str, token: &str, body: &Value) -> Answer {
    try_ask(method, url, token, body).expect("an answer")
}
