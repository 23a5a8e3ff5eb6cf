//! Makes a plan: by Terraform, or from a file.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufWriter, Read},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};

use super::{Options, Plan, Recorder, guard, read};
use crate::{
    aws,
    delivery::Delivery,
    failure::{Blame, Failure},
    ledger::Ledger,
    package::Packages,
    release, runner,
    terraform::{self, Planning, Terraform},
};

/// What is planned in a root.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct What {
    /// Environment that the root is
    #[arg(long, env = "INPUT_ENVIRONMENT", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Folder that `lockgate package` filled, or its output `packages`, for a release that is not written yet
    #[arg(long, env = "INPUT_PACKAGES", value_name = "DIR|JSON", conflicts_with = "release")]
    pub(crate) packages: Option<String>,
    /// Release of the environment's ledger
    #[arg(long, env = "INPUT_RELEASE", value_name = "ID", requires = "environment")]
    pub(crate) release: Option<String>,
    /// Whether to hold the state's lock meanwhile
    #[arg(long, env = "INPUT_LOCK", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub(crate) lock: bool,
}

/// A plan, and why it failed if it did.
#[derive(Debug)]
pub(crate) struct Made {
    /// It.
    pub(crate) plan: Plan,
    /// Terraform's errors.
    pub(crate) errors: Vec<String>,
    /// What the functions' code would be: digests of images, and SHA-256 of zips.
    pub(crate) codes: BTreeSet<String>,
}

/// Reads the plan in a file of JSON.
///
/// # Errors
/// If there is none, or the record cannot be written.
pub(crate) fn from_file(file: &Path, options: Options, record: Option<&Path>) -> Result<Made> {
    let plan = File::open(file).with_context(|| format!("the plan {} cannot be read", file.display()))?;
    let plan = recorded(&mut &plan, &options, record).with_context(|| format!("{} is no plan", file.display()))?;
    Ok(Made { plan, errors: Vec::new(), codes: BTreeSet::new() })
}

/// Plans with Terraform.
///
/// # Errors
/// As [`super::run`].
pub(crate) async fn with_terraform(
    args: &terraform::Settings,
    what: &What,
    mut options: Options,
    record: Option<&Path>,
) -> Result<Made, Failure> {
    let begun = Instant::now();
    let (terraform, codes) = prepare(args, what).await?;
    let mut of_terraform = Duration::ZERO;
    let mut since = Instant::now();
    terraform.init(args).await.usage()?;
    let ended = terraform.plan(Planning { lock: what.lock, refresh_only: false }).await.world()?;
    let errors = ended.messages.errors();
    of_terraform += since.elapsed();
    if !terraform.plan_file().exists() {
        let plan = Plan::failed(&options);
        return Ok(Made { plan, errors, codes });
    }
    since = Instant::now();
    options.digest_key = terraform.lineage().await.world()?.into_bytes();
    let record = record.map(Path::to_owned);
    let plan = terraform.show(move |from| recorded(from, &options, record.as_deref())).await.world()?;
    of_terraform += since.elapsed();
    let all = begun.elapsed();
    runner::say(format_args!(
        "took {:.1} s, of which {:.1} s were Terraform's",
        all.as_secs_f32(),
        of_terraform.as_secs_f32()
    ));
    Ok(Made { plan, errors, codes })
}

/// Terraform with the variables of what is planned, in a root that brings nothing that is not allowed; and the functions' code,
/// see [`Made::codes`].
///
/// # Errors
/// As [`super::run`].
pub(crate) async fn prepare(args: &terraform::Settings, what: &What) -> Result<(Terraform, BTreeSet<String>), Failure> {
    let mut terraform = Terraform::new(args).usage()?;
    let base = std::env::current_dir().context("the current folder cannot be read").usage()?;
    guard::check(&base, terraform.folder(), &args.allow).gate()?;
    let (variables, codes) = match (&what.packages, &what.release) {
        (Some(packages), _) => {
            let delivery = Delivery::read(&base).usage()?;
            let packages = self::packages(packages).usage()?;
            let codes = packages.functions.values().map(|package| package.code().1.to_owned());
            (release::variables::of_packages(&delivery, &packages), codes.collect())
        }
        (None, Some(id)) => {
            let delivery = Delivery::read(&base).usage()?;
            let environment = what.environment.as_deref().unwrap_or_default();
            let ledger = Ledger::new(&aws::config().await.usage()?, environment);
            let release = ledger.release(id).await.world()?;
            let variables = release::variables::of_release(&delivery, &release).usage()?;
            (variables, release.functions.into_values().map(|function| function.code).collect())
        }
        (None, None) => return Ok((terraform, BTreeSet::new())),
    };
    let file = terraform.private("release.tfvars.json");
    let text = serde_json::to_vec_pretty(&variables).map_err(|error| anyhow!(error)).usage()?;
    fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display())).usage()?;
    terraform.add_variables(file);
    Ok((terraform, codes))
}

/// Another job hands only the digests on, as text; what they are the digests of is not needed for a plan.
fn packages(packages: &str) -> Result<Packages> {
    if packages.trim_start().starts_with('{') {
        return serde_json::from_str(packages).context("the packages are not as the output of `lockgate package`");
    }
    release::packages(Path::new(packages))
}

/// Reads a plan, and writes its record where one is wanted.
///
/// # Errors
/// If it is no plan, or the record cannot be written.
pub(crate) fn recorded(from: &mut dyn Read, options: &Options, record: Option<&Path>) -> Result<Plan> {
    let Some(file) = record else { return read(from, options, &mut Recorder::digest_only()) };
    let mut store = tempfile::tempfile().context("no file for the plan record can be made")?;
    let mut recorder = Recorder::storing(&mut store);
    let plan = read(from, options, &mut recorder)?;
    let to = File::create(file).with_context(|| format!("the plan record {} cannot be written", file.display()))?;
    let mut to = BufWriter::new(to);
    recorder.write(&plan, &mut to)?;
    to.into_inner().map_err(std::io::IntoInnerError::into_error).context("the plan record cannot be written")?;
    Ok(plan)
}
