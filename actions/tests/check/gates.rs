//! A GitHub environment that is open opens the role behind it: then nothing is delivered, and nothing is even planned.

use stand_ins::github::{Branches, Environment, User};

use crate::{
    environment::ROOT,
    stage::{RIGHTS, Stage},
    world::Done,
};

/// Refused before anything was done.
fn refused(stage: &Stage, code: i32) -> Done {
    let done = stage.check(code);
    assert_eq!(stage.calls(), "", "Terraform was not called: {}", done.said);
    assert!(stage.deployments().is_empty() && stage.world().comments().is_empty() && done.outputs.is_empty());
    done
}

fn open(branches: Branches) -> Option<Environment> {
    Some(Environment { branches, reviewers: vec![User::named("ada")], ..Environment::default() })
}

#[test]
fn an_environment_that_lets_in_more_than_the_branch_stops_everything() {
    let stage = Stage::merged("gate-open", ROOT);
    let named = |names: &[&str]| Branches::Named(names.iter().map(ToString::to_string).collect());
    let every = [
        (Branches::All, "every branch and tag: more than main alone"),
        (Branches::Protected, "every protected branch: more than main alone"),
        (named(&["*"]), "*: more than main alone"),
        (named(&["main", "release/*"]), "main, release/*: more than main alone"),
        (named(&[]), "nobody: no branch is named"),
    ];
    for end in ["", "-promote", "-rollback", "-approval"] {
        for (branches, who) in &every {
            stage.set_gate(end, open(branches.clone()));
            let done = refused(&stage, 1);
            let told = format!("the GitHub environment gate-open{end} lets in {who}");
            assert!(done.said.contains(&told) && done.said.contains("lockgate doctor"), "{told}: {}", done.said);
        }
        stage.set_gate(end, None);
        let done = refused(&stage, 1);
        assert!(done.said.contains(&format!("the GitHub environment gate-open{end} is not there")), "{}", done.said);
        stage.set_gate(end, open(named(&["main"])));
    }
    // With all of them set, it plans: what was looked for above can be seen.
    stage.check(0);
    assert!(stage.calls().contains("plan\nshow\n"), "{}", stage.calls());
}

#[test]
fn an_approval_that_nobody_gives_is_none() {
    let mut stage = Stage::merged("gate-alone", ROOT);
    stage.gate("-approval", &[]);
    let done = refused(&stage, 1);
    assert!(done.said.contains("the GitHub environment gate-alone-approval has no reviewer"), "{}", done.said);
    // Where everything is approved, the environment itself needs them, and there is no other.
    stage.world_mut().set("INPUT_APPROVAL", "always");
    stage.set_gate("-approval", None);
    let done = refused(&stage, 1);
    assert!(done.said.contains("the GitHub environment gate-alone has no reviewer"), "{}", done.said);
    stage.gate("", &["ada"]);
    stage.check(0);
}

#[test]
fn another_branch_delivers_only_where_its_environments_say_so() {
    let mut stage = Stage::merged("gate-branch", ROOT);
    stage.world_mut().set("INPUT_BRANCH", "trunk");
    let done = refused(&stage, 1);
    assert!(done.said.contains("more than trunk alone"), "{}", done.said);
}

#[test]
fn environments_that_cannot_be_read_are_not_taken_for_closed_ones() {
    let mut stage = Stage::merged("gate-unread", ROOT);
    stage.may(&RIGHTS[1..]);
    let done = refused(&stage, 3);
    assert!(done.said.contains("give the job `actions: read`"), "{}", done.said);
    stage.world_mut().set("INPUT_TOKEN", "");
    assert!(refused(&stage, 2).said.contains("there is no token for GitHub"));
}
