//! What CloudWatch says decides, over the wire: metrics of both versions, metrics that are late or missing, alarms.

use std::{
    sync::mpsc::{Receiver, channel},
    time::SystemTime,
};

use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, MetricDatum, StateValue, Statistic};
use lockgate::ledger::State;
use stand_ins::scripted::Request;

use crate::world::{At, NEW, OLD, World, tell, wait};

const CANARY: [&str; 7] =
    ["promote", "--release", NEW, "--strategy", "canary:10%/1ms", "--lease=300ms", "--ignore-alarms"];

/// CloudWatch, and the names that it knows the functions by.
#[derive(Clone)]
struct Metrics {
    client: aws_sdk_cloudwatch::Client,
    environment: String,
}

impl Metrics {
    fn of(world: &World) -> Self {
        Self { client: world.cloudwatch.clone(), environment: world.environment.clone() }
    }

    /// Sums of a function's own metrics, as its EMF lines make them.
    fn own(&self, name: &str, version: &str, sums: &[(&str, f64)]) {
        let function = format!("{name}-{}", self.environment);
        self.put("Lockgate", &[("FunctionName", &function), ("FunctionVersion", version)], sums);
    }

    /// Lambda's count of a version's invocations through the alias.
    fn invocations(&self, name: &str, version: &str, count: f64) {
        let function = format!("{name}-{}", self.environment);
        let resource = format!("{function}:live");
        let dimensions = [("FunctionName", &*function), ("Resource", &*resource), ("ExecutedVersion", version)];
        self.put("AWS/Lambda", &dimensions, &[("Invocations", count)]);
    }

    fn put(&self, namespace: &str, dimensions: &[(&str, &str)], sums: &[(&str, f64)]) {
        let dimensions: Vec<_> =
            dimensions.iter().map(|(name, value)| Dimension::builder().name(*name).value(*value).build()).collect();
        let data = sums.iter().map(|(name, value)| {
            let datum = MetricDatum::builder().metric_name(*name).value(*value).timestamp(SystemTime::now().into());
            datum.set_dimensions(Some(dimensions.clone())).build()
        });
        let put = self.client.put_metric_data().namespace(namespace).set_metric_data(Some(data.collect()));
        wait(put.send()).expect("metrics");
    }

    /// A version of enrich fails a share of its records, and the one before none.
    fn bad(&self) {
        self.own("enrich", "2", &[("Failed", 30.0), ("Handled", 70.0)]);
        self.own("enrich", "1", &[("Handled", 1000.0)]);
    }
}

/// Has something come to CloudWatch during a promotion's first step, between its first look and the next one.
fn meanwhile(world: &World, mut come: impl FnMut() + Send + 'static) {
    let mut looks = 0;
    world.script(move |request| {
        looks += usize::from(asks_for_metrics(request));
        if asks_for_metrics(request) && looks == 2 {
            // A script runs where a runtime drives the server, and nothing may block there but another thread.
            std::thread::scope(|scope| scope.spawn(&mut come).join()).expect("it came");
        }
        None
    });
}

/// An alarm that watches nothing, in this state.
pub(crate) fn alarm(world: &World, name: &str, state: StateValue) {
    let put = world.cloudwatch.put_metric_alarm().alarm_name(name).namespace("Nothing").metric_name("Nothing");
    let put = put.statistic(Statistic::Sum).period(60).evaluation_periods(1).threshold(1.0);
    wait(put.comparison_operator(ComparisonOperator::GreaterThanThreshold).send()).expect("an alarm");
    let set = world.cloudwatch.set_alarm_state().alarm_name(name).state_value(state).state_reason("the test says so");
    wait(set.send()).expect("a state");
}

fn asks_for_metrics(request: &Request) -> bool {
    request.path.ends_with("/GetMetricData")
}

/// Tells of each time that the metrics were looked at.
fn looks(world: &World) -> Receiver<()> {
    let (tell, told) = channel();
    world.script(move |request| {
        if asks_for_metrics(request) {
            // The test may have heard enough.
            let _ = tell.send(());
        }
        None
    });
    told
}

fn held(world: &World) -> Vec<String> {
    world.holds().into_iter().map(|hold| hold.function).collect()
}

#[test]
fn trap_30_a_function_that_fails_its_records_is_taken_back_and_it_alone_is_held() {
    let world = World::new("verdict-bad");
    let metrics = Metrics::of(&world);
    meanwhile(&world, move || metrics.bad());
    let said = world.ends(1, &CANARY);
    assert!(said.contains("Failed are 30 of 100 (30.0 %)"), "{said}");
    world.serves("1", OLD, "taken back");
    assert_eq!(world.state(NEW), State::Failed);
    assert_eq!(held(&world), ["enrich"]);
    let said = world.ends(1, &CANARY);
    assert!(said.contains("judged bad"), "{said}");
}

#[test]
fn metrics_that_are_late_are_waited_for() {
    let world = World::new("verdict-late");
    let looks = looks(&world);
    let mut promotion = world.start(&["promote", "--release", NEW, "--strategy", "canary:10%/4s", "--ignore-alarms"]);
    looks.recv().expect("it looked, and saw nothing");
    looks.recv().expect("it looked again");
    Metrics::of(&world).own("query", "2", &[("Failed", 30.0), ("Handled", 70.0)]);
    assert_eq!(promotion.wait().expect("ended").code(), Some(1));
    world.serves("1", OLD, "taken back");
    assert_eq!(held(&world), ["query"]);
}

#[test]
fn what_a_version_did_before_in_the_same_minute_is_none_of_its_samples() {
    let world = World::new("verdict-minute");
    Metrics::of(&world).bad();
    let said = world.ends(0, &CANARY);
    assert!(said.contains("decided by probes"), "{said}");
    world.serves("2", NEW, "it is promoted again after it was freed");
}

#[test]
fn too_few_samples_are_a_verdict_that_the_caller_chooses() {
    let world = World::new("verdict-few");
    let said = world.ends(1, &[&CANARY[..], &["--on-too-few", "fail"]].concat());
    assert!(said.contains("too few samples") && said.contains("--on-too-few is fail"), "{said}");
    world.serves("1", OLD, "taken back");
    assert!(held(&world).is_empty(), "nobody judged it");
    let said = world.ends(0, &CANARY);
    assert!(said.contains("decided by probes"), "{said}");
}

#[test]
fn a_version_that_no_request_reaches_is_taken_back() {
    let world = World::new("verdict-starved");
    let metrics = Metrics::of(&world);
    meanwhile(&world, move || metrics.invocations("ingest", "1", 500.0));
    let said = world.ends(1, &CANARY);
    assert!(said.contains("ingest got none of 10 % of the traffic"), "{said}");
    world.serves("1", OLD, "taken back");
    assert!(held(&world).is_empty(), "its code was not seen to fail");
}

#[test]
fn an_alarm_that_fires_or_is_missing_keeps_a_release_out() {
    let world = World::new("verdict-alarm");
    let all_at_once = ["promote", "--release", NEW, "--strategy", "all-at-once"];
    let said = world.ends(1, &[&all_at_once[..], &["--alarm", "no-such-alarm"]].concat());
    assert!(said.contains("there is no alarm no-such-alarm"), "{said}");
    alarm(&world, "lockgate-verdict-alarm", StateValue::Alarm);
    let said = world.ends(1, &all_at_once);
    assert!(said.contains("alarm lockgate-verdict-alarm fires already: the test says so"), "{said}");
    world.serves("1", OLD, "refused");
    world.ends(0, &[&all_at_once[..], &["--ignore-alarms"]].concat());
    world.serves("2", NEW, "it mends what the alarm fires about");
}

#[test]
fn an_alarm_takes_a_canary_back_and_holds_nobody_whose_numbers_are_good() {
    let world = World::new("verdict-fires");
    alarm(&world, "lockgate-verdict-fires", StateValue::Ok);
    let looks = looks(&world);
    let mut promotion = world.start(&["promote", "--release", NEW, "--strategy", "canary:10%/1h", "--lease", "1s"]);
    looks.recv().expect("the canary is watched");
    alarm(&world, "lockgate-verdict-fires", StateValue::Alarm);
    assert_eq!(promotion.wait().expect("ended").code(), Some(1));
    world.serves("1", OLD, "taken back");
    let reason = wait(world.ledger.release(NEW)).expect("a release").reason.expect("a reason");
    assert!(reason.contains("alarm lockgate-verdict-fires fires"), "{reason}");
    assert!(held(&world).is_empty(), "three functions moved, and the alarm names none");
}

#[test]
fn killed_anywhere_while_it_takes_back_a_promotion_is_taken_back_by_the_next_one() {
    let world = World::new("verdict-killed");
    let bad = || {
        let metrics = Metrics::of(&world);
        meanwhile(&world, move || metrics.bad());
    };
    bad();
    world.ends(1, &CANARY);
    let calls = world.calls();
    let made = world.requests();
    let judged = made[made.len() - calls..].iter().position(asks_for_metrics).expect("it was watched");
    let mut points = 0;
    for call in judged..calls {
        for at in [At::Before, At::After] {
            world.reset();
            bad();
            if world.kill(&CANARY, call, at) {
                points += 1;
                bad();
                world.ends(1, &CANARY);
            }
            world.serves("1", OLD, &format!("killed {at:?} call {call}"));
        }
    }
    assert!(points > 16, "{points} points take no three functions back");
    tell(format_args!("killed at: take back: {points} points"));
}
