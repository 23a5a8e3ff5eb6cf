//! The least that a push can be: its requests in the same rounds, with nothing judged, hashed or retried. What any client
//! needs with this registry at this distance.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Barrier,
    thread,
};

use serde_json::Value;

/// A connection on which one request follows the other.
struct Line {
    stream: TcpStream,
    host: String,
}

/// Pushes the image in `folder` to a repository that is empty.
pub(crate) fn push(address: SocketAddr, folder: &Path, name: &str, tag: &str) {
    let index: Value = serde_json::from_slice(&read(folder.join("index.json"))).expect("JSON");
    let named = index["manifests"][0]["digest"].as_str().expect("a digest").to_owned();
    let kind = index["manifests"][0]["mediaType"].as_str().expect("a type").to_owned();
    let manifest = read(blob(folder, &named));
    let parts: Value = serde_json::from_slice(&manifest).expect("JSON");
    let layers = parts["layers"].as_array().expect("layers").iter().chain([&parts["config"]]);
    let digests: Vec<_> = layers.map(|part| part["digest"].as_str().expect("a digest").to_owned()).collect();
    let rounds = Barrier::new(digests.len());
    let mut lines: Vec<Line> = thread::scope(|scope| {
        let mut all = Vec::new();
        for (place, digest) in digests.iter().enumerate() {
            let (rounds, named) = (&rounds, &named);
            all.push(scope.spawn(move || {
                let mut line =
                    Line { stream: TcpStream::connect(address).expect("a relay"), host: address.to_string() };
                if let Some(reference) = [named.as_str(), tag].get(place) {
                    line.ask("HEAD", &format!("/v2/{name}/manifests/{reference}"), "", &[]);
                }
                rounds.wait();
                line.ask("HEAD", &format!("/v2/{name}/blobs/{digest}"), "", &[]);
                rounds.wait();
                let begun = line.ask("POST", &format!("/v2/{name}/blobs/uploads/"), "", &[]);
                let upload = begun.lines().find_map(|header| header.strip_prefix("Location: ")).expect("a location");
                let upload = upload.trim().trim_start_matches("http://").trim_start_matches(&line.host);
                let join = if upload.contains('?') { '&' } else { '?' };
                let kind = "application/octet-stream";
                line.ask("PUT", &format!("{upload}{join}digest={digest}"), kind, &read(blob(folder, digest)));
                line
            }));
        }
        all.into_iter().map(|line| line.join().expect("a push")).collect()
    });
    let line = lines.first_mut().expect("a connection");
    for reference in [named.as_str(), tag] {
        line.ask("PUT", &format!("/v2/{name}/manifests/{reference}"), &kind, &manifest);
    }
}

impl Line {
    /// Asks, and gives the head of the answer.
    fn ask(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
        let (host, length) = (&self.host, body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nContent-Type: {kind}\r\n\r\n"
        );
        self.stream.write_all(head.as_bytes()).and_then(|()| self.stream.write_all(body)).expect("sent");
        let mut said = Vec::new();
        while !said.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("an answer");
            said.extend(byte);
        }
        let said = String::from_utf8_lossy(&said).into_owned();
        let length = said.lines().find_map(|header| header.strip_prefix("Content-Length: ")?.trim().parse().ok());
        if method != "HEAD" {
            let mut body = vec![0; length.unwrap_or(0)];
            self.stream.read_exact(&mut body).expect("its body");
        }
        said
    }
}

fn blob(folder: &Path, digest: &str) -> PathBuf {
    folder.join("blobs/sha256").join(digest.trim_start_matches("sha256:"))
}

fn read(path: PathBuf) -> Vec<u8> {
    std::fs::read(path).expect("a file of the image")
}
