//! The checkout that was rehearsed, as the report links to its files.

use crate::hub::PlayedRun;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::{Component, Path, PathBuf};
use yaml_serde::Value as Yaml;

/// What a link's path may not have as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// A checkout, seen from the folder of a report.
#[derive(Debug)]
pub(super) struct Checkout {
    folder: PathBuf,
    way: PathBuf,
}

impl Checkout {
    /// The checkout in `folder`, seen from `report`. Both are absolute.
    pub(super) fn seen_from(report: &Path, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), way: way(report, folder) }
    }

    /// The link from the report to a file of the checkout.
    pub(super) fn link(&self, file: &str) -> String {
        utf8_percent_encode(&self.way.join(file).display().to_string(), ESCAPED).to_string()
    }

    /// The files behind a run, from the checkout's root: its workflow, those that it called, and the actions of their steps.
    pub(super) fn behind(&self, run: &PlayedRun) -> Vec<String> {
        behind(run, &|file| std::fs::read_to_string(self.folder.join(file)).ok())
    }
}

/// The way from one folder to another, both of them absolute.
fn way(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    std::iter::repeat_n(Component::ParentDir, from.len() - common).chain(to[common..].iter().copied()).collect()
}

fn behind(run: &PlayedRun, read: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let workflow =
        |file: &str| read(file).and_then(|text| yaml_serde::from_str::<Yaml>(&text).ok()).unwrap_or_default();
    // A job's path of names has that of the workflow, by which those that were called are told from those left out.
    let ran = |name: &str| run.jobs.keys().any(|job| format!("/{job}/").contains(&format!("/{name}/")));
    let mut files = vec![run.workflow.clone()];
    let mut at = 0;
    while let Some(calls) = files.get(at).map(|file| workflow(file)) {
        at += 1;
        for (_, job) in calls["jobs"].as_mapping().into_iter().flatten() {
            let Some(called) = job["uses"].as_str().and_then(|uses| uses.strip_prefix("$/")) else { continue };
            if !files.iter().any(|file| file == called) && workflow(called)["name"].as_str().is_some_and(ran) {
                files.push(called.to_owned());
            }
        }
    }
    // Of a step without a name, act says what it uses.
    for action in run.steps.iter().filter_map(|step| step.name.strip_prefix("./actions/")) {
        let file = format!("actions/{action}/action.yml");
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflows::Step;

    #[test]
    fn a_link_leads_from_the_report_to_the_checkout() {
        let inside = Checkout::seen_from("/home/a/lockgate/target/rehearsal/run".as_ref(), "/home/a/lockgate".as_ref());
        assert_eq!(inside.link("actions/plan/action.yml"), "../../../actions/plan/action.yml");
        let elsewhere = Checkout::seen_from("/cache/run".as_ref(), "/home/a b/lockgate#2".as_ref());
        assert_eq!(elsewhere.link(".github/workflows/x.yml"), "../../home/a%20b/lockgate%232/.github/workflows/x.yml");
    }

    #[test]
    fn behind_a_run_is_what_it_called_and_not_what_it_left_out() {
        let files = |file: &str| {
            let text = match file {
                "on.yml" => "{name: on, jobs: {a: {uses: $/called.yml}, b: {uses: $/left.yml}, c: {uses: x/y@z}}}",
                "called.yml" => "{name: called (reusable), jobs: {}}",
                "left.yml" => "{name: left, jobs: {}}",
                _ => return None,
            };
            Some(text.to_owned())
        };
        let step = |name: &str| Step { job: "j".to_owned(), name: name.to_owned(), ok: true, from: 0.0, to: 1.0 };
        let run = PlayedRun {
            workflow: "on.yml".to_owned(),
            jobs: [("a/called (reusable)/j".to_owned(), "success".to_owned())].into(),
            steps: ["actions/checkout@v5", "./actions/plan", "./actions/plan"].map(step).into(),
            ..PlayedRun::default()
        };
        assert_eq!(behind(&run, &files), ["on.yml", "called.yml", "actions/plan/action.yml"]);
    }
}
