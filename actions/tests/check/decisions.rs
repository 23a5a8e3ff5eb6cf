//! What was reviewed goes on by itself; everything else waits for a person, and says why.

use serde_json::{Value, json};

use crate::{
    environment::{Bucket, ID, ROOT},
    stage::Stage,
    world::COMMIT,
};

/// The root, with a resource each that has this input.
fn root(resources: &[(&str, &str)]) -> String {
    let one = |(name, input): &(&str, &str)| {
        format!("resource \"terraform_data\" \"{name}\" {{\n  input = \"{input}\"\n}}\n")
    };
    format!("{ROOT}{}", resources.iter().map(one).collect::<String>())
}

/// A change of a resource of the AWS provider.
fn change(kind: &str, actions: &[&str], after: Value) -> Value {
    let change = json!({"actions": actions, "before": {"id": "x"}, "after": after, "after_unknown": {}});
    json!([{"address": format!("{kind}.tally"), "type": kind, "mode": "managed", "provider_name": "p", "change": change}])
}

#[test]
fn the_plan_that_reviewers_saw_goes_on_by_itself_and_is_what_apply_takes() {
    let mut stage = Stage::new("check-equal", ROOT);
    let bucket = Bucket::new();
    stage.world_mut().set("AWS_ENDPOINT_URL_S3", &bucket.url);
    let reviewed = stage.review();
    let world = stage.world();
    let done = world.ends(0, &["check", "--record", "s3://artifacts/plans/"]);
    let record = format!("s3://artifacts/plans/{reviewed}.json");
    let outputs = ["digest", "environment", "reviewed", "changed", "pull-request", "record"];
    let number = world.pull.to_string();
    assert_eq!(outputs.map(|name| done.output(name)), [&reviewed, &stage.name, "equal", "true", &number, &record]);
    assert!(bucket.objects()[0].contains(&reviewed), "{:?}", bucket.objects());

    let comment = stage.comment().expect("a comment");
    let headline =
        "<!-- lockgate:deploy of=check-equal -->\n## Delivering to `check-equal`: the plan is the reviewed one\n";
    assert!(comment.starts_with(headline), "{comment}");
    for part in [&format!("release `{ID}`"), &format!("plan digest `{reviewed}`"), "/actions/runs/7)"] {
        assert!(comment.contains(part), "{part}: {comment}");
    }
    assert!(!comment.contains("Not as reviewed") && !comment.contains("reviewed digest"), "{comment}");
    // Who looks at the run sees the plan itself.
    assert!(done.summary.contains("terraform_data.tally"), "{}", done.summary);

    let deployments = stage.deployments();
    let made = &deployments[0];
    assert_eq!((made.id.to_string().as_str(), made.sha.as_str()), (done.output("deployment"), COMMIT));
    assert_eq!((made.environment.as_str(), made.production), (stage.name.as_str(), false));
    assert_eq!(made.payload["release"], ID);
    assert_eq!(stage.states(), [["queued"]]);
    assert!(world.state().is_empty() && stage.environment.locks().is_empty(), "nothing is applied, nothing is held");

    // The next job takes these outputs, and goes on telling the same deployment.
    let deployment = done.output("deployment");
    let approved = ["--approved-digest", &reviewed, "--approved-record", &record, "--deployment", deployment];
    let applied = world.ends(0, &[&["apply"][..], &approved].concat());
    assert_eq!(applied.output("applied"), "true");
    assert_eq!(stage.states(), [["queued", "in_progress", "in_progress"]]);
    assert!(stage.comment().expect("still one").contains("Applied to"), "{:?}", stage.comment());
}

#[test]
fn another_plan_than_the_reviewed_one_waits_and_names_what_differs_alone() {
    let mut stage = Stage::new("check-differs", &root(&[("same", "word"), ("other", "before"), ("gone", "x")]));
    let reviewed = stage.review();
    stage.world().configure(&root(&[("same", "word"), ("other", "after"), ("new", "y")]));
    let done = stage.check(0);
    assert_eq!(["environment", "reviewed"].map(|name| done.output(name)), [&stage.approval(), "differs"]);
    assert_ne!(done.output("digest"), reviewed);
    let comment = stage.comment().expect("a comment");
    for part in [
        "## ⏳ `check-differs` waits for an approval: the plan is not the reviewed one",
        "- create `terraform_data.other`: reviewed with other values",
        "- create `terraform_data.new`: not reviewed at all",
        "- 1 reviewed changes that are no longer to be done",
        "\"after\"",
        &format!("reviewed digest `{reviewed}`"),
    ] {
        assert!(comment.contains(part), "{part}: {comment}");
    }
    assert!(!comment.contains("terraform_data.same") && !comment.contains("terraform_data.tally"), "{comment}");
    assert_eq!(stage.states(), [["pending"]]);

    // Where values are hidden, a difference has none either.
    stage.world_mut().set("INPUT_VALUES", "hide");
    let hidden = stage.check(0);
    let comment = stage.comment().expect("a comment");
    assert!(comment.contains("terraform_data.other") && !comment.contains("after"), "{comment}");
    assert!(!hidden.summary.contains("\"after\""), "{}", hidden.summary);
    assert_eq!(hidden.output("digest"), done.output("digest"));
}

#[test]
fn what_nobody_reviewed_waits_for_a_person() {
    let mut stage = Stage::merged("check-silent", ROOT);
    assert_eq!(stage.decides(), [stage.approval(), "none".to_owned()]);
    assert!(stage.comment().expect("a comment").contains("no plan of the root"), "{:?}", stage.comment());

    // A commit that was pushed came by no pull request: whoever looks at the run reads why.
    let comments = stage.world().comments();
    stage.world_mut().set("GITHUB_SHA", &"d".repeat(40));
    let done = stage.check(0);
    let outputs = ["environment", "reviewed", "pull-request"].map(|name| done.output(name));
    assert_eq!(outputs, [&stage.approval(), "none", ""]);
    assert!(done.summary.contains("came by no pull request"), "{}", done.summary);
    assert_eq!(stage.world().comments(), comments, "nobody else's pull request is told");
    assert_eq!(stage.deployments()[1].sha, "d".repeat(40));
}

#[test]
fn a_plan_that_somebody_else_wrote_there_was_reviewed_by_nobody() {
    let stage = Stage::new("check-forged", ROOT);
    stage.review();
    stage.disown_comments("mallory");
    assert_eq!(stage.decides(), [stage.approval(), "none".to_owned()]);
}

#[test]
fn an_environment_that_always_asks_asks_for_the_reviewed_plan_too() {
    let mut stage = Stage::new("check-always", ROOT);
    stage.world_mut().set("INPUT_APPROVAL", "always");
    stage.gate("", &["ada"]);
    stage.set_gate("-approval", None);
    stage.review();
    assert_eq!(stage.decides(), [stage.name.clone(), "equal".to_owned()]);
    let comment = stage.comment().expect("a comment");
    assert!(comment.contains("⏳ `check-always` waits for an approval; the plan is the reviewed one"), "{comment}");
    assert_eq!(stage.states(), [["pending"]]);
    assert!(stage.deployments()[0].production);
}

#[test]
fn what_takes_rollback_targets_away_waits_though_it_was_reviewed() {
    let table = change("aws_dynamodb_table", &["delete"], Value::Null);
    let function = change("aws_lambda_function", &["delete", "create"], json!({"function_name": "other"}));
    for (name, changes) in [("check-table", table), ("check-function", function)] {
        let stage = Stage::new(name, ROOT);
        stage.shows(&changes);
        stage.review();
        assert_eq!(stage.decides(), [stage.approval(), "equal".to_owned()], "{name}");
        let comment = stage.comment().expect("a comment");
        assert!(comment.contains("**Rollback targets are lost**"), "{name}: {comment}");
        assert_eq!(stage.states(), [["pending"]], "{name}");
    }
}

#[test]
fn a_root_that_cannot_be_planned_goes_nowhere() {
    let broken = "variable \"x\" {\n  default = \"y\"\n  validation {\n    condition = var.x == \"z\"\n    \
                  error_message = \"It has to be z.\"\n  }\n}\n";
    let stage = Stage::merged("check-broken", &format!("{ROOT}{broken}"));
    let done = stage.check(1);
    assert!(done.said.contains("terraform could not plan root") && done.outputs.is_empty(), "{}", done.said);
    let comment = stage.comment().expect("a comment");
    for part in ["❌ Not delivered to `check-broken`: Terraform could not plan", "It has to be z."] {
        assert!(comment.contains(part) && done.summary.contains(part), "{part}: {comment}");
    }
    assert_eq!(stage.states(), [["failure"]]);
}
