//! Killed at any call, a promotion leaves a state that the next `promote` and the next `rollback` bring to one end.

use crate::world::{At, NEW, OLD, World, tell};

/// A step that ends as soon as it was looked at once, so that the number of calls does not depend on time.
pub(crate) const PROMOTE: [&str; 8] =
    ["promote", "--release", NEW, "--strategy", "canary:10%/1ms", "--lease", "300ms", "--ignore-alarms=true"];
const ROLLBACK: [&str; 3] = ["rollback", "--reason", "the canary died"];

/// Calls of an undisturbed promotion.
fn calls(world: &World) -> usize {
    world.ends(0, &PROMOTE);
    world.serves("2", NEW, "undisturbed");
    let calls = world.calls();
    world.reset();
    calls
}

#[test]
fn killed_anywhere_a_promotion_is_completed_by_the_next_one() {
    let world = World::new("kill-promote");
    let calls = calls(&world);
    assert!(calls > 30, "{calls} calls are no canary over three functions");
    for call in 0..calls {
        for at in [At::Before, At::After] {
            assert!(world.kill(&PROMOTE, call, at), "call {call} of {calls} was not reached");
            world.ends(0, &PROMOTE);
            world.serves("2", NEW, &format!("killed {at:?} call {call}"));
            world.reset();
        }
    }
    tell(format_args!("killed at: promote, then promote: {} points", 2 * calls));
}

#[test]
fn killed_anywhere_a_promotion_is_undone_by_a_rollback() {
    let world = World::new("kill-rollback");
    let calls = calls(&world);
    for call in 0..calls {
        for at in [At::Before, At::After] {
            assert!(world.kill(&PROMOTE, call, at), "call {call} of {calls} was not reached");
            let context = format!("killed {at:?} call {call}");
            let done = world.lockgate(&ROLLBACK);
            if done.status.code() == Some(1) {
                // Nothing had moved yet, and before the first release there is none.
                let said = String::from_utf8_lossy(&done.stderr).into_owned();
                assert!(said.contains("there is no previous one"), "{context}: {said}");
                world.reset_lock();
            } else {
                assert_eq!(done.status.code(), Some(0), "{context}: {}", String::from_utf8_lossy(&done.stderr));
                assert!(!world.holds().is_empty(), "{context}: what was rolled back is held");
            }
            world.serves("1", OLD, &context);
            world.reset();
        }
    }
    tell(format_args!("killed at: promote, then rollback: {} points", 2 * calls));
}

#[test]
fn killed_anywhere_a_rollback_is_finished_by_the_next_one() {
    let world = World::new("kill-back");
    world.promoted();
    world.ends(0, &ROLLBACK);
    let calls = world.calls();
    assert!(calls > 15, "{calls} calls are no rollback of three functions");
    for call in 0..calls {
        for at in [At::Before, At::After] {
            world.reset();
            world.promoted();
            assert!(world.kill(&ROLLBACK, call, at), "call {call} of {calls} was not reached");
            let context = format!("killed {at:?} call {call}");
            let done = world.lockgate(&ROLLBACK);
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            // All but the lock was done: before the old release there is none.
            let late = done.status.code() == Some(1) && said.contains("there is no previous one");
            assert!(done.status.success() || late, "{context}: {said}");
            world.reset_lock();
            world.serves("1", OLD, &context);
        }
    }
    tell(format_args!("killed at: rollback, then rollback: {} points", 2 * calls));
}
