//! A release that another environment has: the same bytes go on, and nothing else happens.

use std::collections::BTreeMap;

use lockgate::ledger::{Release, State};
use stand_ins::scripted::{Answer, Scripted};

use crate::world::{World, wait};

/// A release that was applied in its own environment; where zips and images are asked for from now on, which answers nothing.
fn applied(environment: &str) -> (World, Release, Scripted) {
    let world = World::new(environment);
    let id = world.ends(0).outputs.lines().nth(1).expect("the release").to_owned();
    let published = BTreeMap::from([("tally".to_owned(), ("3".to_owned(), "c0nf".to_owned()))]);
    wait(world.ledger.record(&id, &published)).expect("recorded");
    let nothing = Scripted::start(|_| Answer::status(501));
    let world = world.with("AWS_ENDPOINT_URL_S3", &nothing.url).with("AWS_ENDPOINT_URL_ECR", &nothing.url);
    let release = world.release(&id);
    (world, release, nothing)
}

#[test]
fn a_release_that_is_taken_over_is_the_same_release_and_nothing_is_uploaded() {
    let (world, theirs, uploads) = applied("release-from");
    let ledger = world.another("release-to");
    let done = world.takes_over(0, "release-to", &theirs.id);
    assert_eq!(done.outputs, format!("release<<EOF\n{}\nEOF\ntfvars<<EOF\n\nEOF\n", theirs.id));
    let ours = wait(ledger.release(&theirs.id)).expect("a release");
    let bytes = |release: &Release| (release.tree.clone(), release.commit.clone(), release.toolchain.clone());
    assert_eq!(bytes(&ours), bytes(&theirs));
    let (tally, before) = (&ours.functions["tally"], &theirs.functions["tally"]);
    assert_eq!((&tally.code, &tally.alias, &tally.probe), (&world.sha256, &before.alias, &before.probe));
    assert_eq!(tally.function, "tally-release-to");
    // What was published there is nothing that this environment could promote.
    assert_eq!((before.version.as_deref(), before.configuration.as_deref()), (Some("3"), Some("c0nf")));
    assert_eq!((&tally.version, &tally.configuration, ours.state), (&None, &None, State::Building));
    assert!(ours.applied_at.is_none() && theirs.applied_at.is_some());
    assert_eq!(world.release(&theirs.id), theirs, "theirs stays as it is");

    // A job that is run again finds it.
    let again = world.takes_over(0, "release-to", &theirs.id);
    assert!(again.said.contains("was in lockgate_releases_release-to already"), "{}", again.said);
    assert_eq!(wait(ledger.release(&theirs.id)).expect("a release"), ours);
    assert_eq!(uploads.requests().len(), 0, "{:?}", uploads.requests());
}

#[test]
fn other_bytes_under_the_same_id_are_refused_and_stay() {
    let (world, theirs, _uploads) = applied("release-theirs");
    let ledger = world.another("release-ours");
    let mut ours = theirs.clone();
    ours.functions.get_mut("tally").expect("a function").code = "0".repeat(64);
    assert!(wait(ledger.create(&ours)).expect("written"));
    let said = world.takes_over(1, "release-ours", &theirs.id).said;
    assert!(said.contains("is in lockgate_releases_release-ours already with other bytes"), "{said}");
    assert_eq!(wait(ledger.release(&theirs.id)).expect("a release"), ours);
}

#[test]
fn a_release_that_was_taken_out_of_service_there_goes_nowhere_else() {
    let (world, theirs, _uploads) = applied("release-bad");
    let ledger = world.another("release-good");
    for state in [State::RolledBack, State::Failed] {
        world.stands(&Release { state, reason: Some("calls look wrong".to_owned()), ..theirs.clone() });
        let done = world.takes_over(1, "release-good", &theirs.id);
        let told = [format!("is {state} in release-bad"), "calls look wrong".to_owned()];
        assert!(told.iter().all(|part| done.said.contains(part)) && done.outputs.is_empty(), "{}", done.said);
    }
    assert!(wait(ledger.releases()).expect("a ledger").is_empty());
}

#[test]
fn a_release_that_the_other_environment_does_not_have_is_not_made_up() {
    let (world, ..) = applied("release-absent");
    let ledger = world.another("release-empty");
    let done = world.takes_over(3, "release-empty", "r9-000000000000");
    assert!(done.said.contains("r9-000000000000") && done.outputs.is_empty(), "{}", done.said);
    assert!(wait(ledger.releases()).expect("a ledger").is_empty());
}
