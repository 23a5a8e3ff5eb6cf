//! `release` as a process, against the emulated AWS.

mod taken_over;
mod world;

use lockgate::ledger::State;
use stand_ins::scripted::{Answer, Scripted};

use crate::world::World;

#[test]
fn a_release_is_uploaded_written_down_and_told_to_terraform() {
    let world = World::new("release-one");
    let done = world.ends(0);
    let id = format!("r7-{}", &world.git(&["rev-parse", "HEAD^{tree}"])[..12]);
    let file = world.packages().join("release.tfvars.json");
    assert_eq!(done.outputs, format!("release<<EOF\n{id}\nEOF\ntfvars<<EOF\n{}\nEOF\n", file.display()));

    let key = format!("functions/tally/{}.zip", world.sha256);
    assert_eq!(world.object(&key).as_deref(), Some(&b"the zip's bytes"[..]));
    let variables: serde_json::Value = serde_json::from_slice(&std::fs::read(file).expect("there")).expect("JSON");
    assert_eq!(variables, serde_json::json!({"tally_zip": {"key": key, "sha256": world.sha256}}));

    let release = world.release(&id);
    assert_eq!((release.state, release.commit), (State::Building, world.git(&["rev-parse", "HEAD"])));
    let function = &release.functions["tally"];
    assert_eq!((&*function.function, &*function.alias), ("tally-release-one", "live"));
    assert_eq!((&function.code, &*function.metrics), (&world.sha256, "Fixture"));
    assert_eq!(function.version, None, "Terraform publishes it");
}

#[test]
fn a_second_time_in_the_same_run_changes_nothing() {
    let world = World::new("release-twice");
    world.ends(0);
    let said = world.ends(0).said;
    assert!(
        said.contains("is there already") && said.contains("was in lockgate_releases_release-twice already"),
        "{said}"
    );
}

#[test]
fn an_upload_that_another_run_does_at_the_same_time_is_tried_again() {
    let busy = Answer::status(409).body("<Error><Code>ConditionalRequestConflict</Code></Error>");
    let s3 = Scripted::list(vec![busy, Answer::status(200)]);
    let world = World::new("release-race").with("AWS_ENDPOINT_URL_S3", &s3.url);
    world.ends(0);
    let asked: Vec<_> =
        s3.requests().iter().map(|request| request.header("if-none-match").map(str::to_owned)).collect();
    assert_eq!(asked, [Some("*".to_owned()), Some("*".to_owned())]);
}

#[test]
fn other_bytes_under_the_same_release_are_refused_and_nothing_is_overwritten() {
    let world = World::new("release-other");
    world.ends(0);
    world.package(b"other bytes of the same tree", "t2");
    let said = world.ends(1).said;
    assert!(said.contains("already with other bytes: the toolchain differs (t1 and t2)"), "{said}");
}

#[test]
fn a_tree_with_changes_and_packages_that_do_not_fit_are_wrong_calls() {
    let world = World::new("release-wrong");
    std::fs::write(world.root().join("lockgate.toml"), "# changed\n").expect("written");
    let said = world.ends(2).said;
    assert!(said.contains("changes that are not committed") && said.contains("lockgate.toml"), "{said}");
    world.git(&["checkout", "--", "lockgate.toml"]);

    std::fs::write(world.packages().join("tally.zip"), "not what packages.json tells of").expect("written");
    let said = world.ends(3).said;
    assert!(said.contains("package again"), "{said}");
    assert_eq!(world.objects(), 0, "nothing was uploaded");

    std::fs::remove_file(world.packages().join("packages.json")).expect("there");
    let said = world.ends(2).said;
    assert!(said.contains("`lockgate package --out` makes it"), "{said}");
}
