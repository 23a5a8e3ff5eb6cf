//! [`action.yml`](action.yml): plans a root, says to reviewers what the plan would do, and digests what it intends.
//!
//! What a plan's JSON says is read without network and Terraform: [`read`] streams it into a [`Plan`], [`comment`] says it
//! to reviewers, a [`Recorder`] digests and keeps what it intends, and [`compare`] shows how two of them differ. What must
//! not be seen is taken out as early as it is known: values become trees without secrets (`shown`), texts lose known ones
//! ([`crate::scrub`]), and everything untrusted reaches Markdown only in code ([`crate::markdown`], [`crate::page`]).

mod build;
mod canonical;
mod clean;
pub mod comment;
mod compare;
mod diff;
mod drift;
mod folds;
mod function;
mod guard;
mod guess;
mod heading;
mod hiding;
mod input;
mod json;
mod keep;
mod leaves;
pub(crate) mod make;
mod marks;
mod model;
mod others;
mod outputs;
mod read;
mod record;
pub(crate) mod reviewed;
pub(crate) mod secrets;
mod shown;
mod skip;
mod table;
mod words;

#[cfg(test)]
pub(crate) mod tests;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use anyhow::{Context as _, anyhow};

use crate::{
    aws,
    event::Event,
    failure::{Blame, Failure},
    github::{Access, NO_TOKEN},
    interrupt,
    ledger::Ledger,
    runner,
    secret::Secret,
    sticky::comment::{Sticky, write},
    terraform, who,
};

pub use build::Options;
pub use compare::{Comparison, compare};
pub(crate) use hiding::{Hiding, Values};
pub(crate) use keep::Keep;
pub use leaves::Leaf;
pub use model::{Action, Change, Check, Counts, Drift, Output, Plan, Risk};
pub use read::read;
pub use record::{Recorder, Store};

/// How long the jobs of several roots leave each other to write the same comment.
const SETTLE: Duration = Duration::from_secs(2);

/// What to plan, and whom to tell.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    terraform: terraform::Settings,
    #[command(flatten)]
    what: make::What,
    #[command(flatten)]
    github: Access,
    /// A plan as `terraform show -json` writes it; Terraform is not run then
    #[arg(long, env = "INPUT_PLAN_JSON", value_name = "FILE")]
    plan_json: Option<PathBuf>,
    /// Key of the sensitive values' digests, in hex; only with --plan-json
    #[arg(long, env = "INPUT_DIGEST_KEY", value_name = "HEX", requires = "plan_json", hide_env_values = true)]
    digest_key: Option<Secret>,
    /// Pull request to comment on [default: the one that the run is about]
    #[arg(long, env = "INPUT_PULL_REQUEST", value_name = "N")]
    pull_request: Option<u64>,
    #[command(flatten)]
    hiding: Hiding,
    /// Where to keep the plan record: a file, or a prefix of a bucket, where its name is the plan's digest
    #[arg(long, env = "INPUT_RECORD", value_name = "FILE|s3://BUCKET/PREFIX/")]
    record: Option<String>,
    /// Print the comment and write none
    #[arg(long, env = "INPUT_DRY_RUN", value_name = "true|false", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    dry_run: bool,
}

/// Plans. Outputs: see [`outputs`].
///
/// # Errors
/// [`Failure::Gate`] if planning failed, or the root brings what is not allowed; [`Failure::Usage`] for a plan that is none,
/// or a root that cannot be initialised; [`Failure::World`] if GitHub fails.
pub async fn run(args: Args) -> Result<(), Failure> {
    if args.dry_run {
        runner::reserve_stdout();
    }
    let _group = runner::group("lockgate plan (actions/plan/mod.rs)");
    interrupt::listen();
    let event = Event::read().usage()?;
    let mut options = args.hiding.options(&event);
    let keep = args.record.as_deref().map(Keep::new).transpose().usage()?;
    let record = keep.as_ref().map(Keep::file);
    let made = match &args.plan_json {
        Some(file) => {
            let key = args.digest_key.as_ref().map(|key| hex::decode(key.expose().trim()));
            options.digest_key = key.transpose().context("the digest key is no hex").usage()?.unwrap_or_default();
            make::from_file(file, options, record).usage()?
        }
        None => make::with_terraform(&args.terraform, &args.what, options, record).await?,
    };
    let pull_request = event.pull_request.as_ref();
    let context = comment::Context {
        root: Some(terraform::name(&args.terraform.root).usage()?),
        environment: args.what.environment.clone(),
        commit: pull_request.map(|pull| pull.head.sha.clone()).or_else(who::commit),
        holds: match &args.what.environment {
            Some(environment) if args.plan_json.is_none() => {
                holds(environment, &made.codes, made.plan.values_hidden).await
            }
            _ => None,
        },
        run: who::run_url(),
        errors: made.errors.clone(),
    };
    let plan = &made.plan;
    runner::say(outputs::headline(plan));
    runner::summary(&comment::summary(plan, &context, comment::SUMMARY).0).usage()?;
    outputs::set(plan).usage()?;
    let kept = match &keep {
        Some(keep) => keep.store(plan, args.dry_run).await.world()?,
        None => None,
    };
    runner::output("record", &kept.unwrap_or_default()).usage()?;
    if args.dry_run {
        runner::data(comment::comment(plan, &context, comment::COMMENT).0.trim_end()).usage()?;
    } else if let Some(number) = args.pull_request.or(pull_request.map(|pull| pull.number)) {
        interrupt::unless_asked("the comment", tell(&args, number, plan, &context)).await.world()??;
    }
    if plan.errored {
        let why = made.errors.first().map_or("the plan says so itself", String::as_str);
        // It becomes an annotation, which everybody sees who sees the run.
        let why = plan.scrubber().cleaned(why);
        return Err(Failure::Gate(anyhow!("terraform could not plan {}: {why}", args.terraform.root.display())));
    }
    Ok(())
}

async fn tell(args: &Args, number: u64, plan: &Plan, context: &comment::Context) -> Result<(), Failure> {
    let Some(github) = args.github.connect().usage()? else {
        runner::notice(format_args!("no comment was written: {NO_TOKEN}"));
        return Ok(());
    };
    let subject = context.root.clone().unwrap_or_default();
    let sticky = Sticky { action: "plan", subject: &subject, most: comment::COMMENT, settle: SETTLE };
    let ending = write(&github, number, sticky, |room| comment::comment(plan, context, room).0).await.world()?;
    ending.say(number);
    Ok(())
}

/// What is held in the environment, or nothing where nobody can say: a plan is worth reading without. Why may be words of a
/// function's or AWS's.
async fn holds(environment: &str, planned: &BTreeSet<String>, hide_why: bool) -> Option<Vec<comment::Hold>> {
    let read = async {
        let ledger = Ledger::new(&aws::config().await?, environment);
        let (holds, _) = ledger.holds_and_locks().await?;
        let held = holds.into_iter().filter(|hold| hold.freed.is_none());
        anyhow::Ok(
            held.map(|hold| comment::Hold {
                concerns: planned.contains(&hold.code),
                text: if hide_why { hold.id } else { format!("{}: {}", hold.id, hold.reason) },
            })
            .collect(),
        )
    };
    match read.await {
        Ok(holds) => Some(holds),
        Err(error) => {
            runner::warning(format_args!("the comment does not say what is held: {error:#}"));
            None
        }
    }
}
