//! [`action.yml`](action.yml): decides whether a merged change may be applied to an environment as it is, or a person has to
//! look at it first. It plans under Terraform's lock, keeps the plan's record, and compares with what the reviewers saw.
//!
//! It also compares with what is live: a run of an older commit may come late, or be repeated.
//!
//! This is the digest that binds: it is made from main, by a role that no pull request can take. What stands in the pull
//! request's comment was made under the branch author's control; that it is equal tells that nothing changed meanwhile.

mod comment;
mod gate;
mod held;
mod older;
mod review;
mod taken_back;

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};

use self::{
    comment::Context,
    gate::{Approval, Gate},
    review::{Review, Why},
};
use crate::{
    aws,
    event::Event,
    failure::{Blame, Failure},
    github::{Access, GitHub},
    interrupt,
    ledger::{Ledger, Release, State},
    origin,
    plan::{Hiding, Keep, Plan, make},
    progress, runner, terraform, who,
};

/// What to check, and whom to ask.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    terraform: terraform::Settings,
    /// Environment that the root is
    #[arg(long, env = "INPUT_ENVIRONMENT", value_name = "NAME")]
    environment: String,
    /// Release of the environment's ledger that is to be applied
    #[arg(long, env = "INPUT_RELEASE", value_name = "ID")]
    release: String,
    /// Environment that the release came from; what it took out of service or holds goes nowhere else
    #[arg(long, env = "INPUT_FROM", value_name = "NAME")]
    from: Option<String>,
    /// When a person has to approve
    #[arg(long, env = "INPUT_APPROVAL", value_name = "WHEN", default_value = "on-difference")]
    approval: Approval,
    /// Branch that alone may deliver
    #[arg(long, env = "INPUT_BRANCH", value_name = "NAME", default_value = "main")]
    branch: String,
    /// Where to keep the plan record: a prefix of a bucket, below which its name is the plan's digest
    #[arg(long, env = "INPUT_RECORD", value_name = "s3://BUCKET/PREFIX/")]
    record: Option<String>,
    #[command(flatten)]
    github: Access,
    /// Pull request that the change came by [default: the one that the commit was merged by]
    #[arg(long, env = "INPUT_PULL_REQUEST", value_name = "N")]
    pull_request: Option<u64>,
    #[command(flatten)]
    hiding: Hiding,
}

impl Args {
    const fn gate(&self) -> Gate<'_> {
        Gate { environment: self.environment.as_str(), approval: self.approval, branch: self.branch.as_str() }
    }
}

/// Checks. Outputs: `digest` (the plan's), `record` (where its record is), `changed` (whether it changes anything),
/// `environment` (the GitHub environment of the job that may apply it), `reviewed` (`equal`, `differs` or `none`),
/// `pull-request` and `deployment` (their numbers on GitHub, empty if there is none).
///
/// # Errors
/// [`Failure::Gate`] if the release contains code that was judged bad, was taken out of service where it came from, or was
/// replaced already and would be applied anew, the plan could not be made, or a GitHub environment lets in more than the branch
/// or misses its reviewers; [`Failure::World`] if AWS or GitHub fails.
pub async fn run(args: Args) -> Result<(), Failure> {
    let _group = runner::group("lockgate check (actions/check/mod.rs)");
    let event = Event::read().usage()?;
    interrupt::listen();
    let github = args.github.connect().usage()?;
    let github = github.ok_or_else(|| anyhow!("there is no token for GitHub; give the input `token`")).usage()?;
    args.gate().refuse_open(&github).await?;

    let commit = who::commit();
    let deployment = deploy(&github, &args, commit.as_deref()).await;
    let done = decide(&args, &event, &github, commit, deployment).await;
    if let (Some(id), Err(failure)) = (deployment, &done) {
        let state = if matches!(failure, Failure::Gate(_)) { progress::State::Failure } else { progress::State::Error };
        // Why is not told: this may be Terraform's own words, and what they hold is masked in the log alone.
        tell(&github, id, state, "Nothing was applied: the log of the check says why").await;
    }
    done
}

/// Plans, compares, and tells everybody what came of it.
async fn decide(
    args: &Args,
    event: &Event,
    github: &GitHub,
    commit: Option<String>,
    deployment: Option<u64>,
) -> Result<(), Failure> {
    let review = review::find(github, args, commit.as_deref()).await.world()?;
    let config = aws::config().await.usage()?;
    let ledger = Ledger::new(&config, &args.environment);
    let release = ledger.release(&args.release).await.world()?;
    let older = older::find(github, &ledger, &release).await.world()?;
    let keep = args.record.as_deref().map(Keep::new).transpose().usage()?;
    let (plan, errors) = plan(args, event, keep.as_ref()).await?;
    runner::say(format_args!("{} Digest: {}", plan.counts().terraform(), plan.digest));

    let holds = ledger.holds_and_locks().await.world()?.0;
    let taken_back = taken_back::find(&ledger, &release, &holds).await.world()?;
    let held = held::on(&release, &plan, holds);
    let spent = spent(&release, &plan);
    let refusal = match &args.from {
        Some(from) => origin::refusal(&config, from, &release).await.world()?,
        None => None,
    };
    let why = review.judge(&plan, older.is_some(), taken_back.is_some(), args.approval);
    let context = Context {
        environment: &args.environment,
        root: terraform::name(&args.terraform.root).usage()?,
        gate: args.gate().taken(&why),
        release: &release,
        held: &held,
        spent: spent.as_deref(),
        refusal: refusal.as_ref(),
        why: &why,
        older: older.as_ref(),
        taken_back: taken_back.as_ref(),
        errors: &errors,
        commit: commit.clone(),
        run: who::run_url(),
    };
    let record = match &keep {
        // Before anybody is told that it goes on: the apply needs it to say what differs.
        Some(keep) if held.is_empty() && spent.is_none() && refusal.is_none() => {
            keep.store(&plan, false).await.world()?
        }
        _ => None,
    };
    runner::summary(&comment::summary(&plan, &review, &context)).usage()?;
    if let Some(number) = review.pull_request {
        let told = progress::comment(github, number, &args.environment, |room| {
            comment::comment(&plan, &review, &context, room)
        });
        if let Err(error) = told.await {
            runner::warning(format_args!("no comment was written: {error:#}"));
        }
    }
    if plan.errored || plan.digest.is_empty() {
        let why = errors.first().map_or("it did not say why", String::as_str);
        let why = plan.scrubber().cleaned(why);
        return Err(Failure::Gate(anyhow!("terraform could not plan {}: {why}", context.root)));
    }
    if !held.is_empty() {
        return Err(Failure::Gate(anyhow!("{}", held::told(&release.id, &held))));
    }
    if let Some(refusal) = refusal {
        return Err(Failure::Gate(refusal.why.into()));
    }
    if let Some(why) = spent {
        return Err(Failure::Gate(anyhow!(why)));
    }
    if let Some(id) = deployment {
        let (state, what) = match why.is_empty() && args.approval == Approval::OnDifference {
            true => (progress::State::Queued, format!("Nobody has to approve: {}", comment::agreed(&plan))),
            false => (progress::State::Pending, "Somebody has to approve the plan".to_owned()),
        };
        tell(github, id, state, &what).await;
    }
    outputs(&plan, &review, &context, record, deployment).usage()
}

/// Plans the root with the release's packages, under Terraform's lock.
async fn plan(args: &Args, event: &Event, keep: Option<&Keep>) -> Result<(Plan, Vec<String>), Failure> {
    let what = make::What {
        environment: Some(args.environment.clone()),
        packages: None,
        release: Some(args.release.clone()),
        lock: true,
    };
    let options = args.hiding.options(event);
    let made = make::with_terraform(&args.terraform, &what, options, keep.map(Keep::file)).await?;
    Ok((made.plan, made.errors))
}

/// Why a release cannot be applied any more: its versions are recorded, and a plan that changes a function publishes others. What
/// served once is gone back to by its aliases; what it stands on is not taken back below what serves now.
fn spent(release: &Release, plan: &Plan) -> Option<String> {
    let of_functions = || plan.changes.iter().any(|change| change.kind == "aws_lambda_function");
    let advice = match release.state {
        State::Building | State::Failed => return None,
        State::Live | State::Canary if of_functions() => {
            "mend by hand what differs, as the drift issue says, or merge another change"
        }
        State::Live | State::Canary => return None,
        State::Replaced | State::RolledBack if plan.changed() => {
            "to go back to it, start the workflow on-rollback.yml, or revert what came after it by a pull request"
        }
        State::Replaced | State::RolledBack => return None,
    };
    Some(format!(
        "release {} is {} here already, and the plan would change what it was applied with; {advice}",
        release.id, release.state
    ))
}

/// The deployment that the later jobs go on telling. Without one they tell less, and no worse.
async fn deploy(github: &GitHub, args: &Args, commit: Option<&str>) -> Option<u64> {
    let production = args.approval == Approval::Always;
    let made = progress::create(github, commit?, &args.environment, &args.release, production).await;
    made.inspect_err(|error| {
        runner::warning(format_args!("there is no deployment on GitHub: {error}; give the job `deployments: write`"));
    })
    .ok()
}

/// Says of the deployment how it goes on.
async fn tell(github: &GitHub, id: u64, state: progress::State, what: &str) {
    if let Err(error) = progress::status(github, id, state, what, None).await {
        runner::warning(format_args!("the deployment's status was not written: {error}"));
    }
}

fn outputs(
    plan: &Plan,
    review: &Review,
    context: &Context<'_>,
    record: Option<String>,
    deployment: Option<u64>,
) -> Result<()> {
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let kinds: BTreeSet<_> = context.why.iter().map(Why::name).collect();
    runner::say(format_args!(
        "the apply takes the GitHub environment {}{}",
        context.gate,
        if kinds.is_empty() {
            String::new()
        } else {
            format!(": {}", kinds.into_iter().collect::<Vec<_>>().join(", "))
        }
    ));
    runner::output("digest", &plan.digest)?;
    runner::output("changed", if plan.changed() { "true" } else { "false" })?;
    runner::output("record", &record.unwrap_or_default())?;
    runner::output("environment", &context.gate)?;
    runner::output("reviewed", review.word(plan))?;
    runner::output("pull-request", &number(review.pull_request))?;
    runner::output("deployment", &number(deployment))
}
