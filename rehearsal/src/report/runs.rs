//! The runs of workflows: their jobs and steps, and who let them begin.

use super::checkout::Checkout;
use super::{badge, cut};
use crate::hub::PlayedRun;
use crate::workflows::Step;
use maud::{Markup, html};

/// A fold for each run.
pub(super) fn runs(runs: &[PlayedRun], checkout: &Checkout) -> Markup {
    html! {
        @if !runs.is_empty() {
            p class="quiet" { "A run that failed is part of the story, where its act passed: a gate that shut, a role that denied." }
        }
        @for run in runs {
            details {
                summary { (heading(run)) }
                (files(&[run], checkout))
                (reviews(run))
                @if let Some(why) = &run.broke { pre { (cut(why)) } }
                (steps(run))
                @if let Some(log) = &run.log { p { "All that it printed: " a href=(log) { (log) } } }
            }
        }
    }
}

fn heading(run: &PlayedRun) -> Markup {
    let file = run.workflow.rsplit('/').next().unwrap_or_default();
    let word = match (&run.broke, run.succeeded()) {
        (Some(_), _) => "broke off",
        (None, true) => "succeeded",
        (None, false) => "failed",
    };
    html! {
        (badge(run.succeeded(), word)) " run " (run.id)
        @if run.attempt > 1 { ", attempt " (run.attempt) }
        " " b { (file) } " for a " (run.event) " by " (run.actor) " on " code { (run.git_ref) } ", act " (run.act) " "
        span class="quiet" { (format!("{:.1} s, {} jobs", run.to - run.from, run.jobs.len())) }
        @for review in &run.reviews {
            " " (badge(review.approved, if review.approved { "approved" } else { "rejected" })) " " (review.environment)
        }
    }
}

/// The files behind runs, each once, with links to them; nothing without runs.
pub(super) fn files(runs: &[&PlayedRun], checkout: &Checkout) -> Markup {
    let mut files: Vec<String> = Vec::new();
    for file in runs.iter().flat_map(|run| checkout.behind(run)) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    linked(&files, checkout)
}

/// Files with links to them; nothing without files.
pub(super) fn linked(files: &[impl AsRef<str>], checkout: &Checkout) -> Markup {
    html! {
        @if !files.is_empty() {
            p class="files" {
                "Files: "
                @for (at, file) in files.iter().map(AsRef::as_ref).enumerate() {
                    @if at > 0 { ", " }
                    a href=(checkout.link(file)) { (file) }
                }
            }
        }
    }
}

fn reviews(run: &PlayedRun) -> Markup {
    html! {
        @for review in &run.reviews {
            p {
                b { (review.login) } " " (if review.approved { "approved" } else { "rejected" }) " "
                b { (review.environment) } " for the job " (review.job) ": " q { (review.comment) }
            }
        }
    }
}

/// A job, and its steps in the order in which they ended.
struct Job<'r> {
    name: &'r str,
    result: Option<&'r str>,
    steps: Vec<&'r Step>,
}

/// The jobs in the order in which they began; those without a step come last.
fn jobs(run: &PlayedRun) -> Vec<Job<'_>> {
    let mut names: Vec<&str> = run.jobs.keys().map(String::as_str).collect();
    names.extend(run.steps.iter().map(|step| step.job.as_str()));
    names.sort_unstable();
    names.dedup();
    let job = |name| Job {
        name,
        result: run.jobs.get(name).map(String::as_str),
        steps: run.steps.iter().filter(|step| step.job == name).collect(),
    };
    let mut jobs: Vec<Job<'_>> = names.into_iter().map(job).collect();
    let began = |job: &Job<'_>| job.steps.iter().map(|step| step.from).fold(f64::INFINITY, f64::min);
    jobs.sort_by(|one, other| began(one).total_cmp(&began(other)));
    jobs
}

fn steps(run: &PlayedRun) -> Markup {
    let scale = 100.0 / (run.to - run.from).max(0.001);
    let jobs = jobs(run);
    html! {
        @if !jobs.is_empty() {
            table class="steps" {
                tr { th { "job" } th { "step" } th { "seconds" } th class="when" { "when" } }
                @for job in &jobs {
                    @let result = job.result.unwrap_or("no result");
                    @let rows = job.steps.len().max(1);
                    @for row in 0..rows {
                        tr {
                            @if row == 0 { td rowspan=(rows) { (badge(result == "success", result)) " " (job.name) } }
                            @if let Some(step) = job.steps.get(row) {
                                td { (badge(step.ok, if step.ok { "✓" } else { "✗" })) " " (step.name) }
                                td { (format!("{:.1}", step.to - step.from)) }
                                td { (bar(step, scale)) }
                            } @else {
                                td colspan="3" class="quiet" { "no step ended" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// When a step ran, of the whole run.
fn bar(step: &Step, scale: f64) -> Markup {
    html! {
        svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" {
            rect class=(if step.ok { "good" } else { "bad" }) x=(format!("{:.2}", step.from * scale)) y="0" height="10"
                width=(format!("{:.2}", ((step.to - step.from) * scale).max(0.3))) {
                title { (format!("{:.1} s to {:.1} s", step.from, step.to)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use stand_ins::github::Review;

    fn run() -> PlayedRun {
        let step = |job: &str, name: &str, ok, from, to| Step { job: job.into(), name: name.into(), ok, from, to };
        PlayedRun {
            id: 7,
            attempt: 2,
            workflow: ".github/workflows/on-main.yml".into(),
            event: "push",
            actor: "<b>mallory".into(),
            act: "merge".into(),
            from: 10.0,
            to: 30.0,
            jobs: [("a/promote", "failure"), ("b/check", "success"), ("z", "failure")]
                .map(|(job, result)| (job.into(), result.into()))
                .into(),
            steps: vec![
                step("b/check", "./actions/check", true, 1.0, 4.0),
                step("a/promote", "</table><script>", false, 5.0, 15.0),
            ],
            reviews: vec![Review {
                repository: "example/calls".into(),
                run: 7,
                job: "apply".into(),
                environment: "production".into(),
                login: "olga".into(),
                approved: true,
                comment: "looks <i>right".into(),
                at: Timestamp::UNIX_EPOCH,
            }],
            log: Some("act-7-attempt-2.log".into()),
            ..PlayedRun::default()
        }
    }

    fn shown(run: PlayedRun) -> String {
        runs(&[run], &Checkout::seen_from("/c/target".as_ref(), "/c".as_ref())).into_string()
    }

    #[test]
    fn a_failed_job_is_seen_as_failed() {
        let shown = shown(run());
        for part in [
            "<summary><span class=\"failed\">failed</span> run 7, attempt 2 <b>on-main.yml</b> for a push",
            "20.0 s, 3 jobs",
            "<td rowspan=\"1\"><span class=\"failed\">failure</span> a/promote</td>",
            "<td rowspan=\"1\"><span class=\"passed\">success</span> b/check</td>",
            "<td><span class=\"passed\">✓</span> ./actions/check</td><td>3.0</td>",
            "<rect class=\"bad\" x=\"25.00\" y=\"0\" height=\"10\" width=\"50.00\">",
            "<b>olga</b> approved <b>production</b> for the job apply",
            "<a href=\"../actions/check/action.yml\">actions/check/action.yml</a>",
            "<a href=\"act-7-attempt-2.log\">",
            "no step ended",
        ] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
        let at = |job: &str| shown.find(&format!(" {job}</td>"));
        assert!(at("b/check") < at("a/promote") && at("a/promote") < at("z"), "{shown}");
    }

    #[test]
    fn what_others_wrote_stays_text() {
        let shown = shown(run());
        assert!(shown.contains("&lt;b&gt;mallory") && shown.contains("looks &lt;i&gt;right"), "{shown}");
        assert!(shown.contains("&lt;/table&gt;&lt;script&gt;") && !shown.contains("<script"), "{shown}");
    }

    #[test]
    fn a_run_that_broke_off_says_why() {
        let shown =
            shown(PlayedRun { broke: Some("act is <gone>".into()), workflow: "x.yml".into(), ..PlayedRun::default() });
        assert!(shown.contains("<span class=\"failed\">broke off</span>"), "{shown}");
        assert!(shown.contains("<pre>act is &lt;gone&gt;</pre>"), "{shown}");
        assert!(!shown.contains("<table") && !shown.contains("All that it printed"), "{shown}");
    }
}
