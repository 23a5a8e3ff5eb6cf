//! A runner with a tool cache, and a server with one archive.

use std::{
    collections::BTreeMap,
    env::consts,
    fs,
    io::{Cursor, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

/// The tool of every test: a script, so that what is installed can be run.
pub(crate) const TOOL: &str = "#!/bin/sh\necho the tool\n";

pub(crate) struct Runner {
    folder: TempDir,
    arguments: Vec<String>,
    variables: BTreeMap<String, String>,
}

pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
}

impl Runner {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut variables = BTreeMap::new();
        for (name, file) in
            [("GITHUB_ENV", "env"), ("GITHUB_PATH", "path"), ("RUNNER_TEMP", "temp"), ("RUNNER_TOOL_CACHE", "tools")]
        {
            variables.insert(name.to_owned(), folder.path().join(file).display().to_string());
        }
        for folder in ["temp", "tools"].map(|name| folder.path().join(name)) {
            fs::create_dir(folder).expect("a folder");
        }
        variables.insert("GITHUB_ACTIONS".into(), "true".into());
        Self { folder, arguments: Vec::new(), variables }
    }

    /// With a RELEASE of these lines.
    pub(crate) fn release(self, lines: &[String]) -> Self {
        let path = self.path("RELEASE");
        fs::write(&path, lines.join("\n")).expect("a file");
        self.with("INPUT_RELEASE_FILE", &path.display().to_string())
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(ToString::to_string).collect();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.arg("setup").args(&self.arguments).current_dir(self.folder.path());
        command.env_clear().env("NO_PROXY", "127.0.0.1").envs(&self.variables);
        command
    }

    pub(crate) fn run(&self) -> Done {
        done(self.command().output().expect("lockgate runs"))
    }

    /// The folders put on PATH so far.
    pub(crate) fn on_path(&self) -> Vec<PathBuf> {
        let text = fs::read_to_string(self.path("path")).unwrap_or_default();
        text.lines().map(PathBuf::from).collect()
    }

    /// Every file below the tool cache, with nothing half done among them.
    pub(crate) fn cached(&self) -> Vec<PathBuf> {
        files(&self.path("tools"))
    }
}

pub(crate) fn done(output: Output) -> Done {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let code = output.status.code().expect("it was not killed");
    Done { code, stdout: String::from_utf8(output.stdout).expect("UTF-8") }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

/// A line for this machine and these bytes.
pub(crate) fn line(name: &str, url: &str, bytes: &[u8]) -> String {
    format!("{name} 1.2.3 {}-{} {url} {}", consts::ARCH, consts::OS, hex::encode(Sha256::digest(bytes)))
}

/// What an archive may hold.
pub(crate) enum Entry {
    File(&'static str, &'static str),
    Link(&'static str, &'static str),
    HardLink(&'static str, &'static str),
}

pub(crate) fn tar_gz(entries: &[Entry]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        let (path, kind, content, target) = match entry {
            Entry::File(path, content) => (path, tar::EntryType::Regular, *content, None),
            Entry::Link(path, target) => (path, tar::EntryType::Symlink, "", Some(target)),
            Entry::HardLink(path, target) => (path, tar::EntryType::Link, "", Some(target)),
        };
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        if let Some(target) = target {
            header.set_link_name(target).expect("a target");
        }
        // The library refuses to write paths that it would refuse to read.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        tar.append(&header, content.as_bytes()).expect("an entry");
    }
    tar.into_inner().expect("a tar").finish().expect("a gzip")
}

pub(crate) fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        match entry {
            Entry::File(path, content) => {
                zip.start_file(*path, SimpleFileOptions::default().unix_permissions(0o755)).expect("an entry");
                zip.write_all(content.as_bytes()).expect("content");
            }
            Entry::Link(path, target) | Entry::HardLink(path, target) => {
                zip.add_symlink(*path, *target, SimpleFileOptions::default()).expect("a link");
            }
        }
    }
    zip.finish().expect("a zip").into_inner()
}

/// What the program at this path prints.
pub(crate) fn prints(program: &Path) -> String {
    let mode = fs::metadata(program).expect("a program").permissions().mode();
    assert_eq!(mode & 0o777, 0o755, "everyone may run it");
    String::from_utf8(Command::new(program).output().expect("it runs").stdout).expect("UTF-8")
}
