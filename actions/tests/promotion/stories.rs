//! Promotions and rollbacks from end to end.

use std::sync::{Arc, mpsc::channel};

use lockgate::ledger::{Live, Release, State};
use stand_ins::scripted::Answer;
use tokio::sync::Notify;

use crate::world::{NEW, OLD, World, moves_alias};

const ALL_AT_ONCE: [&str; 6] = ["promote", "--release", NEW, "--strategy", "all-at-once", "--ignore-alarms=true"];

#[test]
fn trap_23_every_move_names_the_revision_and_all_of_the_routing() {
    let world = World::new("story-canary");
    world.ends(0, &["promote", "--release", NEW, "--strategy", "linear:50%/1ms", "--ignore-alarms=true"]);
    world.serves("2", NEW, "promoted");
    assert_eq!(world.state(OLD), State::Replaced);
    let moves: Vec<serde_json::Value> = world
        .requests()
        .iter()
        .filter(|request| moves_alias(request))
        .map(|request| serde_json::from_slice(&request.body).expect("JSON"))
        .collect();
    assert_eq!(moves.len(), 9, "a fence, 50 % and 100 % for each of three functions");
    assert!(moves.iter().all(|one| one["RevisionId"].is_string()), "{moves:?}");
    assert!(moves.iter().all(|one| one["RoutingConfig"]["AdditionalVersionWeights"].is_object()), "{moves:?}");
}

#[test]
fn a_second_promotion_of_what_is_live_does_nothing() {
    let world = World::new("story-again");
    world.ends(0, &ALL_AT_ONCE);
    let before = world.requests().len();
    let said = world.ends(0, &ALL_AT_ONCE);
    assert!(said.contains("is live already"), "{said}");
    assert!(!world.requests()[before..].iter().any(moves_alias));
}

#[test]
fn trap_28_the_first_promotion_adopts_the_alias_that_terraform_made() {
    let world = World::new("story-first");
    world.put("live", &Live::default());
    let said = world.ends(0, &ALL_AT_ONCE);
    assert!(said.contains("adopted as Terraform made them"), "{said}");
    world.serves("2", NEW, "the first one");
    let said = world.ends(1, &["rollback", "--reason", "x"]);
    assert!(said.contains("first release"), "{said}");
}

#[test]
fn a_rollback_goes_back_and_keeps_the_bad_code_out_until_a_person_frees_it() {
    let world = World::new("story-rollback");
    world.ends(0, &ALL_AT_ONCE);
    let said = world.ends(0, &["rollback", "--reason", "calls are lost"]);
    assert!(said.contains("enrich-story-rollback:live  version 2 -> 1"), "{said}");
    world.serves("1", OLD, "rolled back");
    assert_eq!(world.state(NEW), State::RolledBack);
    let holds = world.holds();
    assert_eq!(holds.len(), 3);
    assert!(holds.iter().all(|hold| hold.reason == "calls are lost" && hold.by == "tester@machine"), "{holds:?}");

    // Another release with one of the same bad functions.
    let mut again: Release = world.release("r3-cccccccccccc", "1");
    again.functions.insert("query".into(), world.release(NEW, "2").functions["query"].clone());
    world.put(&again.id, &again);
    let promote = ["promote", "--release", &again.id, "--strategy", "all-at-once", "--ignore-alarms=true"];
    let said = world.ends(1, &promote);
    assert!(said.contains("judged bad") && said.contains("calls are lost") && said.contains(NEW), "{said}");
    assert!(!said.contains("hold/enrich"), "only what it contains: {said}");

    let hold = holds.iter().find(|hold| hold.function == "query").expect("held").id.clone();
    let status = world.ends(0, &["status"]);
    assert!(status.contains(&hold) && status.contains(OLD), "{status}");
    world.ends(0, &["unlock", "--hold", &hold, "--reason", "it was the database"]);
    world.ends(0, &promote);
    assert_eq!(world.aliases()["query"].0, "2");
}

#[test]
fn a_rollback_takes_over_from_a_promotion_that_waits() {
    let world = World::new("story-takeover");
    let weighted = world.when_weighted();
    let mut promotion =
        world.start(&["promote", "--release", NEW, "--strategy", "canary:10%/1h", "--ignore-alarms=true"]);
    weighted.recv().expect("the canary began");
    let said = world.ends(0, &["rollback", "--reason", "not today"]);
    assert!(said.contains("took the lock over from tester@machine"), "{said}");
    world.serves("1", OLD, "taken over");
    // It hears of it at its next step, and changes nothing.
    assert_eq!(promotion.wait().expect("ended").code(), Some(3));
    world.serves("1", OLD, "still");
}

#[test]
fn a_rollback_that_others_were_faster_than_rolls_nothing_else_back() {
    let world = World::new("story-faster");
    let before: Release = Release { live_since: world.since(), ..world.release("r0-000000000000", "1") };
    world.put(&before.id, &before);
    let old: Release = Release {
        state: State::Live,
        live_since: world.since(),
        previous: Some(before.id.clone()),
        ..world.release(OLD, "1")
    };
    world.put(OLD, &old);
    let live =
        Live { release: Some(OLD.to_owned()), since: world.since(), previous: Some(before.id.clone()), moving: None };
    let moving = world.moving(NEW);
    world.put("live", &Live { moving: Some(moving), ..live.clone() });
    // The promotion takes its release back by itself, just before the rollback gets its lock.
    let put = world.writer();
    let mut first = true;
    world.script(move |request| {
        let locks = request.body.windows(10).any(|bytes| bytes == b"lock/alias");
        if locks && std::mem::take(&mut first) {
            put("live", &live);
        }
        None
    });
    let said = world.ends(1, &["rollback", "--reason", "the canary is bad"]);
    assert!(said.contains("something moved while the lock was taken"), "{said}");
    world.serves("1", OLD, "the good release still serves");
    assert!(world.holds().is_empty(), "{:?}", world.holds());
}

#[test]
fn a_ledger_that_another_transaction_holds_is_asked_again() {
    let world = World::new("story-conflict");
    // One conflict for each kind of write.
    let mut left = vec!["PutItem", "TransactWriteItems", "UpdateItem", "DeleteItem"];
    world.script(move |request| {
        let call = request.header("x-amz-target")?.rsplit('.').next()?.to_owned();
        let place = left.iter().position(|one| *one == call)?;
        left.remove(place);
        let code = if call == "TransactWriteItems" { "TransactionCanceled" } else { "TransactionConflict" };
        let body = serde_json::json!({
            "__type": format!("com.amazonaws.dynamodb.v20120810#{code}Exception"),
            "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
        });
        Some(Answer::status(400).header("content-type", "application/x-amz-json-1.0").body(body.to_string()))
    });
    let said = world.ends(0, &ALL_AT_ONCE);
    assert!(!said.contains("was not given back"), "{said}");
    world.serves("2", NEW, "promoted all the same");
}

#[test]
fn aliases_that_were_moved_by_hand_are_put_right_and_nobody_is_judged() {
    let world = World::new("story-astray");
    {
        let mut functions = world.lambda.functions();
        functions.get_mut(&world.function("enrich")).expect("made").version = "2".to_owned();
        functions.get_mut(&world.function("query")).expect("made").weights.extend([("2".to_owned(), 0.3)]);
    }
    let said = world.ends(0, &["rollback", "--release", OLD, "--reason", "moved by hand"]);
    assert!(said.contains("put the aliases of r1-aaaaaaaaaaaa right"), "{said}");
    world.serves("1", OLD, "put right");
    assert!(world.holds().is_empty(), "{:?}", world.holds());
}

#[test]
fn an_alias_that_cannot_be_moved_does_not_keep_the_others_from_it() {
    let world = World::new("story-one-stays");
    world.ends(0, &ALL_AT_ONCE);
    let enrich = world.function("enrich");
    world.script(move |request| {
        let refused = Answer::status(403).header("x-amzn-errortype", "AccessDeniedException").body("{}");
        (moves_alias(request) && request.path.contains(&enrich)).then_some(refused)
    });
    world.ends(3, &["rollback", "--reason", "x"]);
    let aliases = world.aliases();
    assert_eq!(["1", "1", "2"], ["ingest", "query", "enrich"].map(|name| aliases[name].0.as_str().to_owned())[..]);
    // The next one finishes it.
    world.script(|_| None);
    world.ends(0, &["rollback", "--reason", "x"]);
    world.serves("1", OLD, "finished");
}

#[test]
fn a_lock_that_was_left_behind_is_freed_for_a_reason_and_a_living_one_only_by_force() {
    let world = World::new("story-unlock");
    assert!(world.kill(&["rollback", "--reason", "x", "--release", OLD], 0, crate::world::At::Before));
    let weighted = world.when_weighted();
    let mut promotion =
        world.start(&["promote", "--release", NEW, "--strategy", "canary:10%/1h", "--ignore-alarms=true"]);
    weighted.recv().expect("the canary began");
    promotion.kill().expect("ours");
    promotion.wait().expect("ended");
    let status = world.ends(0, &["status"]);
    assert!(status.contains("lock/alias  tester@machine") && status.contains("is promoted since"), "{status}");
    let unlock = ["unlock", "--lock", "alias", "--reason", "its runner is gone"];
    let said = world.ends(1, &unlock);
    assert!(said.contains("--force") && said.contains("tester@machine"), "{said}");
    world.ends(0, &[&unlock[..], &["--force"]].concat());
    assert!(world.locks().is_empty(), "{:?}", world.locks());
    assert!(world.ends(0, &unlock).contains("is free already"));
}

#[test]
fn trap_31_a_cancelled_promotion_takes_everything_back() {
    let world = World::new("story-cancel");
    let weighted = world.when_weighted();
    let mut promotion =
        world.start(&["promote", "--release", NEW, "--strategy", "canary:10%/1h", "--ignore-alarms=true"]);
    weighted.recv().expect("the canary began");
    let pid = nix::unistd::Pid::from_raw(promotion.id().try_into().expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("ours");
    assert_eq!(promotion.wait().expect("ended").code(), Some(1));
    world.serves("1", OLD, "cancelled");
    assert_eq!(world.state(NEW), State::Failed);
    assert!(world.holds().is_empty(), "nobody judged it");
}

#[test]
fn trap_24_a_move_whose_answer_was_lost_is_looked_up() {
    let world = World::new("story-lost");
    let lambda = world.lambda.clone();
    let mut lost = 0;
    world.script(move |request| {
        // Every second move reaches Lambda, and nobody hears of it.
        if moves_alias(request) {
            lost += 1;
            if lost % 2 == 0 {
                drop(lambda.answer(request));
                return Some(Answer::Reset);
            }
        }
        None
    });
    world.ends(0, &ALL_AT_ONCE);
    world.serves("2", NEW, "every answer was found");
}

#[test]
fn a_promoter_that_stalled_and_wakes_after_its_lease_was_taken_changes_nothing() {
    let world = World::new("story-stalled");
    let (wake, (tell, stalled)) = (Arc::new(Notify::new()), channel());
    let asleep = Arc::clone(&wake);
    let mut moves = 0;
    world.script(move |request| {
        moves += usize::from(moves_alias(request));
        // After three fences and one function's new version: its second function's move is on its way, and sleeps.
        if moves_alias(request) && moves == 5 {
            tell.send(request.clone()).expect("the test waits");
            return Some(Answer::After(Arc::clone(&asleep), Box::new(Answer::status(500))));
        }
        None
    });
    let lease = ["promote", "--release", NEW, "--strategy", "all-at-once", "--ignore-alarms=true", "--lease", "200ms"];
    let mut old = world.start(&lease);
    let request = stalled.recv().expect("it is on its way");
    // The new owner waits for the lease, takes everything back, and promotes.
    world.ends(0, &lease);
    world.serves("2", NEW, "the new owner");
    let revisions = || -> Vec<u64> { world.lambda.functions().values().map(|function| function.revision).collect() };
    let before = revisions();
    // Now the old owner's move arrives at Lambda after all.
    drop(world.lambda.answer(&request));
    assert_eq!(revisions(), before, "its revision is stale");
    wake.notify_one();
    assert_eq!(old.wait().expect("ended").code(), Some(3));
    assert_eq!(revisions(), before, "it changes nothing more");
    world.serves("2", NEW, "still the new owner's");
}
