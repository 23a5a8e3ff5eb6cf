//! Where findings are: paths as scanners write them, turned into paths of the repository, and the text at those.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

/// The texts of one commit's files.
pub trait Files {
    /// The text of a file, by its path in the repository; `None` if it is no file of it, or no text.
    fn text(&self, path: &str) -> Option<String>;

    /// Whether it is known which files there are, so that what has no text is none.
    fn known(&self) -> bool {
        true
    }
}

/// Nothing is known of the files.
impl Files for () {
    fn text(&self, _: &str) -> Option<String> {
        None
    }

    fn known(&self) -> bool {
        false
    }
}

impl<F: Fn(&str) -> Option<String>> Files for F {
    fn text(&self, path: &str) -> Option<String> {
        self(path)
    }
}

/// A file longer than this is not looked at.
const MOST: u64 = 16 << 20;

/// The files in a folder. Links that lead out of it are not followed.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder of a checkout.
    ///
    /// # Errors
    /// If it is not there.
    pub fn new(folder: &Path) -> std::io::Result<Self> {
        folder.canonicalize().map(Self)
    }
}

impl Files for Folder {
    fn text(&self, path: &str) -> Option<String> {
        let file = self.0.join(clean(path)?).canonicalize().ok()?;
        // NOTE: asked before it is opened: to open a pipe would wait for its writer.
        if !file.starts_with(&self.0) || !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut text = String::new();
        File::open(file).ok()?.take(MOST + 1).read_to_string(&mut text).ok()?;
        (text.len() as u64 <= MOST).then_some(text)
    }
}

/// Where a scanner saw the repository: its folder on the runner, or in a container.
#[derive(Clone, Debug)]
pub struct Roots {
    /// Longest first, with forward slashes, without one at the end.
    absolute: Vec<String>,
    /// The folder that a scanner was started on, inside of the repository; empty for its top.
    below: String,
}

impl Roots {
    /// The repository's folder as the scanner saw it, in one or several spellings. Where GitHub mounts it in containers
    /// (`/github/workspace`) is known already.
    #[must_use]
    pub fn new(absolute: &[&str]) -> Self {
        let mut all: Vec<String> = absolute
            .iter()
            .chain(&["/github/workspace"])
            .map(|root| root.replace('\\', "/").trim_end_matches('/').to_owned())
            .filter(|root| !root.is_empty())
            .collect();
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Self { absolute: all, below: String::new() }
    }

    /// The same, of a scanner that writes paths relative to this folder of the repository.
    #[must_use]
    pub fn below(mut self, folder: &str) -> Self {
        self.below = clean(folder).unwrap_or_default();
        self
    }

    /// The path in the repository, and whether it can be one. What lies outside keeps the last parts of its name, so that
    /// neither the machine's folders nor anything that climbs out are seen.
    #[must_use]
    pub fn relative(&self, path: &str) -> (String, bool) {
        let path = path.trim().replace('\\', "/");
        for root in &self.absolute {
            if let Some(rest) = path.strip_prefix(root.as_str()).and_then(|rest| rest.strip_prefix('/')) {
                return clean(rest).map_or_else(|| outside(rest), |path| (path, true));
            }
        }
        let drive = path.as_bytes().get(1) == Some(&b':');
        if path.starts_with('/') || path.starts_with('(') || path.contains("://") || path.contains("::") || drive {
            return outside(&path);
        }
        let joined = if self.below.is_empty() { path.clone() } else { format!("{}/{path}", self.below) };
        clean(&joined).map_or_else(|| outside(&path), |path| (path, true))
    }
}

/// A relative path without `.`, `..` and empty parts; `None` if it leads out, or is nothing.
fn clean(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    (!path.is_empty() && path.len() <= 1_000 && !path.contains(char::is_control)).then_some(path)
}

fn outside(path: &str) -> (String, bool) {
    let part = |part: &&str| !matches!(*part, "" | "." | "..") && !part.ends_with(':');
    let parts: Vec<&str> = path.split('/').filter(part).collect();
    let name = super::text::capped(&parts[parts.len().saturating_sub(3)..].join("/"), 300);
    (if name.is_empty() { "unknown".to_owned() } else { name }, false)
}
