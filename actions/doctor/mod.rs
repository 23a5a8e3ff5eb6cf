//! `lockgate doctor`: the repository's branch main, environments, settings and variables at GitHub against what the trust needs.
//!
//! It reads alone. A role's trust policy names a GitHub environment; whoever reaches that environment has the role: so
//! these settings are as much of the trust as the policies are, and Terraform does not make them.

mod branch;
mod environments;
mod facts;
mod finding;
mod fix;
mod settings;
mod variables;

use std::collections::BTreeMap;

use anyhow::anyhow;

use crate::{
    failure::{Blame, Failure},
    github::Access,
    markdown, runner,
};
use environments::Wanted;
use facts::{Facts, MAIN};
use finding::{Finding, Status};
use fix::Fixes;

/// The table's second column.
const WIDTH: usize = 34;

/// What to look at.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Environment that is delivered to; given again for each, in their order
    #[arg(
        long = "environment",
        env = "INPUT_ENVIRONMENT",
        value_name = "NAME",
        value_delimiter = ',',
        default_values = ["staging", "production"],
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    environments: Vec<String>,
    /// Those of them to which nothing goes without an approval, given again for each; by default the last
    #[arg(long, env = "INPUT_REVIEWED", value_name = "NAME", value_delimiter = ',')]
    reviewed: Vec<String>,
    /// The server, whose pages are named
    #[arg(long, env = "GITHUB_SERVER_URL", value_name = "URL", default_value = "https://github.com")]
    server_url: String,
    #[command(flatten)]
    github: Access,
}

/// Prints a line for each thing, and how to set right what is not.
///
/// # Errors
/// [`Failure::Gate`] if something is missing, wrong or not to be seen; [`Failure::Usage`] without a token, or with one that
/// GitHub does not know; [`Failure::World`] if GitHub does not answer or does not show the repository at all.
pub async fn run(args: Args) -> Result<(), Failure> {
    let last = args.environments.last().map(std::slice::from_ref).unwrap_or_default();
    let reviewed = if args.reviewed.is_empty() { last } else { &args.reviewed };
    if let Some(none) = reviewed.iter().find(|name| !args.environments.contains(name)) {
        let why = anyhow!("--reviewed {none} is none of the environments {}", args.environments.join(", "));
        return Err(Failure::Usage(why));
    }
    let no_token = "there is no token for GitHub: INPUT_TOKEN=$(gh auth token) lockgate doctor";
    let github = args.github.connect().usage()?.ok_or_else(|| Failure::Usage(anyhow!(no_token)))?;
    let wanted: Vec<Wanted> =
        args.environments.iter().flat_map(|name| environments::wanted(name, reviewed.contains(name))).collect();
    let names: Vec<_> = wanted.iter().map(|wanted| wanted.name.clone()).collect();
    let facts = Facts::read(&github, &names).await?;
    let fixes = Fixes::new(&args.server_url, &facts.repository.full_name);
    let found = judge(&facts, &args.environments, &wanted, &fixes);
    found.iter().flat_map(lines).for_each(runner::say);
    verdict(&found)
}

fn judge(facts: &Facts, environments: &[String], wanted: &[Wanted], fixes: &Fixes) -> Vec<Finding> {
    let each = wanted.iter().filter_map(|wanted| {
        let now = facts.environments.get(&wanted.name)?;
        Some(environments::judge(wanted, now, MAIN, fixes))
    });
    let mut found: Vec<_> = branch::judge(facts, fixes).into_iter().chain(each).collect();
    found.extend(variables::judge(&facts.variables, environments, fixes));
    found.extend(settings::judge(facts, fixes));
    found
}

/// A line for the thing, and below it one for each command. What others named cannot hide or turn anything.
fn lines(finding: &Finding) -> Vec<String> {
    let (what, says) = (markdown::plain(&finding.what), markdown::plain(&finding.says));
    let head = format!("{:<8} {what:<WIDTH$} {says}", finding.status);
    let fix = finding.fix.iter().map(|fix| format!("         {}", markdown::plain(fix)));
    [head].into_iter().chain(fix).collect()
}

fn verdict(found: &[Finding]) -> Result<(), Failure> {
    let mut counts: BTreeMap<Status, usize> = BTreeMap::new();
    found.iter().for_each(|finding| *counts.entry(finding.status).or_default() += 1);
    let bad: Vec<_> = counts.iter().rev().filter(|(status, _)| **status >= Status::Unknown).collect();
    if bad.is_empty() {
        let warnings = counts.get(&Status::Warning).copied().unwrap_or(0);
        let more = if warnings > 0 { format!(", but for {warnings} to think about") } else { String::new() };
        runner::say(format_args!("all that is looked at here is set{more}"));
        return Ok(());
    }
    let counted: Vec<_> = bad.iter().map(|(status, count)| format!("{count} {status}")).collect();
    let unknown = counts.contains_key(&Status::Unknown);
    let unproven =
        if unknown { "; what is unknown is not proven: give the token the rights that are named" } else { "" };
    let why = format!(
        "{} of {} things{unproven}. Below each is what sets it; then run this again",
        counted.join(", "),
        found.len()
    );
    Err(Failure::Gate(anyhow!(why)))
}
