//! With a release: its lock, its variables, and the versions that were published for it.

use std::time::Duration;

use lockgate::{
    ledger::State,
    lock::{self, Held, Taken},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    environment::{Bucket, Environment, ID, ROOT, wait},
    world::{WAIT, World},
};

#[test]
fn the_release_is_applied_and_its_versions_recorded_once() {
    let environment = Environment::new("apply-record", ROOT);
    let world = &environment.world;
    let done = world.apply(0, &world.approve());
    assert_eq!(world.state()["tally"], "sha256:c0de", "the release's own packages");
    let function = environment.function();
    assert_eq!(function.version.as_deref(), Some("2"));
    assert!(function.identity().is_some(), "its configuration is recorded too");
    assert!(environment.locks().is_empty());
    assert!(done.summary.contains("| `tally` | `2` |") && done.summary.contains(&format!("release `{ID}`")));

    // Applied again, nothing changes; the versions come from the state.
    let done = world.apply(0, &world.approve());
    assert!(done.said.contains("already") && done.summary.contains("| `tally` | `2` |"), "{}", done.said);
    assert_eq!(environment.function(), function);
}

#[test]
fn a_release_that_was_applied_before_is_recorded_though_nothing_changes() {
    let mut environment = Environment::new("apply-late", ROOT);
    environment.world.set("INPUT_RELEASE", "");
    environment.world.set("TF_VAR_tally_image", "sha256:c0de");
    environment.world.apply(0, &environment.world.approve());
    assert_eq!(environment.function().version, None);
    environment.world.set("INPUT_RELEASE", ID);
    let done = environment.world.apply(0, &environment.world.approve());
    assert_eq!((done.output("changed"), done.output("applied")), ("false", "false"));
    assert_eq!(environment.function().version.as_deref(), Some("2"));
}

#[test]
fn versions_that_are_not_there_or_run_other_code_are_not_recorded() {
    for (name, configuration, other, told) in [
        ("apply-no-output", &ROOT[..ROOT.find("output").expect("one")], false, "the root names no published version"),
        ("apply-no-version", &ROOT.replace("\"2\"", "\"9\""), false, "tally-apply-no-version:9 is not there"),
        ("apply-other-code", ROOT, true, "runs sha256:0ther, but the release has sha256:c0de"),
    ] {
        let environment = Environment::new(name, configuration);
        if other {
            let mut functions = environment.lambda.functions();
            let function = functions.get_mut(&format!("tally-{name}")).expect("made");
            function.versions.get_mut("2").expect("made").image = Some("sha256:0ther".to_owned());
        }
        let done = environment.world.apply(3, &environment.world.approve());
        assert!(done.said.contains(told), "{name}: {}", done.said);
        assert_eq!(done.output("applied"), "true", "{name}: Terraform's part is done");
        assert!(done.summary.contains("cannot be promoted"), "{name}: {}", done.summary);
        assert_eq!(environment.function().version, None, "{name}");
        assert!(environment.locks().is_empty(), "{name}");
    }
}

#[test]
fn a_release_that_was_judged_where_it_came_from_is_not_applied() {
    let mut environment = Environment::new("apply-to", ROOT);
    let digest = environment.world.approve();
    for (name, state, held, why, reason) in [
        ("apply-from-bad", State::RolledBack, false, "is rolled back in apply-from-bad", "calls look wrong"),
        ("apply-from-worse", State::Failed, false, "is failed in apply-from-worse", "calls look wrong"),
        // A later release was judged, which has the same code.
        ("apply-from-held", State::Replaced, true, "was judged bad in apply-from-held", "it loses calls"),
    ] {
        environment.comes_from(name, state, held);
        for values in ["show", "hide"] {
            environment.world.set("INPUT_VALUES", values);
            let done = environment.world.apply(1, &digest);
            assert!(done.said.contains(why) && done.said.contains(reason), "{}", done.said);
            assert!(done.summary.contains(why), "{}", done.summary);
            assert_eq!(done.summary.contains(reason), values == "show", "{}", done.summary);
            assert_eq!((done.output("approved"), done.output("applied")), ("false", "false"));
        }
        assert!(environment.world.state().is_empty() && environment.locks().is_empty());
    }
    environment.comes_from("apply-from-good", State::Live, false);
    environment.world.apply(0, &digest);
    assert_eq!(environment.function().version.as_deref(), Some("2"));
}

#[test]
fn an_apply_that_broke_off_is_told() {
    let mut environment = Environment::of("apply-broken", World::new(ROOT).telling());
    let digest = environment.world.approve();
    environment.world.set("INPUT_FROM", "no-such-environment");
    let done = environment.world.apply(3, &digest);
    assert!(done.said.contains("lockgate_releases_no-such-environment"), "{}", done.said);
    let told = "## ❌ The apply to `apply-broken` broke off\n";
    assert!(environment.world.comments().iter().any(|it| it.contains(told)), "{:?}", environment.world.comments());
    assert!(environment.locks().is_empty());
}

#[test]
fn another_apply_of_the_environment_is_told_with_its_owner() {
    let environment = Environment::new("apply-locked", ROOT);
    let (world, ledger) = (&environment.world, &environment.ledger);
    let digest = world.approve();
    let lease = Duration::from_secs(600);
    let taken = wait(Held::take(ledger, lock::Name::Apply, "https://github.example/run/1", "apply root", lease));
    assert!(matches!(taken.expect("a ledger"), Taken::Ours(_, None)));
    let done = world.apply(1, &digest);
    assert_eq!(done.output("lock-owner"), "https://github.example/run/1");
    assert!(done.said.contains("lockgate unlock --lock apply"), "{}", done.said);
    assert!(world.state().is_empty());
    assert_eq!(environment.locks().len(), 1, "it is still theirs");
}

#[test]
fn the_lock_is_given_back_whatever_happened() {
    let fails =
        "\nresource \"terraform_data\" \"b\" {\n  provisioner \"local-exec\" {\n    command = \"exit 1\"\n  }\n}\n";
    let environment = Environment::new("apply-failing", &format!("{ROOT}{fails}"));
    let world = &environment.world;
    world.apply(3, &world.approve());
    assert!(environment.locks().is_empty());
    world.apply(1, &"0".repeat(64));
    assert!(environment.locks().is_empty());

    world.pipe("begun");
    world.pipe("hold");
    world.configure(&format!("{ROOT}{fails}").replace("exit 1", WAIT));
    let digest = world.approve();
    let child = world.command(&["apply", "--approved-digest", &digest]).spawn().expect("lockgate runs");
    world.begun();
    assert_eq!(environment.locks().len(), 1, "it is held while Terraform applies");
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a process id")), Signal::SIGINT).expect("it runs");
    let done = world.ended(3, child);
    assert!(done.said.contains("because this job was cancelled"), "{}", done.said);
    assert!(environment.locks().is_empty());
    assert_eq!(environment.function().version, None);
}

#[test]
fn a_plan_keeps_its_record_in_s3_for_the_apply() {
    let mut environment = Environment::new("apply-s3", ROOT);
    let bucket = Bucket::new();
    environment.world.set("AWS_ENDPOINT_URL_S3", &bucket.url);
    let plan = ["plan", "--record", "s3://artifacts/plans/"];
    let planned = environment.world.ends(0, &plan);
    let approved = planned.output("digest").to_owned();
    let place = planned.output("record").to_owned();
    assert_eq!(place, format!("s3://artifacts/plans/{approved}.json"));
    let kept = bucket.objects();
    assert!(kept[0].contains(&approved), "{kept:?}");
    // The same plan again changes nothing there.
    assert_eq!(environment.world.ends(0, &plan).output("record"), place);
    assert_eq!(bucket.objects(), kept);

    environment.world.configure(&ROOT.replace("\"2\"", "\"3\""));
    let done = environment.world.ends(1, &["apply", "--approved-digest", &approved, "--approved-record", &place]);
    assert!(done.said.contains("# output functions"), "{}", done.said);
}
