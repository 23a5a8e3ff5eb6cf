//! A held lock, a failed apply, a root that cannot be planned, a cancelled job: said with what was done and what was not.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use stand_ins::github::Fault;

use crate::world::{Other, WAIT, World};

/// Three resources, one after the other, of which the second runs a command.
fn chain(command: &str) -> String {
    let data = |name: &str, inside: &str| format!("resource \"terraform_data\" \"{name}\" {{\n{inside}\n}}\n");
    let run = format!("depends_on = [terraform_data.a]\nprovisioner \"local-exec\" {{\n  command = \"{command}\"\n}}");
    data("a", "input = \"x\"") + &data("b", &run) + &data("c", "depends_on = [terraform_data.b]")
}

#[test]
fn a_failed_apply_says_what_was_done_and_what_was_not() {
    let mut world = World::new(&chain("echo hunter2-hunter2-hunter2 >&2; exit 1")).telling();
    world.set("INPUT_SECRETS", "hunter2-hunter2-hunter2");
    let done = world.apply(3, &world.approve());
    assert_eq!((done.output("approved"), done.output("applied")), ("true", "false"));
    assert!(done.said.contains("terraform failed in root after 1 of 3 changes"), "{}", done.said);
    for part in
        ["done      terraform_data.a", "terraform_data.b: create failed", "terraform_data.c: create was not begun"]
    {
        assert!(done.said.contains(part), "{part}: {}", done.said);
    }
    let comment = &world.comments()[0];
    for text in [comment, &done.summary] {
        let parts = [
            "## ❌ Applying to `root` failed after 1 of 3 changes",
            "### Not done: 2\n\n- `terraform_data.b`: create failed\n- `terraform_data.c`: create was not begun\n",
            "### Done: 1\n\n- `terraform_data.a`\n",
            "local-exec provisioner error",
        ];
        parts.iter().for_each(|part| assert!(text.contains(part), "{part}: {text}"));
        assert!(!text.contains("hunter2"), "{text}");
    }

    // What is left needs an approval of its own, and then succeeds; the same comment says so.
    world.configure(&chain("true"));
    world.apply(0, &world.approve());
    let comments = world.comments();
    assert!(comments.len() == 1 && comments[0].contains("## ✅ Applied to `root`"), "{comments:?}");
    assert!(!comments[0].contains("Not done"), "{}", comments[0]);
}

#[test]
fn a_held_state_lock_is_told_with_its_owner() {
    let world = World::new(&chain(WAIT)).telling();
    world.pipe("begun");
    world.pipe("hold");
    let digest = world.approve();
    let other = Other::applies(&world);
    let done = world.apply(1, &digest);
    let info = std::fs::read_to_string(world.path("root/.terraform.tfstate.lock.info")).expect("the other's lock");
    drop(other);
    let info: serde_json::Value = serde_json::from_str(&info).expect("JSON");
    let (id, who) = (info["ID"].as_str().expect("an id"), info["Who"].as_str().expect("an owner"));
    assert_eq!((done.output("lock-owner"), done.output("approved"), done.output("applied")), (who, "false", "false"));
    for text in [&done.said, &done.summary, &world.comments()[0]] {
        for part in [who, id, "OperationTypeApply", &format!("terraform force-unlock {id}")] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[test]
fn a_cancelled_job_lets_terraform_end_and_says_how_far_it_came() {
    let world = World::new(&chain(WAIT)).telling();
    world.pipe("begun");
    world.pipe("hold");
    let digest = world.approve();
    let child = world.command(&["apply", "--approved-digest", &digest]).spawn().expect("lockgate runs");
    world.begun();
    let pid = i32::try_from(child.id()).expect("a process id");
    kill(Pid::from_raw(pid), Signal::SIGINT).expect("it runs");
    let done = world.ended(3, child);
    assert!(done.said.contains("was stopped after 1 of 3 changes"), "{}", done.said);
    assert_eq!(world.state()["a"], "x", "what was done is in the state");
    assert!(!world.path("root/.terraform.tfstate.lock.info").exists(), "its lock was given back");
    assert!(world.comments()[0].contains("Applying to `root` was cancelled after 1 of 3"), "{:?}", world.comments());
    assert!(world.leftovers().is_empty());
}

#[test]
fn a_root_that_cannot_be_planned_is_not_applied() {
    let world = World::new(
        "variable \"x\" {\n  default = \"y\"\n  validation {\n    condition = var.x == \"z\"\n    error_message = \"It has \
         to be z.\"\n  }\n}\nresource \"terraform_data\" \"a\" {}\n",
    ).telling();
    let done = world.apply(1, &"0".repeat(64));
    assert!(done.said.contains("It has to be z."), "{}", done.said);
    assert_eq!((done.output("approved"), done.output("applied")), ("false", "false"));
    assert!(world.comments()[0].contains("Terraform could not plan"), "{:?}", world.comments());
}

#[test]
fn a_provider_that_is_not_allowed_is_not_even_fetched() {
    let world = World::new("data \"external\" \"x\" {\n  program = [\"sh\"]\n}\n");
    let done = world.apply(1, &"0".repeat(64));
    assert!(done.said.contains("provider hashicorp/external"), "{}", done.said);
    assert!(!world.path("root/.terraform").exists());
}

#[test]
fn what_was_applied_is_applied_though_nobody_can_be_told() {
    let world = World::new("resource \"terraform_data\" \"a\" {\n  input = \"x\"\n}\n").telling();
    let digest = world.approve();
    world.github.fault("GET", "/repos", Fault::Status(403, Vec::new(), serde_json::json!({"message": "no"})), 9);
    let done = world.apply(0, &digest);
    assert_eq!(done.output("applied"), "true");
    assert!(done.said.contains("no comment was written"), "{}", done.said);
}
