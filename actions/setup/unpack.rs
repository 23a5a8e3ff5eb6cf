//! The one program of an archive (tar.gz or zip), or of a bare file. Nothing else is written, so nothing can be written
//! elsewhere; still an archive that tries is refused whole.

use std::{
    fs::{self, File},
    io::Read,
    path::{Component, Path},
};

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use tar::EntryType;
use zip::ZipArchive;

use super::release_file::Tool;

/// More than any program has.
const LIMIT: u64 = 512 * 1024 * 1024;

/// The bytes of the file that is called as the tool is.
pub(super) fn program(tool: &Tool, archive: &Path) -> Result<Vec<u8>> {
    let file = || File::open(archive).with_context(|| format!("{} cannot be read", archive.display()));
    let found = if tool.url.ends_with(".tar.gz") || tool.url.ends_with(".tgz") {
        from_tar(&tool.name, file()?)
    } else if tool.url.ends_with(".zip") {
        from_zip(&tool.name, file()?)
    } else {
        fs::read(archive).context("it cannot be read")
    };
    found.with_context(|| format!("{} was refused", tool.url))
}

fn from_tar(name: &str, file: File) -> Result<Vec<u8>> {
    let mut found = Vec::new();
    for entry in tar::Archive::new(GzDecoder::new(file)).entries().context("it is no tar.gz")? {
        let entry = entry.context("it is no tar.gz")?;
        let path = entry.path().context("it is no tar.gz")?.into_owned();
        let kind = entry.header().entry_type();
        let plain = matches!(kind, EntryType::Regular | EntryType::Directory | EntryType::XGlobalHeader);
        ensure!(plain, "{} is a {kind:?}, neither file nor folder", path.display());
        check(&path)?;
        if kind == EntryType::Regular && path.file_name().is_some_and(|file| file == name) {
            found.push(read(entry, &path)?);
        }
    }
    one(name, found)
}

fn from_zip(name: &str, file: File) -> Result<Vec<u8>> {
    let mut archive = ZipArchive::new(file).context("it is no zip")?;
    let mut found = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).context("it is no zip")?;
        let path = Path::new(&*entry.name().context("it is no zip")?).to_owned();
        ensure!(entry.is_file() || entry.is_dir(), "{} is a link, neither file nor folder", path.display());
        ensure!(!entry.is_symlink(), "{} is a link, neither file nor folder", path.display());
        check(&path)?;
        if entry.is_file() && path.file_name().is_some_and(|file| file == name) {
            found.push(read(entry, &path)?);
        }
    }
    one(name, found)
}

fn check(path: &Path) -> Result<()> {
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    ensure!(path.components().all(inside), "{} leads out of the archive's folder", path.display());
    Ok(())
}

fn read(entry: impl Read, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(LIMIT + 1).read_to_end(&mut bytes).with_context(|| format!("{} cannot be unpacked", path.display()))?;
    ensure!(bytes.len() as u64 <= LIMIT, "{} is larger than {LIMIT} bytes", path.display());
    Ok(bytes)
}

fn one(name: &str, found: Vec<Vec<u8>>) -> Result<Vec<u8>> {
    let count = found.len();
    let mut found = found.into_iter();
    let (Some(program), None) = (found.next(), found.next()) else {
        anyhow::bail!("it holds {count} files called {name}, not one");
    };
    Ok(program)
}
