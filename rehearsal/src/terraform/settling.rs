//! An apply whose last resources only settle: what it made can be used meanwhile.

use super::{Outputs, Terraform, ui};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// An apply that has made everything but resources of some types.
#[derive(Debug)]
pub struct Settling {
    /// The ids of the resources that are made, by address.
    pub ids: BTreeMap<String, String>,
    /// Its end.
    pub outputs: JoinHandle<Result<Outputs>>,
}

impl Terraform {
    /// Begins to apply a root, and returns as soon as everything is made but resources of these types.
    ///
    /// # Errors
    /// If Terraform fails before: with its errors.
    pub async fn apply_but(&self, act: &str, root: &str, variables: &[String], types: &[&str]) -> Result<Settling> {
        let (made, waiting) = oneshot::channel();
        let mut seen = Seen::new(types, made);
        let (terraform, act, root, variables) = (self.clone(), act.to_owned(), root.to_owned(), variables.to_vec());
        let outputs =
            tokio::spawn(async move { terraform.applied(&act, &root, &variables, |line| seen.hear(line)).await });
        match waiting.await {
            Ok(ids) => Ok(Settling { ids, outputs }),
            // It ended before that: it failed, or had nothing to change.
            Err(_) => {
                let outputs = outputs.await.context("the apply's task ended")??;
                Ok(Settling { ids: BTreeMap::new(), outputs: tokio::spawn(async move { Ok(outputs) }) })
            }
        }
    }
}

/// What an apply said so far.
struct Seen {
    types: BTreeSet<String>,
    /// Whether all of the plan was told. Until then only data is read.
    planned: bool,
    pending: BTreeSet<String>,
    ids: BTreeMap<String, String>,
    made: Option<oneshot::Sender<BTreeMap<String, String>>>,
}

impl Seen {
    fn new(types: &[&str], made: oneshot::Sender<BTreeMap<String, String>>) -> Self {
        let types = types.iter().map(|name| (*name).to_owned()).collect();
        Self { types, planned: false, pending: BTreeSet::new(), ids: BTreeMap::new(), made: Some(made) }
    }

    /// <https://developer.hashicorp.com/terraform/internals/machine-readable-ui#message-types>
    fn hear(&mut self, line: &str) {
        let Some(told) = ui::parsed(line) else { return };
        let of = |part: &Value| {
            let resource = &part["resource"];
            Some((resource["addr"].as_str()?.to_owned(), resource["resource_type"].as_str()?.to_owned()))
        };
        match told["type"].as_str() {
            Some("planned_change") => {
                self.pending
                    .extend(of(&told["change"]).filter(|(_, kind)| !self.types.contains(kind)).map(|one| one.0));
            }
            Some("change_summary") => self.planned |= told["changes"]["operation"] == "plan",
            Some("apply_complete") if self.planned => {
                let Some((address, _)) = of(&told["hook"]) else { return };
                self.pending.remove(&address);
                self.ids.extend(told["hook"]["id_value"].as_str().map(|id| (address, id.to_owned())));
                if self.pending.is_empty()
                    && let Some(made) = self.made.take()
                {
                    // Nobody may be waiting any more.
                    let _ = made.send(self.ids.clone());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resource(address: &str) -> Value {
        json!({"addr": address, "resource_type": address.split('.').next()})
    }

    #[test]
    fn everything_is_made_when_only_what_settles_is_missing() {
        let (made, mut waiting) = oneshot::channel();
        let mut seen = Seen::new(&["aws_s3_bucket_lifecycle_configuration"], made);
        let complete = |address: &str, id: &str| {
            json!({"type": "apply_complete", "hook": {"resource": resource(address), "id_value": id}}).to_string()
        };
        seen.hear(&complete("data.aws_region.here", "eu-central-1"));
        assert!(waiting.try_recv().is_err(), "nothing is planned yet");
        for address in ["aws_s3_bucket.b", "aws_sqs_queue.q", "aws_s3_bucket_lifecycle_configuration.b"] {
            seen.hear(&json!({"type": "planned_change", "change": {"resource": resource(address)}}).to_string());
        }
        seen.hear(r#"{"type": "change_summary", "changes": {"add": 3, "operation": "plan"}}"#);
        seen.hear(&complete("aws_s3_bucket.b", "calls"));
        assert!(waiting.try_recv().is_err(), "the queue is missing");
        seen.hear(&complete("aws_sqs_queue.q", "https://sqs/q"));
        let ids = waiting.try_recv().expect("all is made");
        assert_eq!(ids["aws_sqs_queue.q"], "https://sqs/q");
    }
}
