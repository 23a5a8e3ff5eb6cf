//! What CloudWatch says of a promotion: the alarms, and what each version did.
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, ensure};
use aws_config::SdkConfig;
use aws_sdk_cloudwatch::{
    Client,
    primitives::DateTime,
    types::{AlarmType, Dimension, Metric, MetricDataQuery, MetricStat, StateValue, StatusCode},
};
use jiff::Timestamp;

use super::verdict::Sums;
use crate::aws;

/// Seconds of a metric's resolution; what is asked for begins and ends at a whole one.
const PERIOD: i64 = 60;

/// So many metrics can be asked for at once.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
const QUERIES: usize = 500;

/// So many alarms can be named at once.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
const NAMES: usize = 100;

/// A function whose versions are compared.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    /// Its name in AWS.
    pub(super) function: String,
    /// The alias that splits the traffic.
    pub(super) alias: String,
    /// The namespace of its own metrics.
    pub(super) namespace: String,
    /// The version that is replaced.
    pub(super) old: String,
    /// The version that replaces it.
    pub(super) new: String,
}

/// An alarm that fires, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Firing {
    pub(super) name: String,
    pub(super) why: String,
}

/// CloudWatch in an account and region.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    client: Client,
}

type Slot = fn(&mut Sums) -> &mut f64;

const LAMBDA: [(&str, Slot); 3] = [
    ("Invocations", |sums| &mut sums.invocations),
    ("Errors", |sums| &mut sums.errors),
    ("Throttles", |sums| &mut sums.throttles),
];

const OWN: [(&str, Slot); 3] = [
    ("Handled", |sums| &mut sums.handled),
    ("Failed", |sums| &mut sums.failed),
    ("Rejected", |sums| &mut sums.rejected),
];

impl Watch {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// What the new and the old version of each function did since then, by the function's name in `lockgate.toml`.
    pub(super) async fn sums(
        &self,
        watched: &BTreeMap<String, Watched>,
        since: Timestamp,
    ) -> Result<BTreeMap<String, (Sums, Sums)>> {
        let (mut queries, mut slots) = (Vec::new(), Vec::new());
        for (stem, one) in watched {
            for (version, is_new) in [(&one.new, true), (&one.old, false)] {
                let resource = format!("{}:{}", one.function, one.alias);
                let lambda =
                    [("FunctionName", one.function.as_str()), ("Resource", &resource), ("ExecutedVersion", version)];
                let own = [("FunctionName", one.function.as_str()), ("FunctionVersion", version)];
                let metrics = LAMBDA.iter().map(|metric| ("AWS/Lambda", &lambda[..], metric));
                for (namespace, dimensions, (name, slot)) in
                    metrics.chain(OWN.iter().map(|metric| (one.namespace.as_str(), &own[..], metric)))
                {
                    queries.push(query(queries.len(), namespace, name, dimensions));
                    slots.push((stem, is_new, *slot));
                }
            }
        }
        let mut sums: BTreeMap<String, (Sums, Sums)> =
            watched.keys().map(|stem| (stem.clone(), Default::default())).collect();
        let from = since.as_second().div_euclid(PERIOD) * PERIOD;
        let until = (Timestamp::now().as_second().div_euclid(PERIOD) + 1) * PERIOD;
        let failed = |why: &str| anyhow!("CloudWatch's metrics cannot be read: {why}");
        for queries in queries.chunks(QUERIES) {
            let get = self.client.get_metric_data().set_metric_data_queries(Some(queries.to_vec()));
            let get = get.start_time(DateTime::from_secs(from)).end_time(DateTime::from_secs(until));
            let mut pages = get.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| failed(&aws::explain(&error)))?;
                for result in page.metric_data_results() {
                    // A sum of nothing would look like a version that does well.
                    let wrong = matches!(result.status_code(), Some(StatusCode::InternalError | StatusCode::Forbidden));
                    ensure!(!wrong, failed(&format!("{:?}", result.messages())));
                    let place = result.id().and_then(|id| id.strip_prefix('m')?.parse::<usize>().ok());
                    let Some((stem, is_new, slot)) = place.and_then(|place| slots.get(place)) else { continue };
                    if let Some(both) = sums.get_mut(*stem) {
                        *slot(if *is_new { &mut both.0 } else { &mut both.1 }) += result.values().iter().sum::<f64>();
                    }
                }
            }
        }
        Ok(sums)
    }

    /// Which of these alarms fire, and which there are not.
    pub(super) async fn alarms(&self, names: &[String]) -> Result<(Vec<Firing>, Vec<String>)> {
        let (mut firing, mut found) = (Vec::new(), Vec::new());
        let mut note = |name: Option<&str>, state: Option<&StateValue>, why: Option<&str>| {
            let name = name.unwrap_or_default().to_owned();
            if state == Some(&StateValue::Alarm) {
                firing.push(Firing { name: name.clone(), why: why.unwrap_or("no reason given").to_owned() });
            }
            found.push(name);
        };
        for names in names.chunks(NAMES) {
            let describe = self.client.describe_alarms().set_alarm_names(Some(names.to_vec()));
            let describe = describe.alarm_types(AlarmType::CompositeAlarm).alarm_types(AlarmType::MetricAlarm);
            let mut pages = describe.into_paginator().send();
            while let Some(page) = pages.next().await {
                let page =
                    page.map_err(|error| anyhow!("CloudWatch's alarms cannot be read: {}", aws::explain(&error)))?;
                for alarm in page.metric_alarms() {
                    note(alarm.alarm_name(), alarm.state_value(), alarm.state_reason());
                }
                for alarm in page.composite_alarms() {
                    note(alarm.alarm_name(), alarm.state_value(), alarm.state_reason());
                }
            }
        }
        let missing = names.iter().filter(|name| !found.contains(name)).cloned().collect();
        Ok((firing, missing))
    }
}

fn query(place: usize, namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> MetricDataQuery {
    let dimensions = dimensions.iter().map(|(name, value)| Dimension::builder().name(*name).value(*value).build());
    let metric = Metric::builder().namespace(namespace).metric_name(name).set_dimensions(Some(dimensions.collect()));
    let stat = MetricStat::builder().metric(metric.build()).period(PERIOD as i32).stat("Sum").build();
    MetricDataQuery::builder().id(format!("m{place}")).metric_stat(stat).return_data(true).build()
}
