//! The emulated CloudWatch judges alarms and answers for metrics as AWS does, as far as a promotion relies on it.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, Dimension, Metric, MetricDataQuery, MetricDatum, MetricStat, StateValue,
};
use stand_ins::emulator;
use std::time::{SystemTime, UNIX_EPOCH};

const NAMESPACE: &str = "Alarms";

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("a time")
}

fn of(function: &str) -> Dimension {
    Dimension::builder().name("FunctionName").value(function).build()
}

/// The sum of a metric of a function, as part of an alarm or of a question.
fn sum(function: &str, name: &str) -> MetricDataQuery {
    let metric = Metric::builder().namespace(NAMESPACE).metric_name(name).dimensions(of(function)).build();
    let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
    MetricDataQuery::builder().id(name.to_lowercase()).metric_stat(stat).return_data(false).build()
}

async fn put(client: &Client, function: &str, name: &str, value: f64, at: impl Iterator<Item = i64>) {
    let datum = |at| {
        let datum = MetricDatum::builder().metric_name(name).dimensions(of(function));
        datum.value(value).timestamp(DateTime::from_secs(at)).build()
    };
    let data = at.map(datum).collect();
    client.put_metric_data().namespace(NAMESPACE).set_metric_data(Some(data)).send().await.expect("published");
}

async fn alarm(client: &Client, function: &str) -> String {
    let name = format!("{function}-failed");
    let ratio = MetricDataQuery::builder().id("ratio").expression("IF(total > 0, failed / total, 0)");
    let total = MetricDataQuery::builder().id("total").expression("handled + failed").return_data(false);
    client
        .put_metric_alarm()
        .alarm_name(&name)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .threshold(0.5)
        .evaluation_periods(5)
        .datapoints_to_alarm(2)
        .treat_missing_data("notBreaching")
        .metrics(ratio.return_data(true).build())
        .metrics(total.build())
        .metrics(sum(function, "Handled"))
        .metrics(sum(function, "Failed"))
        .send()
        .await
        .expect("an alarm");
    name
}

#[tokio::test]
async fn an_alarm_judges_its_own_metrics_and_the_composite_follows() {
    let client = Client::new(&emulator::shared().await.config().await);
    let (bad, good) = (alarm(&client, "bad").await, alarm(&client, "good").await);
    let rule = format!("ALARM(\"{bad}\") OR ALARM(\"{good}\")");
    client.put_composite_alarm().alarm_name("any").alarm_rule(rule).send().await.expect("a composite alarm");

    let states = async || {
        let asked = client.describe_alarms().alarm_names(&bad).alarm_names(&good).alarm_names("any");
        let kinds = [AlarmType::MetricAlarm, AlarmType::CompositeAlarm];
        let found = asked.set_alarm_types(Some(kinds.into())).send().await.expect("alarms");
        assert!(found.metric_alarms().iter().all(|alarm| alarm.metrics().len() == 4), "{found:?}");
        let metric = found.metric_alarms().iter().map(|alarm| (alarm.alarm_name(), alarm.state_value()));
        let composite = found.composite_alarms().iter().map(|alarm| (alarm.alarm_name(), alarm.state_value()));
        let mut states: Vec<_> = metric.chain(composite).collect();
        states.sort_by_key(|(name, _)| *name);
        states.into_iter().map(|(_, state)| state.cloned()).collect::<Vec<_>>()
    };
    let (ok, alarmed) = (Some(StateValue::Ok), Some(StateValue::Alarm));
    assert_eq!(states().await, [ok.clone(), ok.clone(), ok.clone()], "no data is no alarm");

    // One bad period is not two, and what failed long ago is over.
    let now = now();
    for (name, value) in [("Handled", 1.0), ("Failed", 9.0)] {
        put(&client, "bad", name, value, std::iter::once(now - 600)).await;
        put(&client, "good", name, value, std::iter::once(now - 600)).await;
    }
    assert_eq!(states().await, [ok.clone(), ok.clone(), ok.clone()]);

    // Far enough into the future that this test may be slow.
    for (name, bad, good) in [("Handled", 1.0, 9.0), ("Failed", 9.0, 1.0)] {
        put(&client, "bad", name, bad, now - 10..now + 120).await;
        put(&client, "good", name, good, now - 10..now + 120).await;
    }
    assert_eq!(states().await, [alarmed.clone(), alarmed.clone(), ok], "any, bad, good");

    let children = client.describe_alarms().children_of_alarm_name("any").send().await.expect("children");
    let mut names: Vec<_> = children.metric_alarms().iter().filter_map(|alarm| alarm.alarm_name()).collect();
    names.sort_unstable();
    assert_eq!((names, children.composite_alarms().len()), (vec![bad.as_str(), good.as_str()], 0));
}

#[tokio::test]
async fn an_expression_that_is_not_calculated_is_refused() {
    let client = Client::new(&emulator::shared().await.config().await);
    let strange = MetricDataQuery::builder().id("strange").expression("ANOMALY_DETECTION_BAND(handled)");
    let put = client.put_metric_alarm().alarm_name("strange").evaluation_periods(1).metrics(strange.build());
    let refused = put.comparison_operator(ComparisonOperator::GreaterThanThreshold).send().await.expect_err("refused");
    assert!(format!("{refused:?}").contains("ANOMALY_DETECTION_BAND"), "{refused:?}");
}

#[tokio::test]
async fn metrics_are_answered_by_whole_minutes_the_latest_first() {
    let client = Client::new(&emulator::shared().await.config().await);
    let minute = now() / 60 * 60 - 600;
    put(&client, "minutes", "Handled", 1.0, [minute, minute + 59, minute + 60].into_iter()).await;
    let asked = client
        .get_metric_data()
        .start_time(DateTime::from_secs(minute + 30))
        .end_time(DateTime::from_secs(minute + 61))
        .metric_data_queries(
            MetricDataQuery::builder().id("sum").set_metric_stat(sum("minutes", "Handled").metric_stat).build(),
        );
    let answer = asked.send().await.expect("metric data");
    let result = answer.metric_data_results().first().expect("a result");
    assert_eq!(result.values(), [1.0, 2.0]);
    assert_eq!(result.timestamps(), [DateTime::from_secs(minute + 60), DateTime::from_secs(minute)]);
}
