//! What CloudWatch is told of invocations: the metrics that Lambda counts itself, and those that a function prints in the
//! embedded metric format.
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use super::Invoked;
use anyhow::{Context, Result};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// As many different values one datum of PutMetricData may have.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>
const VALUES: usize = 150;
/// Fewer than the 1,000 data that one call may have.
const DATA: usize = 500;

/// Values of one metric at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    metric: Metric,
    /// Seconds since 1970.
    at: i64,
    values: Vec<f64>,
}

/// A metric, as CloudWatch tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Metric {
    namespace: String,
    name: String,
    unit: String,
    dimensions: Vec<(String, String)>,
}

/// A line in the embedded metric format: what to take out of it, and its other members.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "_aws")]
    metadata: Metadata,
    #[serde(flatten)]
    members: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: String,
    dimensions: Vec<Vec<String>>,
    metrics: Vec<Definition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: String,
    unit: Option<String>,
}

/// The metrics in a line that a function printed, under every set of dimensions; none in any other line. As CloudWatch
/// does, it leaves out a metric, or a set of dimensions, whose values the line lacks.
pub(super) fn printed(line: &str) -> Vec<Measured> {
    let Ok(line) = serde_json::from_str::<Line>(line) else { return Vec::new() };
    let mut measured = Vec::new();
    for directive in &line.metadata.cloud_watch_metrics {
        let sets = directive.dimensions.iter().filter_map(|names| dimensions(names, &line.members));
        for dimensions in sets {
            measured.extend(directive.metrics.iter().filter_map(|definition| {
                let metric = Metric {
                    namespace: directive.namespace.clone(),
                    name: definition.name.clone(),
                    unit: definition.unit.clone().unwrap_or_else(|| "None".to_owned()),
                    dimensions: dimensions.clone(),
                };
                let values = numbers(line.members.get(&definition.name)?)?;
                Some(Measured { metric, at: line.metadata.timestamp.div_euclid(1000), values })
            }));
        }
    }
    measured
}

fn dimensions(names: &[String], members: &Map<String, Value>) -> Option<Vec<(String, String)>> {
    names.iter().map(|name| Some((name.clone(), members.get(name)?.as_str()?.to_owned()))).collect()
}

/// A number, or an array of numbers.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Array(values) => values.iter().map(Value::as_f64).collect(),
        value => Some(vec![value.as_f64()?]),
    }
}

/// What Lambda counts of an invocation: by function, by what was invoked of it, and, through an alias, by the version that
/// ran. AWS is said to leave out counts of zero sometimes; this does not.
pub(super) fn counted(invoked: &Invoked) -> Vec<Measured> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let function = pair("FunctionName", &invoked.function);
    let resource = match invoked.qualifier.as_str() {
        "$LATEST" => pair("Resource", &invoked.function),
        qualifier => pair("Resource", &format!("{}:{qualifier}", invoked.function)),
    };
    let mut sets = vec![vec![function.clone()], vec![function.clone(), resource.clone()]];
    if invoked.qualifier != invoked.version {
        sets.push(vec![function, resource, pair("ExecutedVersion", &invoked.version)]);
    }
    let counts = [
        ("Invocations", "Count", 1.0),
        ("Errors", "Count", f64::from(u8::from(invoked.error.is_some()))),
        ("Throttles", "Count", 0.0),
        ("Duration", "Milliseconds", invoked.milliseconds),
    ];
    let measured = |dimensions: &Vec<(String, String)>| {
        counts.map(|(name, unit, value)| Measured {
            metric: Metric {
                namespace: "AWS/Lambda".to_owned(),
                name: name.to_owned(),
                unit: unit.to_owned(),
                dimensions: dimensions.clone(),
            },
            at: invoked.at.as_second(),
            values: vec![value],
        })
    };
    sets.iter().flat_map(measured).collect()
}

/// What waits to be published, put together by metric and second: how often which value was measured.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<(Metric, i64), BTreeMap<u64, f64>>);

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, measured: Vec<Measured>) {
        for Measured { metric, at, values } in measured {
            let counts = self.0.entry((metric, at)).or_default();
            for value in values {
                *counts.entry(value.to_bits()).or_default() += 1.0;
            }
        }
    }

    /// Publishes all of it. What a call that fails had is lost, as it would be if the metrics' own service failed.
    pub(super) async fn publish(&mut self, client: &Client) -> Result<()> {
        let mut data: BTreeMap<String, Vec<MetricDatum>> = BTreeMap::new();
        for ((metric, at), counts) in std::mem::take(&mut self.0) {
            let counts: Vec<(f64, f64)> =
                counts.into_iter().map(|(bits, count)| (f64::from_bits(bits), count)).collect();
            let data = data.entry(metric.namespace.clone()).or_default();
            data.extend(counts.chunks(VALUES).map(|counts| datum(&metric, at, counts)));
        }
        for (namespace, data) in data {
            for data in data.chunks(DATA) {
                let put = client.put_metric_data().namespace(&namespace).set_metric_data(Some(data.to_vec()));
                put.send().await.with_context(|| format!("failed to publish metrics in {namespace}"))?;
            }
        }
        Ok(())
    }
}

fn datum(metric: &Metric, at: i64, counts: &[(f64, f64)]) -> MetricDatum {
    let dimensions =
        metric.dimensions.iter().map(|(name, value)| Dimension::builder().name(name).value(value).build()).collect();
    MetricDatum::builder()
        .metric_name(&metric.name)
        .unit(StandardUnit::from(metric.unit.as_str()))
        .set_dimensions(Some(dimensions))
        .timestamp(DateTime::from_secs(at))
        .set_values(Some(counts.iter().map(|(value, _)| *value).collect()))
        .set_counts(Some(counts.iter().map(|(_, count)| *count).collect()))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatch::types::{Metric as Asked, MetricDataQuery, MetricStat};
    use call_model::metrics::{Metrics, NAMESPACE};
    use jiff::Timestamp;
    use serde_json::json;
    use stand_ins::emulator::{self, Emulator};

    fn line(dimensions: Value, metrics: Value) -> String {
        let directive = json!({"Namespace": "N", "Dimensions": dimensions, "Metrics": metrics});
        let metadata = json!({"Timestamp": 12_345, "CloudWatchMetrics": [directive]});
        json!({"_aws": metadata, "A": "a", "B": "b", "Count": 2, "Times": [1.5, 1.5, 3], "Text": "t"}).to_string()
    }

    #[test]
    fn a_metric_is_told_under_every_set_of_dimensions_with_all_its_values() {
        let measured = printed(&line(json!([["A", "B"], ["A"]]), json!([{"Name": "Times", "Unit": "Milliseconds"}])));
        let sets: Vec<usize> = measured.iter().map(|one| one.metric.dimensions.len()).collect();
        assert_eq!(sets, [2, 1]);
        for one in measured {
            assert_eq!((one.at, one.values), (12, vec![1.5, 1.5, 3.0]));
            assert_eq!((one.metric.name.as_str(), one.metric.unit.as_str()), ("Times", "Milliseconds"));
        }
    }

    #[test]
    fn what_has_no_value_is_left_out_and_the_rest_is_told() {
        let measured = printed(&line(
            json!([["A", "Nowhere"], ["Count"], ["B"]]),
            json!([{"Name": "Count"}, {"Name": "Text"}, {"Name": "Nowhere"}]),
        ));
        let [only] = &measured[..] else { panic!("one metric under one set, not {measured:?}") };
        assert_eq!((only.metric.name.as_str(), &only.values[..]), ("Count", &[2.0][..]));
        assert_eq!(only.metric.dimensions, [("B".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn other_lines_and_broken_ones_tell_nothing() {
        let whole = line(json!([["A"]]), json!([{"Name": "Count"}]));
        assert_eq!(printed(&whole).len(), 1);
        for broken in ["", "panicked at _aws", "{}", r#"{"_aws":{}}"#, r#"{"_aws":7}"#, &whole[..whole.len() - 1]] {
            assert_eq!(printed(broken), [], "{broken}");
        }
    }

    fn invoked(version: &str, qualifier: &str, error: Option<String>) -> Invoked {
        Invoked {
            function: "enrich-metrics".to_owned(),
            version: version.to_owned(),
            qualifier: qualifier.to_owned(),
            at: Timestamp::now(),
            milliseconds: 12.5,
            cold: false,
            peak_memory: None,
            error,
        }
    }

    #[test]
    fn a_version_that_is_invoked_itself_is_no_part_of_the_aliases_traffic() {
        let resources = |invoked: &Invoked| {
            let dimensions = counted(invoked).into_iter().flat_map(|one| one.metric.dimensions);
            dimensions.filter(|(name, _)| name != "FunctionName").map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert!(resources(&invoked("2", "2", None)).iter().all(|value| value == "enrich-metrics:2"));
        assert!(resources(&invoked("$LATEST", "$LATEST", None)).iter().all(|value| value == "enrich-metrics"));
        assert!(resources(&invoked("2", "live", None)).contains(&"2".to_owned()));
    }

    /// The sum of a metric as `promote` asks for it.
    async fn sum(emulator: &Emulator, namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Option<f64> {
        let dimensions = dimensions.iter().map(|(name, value)| Dimension::builder().name(*name).value(*value).build());
        let metric = Asked::builder().namespace(namespace).metric_name(name);
        let metric = metric.set_dimensions(Some(dimensions.collect())).build();
        let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
        let now = Timestamp::now().as_second();
        let asked = Client::new(&emulator.config().await)
            .get_metric_data()
            .start_time(DateTime::from_secs(now - 120))
            .end_time(DateTime::from_secs(now + 60))
            .metric_data_queries(MetricDataQuery::builder().id("sum").metric_stat(stat).build());
        let answer = asked.send().await.expect("metric data");
        let values = answer.metric_data_results().first().expect("a result").values();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    #[tokio::test]
    async fn cloudwatch_sums_by_version_what_was_invoked_and_printed() {
        let emulator = emulator::shared().await;
        let mut waiting = Waiting::default();
        for (version, runs, failed) in [("1", 40, 1), ("2", 7, 3)] {
            for run in 0..runs {
                let error = (run < failed).then(|| "reported".to_owned());
                waiting.add(counted(&invoked(version, "live", error)));
                let metrics = Metrics { handled: 9, failed: u64::from(run < failed), ..Metrics::default() };
                waiting.add(printed(&metrics.line("enrich-metrics", version, Timestamp::now().as_millisecond())));
            }
        }
        waiting.add(counted(&invoked("2", "2", None)));
        waiting.publish(&Client::new(&emulator.config().await)).await.expect("published");
        assert!(waiting.is_empty());

        let function = ("FunctionName", "enrich-metrics");
        let through = ("Resource", "enrich-metrics:live");
        for (version, runs, failed) in [("1", 40.0, 1.0), ("2", 7.0, 3.0)] {
            let lambda = [function, through, ("ExecutedVersion", version)];
            assert_eq!(sum(emulator, "AWS/Lambda", "Invocations", &lambda).await, Some(runs));
            assert_eq!(sum(emulator, "AWS/Lambda", "Errors", &lambda).await, Some(failed));
            assert_eq!(sum(emulator, "AWS/Lambda", "Duration", &lambda).await, Some(12.5 * runs));
            let own = [function, ("FunctionVersion", version)];
            assert_eq!(sum(emulator, NAMESPACE, "Handled", &own).await, Some(9.0 * runs));
            assert_eq!(sum(emulator, NAMESPACE, "Failed", &own).await, Some(failed));
        }
        assert_eq!(sum(emulator, "AWS/Lambda", "Invocations", &[function, through]).await, Some(47.0));
        assert_eq!(sum(emulator, "AWS/Lambda", "Invocations", &[function]).await, Some(48.0));
        assert_eq!(sum(emulator, NAMESPACE, "Failed", &[function]).await, Some(4.0));
        let nobody = [function, through, ("ExecutedVersion", "3")];
        assert_eq!(sum(emulator, "AWS/Lambda", "Errors", &nobody).await, None);
    }
}
