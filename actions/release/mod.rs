//! [`action.yml`](action.yml): uploads what `lockgate package` made and writes it into the environment's ledger as a
//! release. Doing it twice in one run does nothing the second time.

mod images;
mod taken_over;
mod tree;
pub mod variables;
mod zips;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, ensure};
use jiff::Timestamp;

use crate::{
    aws,
    delivery::Delivery,
    failure::{Blame, Failure},
    ledger::{Function, Ledger, Release, SCHEMA, State},
    package::{self, Packages},
    push_image::{self, Login, Settings},
    runner, who,
};

/// The file with Terraform's variables, beside the packages.
const VARIABLES: &str = "release.tfvars.json";

/// What to release where.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Environment to write the release for
    #[arg(long, env = "INPUT_ENVIRONMENT", value_name = "NAME")]
    environment: String,
    /// Folder that `lockgate package` filled
    #[arg(long, env = "INPUT_PACKAGES", value_name = "DIR", required_unless_present = "from")]
    packages: Option<PathBuf>,
    /// Bucket for the zips: the output `artifacts_bucket` of terraform/bootstrap
    #[arg(long, env = "INPUT_ARTIFACTS_BUCKET", value_name = "NAME", required_unless_present = "from")]
    artifacts_bucket: Option<String>,
    /// Environment whose release is taken over as it is, with the same bytes, instead of packages
    #[arg(long, env = "INPUT_FROM", value_name = "NAME", requires = "release", conflicts_with = "packages")]
    from: Option<String>,
    /// Which release of that environment
    #[arg(long, env = "INPUT_RELEASE", value_name = "ID", requires = "from")]
    release: Option<String>,
    /// Registry for the images, host and port [default: where ECR has the repositories that the functions are named after]
    #[arg(long, env = "INPUT_REGISTRY", value_name = "HOST")]
    registry: Option<String>,
    /// Id of the run that releases
    #[arg(long, env = "GITHUB_RUN_ID", value_name = "N", required_unless_present = "from")]
    run_id: Option<u64>,
    /// Print what would be uploaded and stop
    #[arg(long, env = "INPUT_DRY_RUN", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    dry_run: bool,
}

/// Releases. Outputs: `release` (its id) and, of packages, `tfvars` (the path of a file for `terraform -var-file`).
///
/// # Errors
/// [`Failure::Usage`] for packages that do not fit `lockgate.toml`, or a tree with changes; [`Failure::Gate`] if an
/// immutable tag, or this very release, exists with other bytes; [`Failure::World`] if AWS fails.
pub async fn run(args: Args) -> Result<(), Failure> {
    let _group = runner::group("lockgate release (actions/release/mod.rs)");
    if let (Some(from), Some(id)) = (&args.from, &args.release) {
        return taken_over::run(&args, from, id).await;
    }
    let (Some(folder), Some(artifacts_bucket), Some(run_id)) = (&args.packages, &args.artifacts_bucket, args.run_id)
    else {
        return Err(Failure::Usage(anyhow!("give packages, artifacts-bucket and the run's id, or from and release")));
    };
    let root = std::env::current_dir().context("the current folder cannot be read").usage()?;
    let source = tree::Source::read(&root).usage()?;
    let packages = self::packages(folder).usage()?;
    let delivery = Delivery::read(&root).usage()?;
    let release = release((&args.environment, run_id), &delivery, &packages, source).usage()?;
    runner::say(shown(&release));
    if args.dry_run {
        return Ok(());
    }
    let config = aws::config().await.usage()?;
    let ledger = Ledger::new(&config, &args.environment);
    zips::upload(&config, artifacts_bucket, folder, &packages).await.world()?;
    let images = images::list(&config, args.registry.as_deref(), folder, &packages).await.world()?;
    if !images.is_empty() {
        push_image::push(&images, &Settings::new(Login::Aws(Box::new(config.clone())))).await?;
    }
    create(&ledger, &release).await?;
    let file = folder.join(VARIABLES);
    let text = serde_json::to_string_pretty(&variables::of_packages(&delivery, &packages)).unwrap_or_default();
    fs::write(&file, text + "\n").with_context(|| format!("{} cannot be written", file.display())).usage()?;
    runner::output("release", &release.id).usage()?;
    runner::output("tfvars", &file.display().to_string()).usage()
}

/// Writes a release; one that is there already has to have the same bytes.
async fn create(ledger: &Ledger, release: &Release) -> Result<(), Failure> {
    if ledger.create(release).await.world()? {
        return Ok(());
    }
    let before = ledger.release(&release.id).await.world()?;
    let code = |release: &Release| -> BTreeMap<String, String> {
        release.functions.iter().map(|(stem, function)| (stem.clone(), function.code.clone())).collect()
    };
    if code(&before) != code(release) {
        let why = anyhow!(
            "release {} is in {} already with other bytes: the toolchain differs ({} and {}); make a new run",
            release.id,
            ledger.table(),
            before.toolchain,
            release.toolchain
        );
        return Err(Failure::Gate(why));
    }
    runner::say(format_args!("{} was in {} already", release.id, ledger.table()));
    Ok(())
}

/// What `lockgate package` wrote into this folder.
///
/// # Errors
/// If it wrote nothing there.
pub fn packages(folder: &Path) -> Result<Packages> {
    let file = folder.join(package::FILE);
    let text = fs::read(&file)
        .with_context(|| format!("{} cannot be read; `lockgate package --out` makes it", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not as `lockgate package` writes it", file.display()))
}

fn release(
    (environment, run_id): (&str, u64),
    delivery: &Delivery,
    packages: &Packages,
    source: tree::Source,
) -> Result<Release> {
    let mut functions = BTreeMap::new();
    for (name, function) in &delivery.functions {
        let package = packages.functions.get(name);
        let package = package.with_context(|| format!("function `{name}` was not packaged; package all of them"))?;
        let (kind, code) = package.code();
        ensure!(kind == function.package, "function `{name}` was packaged as another kind than lockgate.toml says");
        functions.insert(
            name.clone(),
            Function {
                function: format!("{name}-{environment}"),
                package: kind,
                code: code.to_owned(),
                alias: function.alias.clone(),
                metrics: function.metrics.clone(),
                probe: function.probe.to_string(),
                version: None,
                configuration: None,
            },
        );
    }
    Ok(Release {
        id: format!("r{run_id}-{}", &source.tree[..12]),
        schema: SCHEMA,
        state: State::Building,
        commit: source.commit,
        tree: source.tree,
        toolchain: packages.toolchain.id.clone(),
        run: who::run(),
        actor: who::actor(),
        created_at: Timestamp::now(),
        applied_at: None,
        live_since: None,
        taken_out_at: None,
        previous: None,
        reason: None,
        functions,
    })
}

fn shown(release: &Release) -> String {
    let mut text = format!("release {}: commit {}, tree {}", release.id, release.commit, release.tree);
    for function in release.functions.values() {
        text.push_str(&format!("\n  {:<24} {}", function.function, function.code));
    }
    text
}
