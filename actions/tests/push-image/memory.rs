//! A registry in memory whose every answer a test may replace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use stand_ins::scripted::{Answer, Gate, Request, Scripted};

use crate::fixture::digest;

/// What the registry keeps.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// `repository/digest`.
    pub(crate) blobs: BTreeSet<String>,
    /// `repository/reference` to digest.
    pub(crate) manifests: BTreeMap<String, String>,
}

/// A scripted registry.
pub(crate) struct Memory {
    pub(crate) server: Scripted,
    pub(crate) kept: Arc<Mutex<Kept>>,
}

impl Memory {
    /// One that does everything right.
    pub(crate) fn good() -> Self {
        Self::with(|_, _| None)
    }

    /// One where `fault` may answer instead. It gets the number of like requests before: same method, same kind of place.
    pub(crate) fn with(fault: impl Fn(&Request, usize) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self::gated(|_, _| None, fault)
    }

    /// As [`Memory::with`], with a say before a request's body is read.
    pub(crate) fn gated(
        gate: impl Fn(&Request, usize) -> Option<Gate> + Send + Sync + 'static,
        fault: impl Fn(&Request, usize) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let (memory, heads, bodies) = (Arc::clone(&kept), Counter::default(), Counter::default());
        let server = Scripted::gated(
            move |head| gate(head, heads.next(head)).unwrap_or(Gate::Read),
            move |request| {
                fault(request, bodies.next(request))
                    .unwrap_or_else(|| answer(&mut memory.lock().expect("no panic"), request))
            },
        );
        Self { server, kept }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.server.url.trim_start_matches("http://")
    }

    /// What was asked, as `METHOD path`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.server.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    /// How often this method was asked for paths with this in them.
    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        self.asked().iter().filter(|asked| asked.starts_with(&format!("{method} ")) && asked.contains(part)).count()
    }

    pub(crate) fn manifest(&self, reference: &str) -> Option<String> {
        self.kept.lock().expect("no panic").manifests.get(reference).cloned()
    }
}

#[derive(Default)]
struct Counter(Mutex<BTreeMap<String, usize>>);

impl Counter {
    fn next(&self, request: &Request) -> usize {
        let kind = ["/blobs/uploads/", "/blobs/", "/manifests/"].into_iter().find(|kind| request.path.contains(kind));
        let mut counts = self.0.lock().expect("no panic");
        let count = counts.entry(format!("{} {kind:?}", request.method)).or_default();
        *count += 1;
        *count - 1
    }
}

/// A registry as the specification describes it.
pub(crate) fn answer(kept: &mut Kept, request: &Request) -> Answer {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let query: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let value = |name: &str| query.get(name).map(|value| value.replace("%3A", ":"));
    let path = path.trim_start_matches("/v2/");
    let found = |digest: Option<&String>| match digest {
        Some(digest) => Answer::status(200).header("Docker-Content-Digest", digest),
        None => Answer::status(404),
    };
    match (request.method.as_str(), path) {
        ("HEAD", path) if path.contains("/manifests/") => found(kept.manifests.get(&path.replace("/manifests/", "/"))),
        ("HEAD", path) => found(kept.blobs.contains(&path.replace("/blobs/", "/")).then(|| path.to_owned()).as_ref()),
        ("POST", path) => {
            let repository = path.trim_end_matches("/blobs/uploads/");
            let (mount, from) = (value("mount").unwrap_or_default(), value("from").unwrap_or_default());
            if kept.blobs.contains(&format!("{from}/{mount}")) {
                kept.blobs.insert(format!("{repository}/{mount}"));
                return Answer::status(201);
            }
            Answer::status(202).header("Location", &format!("/v2/{repository}/blobs/uploads/1?_state=a"))
        }
        ("PUT", path) if path.contains("/manifests/") => {
            let digest = digest(&request.body);
            let (repository, _) = path.split_once("/manifests/").expect("a manifest");
            kept.manifests.insert(path.replace("/manifests/", "/"), digest.clone());
            kept.manifests.insert(format!("{repository}/{digest}"), digest.clone());
            Answer::status(201).header("Docker-Content-Digest", &digest)
        }
        ("PUT", path) => {
            let digest = digest(&request.body);
            if value("digest").as_ref() != Some(&digest) {
                return Answer::status(400).body(r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
            }
            let (repository, _) = path.split_once("/blobs/").expect("a blob");
            kept.blobs.insert(format!("{repository}/{digest}"));
            Answer::status(201).header("Docker-Content-Digest", &digest)
        }
        _ => Answer::status(405),
    }
}
