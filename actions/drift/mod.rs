//! [`action.yml`](action.yml): says what differs between an environment and what is recorded of it: resources changed
//! outside of Terraform, configuration that was not applied, and aliases that are not where the ledger says. See
//! `docs/drift.md`.
//!
//! [`Report::new`] judges plans and facts, [`decide`] says what becomes of the environment's one issue, [`summary`] what
//! is told besides: without network and Terraform. [`run`] makes the plans, asks for the facts, and does it.

mod advice;
mod aliases;
mod asides;
mod decide;
mod digest;
mod facts;
mod ignores;
pub mod issue;
mod judge;
mod plans;
mod render;
mod report;
pub mod summary;
mod table;
mod tell;

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow};
use jiff::Timestamp;

use self::tell::Told;
use crate::{
    event::Event,
    failure::{Blame, Failure},
    github::{Access, NO_TOKEN},
    interrupt,
    plan::{Hiding, Options},
    runner,
    secret::Secret,
    terraform, who,
};

pub use aliases::{AliasDrift, AliasFact, Code, Found, Moving, Routing};
pub use decide::{Candidate, Closed, Step, decide};
pub use ignores::{Ignore, Ignores};
pub use render::Context;
pub use report::{Attribute, Drifted, Hidden, Plans, Report, What};

#[cfg(test)]
mod tests;

/// Where ignores are, if nothing else is said.
const IGNORES: &str = "drift.toml";

/// Where to look, and whom to tell.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    terraform: terraform::Settings,
    /// Environment that the root is
    #[arg(long, env = "INPUT_ENVIRONMENT", value_name = "NAME")]
    environment: String,
    /// A plan as `terraform show -json` writes it; neither Terraform is run then nor the ledger asked
    #[arg(long, env = "INPUT_PLAN_JSON", value_name = "FILE")]
    plan_json: Option<PathBuf>,
    /// Key of the digest's values, in hex; only with --plan-json
    #[arg(long, env = "INPUT_DIGEST_KEY", value_name = "HEX", requires = "plan_json", hide_env_values = true)]
    digest_key: Option<Secret>,
    /// File of ignores [default: drift.toml, if there is one]
    #[arg(long, env = "INPUT_IGNORES", value_name = "FILE")]
    ignores: Option<PathBuf>,
    /// File to write the whole report to, as Markdown
    #[arg(long, env = "INPUT_REPORT", value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    hiding: Hiding,
    /// End with exit code 1 where there is drift with effect
    #[arg(long, env = "INPUT_FAIL", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    fail: bool,
    #[command(flatten)]
    github: Access,
    /// Print the report and what would become of the issue, and write neither
    #[arg(long, env = "INPUT_DRY_RUN", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    dry_run: bool,
}

/// Looks for drift. Outputs: `drifted` (`true` or `false`), `resources` (how many drifted with effect), `digest`, and
/// `issue` (the number of the one that tells it, or nothing).
///
/// # Errors
/// [`Failure::Gate`] if planning failed, or where drift is to fail; [`Failure::Usage`] for ignores that are none, a plan that
/// is none, a root that cannot be initialised, and a token that may not write issues; [`Failure::World`] if Terraform, AWS
/// or GitHub fails. Nothing becomes of the issue unless everything was found out.
pub async fn run(args: Args) -> Result<(), Failure> {
    if args.dry_run {
        runner::reserve_stdout();
    }
    let _group = runner::group("lockgate drift (actions/drift/mod.rs)");
    interrupt::listen();
    let event = Event::read().usage()?;
    let now = Timestamp::now();
    let ignores = ignores(args.ignores.as_deref(), now).usage()?;
    let options = Options { leaves: true, ..args.hiding.options(&event) };
    let found = match &args.plan_json {
        Some(file) => plans::from_file(file, args.digest_key.as_ref(), options)?,
        None => plans::with_terraform(&args.terraform, &args.environment, options).await?,
    };
    let report = Report::new(found.plans(), &found.facts, &ignores, &args.environment, now).gate()?;
    let context = Context {
        environment: args.environment.clone(),
        root: terraform::name(&args.terraform.root).usage()?,
        applied: found.applied,
        live: found.live,
        commit: who::commit(),
        run: who::run_url(),
    };
    let words = render::words(&report);
    runner::say(format_args!("{words}."));
    // What is found out is told, whatever GitHub says.
    let told = interrupt::unless_asked("the issue", tell(&args, &report, &context)).await.world().flatten();
    let steps = told.as_ref().ok().and_then(Option::as_ref).map_or(&[][..], |told| &told.steps);
    let summary = summary::summary(&report, &context, steps).0;
    runner::summary(&summary).usage()?;
    if args.dry_run {
        runner::data(summary.trim_end()).usage()?;
    } else if let Some(file) = &args.report {
        let written = fs::write(file, summary::file(&report, &context));
        written.with_context(|| format!("the report {} cannot be written", file.display())).usage()?;
    }
    let resources = report.resources.iter().filter(|drifted| drifted.effect).count();
    runner::output("drifted", if report.drifted() { "true" } else { "false" }).usage()?;
    runner::output("resources", &resources.to_string()).usage()?;
    runner::output("digest", &report.digest).usage()?;
    let issue = told?.and_then(|told| told.issue).map(|number| number.to_string());
    runner::output("issue", &issue.unwrap_or_default()).usage()?;
    if args.fail && report.drifted() {
        return Err(Failure::Gate(anyhow!("{} drifted: {words}; the report says what to do", args.environment)));
    }
    Ok(())
}

/// The ignores of this file; without one, those of the repository's own file, if it has one.
fn ignores(file: Option<&Path>, now: Timestamp) -> Result<Ignores> {
    let path = file.unwrap_or(Path::new(IGNORES));
    match fs::read_to_string(path) {
        Ok(text) => Ignores::read(&text, now),
        Err(error) if file.is_none() && error.kind() == ErrorKind::NotFound => Ok(Ignores::default()),
        Err(error) => Err(anyhow!(error).context(format!("the ignores {} cannot be read", path.display()))),
    }
}

async fn tell(args: &Args, report: &Report, context: &Context) -> Result<Option<Told>, Failure> {
    let Some(github) = args.github.connect().usage()? else {
        runner::notice(format_args!("no issue was looked at: {NO_TOKEN}"));
        return Ok(None);
    };
    let told = tell::tell(&github, report, context, args.dry_run).await?;
    for step in told.iter().flat_map(|told| &told.steps) {
        let would = if args.dry_run { "would be: " } else { "" };
        runner::say(format_args!("{would}{}", step.words()));
    }
    Ok(told)
}
