//! *pull-request*: a contributor keeps logs for longer, and a reviewer reads what Terraform would do.

use crate::hub::{Hub, Pull, told};
use crate::stage::{ENVIRONMENT, GITHUB_REPOSITORY, Stage};
use crate::story::Checks;
use crate::variant;
use crate::workflows::Outcome;
use anyhow::{Context, Result};
use lockgate::sticky::marker;
use stand_ins::github::Comment;
use std::collections::BTreeSet;

const ACT: &str = "pull-request";
const BRANCH: &str = "longer-logs";
/// One that says in an alarm how long logs are kept.
pub(super) const BESIDE: &str = "slow-answers";
const VALUES: &str = "terraform/environments/staging/terraform.tfvars";

pub(crate) async fn pull_request(stage: &Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let branch = hub.branch(BRANCH).await?;
    branch.clone.change(VALUES, "log_retention_days = 14", "log_retention_days = 30")?;
    let pull = hub.open(&branch, "Keep the logs of staging for a month").await?;

    let first = hub.play(stage, ACT, &hub.pushed(&pull).await?, &[]).await?;
    checks.that("every job succeeds", first.succeeded(), told(&first));
    let comment = hub.comment(&pull, "plan")?;
    let before = judge(checks, &comment, "14 -> 30")?;
    let scanned = hub.comment(&pull, "scan")?;
    let headline = scanned.body.lines().find(|line| line.starts_with("## ")).unwrap_or_default();
    checks.that(
        "the other comment says that nothing new was found",
        headline.contains("nothing new"),
        headline.to_owned(),
    );
    let gap = scanned.body.contains("trivy/vulnerabilities");
    checks.that("and what was not scanned", gap, "trivy/vulnerabilities".to_owned());
    let sarifs = hub.github.repository(GITHUB_REPOSITORY)?.sarifs;
    let of_pull = sarifs.values().any(|sarif| sarif.git_ref == format!("refs/pull/{}/merge", pull.number));
    checks.that("code scanning has the findings", of_pull, format!("{} uploads", sarifs.len()));
    let lines = first.log.iter().flat_map(|said| said.lines());
    let images: BTreeSet<&str> =
        lines.filter_map(|line| line.split("head's image ").nth(1)?.strip_suffix(" scanned by trivy")).collect();
    checks.equal(
        "the images that the branch would deliver were scanned",
        &images,
        &BTreeSet::from(["enrich", "query"]),
    );

    branch.clone.change(VALUES, "log_retention_days = 30", "log_retention_days = 60")?;
    branch.push("Keep them for two").await?;
    let pushed = hub.pushed(&pull).await?;
    let (again, beside) = tokio::join!(hub.play(stage, ACT, &pushed, &[]), beside(stage, hub));
    let (again, beside) = (again?, beside?);
    checks.that("pushed again, every job succeeds", again.succeeded(), told(&again));
    checks.that("another one is planned beside it", beside.succeeded(), told(&beside));
    same_comments(hub, &pull, checks, (&comment, &scanned), &before)?;
    Ok(())
}

/// Somebody else opens one on the same ground, of which the plan is played alone.
async fn beside(stage: &Stage, hub: &Hub) -> Result<Outcome> {
    let branch = hub.branch(BESIDE).await?;
    variant::alarm(&branch.clone)?;
    let pull = hub.open(&branch, "Tell when answers are slow").await?;
    let mut planning = hub.pushed(&pull).await?;
    planning.only = Some("plan");
    hub.play(stage, ACT, &planning, &[]).await
}

/// The comments are those of before, and the plan's says something else.
fn same_comments(
    hub: &Hub,
    pull: &Pull,
    checks: &mut Checks,
    (plan, scan): (&Comment, &Comment),
    before: &str,
) -> Result<()> {
    let changed = hub.comment(pull, "plan")?;
    let after = judge(checks, &changed, "14 -> 60")?;
    checks.equal("the same comment has changed", &changed.id, &plan.id);
    checks.equal("the scan's comment is the same, too", &hub.comment(pull, "scan")?.id, &scan.id);
    checks.that("the digest has changed with it", before != after, format!("{before}, {after}"));
    Ok(())
}

/// Whether a reviewer can decide by the comment; returns the digest of the environment's plan.
fn judge(checks: &mut Checks, comment: &Comment, change: &str) -> Result<String> {
    let sections = marker::sections("plan", &comment.body);
    let roots: Vec<&str> = sections.iter().map(|(root, _)| root.as_str()).collect();
    let expected = ["terraform/environments/production", "terraform/environments/staging"];
    checks.that("one comment has a section for each root", roots == expected, format!("{roots:?}"));
    let root = format!("terraform/environments/{ENVIRONMENT}");
    let (_, section) = sections.iter().find(|(name, _)| *name == root).context("a section for the environment")?;
    let changes = section.matches(&format!("! retention_in_days = {change}")).count();
    let headline = section.lines().find(|line| line.starts_with("## ")).unwrap_or_default();
    checks.that(
        "it says what changes, and nothing else does: the functions' digests are those that run",
        changes > 0 && headline == format!("## Plan of `{ENVIRONMENT}`: {changes} to change"),
        format!("{headline} ({changes} differences of {change})"),
    );
    let digest = section.split("plan digest `").nth(1).and_then(|rest| rest.split('`').next()).unwrap_or_default();
    let is_digest = digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit());
    checks.that("it carries the plan's digest", is_digest, digest.to_owned());
    Ok(digest.to_owned())
}
