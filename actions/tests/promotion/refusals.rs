//! What stands in the way of a promotion or a rollback is named, and nothing moves.

use lockgate::ledger::{Live, Release, State};
use stand_ins::scripted::Answer;

use crate::world::{NEW, OLD, World};

const PROMOTE: [&str; 6] = ["promote", "--release", NEW, "--strategy", "canary:10%/1ms", "--ignore-alarms=true"];

/// A promotion that must be refused with these words, every alias left alone.
fn refused(world: &World, code: i32, words: &[&str]) {
    let said = world.ends(code, &PROMOTE);
    for word in words {
        assert!(said.contains(word), "no {word:?} in:\n{said}");
    }
    assert!(world.aliases().values().all(|(version, _)| version == "1"), "{:?}", world.aliases());
    assert!(world.locks().is_empty(), "the lock is given back: {:?}", world.locks());
}

#[test]
fn trap_25_what_aws_would_refuse_is_named_before_anything_moves() {
    let world = World::new("refuse-preflight");
    let change = |function: &str, change: &dyn Fn(&mut stand_ins::lambda::Function)| {
        change(world.lambda.functions().get_mut(&world.function(function)).expect("made"));
    };
    change("enrich", &|function| function.provisioned = true);
    change("ingest", &|function| function.versions.get_mut("2").expect("2").role = "arn:aws:iam::1:role/other".into());
    change("query", &|function| function.versions.get_mut("2").expect("2").dead_letters = Some("arn:aws:sqs:q".into()));
    refused(&world, 1, &["provisioned concurrency", "differ in their role", "differ in their dead letter queue"]);

    world.reset();
    change("query", &|function| function.weights.extend([("2".into(), 0.3)]));
    refused(&world, 1, &["query", "splits its traffic", "no run of lockgate left it so"]);

    world.reset();
    change("query", &|function| {
        function.versions.insert("3".into(), stand_ins::lambda::Version::default());
        function.weights.extend([("2".into(), 0.3), ("3".into(), 0.3)]);
    });
    refused(&world, 1, &["more than two versions"]);

    world.reset();
    change("enrich", &|function| function.version = "2".into());
    let said = world.ends(1, &PROMOTE);
    assert!(said.contains("somebody moved it by hand") && said.contains("lockgate rollback --release"), "{said}");
}

#[test]
fn a_role_that_changes_can_still_be_shipped_all_at_once() {
    let world = World::new("refuse-not");
    let function = world.function("query");
    world.lambda.functions().get_mut(&function).expect("made").versions.get_mut("2").expect("2").dead_letters =
        Some("arn:aws:sqs:q".into());
    world.ends(0, &["promote", "--release", NEW, "--strategy", "all-at-once", "--ignore-alarms=true"]);
    world.serves("2", NEW, "all at once");
}

#[test]
fn trap_22_a_version_that_failed_is_named_with_its_reason_and_what_to_do() {
    let world = World::new("refuse-failed");
    let cases = [
        ("InvalidImage", "lockgate package"),
        ("ImageAccessDenied", "repository's policy"),
        ("FunctionError.InvalidEntryPoint", "entrypoint"),
        ("SomethingNew", "release again"),
    ];
    for (code, advice) in cases {
        let function = world.function("query");
        let mut functions = world.lambda.functions();
        let version = functions.get_mut(&function).expect("made").versions.get_mut("2").expect("2");
        (version.state, version.reason) = ("Failed".to_owned(), Some(code.to_owned()));
        drop(functions);
        refused(&world, 3, &["version 2", code, advice]);
    }
}

#[test]
fn a_version_that_does_not_answer_its_probe_costs_nobody_a_request() {
    let world = World::new("refuse-probe");
    let function = world.function("enrich");
    world.lambda.functions().get_mut(&function).expect("made").versions.get_mut("2").expect("2").answer =
        Err(serde_json::json!({"errorType": "AccessDenied"}));
    let said = world.ends(1, &PROMOTE);
    assert!(said.contains("version 2 of enrich") && said.contains("AccessDenied"), "{said}");
    assert!(said.contains("was not promoted: version 2 of") && !said.contains("taken back"), "{said}");
    let moved = world.requests().iter().any(|request| {
        request.method == "PUT" && String::from_utf8_lossy(&request.body).contains(r#""FunctionVersion":"2""#)
    });
    assert!(!moved, "no alias was given the version");
    world.serves("1", OLD, "refused");
    assert_eq!(world.state(NEW), State::Failed);
}

#[test]
fn trap_22_a_version_with_other_bytes_than_the_release_is_refused() {
    let world = World::new("refuse-code");
    let run = |digest: &str| {
        let function = world.function("query");
        let mut functions = world.lambda.functions();
        functions.get_mut(&function).expect("made").versions.get_mut("2").expect("2").image = Some(digest.to_owned());
    };
    run("sha256:other");
    refused(&world, 1, &["version 2 of query", "runs sha256:other", "the release has sha256:query2"]);
    run("sha256:query2");
    world.ends(0, &PROMOTE);
}

#[test]
fn a_probe_that_cannot_be_asked_judges_nobody() {
    let world = World::new("refuse-unasked");
    world.script(|request| request.path.contains("/invocations").then(|| fault(403, "AccessDeniedException")));
    let said = world.ends(3, &PROMOTE);
    assert!(said.contains("cannot be invoked: AccessDeniedException"), "{said}");
    world.serves("1", OLD, "nothing moved");
    assert!(world.holds().is_empty(), "{:?}", world.holds());
}

#[test]
fn a_version_that_lambda_put_away_is_woken_before_it_gets_traffic() {
    let world = World::new("refuse-asleep");
    let function = world.function("query");
    let mut functions = world.lambda.functions();
    let version = functions.get_mut(&function).expect("made").versions.get_mut("2").expect("2");
    (version.state, version.pending_reads) = ("Inactive".to_owned(), 2);
    drop(functions);
    world.ends(0, &PROMOTE);
    world.serves("2", NEW, "woken");
}

#[test]
fn a_release_that_was_not_applied_or_is_not_there_is_a_wrong_call() {
    let world = World::new("refuse-release");
    let mut release: Release = world.release(NEW, "2");
    release.functions.get_mut("query").expect("there").version = None;
    world.put(NEW, &release);
    refused(&world, 2, &["has no version of query yet"]);
    let said = world.ends(3, &["promote", "--release", "r9-000000000000"]);
    assert!(said.contains("there is no release `r9-000000000000`"), "{said}");
}

#[test]
fn a_rollback_needs_a_reason_and_somewhere_to_go() {
    let world = World::new("refuse-rollback");
    world.ends(2, &["rollback"]);
    world.ends(2, &["rollback", "--reason", ""]);
    let said = world.ends(1, &["rollback", "--reason", "x"]);
    assert!(said.contains("there is no previous one"), "{said}");
    let said = world.ends(1, &["rollback", "--reason", "x", "--release", OLD]);
    assert!(said.contains("is live") && said.contains("nothing to roll back"), "{said}");
    let said = world.ends(1, &["rollback", "--reason", "x", "--release", NEW]);
    assert!(said.contains("never was live"), "{said}");
    world.put("live", &Live::default());
    let said = world.ends(1, &["rollback", "--reason", "x"]);
    assert!(said.contains("nothing was promoted"), "{said}");
}

#[test]
fn a_rollback_that_is_refused_leaves_a_promotion_its_lock() {
    let world = World::new("refuse-canary");
    let gone: Release = Release { live_since: world.since(), ..world.release("r0-000000000000", "7") };
    world.put(&gone.id, &gone);
    let weighted = world.when_weighted();
    let mut promotion =
        world.start(&["promote", "--release", NEW, "--strategy", "canary:10%/1h", "--ignore-alarms=true"]);
    weighted.recv().expect("the canary began");
    let said = world.ends(1, &["rollback", "--reason", "x", "--release", &gone.id]);
    assert!(said.contains("nothing was moved: there is no version 7"), "{said}");
    let locks = world.locks();
    assert!(locks.len() == 1 && locks[0].purpose.starts_with("promote"), "somebody still watches: {locks:?}");
    promotion.kill().expect("ours");
    promotion.wait().expect("ended");
}

#[test]
fn trap_27_a_rollback_to_a_version_that_is_gone_moves_nothing() {
    let world = World::new("refuse-gone");
    world.ends(0, &["promote", "--release", NEW, "--strategy", "all-at-once", "--ignore-alarms=true"]);
    let function = world.function("enrich");
    world.lambda.functions().get_mut(&function).expect("made").versions.remove("1");
    let said = world.ends(1, &["rollback", "--reason", "x"]);
    assert!(said.contains("there is no version 1 of enrich"), "{said}");
    world.serves("2", NEW, "nothing was moved");
}

#[test]
fn faults_of_the_control_plane_heal_or_are_named() {
    let world = World::new("refuse-faults");
    // trap 34: a caller that is too fast waits; a conflict passes; a 500 is looked up and tried again.
    let mut faults = vec![
        fault(500, "ServiceException"),
        fault(409, "ResourceConflictException"),
        fault(429, "TooManyRequestsException").header("Retry-After", "1"),
    ];
    world.script(move |request| if request.method == "PUT" { faults.pop() } else { None });
    world.ends(0, &["promote", "--release", NEW, "--strategy", "all-at-once", "--ignore-alarms=true"]);
    world.serves("2", NEW, "after the faults");

    world.reset();
    world.script(|request| (request.method == "PUT").then(|| fault(403, "AccessDeniedException")));
    let said = world.ends(3, &PROMOTE);
    assert!(said.contains("AccessDeniedException") && said.contains("lockgate rollback"), "{said}");
}

fn fault(status: u16, code: &str) -> Answer {
    Answer::status(status).header("x-amzn-errortype", code).body(r#"{"message":"scripted"}"#)
}
