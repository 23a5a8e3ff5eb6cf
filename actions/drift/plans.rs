//! Makes the plans of a root, by Terraform or from a file, and asks for what Terraform cannot see.

use std::path::Path;

use anyhow::{Context, anyhow};

use super::{
    aliases::AliasFact,
    facts::{self, Recorded},
    report::Plans,
};
use crate::{
    aws,
    failure::{Blame, Failure},
    ledger::Ledger,
    plan::{
        Options, Plan,
        make::{self, What},
    },
    runner,
    secret::Secret,
    terraform::{self, Planning, Terraform},
};

/// All that is known of an environment.
pub(super) struct Found {
    refresh: Option<Plan>,
    full: Option<Plan>,
    pub(super) facts: Vec<AliasFact>,
    /// The release that was applied last.
    pub(super) applied: Option<String>,
    /// The one that is live.
    pub(super) live: Option<String>,
}

impl Found {
    pub(super) fn plans(&self) -> Plans<'_> {
        Plans { refresh: self.refresh.as_ref(), full: self.full.as_ref() }
    }
}

/// What one plan in a file of JSON says.
pub(super) fn from_file(file: &Path, key: Option<&Secret>, mut options: Options) -> Result<Found, Failure> {
    let key = key.map(|key| hex::decode(key.expose().trim())).transpose();
    options.digest_key = key.context("the digest key is no hex").usage()?.unwrap_or_default();
    let plan = make::from_file(file, options, None).usage()?.plan;
    let (refresh, full) = if plan.refresh_only { (Some(plan), None) } else { (None, Some(plan)) };
    Ok(Found { refresh, full, facts: Vec::new(), applied: None, live: None })
}

/// Plans twice, with the variables of the release that was applied last, and compares the aliases with the ledger.
pub(super) async fn with_terraform(
    settings: &terraform::Settings,
    environment: &str,
    options: Options,
) -> Result<Found, Failure> {
    let config = aws::config().await.usage()?;
    let ledger = Ledger::new(&config, environment);
    let recorded = Recorded::read(&ledger).await.world()?;
    recorded.at_rest(None).world()?;
    let applied = recorded.applied().map(|release| release.id.clone());
    match &applied {
        Some(release) => runner::say(format_args!("applied last: {release}")),
        None => runner::notice(format_args!(
            "no release was applied in {environment} yet: planned without the variables of one"
        )),
    }
    let what =
        What { environment: Some(environment.to_owned()), packages: None, release: applied.clone(), lock: false };
    let (terraform, _) = make::prepare(settings, &what).await?;
    terraform.init(settings).await.usage()?;
    let refresh = plan(&terraform, true, options.clone()).await?;
    let full = plan(&terraform, false, options).await?;
    // Last: a plan takes minutes, and a promotion may begin meanwhile.
    let (facts, now) = facts::find(&config, &ledger).await.world()?;
    now.at_rest(Some(&recorded)).world()?;
    Ok(Found { refresh: Some(refresh), full: Some(full), facts, applied, live: now.live.release })
}

/// One plan; the one made before it is gone then.
async fn plan(terraform: &Terraform, refresh_only: bool, mut options: Options) -> Result<Plan, Failure> {
    let errors = terraform.plan(Planning { lock: false, refresh_only }).await.world()?.messages.errors();
    let failed = |why: Option<&String>| {
        let why = why.map_or("it left no plan", String::as_str);
        Failure::Gate(anyhow!(
            "terraform could not plan {}: {why}; nobody knows what drifted, and the issue stays as it is",
            terraform.root
        ))
    };
    if !terraform.plan_file().exists() {
        return Err(failed(errors.first()));
    }
    options.digest_key = terraform.lineage().await.world()?.into_bytes();
    let plan = terraform.show(move |from| make::recorded(from, &options, None)).await.world()?;
    if plan.errored { Err(failed(errors.first())) } else { Ok(plan) }
}
