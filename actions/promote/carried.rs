//! Merges that a later one overtook: GitHub lets one run wait, so a merge in between may never have had a run of its own. What
//! it brought is in what was promoted now, and its pull request is told so.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::Args;
use crate::{
    event::Event,
    github::GitHub,
    ledger::Release,
    page::{LEAST, Measure, Page},
    progress, runner,
    scrub::Scrubber,
    sticky::{comment::pull_request_of, marker},
};

/// Of more commits nobody is told: then they are no merges of a day.
const MOST: usize = 100;

/// Tells the pull requests of the commits between the release that served before and this one.
///
/// # Errors
/// If GitHub refuses, or cannot be reached.
pub(super) async fn tell(args: &Args, event: &Event, release: &Release, before: Option<&Release>) -> Result<()> {
    let Some(before) = before.filter(|before| before.commit != release.commit) else { return Ok(()) };
    let Some(github) = args.told.github.connect()? else { return Ok(()) };
    let own = args.told.number(&github, event).await?;
    let carried = pull_requests(&github, &before.commit, &release.commit).await?;
    for number in carried.into_iter().filter(|number| Some(*number) != own) {
        match progress::comment(&github, number, &args.environment, |room| said(args, own, room)).await {
            Ok(()) => runner::say(format_args!("#{number} is live in {} with this release", args.environment)),
            // The others want to hear of it all the same.
            Err(error) => runner::warning(format_args!("#{number} was not told that it is live: {error:#}")),
        }
    }
    Ok(())
}

async fn pull_requests(github: &GitHub, from: &str, to: &str) -> Result<BTreeSet<u64>> {
    let compared = github
        .compare(from, to)
        .await
        .with_context(|| format!("the commits from {from} to {to} cannot be read; give the job `contents: read`"))?;
    let mut found = BTreeSet::new();
    for commit in compared.commits.iter().rev().take(MOST) {
        match pull_request_of(github, &commit.sha).await {
            Ok(number) => found.extend(number),
            Err(error) => {
                runner::warning(format_args!("the pull request of commit {} was not told: {error:#}", commit.sha));
            }
        }
    }
    Ok(found)
}

fn said(args: &Args, by: Option<u64>, most: usize) -> String {
    let nothing = Scrubber::default();
    let mut page = Page::new(most.max(LEAST), Measure::Utf16, &nothing);
    page.push(&format!("{}\n", marker::line(progress::COMMENT, &args.environment)));
    let with = by.map_or_else(|| "a later merge".to_owned(), |number| format!("#{number}"));
    let heading = format!("## ✅ Live in {} with {with}\n\n", page.span(&args.environment));
    page.push(&heading);
    let footer = format!("---\n- release {}\n", page.span(&args.release));
    page.push(&footer);
    page.text
}
