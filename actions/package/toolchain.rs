//! The toolchain, found by linking an empty program as the functions are linked and asking the linker what it read.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cargo::{LINKER, TARGET, command};

/// Beside the tree, all that the bytes of a package depend on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Toolchain {
    /// SHA-256 in hex over everything below and `rustc -vV`; digests compare only where it is equal.
    pub id: String,
    /// The compiler's name and version.
    pub rustc: String,
    /// SHA-256 in hex of `libc.a`.
    pub libc: String,
    /// SHA-256 in hex over the other start-up objects and system libraries that are linked in, by name.
    pub crt: String,
    /// The linker's name and version.
    pub linker: String,
    /// The C compiler's name and version: it compiles the C parts of crates.
    pub cc: String,
    /// Where the compiler's own libraries and sources are.
    #[serde(skip)]
    pub(super) sysroot: PathBuf,
    /// The compiler's commit; its standard library names its sources by it.
    #[serde(skip)]
    pub(super) commit: Option<String>,
}

impl Toolchain {
    /// Links an empty static program in `root`, where `rust-toolchain.toml` decides which compiler runs.
    pub(super) fn probe(root: &Path) -> Result<Self> {
        let version = text(run(root, "rustc", &["-vV"])?)?;
        let sysroot = PathBuf::from(text(run(root, "rustc", &["--print", "sysroot"])?)?.trim());
        let cc = first_line(&text(run(root, LINKER, &["--version"])?)?);
        let folder = tempfile::tempdir().context("no folder for temporary files")?;
        let (linker, read) = link(root, folder.path())?;

        // The compiler's own libraries are told by its version.
        let own = sysroot.canonicalize().context("the compiler's folder cannot be found")?;
        let (mut libc, mut crt) = (None, BTreeSet::new());
        for path in read.iter().filter(|path| !path.starts_with(&own)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let content = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
            let digest = hex::encode(Sha256::digest(&content));
            if name == "libc.a" {
                libc = Some(digest);
            } else {
                crt.insert(format!("{name} {digest}\n"));
            }
        }
        let libc = libc.context("the linker did not say which libc.a it read; use GNU ld or LLD")?;
        let crt = hex::encode(Sha256::digest(crt.into_iter().collect::<String>()));
        let id = hex::encode(Sha256::digest(format!("{version}\n{libc}\n{crt}\n{linker}\n{cc}\n")));
        let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).map(str::to_owned);
        Ok(Self { id, rustc: first_line(&version), libc, crt, linker, cc, sysroot, commit })
    }
}

/// The linker's version, and the files it read to link an empty program in `folder`.
fn link(root: &Path, folder: &Path) -> Result<(String, BTreeSet<PathBuf>)> {
    let (source, inputs) = (folder.join("empty.rs"), folder.join("inputs"));
    fs::write(&source, "fn main() {}\n").context("no temporary file can be written")?;
    let output = command(root, "rustc")
        .args(["--crate-name", "empty", "--target", TARGET, "-Ctarget-feature=+crt-static", "-Clink-arg=-Wl,-v"])
        .arg(format!("-Clinker={LINKER}"))
        .arg(format!("-Clink-arg=-Wl,--dependency-file={}", inputs.display()))
        .args(["-Wlinker-messages", "--out-dir"])
        .args([folder, &source])
        .current_dir(root)
        .output()
        .context("rustc could not be started")?;
    let messages = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!(
            "no static program can be linked here; install a C compiler and the C library's static form (on Debian \
             and Ubuntu: apt-get install gcc libc6-dev) and the target (rustup target add {TARGET}); rustc said: \
             {messages}"
        );
    }
    let linker = messages
        .lines()
        .find_map(|line| line.split_once("linker stdout: "))
        .context("the linker did not tell its version; use GNU ld or LLD")?;
    let rules = fs::read_to_string(&inputs).context("the linker did not say what it read; use GNU ld or LLD")?;
    Ok((linker.1.trim().to_owned(), prerequisites(&rules, root)))
}

/// The files that the first rule of a Makefile fragment depends on, without those that were made for this link: they
/// are gone.
fn prerequisites(rules: &str, folder: &Path) -> BTreeSet<PathBuf> {
    let rule = rules.split("\n\n").next().unwrap_or_default();
    let (_, files) = rule.split_once(':').unwrap_or_default();
    files
        .split_whitespace()
        .filter(|word| *word != "\\")
        .filter_map(|file| folder.join(file).canonicalize().ok())
        .filter(|file| file.is_file())
        .collect()
}

fn run(root: &Path, program: &str, args: &[&str]) -> Result<Output> {
    let output = command(root, program).args(args).output().with_context(|| {
        format!(
            "`{program}` could not be started; install Rust (rustup) and a C compiler (apt-get install gcc libc6-dev)"
        )
    })?;
    ensure!(
        output.status.success(),
        "`{program} {}` failed: {}",
        args.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output)
}

fn text(output: Output) -> Result<String> {
    String::from_utf8(output.stdout).context("a tool told its version in something else than UTF-8")
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
