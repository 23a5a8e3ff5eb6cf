//! The last job of a delivery: whatever became of the jobs before it, nothing stays half done, and somebody is told.

use stand_ins::{
    github::{DeploymentStatus, User},
    scripted::Answer,
};

use crate::{
    kills::PROMOTE,
    told::{Merges, REPOSITORY},
    world::{At, NEW, OLD, moves_alias},
};

const FINISH: [&str; 5] = ["finish", "--release", NEW, "--ended", "apply failure, promote skipped"];

impl Merges {
    fn finish(&self) -> String {
        self.ended(0, self.run(&FINISH))
    }

    /// Whether an alias serves something else than what served before.
    fn is_half_done(&self) -> bool {
        self.world.aliases().values().any(|(version, others)| version != "1" || *others > 0)
    }

    /// Says of the deployment how it goes on, as a job before did.
    fn was_told(&self, state: &str) {
        let status = DeploymentStatus {
            id: 1,
            state: state.to_owned(),
            description: String::new(),
            log_url: String::new(),
            environment_url: String::new(),
            creator: User::named("github-actions[bot]"),
            created_at: jiff::Timestamp::now(),
        };
        let told = self.github.edit(REPOSITORY, |repository| {
            repository.deployments.get_mut(&self.deployment).map(|deployment| deployment.statuses.push(status))
        });
        told.expect("the repository").expect("the deployment");
    }
}

#[test]
fn trap_32_a_promotion_whose_runner_was_lost_is_taken_back_and_told() {
    let merges = Merges::new("finish-lost");
    merges.world.ends(0, &PROMOTE);
    let calls = merges.world.calls();
    merges.world.reset();
    let mut left = 0;
    for call in 0..calls {
        assert!(merges.world.kill(&PROMOTE, call, At::After), "call {call} of {calls} was not reached");
        let half = merges.is_half_done();
        let said = merges.finish();
        if half && said.contains("was left half done") {
            left += 1;
            merges.world.serves("1", OLD, &format!("killed after call {call}"));
        }
        assert!(merges.world.aliases().values().all(|(_, others)| *others == 0), "a weight stays after call {call}");
        merges.world.reset_lock();
        merges.world.reset();
    }
    assert!(left > 5, "{left} points leave a canary behind");
    let comment = merges.comment(3);
    let headline = "<!-- lockgate:deploy of=finish-lost -->\n## ⛔ Taken back in `finish-lost`\n";
    for part in [headline, "apply failure, promote skipped", &format!("What serves: `{OLD}`.")] {
        assert!(comment.contains(part), "{part}: {comment}");
    }
}

#[test]
fn what_cannot_be_taken_back_is_told_with_what_to_do_now() {
    let merges = Merges::new("finish-denied");
    for call in 0.. {
        assert!(merges.world.kill(&PROMOTE, call, At::After), "no call leaves a canary behind");
        if merges.is_half_done() {
            break;
        }
        merges.world.reset_lock();
        merges.world.reset();
    }
    merges.world.script(|request| {
        let denied = || Answer::status(403).header("x-amzn-errortype", "AccessDeniedException").body("{}");
        moves_alias(request).then(denied)
    });
    let said = merges.ended(3, merges.run(&FINISH));
    assert!(said.contains("AccessDenied") && said.contains("run `lockgate rollback` now"), "{said}");
    let comment = merges.comment(3);
    assert!(
        comment.contains("## 🛑 Left half done in `finish-denied`") && comment.contains("rolls back, now"),
        "{comment}"
    );
    assert_eq!(merges.deployment().states(), ["error"]);
}

#[test]
fn where_the_ledger_cannot_be_read_nobody_says_that_something_moved() {
    let merges = Merges::new("finish-blind");
    merges.world.script(|_| Some(Answer::status(400).header("x-amzn-errortype", "AccessDeniedException").body("{}")));
    let said = merges.ended(3, merges.run(&FINISH));
    assert!(said.contains("AccessDenied") && said.contains("lockgate status"), "{said}");
    let comment = merges.comment(3);
    assert!(
        comment.contains("perhaps left half done") && comment.contains("What serves: nothing that is known"),
        "{comment}"
    );
    assert_eq!(merges.deployment().states(), ["error"]);
}

#[test]
fn a_delivery_that_nobody_approved_is_told_as_not_delivered() {
    let merges = Merges::new("finish-refused");
    merges.was_told("pending");
    merges.finish();
    let comment = merges.comment(3);
    assert!(comment.contains("## ❌ Not delivered to `finish-refused`"), "{comment}");
    assert!(comment.contains(&format!("What serves: `{OLD}`.")), "{comment}");
    assert_eq!(merges.deployment().states(), ["pending", "error"]);
    merges.world.serves("1", OLD, "nothing moved");
}

#[test]
fn what_was_told_is_not_told_again() {
    let merges = Merges::new("finish-told");
    merges.was_told("failure");
    let said = merges.finish();
    assert!(said.contains("nothing was left behind"), "{said}");
    assert!(merges.comments(3).is_empty(), "{:?}", merges.comments(3));
    assert_eq!(merges.deployment().states(), ["failure"]);
}
