//! The files of an image, layer upon layer: <https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md>.

use std::{collections::BTreeMap, io::Read};

use anyhow::{Context, Result, bail, ensure};
use tar::EntryType;

/// How many symbolic links a path may lead through, as in Linux.
const LINKS: usize = 40;

/// What is at a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Folder,
    File,
    /// A symbolic link, and where to.
    Link(String),
    /// A device or pipe.
    Other,
}

/// One entry of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// From the root, without a slash at either end.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
}

/// The entries of a layer's tar, in its order.
pub(super) fn entries(tar: impl Read) -> Result<Vec<Entry>> {
    let mut archive = tar::Archive::new(tar);
    let entry = |entry: std::io::Result<tar::Entry<'_, _>>| -> Result<Option<Entry>> {
        let entry = entry?;
        let header = entry.header();
        let kind = match header.entry_type() {
            EntryType::Directory => Kind::Folder,
            // A hard link has its target's mode in its own header.
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse | EntryType::Link => Kind::File,
            EntryType::Symlink => Kind::Link(entry.link_name()?.unwrap_or_default().to_string_lossy().into_owned()),
            EntryType::XGlobalHeader => return Ok(None),
            _ => Kind::Other,
        };
        let path = entry.path()?;
        let parts: Vec<_> = path.to_str().context("a path that is no UTF-8")?.split('/').collect();
        ensure!(!parts.contains(&".."), "the path {} leads out of the image", path.display());
        let path = parts.into_iter().filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/");
        Ok(Some(Entry { path, kind, mode: header.mode()? }))
    };
    archive.entries()?.filter_map(|found| entry(found).transpose()).collect()
}

/// The files as a container sees them.
#[derive(Debug, Default)]
pub(crate) struct Content {
    files: BTreeMap<String, Entry>,
}

impl Content {
    /// Lays one layer over the others: a file named `.wh.x` takes away `x`, `.wh..wh..opq` all there was in its folder.
    pub(super) fn add(&mut self, layer: Vec<Entry>) {
        for entry in &layer {
            let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
            match name.strip_prefix(".wh.") {
                Some(".wh..opq") => self.remove_below(folder),
                Some(hidden) => {
                    let hidden = [folder, hidden].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>();
                    let hidden = hidden.join("/");
                    self.remove_below(&hidden);
                    self.files.remove(&hidden);
                }
                None => {}
            }
        }
        for entry in layer {
            if !entry.path.is_empty() && !entry.path.rsplit('/').next().is_some_and(|name| name.starts_with(".wh.")) {
                self.files.insert(entry.path.clone(), entry);
            }
        }
    }

    fn remove_below(&mut self, folder: &str) {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let below: Vec<_> = self.files.range(prefix.clone()..).map(|(path, _)| path.clone()).collect();
        for path in below.into_iter().take_while(|path| path.starts_with(&prefix)) {
            self.files.remove(&path);
        }
    }

    /// Every entry, by path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.files.values()
    }

    /// Whether any user can run the program at this absolute path; symbolic links are followed.
    pub(crate) fn runs(&self, program: &str) -> Result<()> {
        let fix = "Lambda's user is neither owner nor in the group";
        let mut todo: Vec<String> = parts(program);
        let mut at = String::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == ".." {
                at.truncate(at.rfind('/').unwrap_or(0));
                continue;
            }
            let here = if at.is_empty() { part } else { format!("{at}/{part}") };
            match self.files.get(&here).map(|entry| (&entry.kind, entry.mode)) {
                Some((Kind::Link(target), _)) => {
                    links += 1;
                    ensure!(links <= LINKS, "{program} leads through more than {LINKS} symbolic links");
                    if target.starts_with('/') {
                        at.clear();
                    }
                    todo.extend(parts(target));
                    continue;
                }
                Some((Kind::Folder, mode)) => {
                    ensure!(!todo.is_empty(), "{program} is a folder, no program");
                    ensure!(mode & 0o001 != 0, "nobody but its owner may enter /{here}: `chmod 0755` it; {fix}");
                }
                Some((Kind::File, mode)) if todo.is_empty() => {
                    let may = mode & 0o001 != 0;
                    ensure!(may, "{program} is no executable for others (mode {mode:04o}): `chmod 0755` it; {fix}");
                }
                Some(_) => bail!("/{here} is no folder of {program}, and no program"),
                // A layer need not list the folders above its files.
                None if self.has_below(&here) => {}
                None => bail!("{program} is in no layer; put the program there, or correct the entrypoint"),
            }
            at = here;
        }
        Ok(())
    }

    fn has_below(&self, folder: &str) -> bool {
        let prefix = format!("{folder}/");
        self.files.range(prefix.clone()..).next().is_some_and(|(path, _)| path.starts_with(&prefix))
    }
}

/// A path's parts, the last first.
fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).rev().map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(entries: &[(&str, Kind, u32)]) -> Vec<Entry> {
        let entry = |(path, kind, mode): &(&str, Kind, u32)| Entry {
            path: (*path).to_owned(),
            kind: kind.clone(),
            mode: *mode,
        };
        entries.iter().map(entry).collect()
    }

    /// Path, kind and mode of each entry.
    type Entries<'a> = &'a [(&'a str, Kind, u32)];

    fn content(layers: &[Entries<'_>]) -> Content {
        let mut content = Content::default();
        layers.iter().for_each(|entries| content.add(layer(entries)));
        content
    }

    fn link(to: &str) -> Kind {
        Kind::Link(to.to_owned())
    }

    /// Trap 16: what only root may run does not start on Lambda.
    #[test]
    fn a_program_runs_if_others_may_reach_and_run_it() {
        let good = content(&[
            &[("bin", link("usr/bin"), 0o777)],
            &[("usr/bin/sh", link("dash"), 0o777), ("usr/bin/dash", Kind::File, 0o755)],
        ]);
        for program in ["/bin/sh", "/usr/bin/dash", "/usr/bin/../bin/./sh"] {
            good.runs(program).unwrap_or_else(|why| panic!("{program}: {why}"));
        }
        let cases: [(Entries<'_>, &str); 6] = [
            (&[("app", Kind::File, 0o750)], "chmod 0755"),
            (&[("app", Kind::Folder, 0o755)], "is a folder"),
            (&[("ap", Kind::File, 0o755)], "in no layer"),
            (&[("app", link("app"), 0o777)], "40 symbolic links"),
            (&[("app", Kind::Other, 0o755)], "no program"),
            (
                &[("app", link("/opt/app"), 0o777), ("opt", Kind::Folder, 0o700), ("opt/app", Kind::File, 0o755)],
                "enter /opt",
            ),
        ];
        for (entries, reason) in cases {
            let said = content(&[entries]).runs("/app").expect_err("this does not run").to_string();
            assert!(said.contains(reason), "expected {reason:?} in: {said}");
        }
    }

    #[test]
    fn an_upper_layer_hides_what_it_says() {
        let lower: Entries<'_> =
            &[("a/one", Kind::File, 0o755), ("a/two", Kind::File, 0o755), ("b", Kind::File, 0o755)];
        let hidden = content(&[lower, &[("a/.wh..wh..opq", Kind::File, 0), ("a/three", Kind::File, 0o755)]]);
        assert!(hidden.runs("/a/one").is_err() && hidden.runs("/b").is_ok() && hidden.runs("/a/three").is_ok());
        let hidden = content(&[lower, &[(".wh.b", Kind::File, 0), ("a/.wh.one", Kind::File, 0)]]);
        assert!(hidden.runs("/b").is_err() && hidden.runs("/a/one").is_err() && hidden.runs("/a/two").is_ok());
    }
}
