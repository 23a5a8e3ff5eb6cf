//! [`action.yml`](action.yml): assume an AWS role with the runner's OIDC token, in two requests
//! (<https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws>).

mod advice;
mod deliver;
mod diagnosis;
pub(crate) mod role;
mod session_name;
mod sts;
mod token;

use anyhow::{Context, anyhow};

pub use self::deliver::Format;
use self::{
    diagnosis::Diagnosis,
    role::Role,
    sts::{Order, Patience, Refusal, Session},
};
use crate::{
    failure::{Blame, Failure},
    runner,
    secret::Secret,
};

/// Which role, and what to do with its credentials.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A profile line that refreshes itself: with
    [profile deploy]
    credential_process = lockgate assume-role --role ARN --region REGION --format process
in ~/.aws/config, everything that runs with AWS_PROFILE=deploy gets credentials, and new ones before they end, for as long
as the job may ask for tokens. Nothing of them is in the environment or on disk.")]
pub struct Args {
    /// ARN of the role, or its place in --roles, such as deploy/staging
    #[arg(long, env = "INPUT_ROLE", value_name = "ARN|PLACE")]
    role: String,

    /// Roles by their names, as JSON: the output `roles` of terraform/bootstrap
    #[arg(long, env = "INPUT_ROLES", value_name = "JSON")]
    roles: Option<String>,

    /// AWS region, such as eu-central-1; its STS is asked, and later steps work in it
    #[arg(long, env = "INPUT_REGION", value_name = "REGION")]
    region: String,

    /// Whom the token is made for [default: sts.amazonaws.com, in China sts.amazonaws.com.cn]
    #[arg(long, env = "INPUT_AUDIENCE", value_name = "AUDIENCE")]
    audience: Option<String>,

    /// What the session is called in CloudTrail [default: <repository>-<run id>-<attempt>]
    #[arg(long, env = "INPUT_SESSION_NAME", value_name = "NAME")]
    session_name: Option<String>,

    /// How long the credentials are good, in seconds: 900 to 43200, with --chain at most 3600
    #[arg(long, env = "INPUT_DURATION", value_name = "SECONDS", default_value_t = 3600,
          value_parser = clap::value_parser!(i32).range(900..=43200))]
    duration: i32,

    /// Where the credentials go
    #[arg(long, env = "INPUT_FORMAT", value_name = "FORMAT", default_value = "env")]
    format: Format,

    /// Refuse any account but these, with commas between
    #[arg(long, env = "INPUT_ALLOWED_ACCOUNT_IDS", value_name = "IDS")]
    allowed_account_ids: Option<String>,

    /// Use the credentials at hand instead of an OIDC token: from one role to the next
    #[arg(long, env = "INPUT_CHAIN")]
    chain: bool,
}

/// Assumes the role and gives its credentials on. Sets the outputs `account`, `role-arn` (the assumed role's) and
/// `expiration` (RFC 3339).
///
/// # Errors
/// [`Failure::Usage`] for wrong settings, a job that may not have a token, and a role whose trust policy says no (with a
/// diagnosis on stdout); [`Failure::Gate`] for an account that is not allowed; [`Failure::World`] if GitHub or AWS does
/// not answer as it should.
pub async fn run(args: Args) -> Result<(), Failure> {
    if args.format == Format::Process {
        runner::reserve_stdout();
    }
    let order = args.order()?;
    args.format.check().usage()?;
    args.check_account(Some(&order.role.account))?;
    mask_proxies();
    let session = {
        let _group = runner::group("lockgate assume-role (actions/assume-role/mod.rs)");
        runner::say(format_args!(
            "{} as {}, {} s, {}",
            order.role.arn,
            order.session_name,
            order.duration,
            order.source()
        ));
        sts::assume(&order, Patience::default()).await
    };
    let session = session.map_err(|refusal| report(&order, &refusal))?;
    // What STS says it gave counts, not what was asked for.
    args.check_account(session.account())?;
    args.format.deliver(&session, &order.region)?;
    runner::say(format_args!("good until {}", session.expiration));
    Ok(())
}

impl Args {
    fn order(&self) -> Result<Order, Failure> {
        let role = Role::named(self.role.trim(), self.roles.as_deref());
        let role = role.with_context(|| format!("--role {}", self.role)).usage()?;
        let region = self.region.trim().to_owned();
        let sane =
            !region.is_empty() && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !sane {
            return Err(Failure::Usage(anyhow!("--region {region:?} is no AWS region; give one such as eu-central-1")));
        }
        role.check_region(&region).usage()?;
        if self.chain && self.duration > 3600 {
            let why = "AWS gives a chained role at most 3600 s; lower --duration";
            return Err(Failure::Usage(anyhow!("--duration {}: {why}", self.duration)));
        }
        let given = self.session_name.as_deref().map(session_name::sanitised);
        Ok(Order {
            audience: self.audience.clone().unwrap_or_else(|| role.audience().to_owned()),
            session_name: given.unwrap_or_else(session_name::of_run),
            duration: self.duration,
            chain: self.chain,
            role,
            region,
        })
    }

    /// Refuses an account that is not on the list, one that nobody knows, and any account if the list names none.
    fn check_account(&self, account: Option<&str>) -> Result<(), Failure> {
        let Some(allowed) = &self.allowed_account_ids else { return Ok(()) };
        let allowed: Vec<_> = allowed.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
        if account.is_some_and(|account| allowed.contains(&account)) {
            return Ok(());
        }
        Err(Failure::Gate(anyhow!(
            "the role is of account {}, which is none of the allowed ones ({}); nothing was given on. Correct --role or \
             --allowed-account-ids",
            account.unwrap_or("(unknown: STS did not say)"),
            allowed.join(", ")
        )))
    }
}

impl Order {
    fn source(&self) -> String {
        if self.chain {
            "with the credentials at hand".to_owned()
        } else {
            format!("with a token for {}", self.audience)
        }
    }
}

/// Prints what the refusal means, outside of any folded group, and gives the failure with the likeliest fix.
fn report(order: &Order, refusal: &Refusal) -> Failure {
    // Without a code STS was not asked or gave no answer: what was said has its own fix.
    if refusal.code.is_none() && !order.chain {
        let error = anyhow!("{} cannot be assumed: {}", order.role.arn, refusal.said);
        return if refusal.heals { Failure::World(error.context("gave up")) } else { Failure::Usage(error) };
    }
    let diagnosis = Diagnosis::of(order, refusal);
    runner::say(&diagnosis);
    // The log has it all; a summary that cannot be written must not hide the reason.
    let _ = runner::summary(&format!("### `{}` was refused\n```text\n{diagnosis}```\n", order.role.arn));
    let likeliest = diagnosis.fixes.first().map(String::as_str).unwrap_or_default();
    let error = anyhow!("AWS refuses {} to this job: {}. Likeliest: {likeliest}", order.role.arn, refusal.said);
    if refusal.heals && !refusal.is_expired() { Failure::World(error) } else { Failure::Usage(error) }
}

/// A proxy's password must not be seen should an error name the proxy.
fn mask_proxies() {
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let Ok(proxy) = std::env::var(name) else { continue };
        let user = proxy.split_once("://").map_or(proxy.as_str(), |(_, rest)| rest).rsplit_once('@');
        if let Some((_, password)) = user.and_then(|(user, _)| user.split_once(':')) {
            runner::mask(&Secret::new(password));
        }
    }
}
