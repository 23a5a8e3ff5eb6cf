//! Code that was judged bad is refused before anything of it is applied.

use aws_sdk_lambda::types::{Architecture, FunctionConfiguration};
use serde_json::json;

use crate::{
    environment::{Bucket, ROOT},
    stage::Stage,
};

const ROLE: &str = "arn:aws:iam::111122223333:role/function";

/// The hash of a function's configuration with so much memory, as a promotion that judged it recorded it.
fn configuration(megabytes: i32) -> String {
    let facts = FunctionConfiguration::builder().role(ROLE).architectures(Architecture::X8664).memory_size(megabytes);
    lockgate::configuration::hash(&facts.build())
}

/// Has the plan configure the function with so much memory.
fn plans(stage: &Stage, megabytes: i32, unknown: bool) {
    let after = json!({"function_name": format!("tally-{}", stage.name), "role": ROLE, "memory_size": megabytes,
        "architectures": ["x86_64"]});
    let change = json!({"actions": ["update"], "before": {"memory_size": 1}, "after": after,
        "after_unknown": {"version": true, "role": unknown}});
    stage.shows(&json!([{"address": "aws_lambda_function.tally", "type": "aws_lambda_function", "mode": "managed",
        "provider_name": "p", "change": change}]));
}

fn refused(stage: &Stage, hold: &str) {
    let done = stage.check(1);
    let told = ["judged bad", hold, "it loses calls", "nothing was applied", "lockgate unlock --hold"];
    assert!(told.iter().all(|part| done.said.contains(part)), "{}", done.said);
    assert!(done.outputs.is_empty(), "no job goes on by them: {:?}", done.outputs);
    let comment = stage.comment().expect("a comment");
    for text in [&comment, &done.summary] {
        let headline = format!("⛔ Not delivered to `{}`: it contains code that was judged bad", stage.name);
        assert!(text.contains(&headline) && text.contains("it loses calls") && text.contains(hold), "{text}");
        assert!(!text.contains("waits for an approval"), "nobody is asked: {text}");
    }
    assert!(stage.states().iter().all(|states| *states == ["failure"]), "{:?}", stage.states());
}

#[test]
fn code_that_is_held_is_refused_until_it_is_configured_otherwise_or_freed() {
    let mut stage = Stage::merged("held-code", ROOT);
    let bucket = Bucket::new();
    stage.world_mut().set("AWS_ENDPOINT_URL_S3", &bucket.url);
    stage.world_mut().set("INPUT_RECORD", "s3://artifacts/plans/");
    let hold = stage.hold(&configuration(256), "it loses calls");

    stage.world().ends(1, &["check", "--values", "hide"]);
    let comment = stage.comment().expect("a comment");
    assert!(comment.contains(&hold) && !comment.contains("it loses calls"), "{comment}");

    // The plan says nothing of the function, or not yet all: it may be the one that was judged.
    refused(&stage, &hold);
    plans(&stage, 512, true);
    refused(&stage, &hold);
    plans(&stage, 256, false);
    refused(&stage, &hold);
    assert!(bucket.objects().is_empty(), "nobody can approve it: {:?}", bucket.objects());

    plans(&stage, 512, false);
    stage.check(0);
    let comment = stage.comment().expect("a comment");
    assert!(!comment.contains("judged bad"), "the same comment says how it stands now: {comment}");
    assert_eq!((stage.states().last(), bucket.objects().len()), (Some(&vec!["pending".to_owned()]), 1));

    plans(&stage, 256, false);
    stage.world().ends(0, &["unlock", "--hold", &hold, "--reason", "it was the network"]);
    stage.check(0);
    assert_eq!(stage.states().last(), Some(&vec!["pending".to_owned()]));
}
