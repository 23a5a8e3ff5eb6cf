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
    images::Image,
    report::{self, NotScanned, Report, trivy::Asked},
};
use crate::runner;

/// The advisory database of cargo-audit, as a folder; without it cargo-audit fetches it.
const ADVISORY_DB: &str = "LOCKGATE_ADVISORY_DB";

/// An image without HEALTHCHECK, which Lambda never asks for.
const HEALTHCHECK: &str = "DS-0026";

/// A report longer than this is none.
const MOST: u64 = 256 << 20;

/// Which folder is scanned, and where clippy keeps what it compiled of it.
#[derive(Debug)]
pub(super) struct Tree<'t> {
    pub(super) folder: &'t Path,
    pub(super) target: PathBuf,
    /// What it is, for the log: `head`, or `base`.
    pub(super) name: &'t str,
    /// The images that were built of it.
    pub(super) images: &'t [Image],
}

/// What Trivy scans.
#[derive(Clone, Copy)]
enum Target<'t> {
    Folder,
    Image(&'t Image),
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
        let parts = BTreeSet::from([Part::Misconfigurations, Part::Secrets, Part::Licences]);
        let in_database = BTreeSet::from([Part::Vulnerabilities]);
        let static_parts = self.trivy_for(Target::Folder, "misconfig,secret,license", &parts).await;
        let vulnerabilities = self.trivy_for(Target::Folder, "vuln", &in_database).await;
        let mut images = Vec::new();
        for image in self.images {
            let of_image = |gap: NotScanned| NotScanned { why: format!("image {}: {}", image.name, gap.why), ..gap };
            let read = self.trivy_for(Target::Image(image), "misconfig,secret,license", &parts).await;
            if read.is_ok() {
                runner::say(format_args!("{}'s image {} scanned by trivy", self.name, image.name));
            }
            images.push(read.map_err(of_image));
            // Without a database that is told once, of the folder.
            if vulnerabilities.is_ok() {
                let read = self.trivy_for(Target::Image(image), "vuln", &in_database).await;
                images.push(read.map_err(of_image));
            }
        }
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
        images.extend([static_parts, vulnerabilities]);
        images
    }

    async fn trivy_for(&self, target: Target<'_>, scanners: &str, parts: &BTreeSet<Part>) -> Read {
        let mut command = self.command("trivy");
        match target {
            Target::Folder => command.args(["filesystem", "--skip-dirs", "target", "--skip-dirs", ".git", "."]),
            Target::Image(image) => {
                // Its settings are its own part of the work, apart from files that lie in it.
                command.args(["image", "--image-config-scanners", "misconfig,secret", "--input"]).arg(&image.layout)
            }
        };
        command.args(["--format", "json", "--quiet", "--no-progress", "--list-all-pkgs", "--scanners", scanners]);
        let bytes = output(Tool::Trivy, command).await?;
        let (image, locked) = match target {
            Target::Folder => (None, self.folder.join("Cargo.lock").is_file()),
            Target::Image(image) => (Some(image.name.clone()), false),
        };
        let packages = parts.contains(&Part::Vulnerabilities) && locked;
        let asked = Asked { parts: Some(parts.clone()), packages, image };
        let mut report = report::trivy::read(&bytes, &self.roots(), &asked)?;
        if asked.image.is_some() {
            report.findings.retain(|finding| finding.id != HEALTHCHECK);
        }
        Ok(report)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        // What a scanner needs no token for, it does not see: it reads the branch's own files, and clippy runs its macros.
        runner::hide_tokens(command.as_std_mut());
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
