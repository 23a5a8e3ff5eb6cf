//! What came of a promotion, for those who brought the change: a section of the comment on the pull request that was merged,
//! with the way back.

use std::env;

use anyhow::Result;

use super::{Args, carried, promotion::TakenBack};
use crate::{
    event::Event,
    failure::Failure,
    ledger::{Ledger, Live, Release},
    markdown,
    page::{LEAST, Measure, Page},
    plan::comment::link,
    progress::{self, State as Status},
    runner,
    scrub::Scrubber,
    sticky::marker,
    who,
    words::Words,
};

/// What is said.
#[derive(Debug)]
struct Story<'a> {
    environment: &'a str,
    release: &'a Release,
    /// The release that it replaced.
    before: Option<&'a Release>,
    /// What serves now.
    live: &'a Live,
    /// Why it does not serve, if it does not.
    failure: Option<String>,
    /// Whether this run moved something and took it back.
    taken_back: bool,
    commit: Option<String>,
    /// Where the run is to be seen: an `https` URL.
    run: Option<String>,
    /// Where a person starts the way back: an `https` URL.
    rollback: Option<String>,
}

/// Tells the pull request, the deployment, and the pull requests of merges that this one carries. What is done is done, whoever
/// hears of it.
pub(super) async fn tell(args: &Args, event: &Event, ledger: &Ledger, failure: Option<&Failure>, hidden: bool) {
    if let Err(error) = told(args, event, ledger, failure, hidden).await {
        runner::warning(format_args!("not everybody was told: {error:#}"));
    }
}

async fn told(args: &Args, event: &Event, ledger: &Ledger, failure: Option<&Failure>, hidden: bool) -> Result<()> {
    let (status, said) = match failure {
        None => (Status::Success, format!("{} is live", args.release)),
        Some(failure @ Failure::Gate(_)) => (Status::Failure, public(failure, hidden)),
        Some(failure) => (Status::Error, public(failure, hidden)),
    };
    args.told.status(status, &said, args.health_url.as_deref()).await;
    // The ledger knows how it ended, also where this run was broken off.
    let (release, live) = (ledger.release(&args.release).await?, ledger.live().await?);
    // One that was not promoted replaced nothing; it is compared with what it would have replaced.
    let serving = live.release.as_ref().filter(|id| **id != release.id);
    let before = match release.previous.as_ref().or(serving) {
        Some(id) => Some(ledger.release(id).await?),
        None => None,
    };
    let story = Story {
        environment: &args.environment,
        release: &release,
        before: before.as_ref(),
        live: &live,
        failure: failure.map(|failure| public(failure, hidden)),
        taken_back: failure.is_some_and(taken_back),
        commit: who::commit(),
        run: who::run_url(),
        rollback: workflow(&args.rollback_workflow),
    };
    args.told.comment(event, &args.environment, |room| story.comment(room)).await?;
    if failure.is_none() {
        carried::tell(args, event, &release, before.as_ref()).await?;
    }
    Ok(())
}

/// Why it failed, for everybody who may see the repository. Where values are hidden, a verdict is told, but not what functions and
/// AWS said, nor what went wrong around it: AWS's refusals name accounts and roles.
fn public(failure: &Failure, hidden: bool) -> String {
    if !hidden {
        return failure.to_string();
    }
    let (Failure::Gate(error) | Failure::Usage(error) | Failure::World(error)) = failure;
    match (error.downcast_ref::<TakenBack>(), error.downcast_ref::<Words>()) {
        (Some(taken_back), _) => taken_back.told(hidden),
        (_, Some(why)) => why.shown(hidden).to_owned(),
        _ if matches!(failure, Failure::Gate(_)) => failure.to_string(),
        _ => "it was not promoted, which is no verdict on it: something else failed, and the run's log says what"
            .to_owned(),
    }
}

/// Whether this run moved something and took it back.
fn taken_back(failure: &Failure) -> bool {
    let (Failure::Gate(error) | Failure::Usage(error) | Failure::World(error)) = failure;
    error.downcast_ref::<TakenBack>().is_some_and(|it| it.moved)
}

/// The page of a workflow, where there is a button that starts it.
fn workflow(file: &str) -> Option<String> {
    let var = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let (server, repository) = (var("GITHUB_SERVER_URL")?, var("GITHUB_REPOSITORY")?);
    Some(format!("{server}/{repository}/actions/workflows/{file}"))
}

impl Story<'_> {
    fn comment(&self, most: usize) -> String {
        let nothing = Scrubber::default();
        let mut page = Page::new(most.max(LEAST), Measure::Utf16, &nothing);
        let footer = markdown::defuse(&self.footer(&page));
        let kept = page.keep_free(&footer);
        page.push(&format!("{}\n", marker::line(progress::COMMENT, self.environment)));
        let heading = format!("## {}\n\n", self.headline(&page));
        page.push(&heading);
        if let Some(why) = &self.failure {
            let why = format!("{}\n\n", page.message(why));
            page.push(&why);
            let serves = self.live.release.as_ref().map(|id| page.span(id));
            page.push(&format!(
                "What serves: {}.\n\n",
                serves.unwrap_or_else(|| "nothing was promoted yet".to_owned())
            ));
        }
        let table = self.functions(&page);
        page.push(&table);
        page.give_back(kept);
        page.push(&footer);
        page.text
    }

    fn headline(&self, page: &Page<'_>) -> String {
        let what = page.span(self.environment);
        match &self.failure {
            None => format!("✅ Live in {what}"),
            // Its state alone does not tell: it may have failed in an earlier run, and this one refused it.
            Some(_) if self.taken_back => format!("⛔ Taken back in {what}"),
            Some(_) => format!("⛔ Not promoted in {what}"),
        }
    }

    /// Each function with its version and its bytes.
    fn functions(&self, page: &Page<'_>) -> String {
        let mut out = String::from("| function | version | before | code |\n|---|---|---|---|\n");
        for (stem, function) in &self.release.functions {
            let before = self.before.and_then(|before| before.functions.get(stem));
            let version = |version: Option<&String>| version.map_or_else(|| "none".to_owned(), |it| page.cell(it));
            let same = before.is_some_and(|before| before.code == function.code);
            out.push_str(&format!(
                "| {} | {} | {} | {}{} |\n",
                page.cell(stem),
                version(function.version.as_ref()),
                version(before.and_then(|before| before.version.as_ref())),
                page.cell(&function.code),
                if same { " (as before)" } else { "" }
            ));
        }
        format!("{out}\n")
    }

    fn footer(&self, page: &Page<'_>) -> String {
        let mut out = String::from("---\n");
        let serves = self.live.release.as_ref() == Some(&self.release.id);
        if let (true, Some(before)) = (serves, &self.live.previous) {
            let way = match self.rollback.as_deref().map(|url| link(url, page)) {
                Some(link) if link.starts_with('[') => link.replacen("[run]", "[Roll back]", 1),
                _ => "Roll back".to_owned(),
            };
            out.push_str(&format!("- {way} to {}, the release before it\n", page.span(before)));
        }
        let mut facts = vec![format!("release {}", page.span(&self.release.id))];
        if let Some(commit) = &self.commit {
            facts.push(format!("commit {}", page.span(commit)));
        }
        if let Some(run) = &self.run {
            facts.push(link(run, page));
        }
        out.push_str(&format!("- {}\n", facts.join(" · ")));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn release(id: &str, state: &str, version: &str, code: &str) -> Release {
        let function = json!({"function": "tally-staging", "package": "zip", "code": code, "alias": "live",
            "metrics": "Shop", "probe": "{}", "version": version});
        let release = json!({"id": id, "schema": 1, "state": state, "commit": "c", "tree": "t", "toolchain": "x",
            "run": "r", "actor": "a", "created_at": "2026-11-22T00:00:00Z", "functions": {"tally": function}});
        serde_json::from_value(release).expect("a release")
    }

    fn said(state: &str, live: &str, failure: Option<&str>) -> String {
        let (before, now) = (release("r1-a", "replaced", "3", "0ld"), release("r2-b", state, "4", "c0de"));
        let previous = (live == "r2-b").then(|| "r1-a".to_owned());
        let live = Live { release: Some(live.to_owned()), previous, ..Live::default() };
        let story = Story {
            environment: "staging",
            release: &now,
            before: Some(&before),
            live: &live,
            failure: failure.map(str::to_owned),
            taken_back: failure.is_some_and(|why| why.contains("taken back")),
            commit: Some("c0ffee".to_owned()),
            run: Some("https://github.com/acme/calls/actions/runs/7".to_owned()),
            rollback: Some("https://github.com/acme/calls/actions/workflows/on-rollback.yml".to_owned()),
        };
        story.comment(10_000)
    }

    #[test]
    fn a_release_that_serves_is_told_with_versions_digests_and_the_way_back() {
        let said = said("live", "r2-b", None);
        assert!(said.starts_with("<!-- lockgate:deploy of=staging -->\n## ✅ Live in `staging`\n"), "{said}");
        assert!(said.contains("| `tally` | `4` | `3` | `c0de` |"), "{said}");
        assert!(
            said.contains("[Roll back](https://github.com/acme/calls/actions/workflows/on-rollback.yml) to `r1-a`")
        );
    }

    #[test]
    fn one_that_was_taken_back_is_told_with_what_was_seen_and_what_serves() {
        let said = said("failed", "r1-a", Some("r2-b was taken back: tally is bad: 12 of 40 failed"));
        assert!(said.contains("## ⛔ Taken back in `staging`") && said.contains("12 of 40 failed"), "{said}");
        assert!(said.contains("What serves: `r1-a`.") && !said.contains("Roll back"), "{said}");
    }
}
