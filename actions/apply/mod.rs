//! [`action.yml`](action.yml): plans again, and applies exactly that plan if it has the digest that was approved.
//!
//! What is applied is always the file whose digest was compared, never another one: it lies in a folder that only this user
//! can read, and Terraform itself refuses it if the state moved in between. With a release, the root has to say which versions
//! it published, in an output
//!
//! ```hcl
//! output "functions" {
//!   value = { <name in lockgate.toml> = { version = aws_lambda_function.<name>.version } }
//! }
//! ```

mod approved;
mod comment;
mod publish;
mod report;
mod tally;
mod work;

use std::time::Duration;

use anyhow::anyhow;
use aws_config::SdkConfig;

use self::report::{End, Report};
use crate::{
    aws,
    event::Event,
    failure::{Blame, Failure},
    interrupt,
    ledger::Ledger,
    lock::{self, Held, Taken},
    plan::{Hiding, Plan, make},
    progress::{State, Told},
    promote::strategy,
    runner,
    terraform::{self, Terraform},
    who,
};

pub use approved::Digest;

/// How long this run may be silent before another may take `lock/apply`.
const LEASE: Duration = Duration::from_secs(60);

/// What to apply, what was approved, and whom to tell.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    terraform: terraform::Settings,
    /// Environment that the root is; its ledger's lock is held meanwhile
    #[arg(long, env = "INPUT_ENVIRONMENT", value_name = "NAME")]
    environment: Option<String>,
    /// Release of the environment's ledger whose packages are applied, and whose versions are recorded
    #[arg(long, env = "INPUT_RELEASE", value_name = "ID", requires = "environment")]
    release: Option<String>,
    /// Environment that the release came from; what it took out of service or holds meanwhile is not applied
    #[arg(long, env = "INPUT_FROM", value_name = "NAME", requires = "release")]
    from: Option<String>,
    /// Canonical digest of the plan that was approved: `lockgate plan`'s output digest
    #[arg(long, env = "INPUT_APPROVED_DIGEST", value_name = "HEX")]
    approved_digest: Digest,
    /// Record of the plan that was approved, a file or an object in S3, to show what differs
    #[arg(long, env = "INPUT_APPROVED_RECORD", value_name = "FILE|s3://BUCKET/KEY")]
    approved_record: Option<String>,
    /// How long to wait for somebody else's lock, of the ledger or the state
    #[arg(long, env = "INPUT_LOCK_TIMEOUT", value_name = "TIME", default_value = "2m", value_parser = strategy::duration)]
    lock_timeout: Duration,
    #[command(flatten)]
    told: Told,
    #[command(flatten)]
    hiding: Hiding,
    /// Plan, compare, print the difference, and apply nothing
    #[arg(long, env = "INPUT_DRY_RUN", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    dry_run: bool,
}

/// An environment's ledger, and its lock if it is held.
#[derive(Debug)]
struct Ground {
    config: SdkConfig,
    ledger: Ledger,
    held: Option<Held>,
}

/// Applies. Outputs: `digest` (the plan's that was made now), `changed` (whether it changes anything), `approved` (whether it
/// has the approved digest), `applied` (whether all of it was applied), each `true` or `false`, `health-url` if the root has
/// an output `health_url`, and `lock-owner` if somebody else's lock stood in the way.
///
/// # Errors
/// [`Failure::Gate`] if the plan is not the approved one, could not be made, a lock is held, or the release was taken out of
/// service or is held where it came from; [`Failure::Usage`] for a root that cannot be initialised; [`Failure::World`] if
/// Terraform failed while it applied, or AWS fails.
pub async fn run(args: Args) -> Result<(), Failure> {
    let _group = runner::group("lockgate apply (actions/apply/mod.rs)");
    let event = Event::read().usage()?;
    interrupt::listen();
    match begin(&args, &event).await {
        Ok((terraform, report)) => finish(&args, &event, &terraform, &report).await,
        Err(failure) => {
            if !args.dry_run {
                let state = if matches!(failure, Failure::Gate(_)) { State::Failure } else { State::Error };
                // Why is not told: this may be Terraform's own words, and what they hold is masked in the log alone.
                args.told.status(state, "The apply broke off; its log says why", None).await;
                let root = terraform::name(&args.terraform.root).unwrap_or_else(|_| "the root".to_owned());
                let context = context(&args, root);
                comment(&args, &event, &context, |room| comment::broken_off(&context, room)).await;
            }
            Err(failure)
        }
    }
}

/// Applies, under the ledger's lock if there is one; how it ended is still to be told.
async fn begin(args: &Args, event: &Event) -> Result<(Terraform, Report), Failure> {
    let what = make::What {
        environment: args.environment.clone(),
        packages: None,
        release: args.release.clone(),
        lock: !args.dry_run,
    };
    let options = args.hiding.options(event);
    let (mut terraform, _) = make::prepare(&args.terraform, &what).await?;
    terraform.wait_for_lock(args.lock_timeout);
    terraform.init(&args.terraform).await.usage()?;
    let mut ground = match &args.environment {
        Some(environment) => {
            let config = aws::config().await.usage()?;
            let ledger = Ledger::new(&config, environment);
            Some(Ground { config, ledger, held: None })
        }
        None => None,
    };
    if !args.dry_run {
        args.told.status(State::InProgress, &format!("Terraform applies {}", terraform.root), None).await;
    }
    let report = match (&mut ground, args.dry_run) {
        (Some(ground), false) => match take(ground, &terraform, args).await? {
            None => {
                let report = under_lock(ground, work::work(args, &terraform, options, Some(ground))).await;
                if let Some(held) = ground.held.take() {
                    held.give_back(&ground.ledger).await;
                }
                report?
            }
            Some(end) => Report::new(Plan::failed(&options), end),
        },
        (ground, _) => work::work(args, &terraform, options, ground.as_ref()).await?,
    };
    Ok((terraform, report))
}

/// Takes the ledger's lock; returns why not, if it stays somebody else's.
async fn take(ground: &mut Ground, terraform: &Terraform, args: &Args) -> Result<Option<End>, Failure> {
    let of = args.release.as_ref().map(|id| format!(" with {id}")).unwrap_or_default();
    let purpose = format!("apply {}{of}", terraform.root);
    let (run, patience) = (who::run(), (LEASE, args.lock_timeout));
    let taken = tokio::select! {
        taken = Held::wait(&ground.ledger, lock::Name::Apply, &run, &purpose, patience) => taken.world()?,
        () = interrupt::asked() => return Ok(Some(End::Cancelled)),
    };
    match taken {
        Taken::Ours(held, _) => {
            ground.held = Some(held);
            Ok(None)
        }
        Taken::Theirs(lock) => {
            let what = format!(
                "lock/apply is held by {lock}; wait for it, or free its lock by `lockgate unlock --lock apply` if it is gone"
            );
            Ok(Some(End::Locked { owner: lock.owner, what }))
        }
    }
}

/// Renews the lock's lease for as long as something is at work.
async fn under_lock<T>(ground: &Ground, work: impl Future<Output = T>) -> T {
    let Some(held) = &ground.held else { return work.await };
    tokio::pin!(work);
    let mut beat = tokio::time::interval(held.heartbeat());
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = beat.tick() => match held.renew(&ground.ledger).await {
                Ok(()) => {}
                Err(error) if error.is::<lock::Lost>() => {
                    // Terraform's own lock guards the state: what it has begun, it ends.
                    runner::warning(&error);
                    return work.await;
                }
                Err(error) => runner::warning(format_args!("{} was not renewed: {error:#}", held.id())),
            },
        }
    }
}

fn context(args: &Args, root: String) -> comment::Context {
    comment::Context {
        root,
        environment: args.environment.clone(),
        release: args.release.clone(),
        approved: args.approved_digest.to_string(),
        commit: who::commit(),
        run: who::run_url(),
    }
}

/// Writes the comment. What was done is done, whoever hears of it.
async fn comment(args: &Args, event: &Event, context: &comment::Context, render: impl Fn(usize) -> String) {
    let subject = args.environment.as_ref().unwrap_or(&context.root);
    if let Err(error) = args.told.comment(event, subject, render).await {
        runner::warning(format_args!("no comment was written: {error:#}"));
    }
}

/// Tells everybody, and says by the exit code what came of it.
async fn finish(args: &Args, event: &Event, terraform: &Terraform, report: &Report) -> Result<(), Failure> {
    let context = context(args, terraform.root.clone());
    runner::say(report.plan.scrubber().cleaned(&report.told()));
    report.outputs().usage()?;
    let summary = comment::summary(report, &context);
    if let Err(error) = runner::summary(&summary) {
        // What was done is done, whoever hears of it.
        runner::warning(format_args!("the step has no summary: {error:#}"));
    }
    if !args.dry_run {
        let (state, description) = report.status(&terraform.root);
        args.told.status(state, &description, None).await;
        comment(args, event, &context, |room| comment::comment(report, &context, room)).await;
    }
    let why = anyhow!("{}", report.plan.scrubber().cleaned(&report.why(&terraform.root)));
    match &report.end {
        End::Agreed | End::Nothing | End::Applied { .. } => match &report.unrecorded {
            None => Ok(()),
            Some(_) => Err(Failure::World(why)),
        },
        End::Cancelled | End::Failed { .. } => Err(Failure::World(why)),
        End::Unplanned { .. } | End::Locked { .. } | End::Refused(_) | End::Differs { .. } => Err(Failure::Gate(why)),
    }
}
