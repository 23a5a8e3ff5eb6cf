//! Where a package stands in a `Cargo.lock` ([format](https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html)),
//! by its lines: a parser would lose them. Versions 1 to 4 of the format are alike in this.

use std::collections::HashMap;

/// First and last line of each `[[package]]`, by name and version.
pub(in crate::scan) struct Lockfile(HashMap<(String, String), (u32, u32)>);

impl Lockfile {
    pub(in crate::scan) fn new(text: &str) -> Self {
        let mut packages = HashMap::new();
        let mut block: Option<(u32, Option<&str>, Option<&str>)> = None;
        let mut last = 0;
        let mut end = |block: &mut Option<(u32, Option<&str>, Option<&str>)>, last: u32| {
            if let Some((first, Some(name), Some(version))) = block.take() {
                packages.insert((name.to_owned(), version.to_owned()), (first, last));
            }
        };
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.starts_with('[') {
                end(&mut block, last);
                block = (line == "[[package]]").then_some((number, None, None));
            } else if let Some((_, name, version)) = &mut block {
                let value = |key: &str| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"');
                *name = name.or(value("name"));
                *version = version.or(value("version"));
            }
            if !line.is_empty() && line != "]" || block.is_some() && line == "]" {
                last = number;
            }
        }
        end(&mut block, last);
        Self(packages)
    }

    pub(in crate::scan) fn lines(&self, name: &str, version: &str) -> Option<(u32, u32)> {
        self.0.get(&(name.to_owned(), version.to_owned())).copied()
    }
}
