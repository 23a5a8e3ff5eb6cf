//! Environments and concurrency groups, which act does not know: jobs ask the GitHub stand-in whether they may begin.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use yaml_serde::{Mapping, Value};

/// The variables by which a run says where the gates are and which run it is.
pub(super) const GATES: &str = "REHEARSAL_GATES";
pub(super) const RUN: &str = "REHEARSAL_RUN";

/// What a job does there: it is answered when it may begin, and fails if it may not.
const ASK: &str = "curl --silent --show-error --fail-with-body --request POST";

/// Where jobs ask, and which run asks.
#[derive(Debug, Clone, Default)]
pub struct Gated {
    /// The gates' URL.
    pub url: String,
    /// The run, as the gates want to know it.
    pub run: Vec<(&'static str, String)>,
}

impl Gated {
    /// The run as a query.
    pub(super) fn query(&self) -> String {
        let pair = |(name, value): &(&str, String)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        self.run.iter().map(pair).collect::<Vec<_>>().join("&")
    }
}

/// The step that waits until the environment lets the job in.
pub(super) fn enter(job: &str, environment: &str) -> Value {
    let ask = format!("{ASK} --get --data-urlencode \"environment=$ENVIRONMENT\" \"$GATES/job?$RUN&job={job}\"");
    step("environment", &[("ENVIRONMENT", environment)], &ask)
}

/// Gives jobs with a concurrency group that call a workflow one job before them, which waits for the group, and one after
/// them, which leaves it whatever came of them.
pub(super) fn queue(jobs: &mut Mapping, changes: &mut Vec<String>) {
    let mut more = Mapping::new();
    for (name, job) in jobs.iter_mut() {
        let (Some(name), Some(job)) = (name.as_str(), job.as_mapping_mut()) else { continue };
        let group = job.get("concurrency").and_then(|group| group["group"].as_str()).map(str::to_owned);
        let Some(group) = group.filter(|_| job.contains_key("uses")) else { continue };
        job.remove("concurrency");
        let (queue, leave) = (format!("{name}-queue"), format!("{name}-leave"));
        let before = job.get("needs").cloned();
        more.insert(queue.clone().into(), asking("queue", &group, before.as_ref(), None));
        more.insert(leave.into(), asking("leave", &group, Some(&Value::from(name)), Some("always()")));
        let mut needs = match before {
            Some(Value::Sequence(needs)) => needs,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        needs.push(queue.into());
        job.insert("needs".into(), Value::Sequence(needs));
        changes.push(format!("job {name}: a job before it waits for the group {group}, and one after it leaves it"));
    }
    jobs.extend(more);
}

fn asking(what: &str, group: &str, needs: Option<&Value>, condition: Option<&str>) -> Value {
    let mut job = Mapping::new();
    job.insert("runs-on".into(), "ubuntu-24.04".into());
    if let Some(needs) = needs {
        job.insert("needs".into(), needs.clone());
    }
    if let Some(condition) = condition {
        job.insert("if".into(), condition.into());
    }
    let ask = format!("{ASK} --get --data-urlencode \"group=$GROUP\" \"$GATES/{what}?$RUN\"");
    job.insert("steps".into(), Value::Sequence(vec![step(what, &[("GROUP", group)], &ask)]));
    Value::Mapping(job)
}

fn step(name: &str, variables: &[(&str, &str)], run: &str) -> Value {
    let own = [("GATES", format!("${{{{ vars.{GATES} }}}}")), ("RUN", format!("${{{{ vars.{RUN} }}}}"))];
    let given = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let mut step = Mapping::new();
    step.insert("name".into(), name.into());
    let variables = own.into_iter().chain(given).map(|(name, value)| (Value::from(name), Value::from(value)));
    step.insert("env".into(), Value::Mapping(variables.collect()));
    step.insert("run".into(), run.into());
    Value::Mapping(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_with_a_group_waits_for_it_and_leaves_it() {
        let text = "
first: { uses: ./x.yml, concurrency: { group: one, cancel-in-progress: false } }
second: { uses: ./x.yml, needs: first, concurrency: { group: two } }
plain: { runs-on: x, steps: [] }
";
        let mut jobs: Mapping = yaml_serde::from_str(text).expect("jobs");
        let mut changes = Vec::new();
        queue(&mut jobs, &mut changes);
        let after = Value::Mapping(jobs);
        assert_eq!(after["first"]["needs"], Value::Sequence(vec!["first-queue".into()]));
        assert_eq!(after["second"]["needs"], Value::Sequence(vec!["first".into(), "second-queue".into()]));
        assert_eq!(after["second-queue"]["needs"], "first");
        assert_eq!(after["second-leave"]["needs"], "second");
        assert_eq!(after["second-leave"]["if"], "always()");
        assert!(after["first"]["concurrency"].is_null() && after["plain"]["needs"].is_null());
        assert_eq!(changes.len(), 2);
    }

    #[test]
    fn a_run_is_told_without_breaking_the_query() {
        let gated =
            Gated { url: String::new(), run: vec![("ref", "refs/heads/a&b".to_owned()), ("run", "7".to_owned())] };
        assert_eq!(gated.query(), "ref=refs%2Fheads%2Fa%26b&run=7");
    }
}
