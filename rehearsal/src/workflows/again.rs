//! A run once more, of what failed, as GitHub's "Re-run failed jobs" does
//! (<https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs>): act runs all jobs or one.

use super::Outcome;
use anyhow::{Context, Result, ensure};
use yaml_serde::Value;

/// The jobs that [`super::gates`] puts around one with a concurrency group.
const AROUND: [&str; 2] = ["-queue", "-leave"];

/// A workflow without the jobs that succeeded `before`; `outputs` are theirs that others use, as `job.output` and value.
///
/// # Errors
/// If it is no workflow, nothing failed, or nothing that failed reads such an output.
pub(crate) fn failed_alone(workflow: &str, before: &Outcome, outputs: &[(&str, &str)]) -> Result<String> {
    let mut document: Value = yaml_serde::from_str(workflow)?;
    let jobs = document.get_mut("jobs").and_then(Value::as_mapping_mut).context("a workflow has jobs")?;
    let of = |path: &str, job: &str| path == job || path.strip_prefix(job).is_some_and(|rest| rest.starts_with('/'));
    let failed: Vec<String> = jobs
        .keys()
        .filter_map(Value::as_str)
        .filter(|job| before.failed().iter().any(|path| of(path, job)))
        .map(str::to_owned)
        .collect();
    ensure!(!failed.is_empty(), "no job of it failed");
    let stays = |job: &str| {
        let around = AROUND.iter().find_map(|end| job.strip_suffix(end));
        failed.iter().any(|failed| failed == job || Some(failed.as_str()) == around)
    };
    jobs.retain(|name, _| name.as_str().is_some_and(stays));
    for (_, job) in jobs.iter_mut() {
        match job.get_mut("needs") {
            Some(Value::Sequence(needs)) => needs.retain(|name| name.as_str().is_some_and(stays)),
            Some(Value::String(name)) if !stays(name) => {
                job.as_mapping_mut().and_then(|job| job.remove("needs"));
            }
            _ => {}
        }
    }
    let mut text = yaml_serde::to_string(&document)?;
    for (name, value) in outputs {
        let (job, output) = name.split_once('.').context("job.output")?;
        let read = format!("${{{{ needs.{job}.outputs.{output} }}}}");
        ensure!(text.contains(&read), "no job that failed reads {read}");
        text = text.replace(&read, value);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKFLOW: &str = "
jobs:
  first: { uses: ./x.yml }
  second-queue: { runs-on: x, needs: first }
  second: { uses: ./x.yml, needs: [first, second-queue], with: { release: '${{ needs.first.outputs.release }}' } }
  second-leave: { runs-on: x, needs: second }
  third: { runs-on: x, needs: first }
";

    #[test]
    fn what_succeeded_is_not_run_again_and_its_outputs_stay() {
        let results =
            [("first/x/a", "success"), ("second-queue", "success"), ("second/x/a", "failure"), ("third", "success")];
        let mut before = Outcome::default();
        before.jobs = results.map(|(job, result)| (job.to_owned(), result.to_owned())).into();
        let text = failed_alone(WORKFLOW, &before, &[("first.release", "r7")]);
        let after: Value = yaml_serde::from_str(&text.expect("a workflow")).expect("YAML");
        let left: Vec<_> = after["jobs"].as_mapping().expect("jobs").keys().filter_map(Value::as_str).collect();
        assert_eq!(left, ["second-queue", "second", "second-leave"]);
        assert_eq!(after["jobs"]["second"]["needs"], Value::Sequence(vec!["second-queue".into()]));
        assert_eq!(after["jobs"]["second"]["with"]["release"], "r7");
        assert!(after["jobs"]["second-queue"]["needs"].is_null());
        assert!(failed_alone(WORKFLOW, &Outcome::default(), &[]).is_err(), "nothing failed");
    }
}
