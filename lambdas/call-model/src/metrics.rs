//! What a function tells CloudWatch about an invocation: one line in the embedded metric format.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use serde_json::{Value, json};

/// The namespace of the service's own metrics.
pub const NAMESPACE: &str = "Lockgate";

/// Counts of one invocation. Lambda's own `Errors` stays 0 for all of these: a partial batch failure, a 5xx answer and a
/// rejected record are successful invocations to Lambda.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Metrics {
    /// Records, or requests, done.
    pub handled: u64,
    /// Records that will be tried again or were given up, or requests answered 5xx. Of a file that could not be taken in:
    /// the records that were tried, and at least one.
    pub failed: u64,
    /// Records, or requests, refused because they are wrong themselves.
    pub rejected: u64,
    /// Wall time of the invocation in milliseconds.
    pub duration_ms: f64,
}

impl Metrics {
    /// The line to print: each metric by the function's name and version, as Lambda's environment gives them
    /// (`AWS_LAMBDA_FUNCTION_NAME`, `AWS_LAMBDA_FUNCTION_VERSION`), to compare versions, and by the name alone, for
    /// alarms that outlast a version; `now` is in milliseconds since 1970.
    #[must_use]
    pub fn line(&self, function: &str, version: &str, now: i64) -> String {
        let metric = |name: &str, unit: &str| json!({"Name": name, "Unit": unit});
        let line: Value = json!({
            "_aws": {
                "Timestamp": now,
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [["FunctionName", "FunctionVersion"], ["FunctionName"]],
                    "Metrics": [
                        metric("Handled", "Count"), metric("Failed", "Count"), metric("Rejected", "Count"),
                        metric("DurationMs", "Milliseconds"),
                    ],
                }],
            },
            "FunctionName": function,
            "FunctionVersion": version,
            "Handled": self.handled,
            "Failed": self.failed,
            "Rejected": self.rejected,
            "DurationMs": self.duration_ms,
        });
        line.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_metric_and_dimension_has_a_value() {
        let line = Metrics { handled: 3, ..Metrics::default() }.line("ingest-staging", "7", 1);
        let value: Value = serde_json::from_str(&line).expect("one JSON line");
        let directive = &value["_aws"]["CloudWatchMetrics"][0];
        for metric in directive["Metrics"].as_array().expect("metrics") {
            assert!(value[metric["Name"].as_str().expect("name")].is_number());
        }
        let sets = directive["Dimensions"].as_array().expect("dimension sets");
        for dimension in sets.iter().flat_map(|set| set.as_array().expect("dimensions")) {
            assert!(value[dimension.as_str().expect("name")].is_string());
        }
        assert!(sets.contains(&json!(["FunctionName"])), "an alarm would have to change with every version: {sets:?}");
        assert!(sets.contains(&json!(["FunctionName", "FunctionVersion"])), "versions cannot be compared: {sets:?}");
        assert!(!line.contains('\n'));
    }
}
