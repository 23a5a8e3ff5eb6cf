//! `packages.json`: what was packaged and by which toolchain, read by everything that delivers it.

use std::{collections::BTreeMap, fmt, fs, io, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::toolchain::Toolchain;
use crate::{delivery::Kind, runner};

/// The file's name, in the folder of the packages.
pub const FILE: &str = "packages.json";

/// The file's content; paths are relative to its folder.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// The version of this form, 1.
    pub schema: u32,
    /// Digests of two files compare only if their toolchains' ids are equal.
    pub toolchain: Toolchain,
    /// The packages by the function's name.
    pub functions: BTreeMap<String, Package>,
}

/// One function's package.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "package", rename_all = "lowercase", deny_unknown_fields)]
pub enum Package {
    /// A ZIP file.
    Zip {
        /// The file.
        path: String,
        /// Its SHA-256 in hex.
        sha256: String,
        /// Its bytes.
        size: usize,
    },
    /// A folder that is an OCI image layout.
    Image {
        /// The folder.
        path: String,
        /// The manifest's digest, `sha256:<hex>`: what a registry and Lambda know the image by.
        digest: String,
        /// The bytes of its manifest, configuration and compressed layers: what a push to an empty registry sends.
        size: usize,
    },
}

impl Package {
    pub(super) fn zip(path: String, bytes: &[u8]) -> Self {
        Self::Zip { path, sha256: hex::encode(Sha256::digest(bytes)), size: bytes.len() }
    }

    /// What it is shipped as, and what tells its bytes from others: a ZIP's SHA-256 in hex, an image's digest.
    #[must_use]
    pub fn code(&self) -> (Kind, &str) {
        match self {
            Self::Zip { sha256, .. } => (Kind::Zip, sha256),
            Self::Image { digest, .. } => (Kind::Image, digest),
        }
    }

    fn row(&self) -> (&str, &str, &str, usize) {
        match self {
            Self::Zip { path, sha256, size } => ("zip", path, sha256, *size),
            Self::Image { path, digest, size } => ("image", path, digest, *size),
        }
    }
}

impl Packages {
    pub(super) fn new(toolchain: Toolchain) -> Self {
        Self { schema: 1, toolchain, functions: BTreeMap::new() }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self).context("packages.json cannot be written down")?;
        text.push(b'\n');
        replace(&folder.join(FILE), &text)
    }

    pub(super) fn outputs(&self) -> Result<()> {
        for (name, package) in &self.functions {
            let (_, path, digest, _) = package.row();
            runner::output(&format!("{name}_path"), path)?;
            runner::output(&format!("{name}_digest"), digest)?;
        }
        // Names of functions have no underscore, so this one is nobody's else.
        let text = serde_json::to_string(self).context("packages.json cannot be written down")?;
        runner::output("packages", &text)
    }
}

impl fmt::Display for Packages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let toolchain = &self.toolchain;
        writeln!(f, "toolchain {}: {}, {}, {}", &toolchain.id, toolchain.rustc, toolchain.linker, toolchain.cc)?;
        write!(f, "{:<16}  {:<7}  {:>10}  digest", "function", "package", "bytes")?;
        for (name, package) in &self.functions {
            let (kind, _, digest, size) = package.row();
            write!(f, "\n{name:<16}  {kind:<7}  {size:>10}  {digest}")?;
        }
        Ok(())
    }
}

/// Puts `bytes` at `path` in one step, so that a reader never finds half a file.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().permissions(shared()).tempfile_in(folder)?;
        io::Write::write_all(&mut file, bytes)?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().with_context(|| format!("{} cannot be written; --out needs a folder that can be", path.display()))
}

/// Temporary files are their owner's alone by default; packages are for whoever delivers them.
fn shared() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}
