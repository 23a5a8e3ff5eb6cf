//! *bad-pull-request*: a branch brings a vulnerable dependency, a bucket that everybody can read, and code that clippy knows
//! to be wrong. The gate is shut, and the comment names these and nothing that was there before.

use crate::hub::{Hub, told};
use crate::stage::Stage;
use crate::story::Checks;
use crate::variant;
use anyhow::{Context, Result};
use std::collections::BTreeSet;

const ACT: &str = "bad-pull-request";
const BRANCH: &str = "exports";

/// What has to be named, by its id, and the file that brings it.
const BROUGHT: [(&str, &str); 3] =
    [("RUSTSEC-2020-0027", "Cargo.lock"), ("AWS-0092", variant::EXPORTS), ("clippy::eq_op", variant::LENGTHS)];

pub(crate) async fn bad_pull_request(stage: &Stage, hub: &Hub, checks: &mut Checks) -> Result<()> {
    let branch = hub.branch(BRANCH).await?;
    variant::insecure(&branch.clone)?;
    let pull = hub.open(&branch, "Export calls for our partners").await?;

    // Terraform compares the provider with the lock file's hash in this run, as on any runner.
    let mut pushed = hub.pushed(&pull).await?;
    pushed.hashes = true;
    let run = hub.play(stage, ACT, &pushed, &[]).await?;
    let failed = run.failed();
    let scan_alone = failed.len() == 1 && failed[0].ends_with("scan");
    checks.that("the scan fails, and no other job does", scan_alone, told(&run));
    let comment = hub.comment(&pull, "scan")?.body;
    let headline = comment.lines().find(|line| line.starts_with("## ")).unwrap_or_default();
    checks.that("the comment says so", headline.starts_with("## ❌ Scan: "), headline.to_owned());
    let new = comment.split("### New\n").nth(1).context("the comment lists nothing new")?;
    let new: Vec<&str> = new.lines().skip(1).take_while(|line| !line.is_empty()).collect();
    for (id, file) in BROUGHT {
        let named = new.iter().find(|line| line.contains(id) && line.contains(file));
        let shown = named.map_or_else(|| format!("not among {} lines", new.len()), |line| (*line).to_owned());
        checks.that(&format!("it names {id}"), named.is_some_and(|line| line.starts_with("- 🛑")), shown);
    }
    let files: BTreeSet<&str> = new
        .iter()
        .filter(|line| line.starts_with("- "))
        .filter_map(|line| line.split(" in [`").nth(1)?.split([':', '`']).next())
        .collect();
    let brought = BROUGHT.iter().map(|(_, file)| *file).collect();
    checks.equal("what is new lies in the files that the branch changes, and nothing old is named", &files, &brought);
    Ok(())
}
