//! Runs the scanners on a folder. What one of them says is read whatever its exit code is: that says "found something" and
//! "fell over" alike.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
    time::Instant,
};

use tokio::{io::AsyncReadExt, process::Command};

use super::{
    files::{Files, Folder, Roots},
    finding::{Part, Tool},
    report::{self, NotScanned, Report, trivy::Asked},
};
use crate::runner;

/// The advisory database of cargo-audit, as a folder; without it cargo-audit fetches it.
const ADVISORY_DB: &str = "LOCKGATE_ADVISORY_DB";

/// A report longer than this is none.
const MOST: u64 = 256 << 20;

/// Which folder is scanned, and where clippy keeps what it compiled of it.
#[derive(Debug)]
pub(super) struct Tree<'t> {
    pub(super) folder: &'t Path,
    pub(super) target: PathBuf,
    /// What it is, for the log: `head`, or `base`.
    pub(super) name: &'t str,
}

type Read = Result<Report, NotScanned>;

impl Tree<'_> {
    /// What these scanners say of it, in turn: each uses all cores.
    pub(super) async fn scan(&self, tools: &[Tool]) -> Vec<Read> {
        let mut reports = Vec::new();
        for tool in tools {
            let begun = Instant::now();
            match tool {
                Tool::CargoAudit => reports.push(self.cargo_audit().await),
                Tool::Clippy => reports.push(self.clippy().await),
                Tool::Tfsec => reports.push(self.tfsec().await),
                Tool::Trivy => reports.extend(self.trivy().await),
            }
            runner::say(format_args!("{} scanned by {tool} in {:.1} s", self.name, begun.elapsed().as_secs_f32()));
        }
        reports
    }

    fn roots(&self) -> Roots {
        let given = self.folder.display().to_string();
        let real = self.folder.canonicalize().map_or_else(|_| given.clone(), |path| path.display().to_string());
        Roots::new(&[&given, &real])
    }

    async fn cargo_audit(&self) -> Read {
        let mut command = self.command("cargo-audit");
        command.args(["audit", "--json", "--file", "Cargo.lock"]);
        if let Some(folder) = std::env::var_os(ADVISORY_DB).filter(|folder| !folder.is_empty()) {
            command.arg("--db").arg(folder).args(["--no-fetch", "--stale"]);
        }
        let bytes = output(Tool::CargoAudit, command).await?;
        let lock = Folder::new(self.folder).ok().and_then(|files| files.text("Cargo.lock"));
        report::cargo_audit::read(&bytes, "Cargo.lock", lock.as_deref())
    }

    async fn clippy(&self) -> Read {
        let mut command = self.command("cargo");
        command.args(["clippy", "--workspace", "--all-targets", "--locked", "--keep-going"]);
        // Warnings are told, not turned into errors: with an error, what depends on the crate is not looked at.
        command.args(["--message-format=json", "--", "--cap-lints", "warn"]).env("CARGO_TARGET_DIR", &self.target);
        let bytes = output(Tool::Clippy, command).await?;
        report::clippy::read(&bytes, &self.roots())
    }

    async fn tfsec(&self) -> Read {
        let mut command = self.command("tfsec");
        command.args(["--format", "json", "--no-color", "--soft-fail", "."]);
        let bytes = output(Tool::Tfsec, command).await?;
        report::tfsec::read(&bytes, &self.roots())
    }

    /// Twice: without its vulnerability database Trivy fails as a whole, and nothing else needs one.
    async fn trivy(&self) -> Vec<Read> {
        let parts = BTreeSet::from([Part::Misconfigurations, Part::Secrets]);
        let static_parts = self.trivy_for("misconfig,secret", parts).await;
        let vulnerabilities = self.trivy_for("vuln", BTreeSet::from([Part::Vulnerabilities])).await;
        let only_a_part = |gap: NotScanned| NotScanned {
            part: Some(Part::Vulnerabilities),
            next: "see the log for whether its database could be fetched; a workflow may allow trivy/vulnerabilities"
                .to_owned(),
            ..gap
        };
        let vulnerabilities = match vulnerabilities {
            Err(gap) if static_parts.is_ok() => Err(only_a_part(gap)),
            read => read,
        };
        vec![static_parts, vulnerabilities]
    }

    async fn trivy_for(&self, scanners: &str, parts: BTreeSet<Part>) -> Read {
        let mut command = self.command("trivy");
        command.args(["filesystem", "--format", "json", "--quiet", "--no-progress", "--scanners", scanners]);
        command.args(["--list-all-pkgs", "--skip-dirs", "target", "--skip-dirs", ".git", "."]);
        let bytes = output(Tool::Trivy, command).await?;
        let packages = parts.contains(&Part::Vulnerabilities) && self.folder.join("Cargo.lock").is_file();
        report::trivy::read(&bytes, &self.roots(), &Asked { parts: Some(parts), packages, image: None })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        // What a scanner needs no token for, it does not see: it reads the branch's own files, and clippy runs its macros.
        for name in
            ["INPUT_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_RUNTIME_TOKEN"]
        {
            command.env_remove(name);
        }
        command.env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1").env("CARGO_TERM_COLOR", "never").kill_on_drop(true);
        command
    }
}

/// What a scanner prints.
async fn output(tool: Tool, mut command: Command) -> Result<Vec<u8>, NotScanned> {
    let missing = |why: String| {
        NotScanned::all(tool, why, format!("add {tool} to the tools of actions/setup, or pass --report {tool}=FILE"))
    };
    let mut child = command.spawn().map_err(|error| missing(format!("it cannot be started: {error}")))?;
    let mut bytes = Vec::new();
    if let Some(out) = child.stdout.take() {
        let read = out.take(MOST).read_to_end(&mut bytes).await;
        read.map_err(|error| missing(format!("what it prints cannot be read: {error}")))?;
    }
    child.wait().await.map_err(|error| missing(format!("it cannot be waited for: {error}")))?;
    Ok(bytes)
}
