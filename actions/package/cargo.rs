//! The one way in which a function's binary is built: static, and free of everything that is not the tree's.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, de::DeserializeOwned};

use super::toolchain::Toolchain;
use crate::flock;

/// What Lambda's x86_64 functions run on.
pub(super) const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The C compiler that links, whatever a user's configuration names.
pub(super) const LINKER: &str = "cc";

/// The variables that reach the compiler, by name or by the start of it. What decides where tools are and how crates
/// are fetched does not change the bytes; anything else might, so it stays out.
const INHERITED: [&str; 22] = [
    "ALL_PROXY",
    "CARGO_BUILD_JOBS",
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "CARGO_TARGET_DIR",
    "CARGO_TERM_",
    "GIT_",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "PATH",
    "RUSTUP_",
    "SSH_AUTH_SOCK",
    "SSL_CERT_",
    "TERM",
    "TMPDIR",
    "USER",
];

/// A program in `root` with the environment that builds share.
pub(super) fn command(root: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    let inherited = env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy().to_uppercase();
        INHERITED.iter().any(|known| name == *known || known.ends_with('_') && name.starts_with(known))
    });
    command.current_dir(root).env_clear().envs(inherited).env("LC_ALL", "C");
    command
}

/// Fetches what `Cargo.lock` names, with cargo's own progress on stderr.
pub(super) fn fetch(root: &Path) -> Result<()> {
    let status = command(root, "cargo")
        .args(["fetch", "--locked", "--target", TARGET])
        .status()
        .context("cargo could not be started; install Rust (rustup)")?;
    ensure!(
        status.success(),
        "cargo could not fetch the crates of Cargo.lock, its reason is above; check the network, or bring Cargo.lock \
         up to date (cargo update --workspace) and commit it"
    );
    Ok(())
}

/// The workspace whose binaries are built.
pub(super) struct Workspace {
    root: PathBuf,
    flags: String,
    /// Where cargo puts what it builds.
    target: PathBuf,
}

impl Workspace {
    /// Asks cargo where this workspace's sources lie, so that no such place gets into a binary.
    pub(super) fn load(root: &Path, toolchain: &Toolchain) -> Result<Self> {
        let output = command(root, "cargo")
            .args(["metadata", "--locked", "--offline", "--format-version=1", "--filter-platform", TARGET])
            .stderr(Stdio::inherit())
            .output()
            .context("cargo could not be started; install Rust (rustup)")?;
        ensure!(output.status.success(), "cargo could not describe the workspace, its reason is above");
        let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata is not as expected")?;
        let flags = flags(&metadata, toolchain);
        Ok(Self { root: root.to_owned(), flags, target: metadata.target_directory })
    }

    /// Builds `package` and gives its one binary's bytes; cargo's progress goes to stderr.
    pub(super) fn build(&self, package: &str) -> Result<Vec<u8>> {
        let _alone = self.alone().with_context(|| {
            let target = self.target.display();
            format!("{target} cannot be locked; set CARGO_TARGET_DIR to a folder that can be written, on a disk of this machine")
        })?;
        let output = command(&self.root, "cargo")
            .args(["build", "--locked", "--profile", "lambda", "-p", package, "--target", TARGET])
            .arg("--message-format=json-render-diagnostics")
            .env("CARGO_ENCODED_RUSTFLAGS", &self.flags)
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
            .stderr(Stdio::inherit())
            .output()
            .context("cargo could not be started; install Rust (rustup)")?;
        ensure!(output.status.success(), "the cargo package `{package}` does not build, the reason is above");
        let binaries: Vec<_> = lines::<Message>(&output.stdout)?.into_iter().filter_map(|m| m.executable).collect();
        let [binary] = &binaries[..] else {
            bail!(
                "the cargo package `{package}` has {} binaries; a function runs the one of its package",
                binaries.len()
            );
        };
        fs::read(binary).with_context(|| format!("{} cannot be read", binary.display()))
    }

    /// Nobody else builds functions in the target folder until this is dropped. Cargo links every build's program to the same
    /// place, and lets another build do so before this one's is read: a job would ship the bytes of the job beside it.
    fn alone(&self) -> std::io::Result<File> {
        fs::create_dir_all(&self.target)?;
        let other = format!("another job that builds in {}", self.target.display());
        flock::take(&self.target.join("lockgate-package.lock"), &other)
    }
}

/// The compiler's flags. Members of the workspace need no mapping: cargo names them relative to its root. The places
/// of crates, build scripts' output and the standard library follow cargo's own `trim-paths`
/// (<https://doc.rust-lang.org/nightly/cargo/reference/unstable.html#profile-trim-paths-option>), not yet stable.
fn flags(metadata: &Metadata, toolchain: &Toolchain) -> String {
    let fetched = metadata.packages.iter().filter(|package| package.source.is_some());
    let folders: BTreeSet<_> = fetched.filter_map(|package| package.manifest_path.parent()?.parent()).collect();
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
    let mut map = |from: &Path, to: &str| flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    for folder in folders {
        map(folder, "/cargo");
    }
    map(&metadata.target_directory, "/target");
    if let Some(commit) = &toolchain.commit {
        map(&toolchain.sysroot.join("lib/rustlib/src/rust"), &format!("/rustc/{commit}"));
    }
    flags.join("\x1f")
}

fn lines<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>> {
    let messages = serde_json::Deserializer::from_slice(bytes).into_iter().collect::<Result<_, _>>();
    messages.context("cargo's messages are not as expected")
}

#[derive(Deserialize)]
struct Metadata {
    target_directory: PathBuf,
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    manifest_path: PathBuf,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}
