//! [`action.yml`](action.yml): runs the scanners on a change and on what it is based on, and tells what is new.
//!
//! Each scanner's output becomes a [`Report`] ([`report`]), those of a commit a [`Scan`]; [`assess`] compares the head's with
//! the base's and asks the [`suppressions`]. What comes of it goes out as a [`comment`], as [`annotations`] and as [`sarif`].

pub mod annotations;
mod base;
pub mod comment;
pub mod compare;
pub mod files;
pub mod finding;
pub mod fingerprint;
pub mod gate;
mod images;
pub mod inline;
mod link;
mod lists;
pub mod merge;
pub mod report;
pub mod sarif;
mod sarif_json;
mod scanners;
pub mod severity;
pub mod suppressions;
pub mod text;
mod upload;

#[cfg(test)]
mod tests;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use jiff::{Timestamp, tz::TimeZone};

use self::{
    base::BaseTree,
    images::Image,
    report::trivy::Asked,
    scanners::Tree,
    suppressions::{FILE, Suppression},
};
use crate::{
    event::Event,
    failure::{Blame, Failure},
    github::{Access, GitHub, NO_TOKEN},
    plan::secrets,
    runner,
    scrub::Scrubber,
    secret::Secret,
    sticky::comment::{Sticky, write},
    who,
};

pub use compare::{Commit, Comparison, compare};
pub use files::{Files, Folder, Roots};
pub use finding::{Finding, Kind, Part, Place, Tool};
pub use gate::{Assessment, Base, Outcome, Policy, Scan, assess};
pub use link::Links;
pub use report::{NotScanned, Report};
pub use severity::Severity;

/// After how long the comment is looked at once more.
const SETTLE: Duration = Duration::from_secs(1);

/// What to scan, what to compare it with, and whom to tell.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Scanners to run: cargo-audit, clippy, tfsec, trivy
    #[arg(
        long,
        env = "INPUT_TOOLS",
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "cargo-audit,clippy,tfsec,trivy"
    )]
    tools: Vec<Tool>,
    /// Report of a scanner that was run elsewhere, as TOOL=FILE, one a line; then none is run
    #[arg(long, env = "INPUT_REPORT", value_name = "TOOL=FILE", value_delimiter = '\n')]
    report: Vec<String>,
    /// The same of what the change is based on
    #[arg(long, env = "INPUT_BASE_REPORT", value_name = "TOOL=FILE", value_delimiter = '\n', requires = "report")]
    base_report: Vec<String>,
    /// Folder that `lockgate package` filled: its images are scanned, too
    #[arg(long, env = "INPUT_PACKAGES", value_name = "DIR", conflicts_with = "report")]
    packages: Option<PathBuf>,
    /// Commit that the change is based on [default: HEAD^1 in a run for a pull request]
    #[arg(long, env = "INPUT_BASE", value_name = "COMMIT")]
    base: Option<String>,
    /// Folder with what the change is based on, instead of a commit
    #[arg(long, env = "INPUT_BASELINE", value_name = "DIR", conflicts_with = "base")]
    baseline: Option<PathBuf>,
    /// The least severity that stops the change: low, medium, high or critical
    #[arg(long, env = "INPUT_FAIL_ON", value_name = "SEVERITY", default_value = "medium")]
    fail_on: Severity,
    /// What may be left unscanned, by name: clippy, or trivy/vulnerabilities, with commas between
    #[arg(long, env = "INPUT_ALLOW", value_name = "NAME", value_delimiter = ',')]
    allow: Vec<String>,
    /// Whether whatever is there counts, new or not: on a schedule there is no change to judge
    #[arg(long, env = "INPUT_EVERYTHING", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    everything: bool,
    /// File to write the findings to as SARIF
    #[arg(long, env = "INPUT_SARIF", value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Whether to give the findings to code scanning
    #[arg(long, env = "INPUT_UPLOAD", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    upload: bool,
    /// Values that must not be seen wherever they stand, one a line
    #[arg(long, env = "INPUT_SECRETS", value_name = "TEXT", hide_env_values = true)]
    secrets: Option<Secret>,
    /// Pull request to comment on [default: the one that the run is about]
    #[arg(long, env = "INPUT_PULL_REQUEST", value_name = "N")]
    pull_request: Option<u64>,
    #[command(flatten)]
    github: Access,
    /// Print the comment and write none
    #[arg(long, env = "INPUT_DRY_RUN", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    dry_run: bool,
}

/// Scans. Outputs: `total`, `new`, `blocking`, `suppressed`, `expired` and `fixed`, numbers of findings and entries, and
/// `outcome`: `passed` or `failed`.
///
/// # Errors
/// [`Failure::Gate`] if the change brings what stops it, or something was not scanned; [`Failure::Usage`] for wrong
/// suppressions or a missing base; [`Failure::World`] if GitHub fails.
pub async fn run(args: Args) -> Result<(), Failure> {
    if args.dry_run {
        runner::reserve_stdout();
    }
    let _group = runner::group("lockgate scan (actions/scan/mod.rs)");
    let event = Event::read().usage()?;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let allowed = args.allow.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
    let policy = Policy {
        fail_on: args.fail_on,
        allowed: Policy::allowing(allowed).usage()?,
        everything: args.everything,
        today,
    };
    let here = std::env::current_dir().context("the current folder cannot be read").usage()?;
    let files = Folder::new(&here).context("the current folder cannot be read").usage()?;
    let entries = match files.text(FILE) {
        Some(text) => suppressions::read(&text, today).usage()?,
        None => Vec::new(),
    };
    let base = args.base(&event, &here).await.usage()?;
    let assessment = judge(&args, &here, &files, base.as_ref(), entries, policy).await;
    if let Some(base) = base {
        base.close().await;
    }
    args.tell(&assessment?, &event).await
}

/// Where what is compiled of the base lies below the target folder. Not the head's own folder, in which cargo would take one's
/// crates for the other's.
const BASE: &str = "scan-base";

/// Cargo's target folder.
/// <https://doc.rust-lang.org/cargo/reference/environment-variables.html#environment-variables-cargo-reads>
fn target(here: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| here.join("target"), PathBuf::from)
}

/// The target folder, if it lies outside of the checkout: below, the head's scanners would look at a base that is kept there.
fn outside(target: &Path, here: &Path) -> Option<PathBuf> {
    // Cargo makes it anyway.
    fs::create_dir_all(target).ok()?;
    let (target, here) = (target.canonicalize().ok()?, here.canonicalize().ok()?);
    (!target.starts_with(here)).then_some(target)
}

/// Scans head and base.
async fn judge(
    args: &Args,
    here: &Path,
    files: &Folder,
    base: Option<&BaseTree>,
    entries: Vec<Suppression>,
    policy: Policy,
) -> Result<Assessment, Failure> {
    let scrubber = Scrubber::knowing(&secrets::known(args.secrets.as_ref()));
    let inline = base.and_then(|base| base.diff.as_deref()).map(inline::new_in_diff).unwrap_or_default();
    let (mut head, mut of_base) = if args.report.is_empty() {
        let target = target(here);
        let (images, head) = scan_head(args, here, &target).await;
        let of_base = match base {
            Some(base) => Some(scan_base(args, base, &target, &images, &head).await),
            None => None,
        };
        (head, of_base)
    } else {
        let head = read_all(&args.report, here).usage()?;
        let of_base = read_all(&args.base_report, here).usage()?;
        (head, (base.is_some() || !of_base.is_empty()).then_some(of_base))
    };
    // Before anything is made of it: what a scanner quotes goes into annotations and files, too.
    head.iter_mut().chain(of_base.iter_mut().flatten()).for_each(|read| report::clean(read, &scrubber));
    let head = Scan::new(head, &args.tools, files);
    let empty = ();
    let base_files = base.map(|base| Folder::new(&base.folder)).transpose();
    let base_files = base_files.context("the base cannot be read").usage()?;
    let base_files: &dyn Files = base_files.as_ref().map_or(&empty, |files| files);
    let base = of_base.map(|reports| Base {
        scan: Scan::new(reports, &args.tools, base_files),
        files: base_files,
        suppressions: base_files
            .text(FILE)
            .and_then(|text| suppressions::read(&text, policy.today).ok())
            .unwrap_or_default(),
    });
    Ok(assess(head, base, entries, inline, policy))
}

type Read = Result<Report, NotScanned>;

/// The head's images, and what the scanners say of it and of them.
async fn scan_head(args: &Args, here: &Path, target: &Path) -> (Vec<Image>, Vec<Read>) {
    let packaged = args.packages.as_deref().map(images::packaged).transpose();
    let (images, gap) = match packaged {
        Ok(images) => (images.unwrap_or_default(), None),
        Err(error) => {
            let next = "see why they could not be built, or scan without `packages`";
            (Vec::new(), Some(NotScanned::all(Tool::Trivy, format!("the images: {error:#}"), next)))
        }
    };
    let tree = Tree { folder: here, target: target.to_owned(), name: "head", images: &images };
    let mut head = tree.scan(&args.tools).await;
    head.extend(gap.map(Err));
    (images, head)
}

/// What the scanners say of the base, as far as that is not known from the head.
async fn scan_base(args: &Args, base: &BaseTree, target: &Path, images: &[Image], head: &[Read]) -> Vec<Read> {
    let target = target.join(BASE);
    // What was found in an image may be as old; where nothing was, nobody needs the base's.
    let built = match images::found_in(images, head) {
        true => images::build(&base.folder, &target).await.map(Some),
        false => Ok(None),
    };
    let images = built.as_ref().ok().and_then(Option::as_ref).map_or(&[][..], |(_, images)| images);
    let tree = Tree { folder: &base.folder, target, name: "base", images };
    let same = base.same_code();
    let tools: Vec<Tool> = args.tools.iter().copied().filter(|tool| !(same && *tool == Tool::Clippy)).collect();
    let mut reports = tree.scan(&tools).await;
    if same {
        reports.extend(head.iter().filter(|read| tool_of(read) == Tool::Clippy).cloned());
        runner::say("base has the same code: clippy says the same of it");
    }
    if let Err(error) = built {
        let next = "see why they could not be built: what was found in the head's images counts as new";
        reports.push(Err(NotScanned::all(Tool::Trivy, format!("the images: {error:#}"), next)));
    }
    reports
}

fn tool_of(read: &Read) -> Tool {
    match read {
        Ok(report) => report.tool,
        Err(gap) => gap.tool,
    }
}

/// Reads reports that were made elsewhere.
fn read_all(named: &[String], here: &Path) -> anyhow::Result<Vec<Read>> {
    let roots = Roots::new(&[&here.display().to_string()]);
    let read = |named: &String| {
        let (tool, file) = named.split_once('=').with_context(|| format!("{named:?} is not TOOL=FILE"))?;
        let tool: Tool = tool.trim().parse()?;
        let bytes = match fs::read(file.trim()) {
            Ok(bytes) => bytes,
            Err(error) => {
                return Ok(Err(NotScanned::all(tool, format!("its report {file} cannot be read: {error}"), "make it")));
            }
        };
        Ok(match tool {
            Tool::CargoAudit => {
                let lock = fs::read_to_string(here.join("Cargo.lock")).ok();
                report::cargo_audit::read(&bytes, "Cargo.lock", lock.as_deref())
            }
            Tool::Clippy => report::clippy::read(&bytes, &roots),
            Tool::Tfsec => report::tfsec::read(&bytes, &roots),
            Tool::Trivy => report::trivy::read(&bytes, &roots, &Asked::default()),
        })
    };
    named.iter().filter(|named| !named.trim().is_empty()).map(read).collect()
}

impl Args {
    async fn base(&self, event: &Event, here: &Path) -> anyhow::Result<Option<BaseTree>> {
        // The tested merge commit's first parent, not the event's base, which may be older (NVIDIA/OpenShell #3277).
        let parent = || event.pull_request.is_some().then(|| "HEAD^1".to_owned());
        match (&self.baseline, self.base.clone().or_else(parent)) {
            (Some(folder), _) => BaseTree::folder(folder).map(Some),
            (None, Some(commit)) => {
                let keep = outside(&target(here), here).map(|target| target.join(BASE));
                BaseTree::commit(here, &commit, keep.as_deref()).await.map(Some)
            }
            (None, None) => Ok(None),
        }
    }

    async fn tell(&self, assessment: &Assessment, event: &Event) -> Result<(), Failure> {
        let outcome = assessment.outcome();
        let pull_request = event.pull_request.as_ref();
        let head = pull_request.map(|pull| pull.head.sha.clone()).or_else(who::commit).unwrap_or_default();
        let context = comment::Context {
            links: Links {
                server: std::env::var("GITHUB_SERVER_URL").unwrap_or_else(|_| "https://github.com".to_owned()),
                repository: self.github.repository.clone().unwrap_or_default(),
                commit: head.clone(),
            },
            run: who::run_url(),
            secrets: secrets::known(self.secrets.as_ref()),
        };
        let github = self.github.connect().usage()?;
        runner::summary(&comment::summary(assessment, &context, comment::SUMMARY).0).usage()?;
        outputs(&outcome).usage()?;
        for one in annotations::annotations(assessment) {
            runner::annotation(one.level == annotations::Level::Error, &one.path, one.lines, &one.title, &one.message);
        }
        let mut sarif = Vec::new();
        sarif::write(assessment, "", &mut sarif).context("the findings cannot be written down").usage()?;
        if let Some(file) = &self.sarif {
            let written = fs::File::create(file).and_then(|mut to| to.write_all(&sarif));
            written.with_context(|| format!("{} cannot be written", file.display())).usage()?;
        }
        if self.dry_run {
            runner::data(comment::comment(assessment, &context, comment::COMMENT).0.trim_end()).usage()?;
        } else {
            if let Some(number) = self.pull_request.or(pull_request.map(|pull| pull.number)) {
                comment_on(github.as_ref(), number, assessment, &context).await?;
            }
            // A fork's token may not, whatever the job declares.
            if let (true, Some(github), false) =
                (self.upload, &github, pull_request.is_some_and(crate::event::PullRequest::from_fork))
            {
                let commit = who::commit().unwrap_or(head);
                let reference = std::env::var("GITHUB_REF").unwrap_or_default();
                upload::upload(github, &sarif, &commit, &reference).await.world()?;
            }
        }
        if outcome.passed() {
            runner::say(format_args!("{} findings, nothing that stops this change", outcome.total));
            return Ok(());
        }
        Err(Failure::Gate(anyhow!("the scan stops this change: {}", outcome.reasons.join("; "))))
    }
}

async fn comment_on(
    github: Option<&GitHub>,
    number: u64,
    assessment: &Assessment,
    context: &comment::Context,
) -> Result<(), Failure> {
    let Some(github) = github else {
        runner::notice(format_args!("no comment was written: {NO_TOKEN}"));
        return Ok(());
    };
    let sticky = Sticky { action: "scan", subject: ".", most: comment::COMMENT, settle: SETTLE };
    let ending = write(github, number, sticky, |room| comment::comment(assessment, context, room).0).await.world()?;
    ending.say(number);
    Ok(())
}

fn outputs(outcome: &Outcome) -> anyhow::Result<()> {
    let numbers = [
        ("total", outcome.total),
        ("new", outcome.new),
        ("blocking", outcome.blocking),
        ("suppressed", outcome.suppressed),
        ("expired", outcome.expired),
        ("fixed", outcome.fixed),
    ];
    for (name, number) in numbers {
        runner::output(name, &number.to_string())?;
    }
    runner::output("outcome", if outcome.passed() { "passed" } else { "failed" })
}
