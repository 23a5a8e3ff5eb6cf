//! Only the approved plan is applied, and what differs is said.

use std::fs;

use crate::world::World;

const ONE: &str = "resource \"terraform_data\" \"a\" {\n  input = \"first\"\n}\n";
const TWO: &str = "resource \"terraform_data\" \"a\" {\n  input = \"second\"\n}\n";

#[test]
fn plan_trap_26_the_approved_plan_is_applied_and_the_merged_pull_request_told_once() {
    let world = World::new(ONE).telling();
    let digest = world.approve();
    let done = world.apply(0, &digest);
    assert_eq!(world.state()["a"], "first");
    let outputs = ["digest", "changed", "approved", "applied", "lock-owner"].map(|name| done.output(name));
    assert_eq!(outputs, [&digest, "true", "true", "true", "(none)"]);
    let comments = world.comments();
    assert_eq!(comments.len(), 1);
    for (part, why) in [
        ("<!-- lockgate:deploy of=root -->\n## ✅ Applied to `root`: 1 added, 0 changed, 0 destroyed", "what was done"),
        (&format!("approved digest `{digest}`"), "what was approved"),
        ("[run](https://github.example/example/calls/actions/runs/7)", "where"),
    ] {
        assert!(comments[0].contains(part), "{why}: {}", comments[0]);
        assert!(done.summary.contains(part), "{why}: {}", done.summary);
    }

    // The same pull request, applied a second time: the plan is empty, and so is what is said of it.
    let nothing = world.approve();
    let done = world.apply(0, &nothing);
    assert_eq!(["changed", "approved", "applied"].map(|name| done.output(name)), ["false", "true", "false"]);
    let comments = world.comments();
    assert!(comments.len() == 1 && comments[0].contains("Nothing to apply to `root`"), "{comments:?}");
}

#[test]
fn another_plan_than_the_approved_one_is_not_applied_but_shown() {
    let world = World::new(ONE).telling();
    world.apply(0, &world.approve());
    world.configure(TWO);
    let approved = world.approve();
    let other = "resource \"terraform_data\" \"a\" {\n  input = \"third\"\n}\nresource \"terraform_data\" \"b\" {}\n";
    world.configure(other);
    let before = fs::read(world.path("root/terraform.tfstate")).expect("a state");
    let done = world.apply(1, &approved);
    assert_eq!(fs::read(world.path("root/terraform.tfstate")).expect("a state"), before, "nothing was applied");
    assert_eq!(["changed", "approved", "applied"].map(|name| done.output(name)), ["true", "false", "false"]);
    let now = done.output("digest").to_owned();
    assert_ne!(now, approved);
    for (place, text) in [("log", &done.said), ("summary", &done.summary), ("comment", &world.comments()[0])] {
        for part in ["# terraform_data.a", "\"second\" -> \"third\"", "+ terraform_data.b: [\"create\"]", &now] {
            assert!(text.contains(part), "the {place} lacks {part}: {text}");
        }
    }
    assert!(world.comments()[0].contains("## ⛔ Not applied to `root`"));
    // A person approves what it is now.
    world.apply(0, &now);
    assert_eq!(world.state()["a"], "third");
}

#[test]
fn a_difference_names_no_values_where_they_are_hidden() {
    let mut world = World::new(ONE).telling();
    let approved = world.approve();
    world.configure(TWO);
    world.set("INPUT_VALUES", "hide");
    let done = world.apply(1, &approved);
    for text in [&done.said, &done.summary, &world.comments()[0]] {
        assert!(text.contains("# terraform_data.a") && !text.contains("second"), "{text}");
    }
}

#[test]
fn without_the_right_record_the_difference_is_not_guessed() {
    let world = World::new(ONE);
    let approved = "0".repeat(64);
    world.approve();
    let done = world.apply(1, &approved);
    assert!(done.said.contains("is the record of another plan than the approved one"), "{}", done.said);
    let done = world.ends(1, &["apply", "--approved-digest", &approved]);
    assert!(done.said.contains("give the approved plan's record"), "{}", done.said);
    world.ends(2, &["apply", "--approved-digest", "abc"]);
    assert!(world.state().is_empty());
}

#[test]
fn a_dry_run_compares_and_changes_nothing() {
    let world = World::new(ONE).telling();
    let digest = world.approve();
    let done = world.ends(0, &["apply", "--dry-run", "--approved-digest", &digest]);
    assert_eq!((done.output("approved"), done.output("applied")), ("true", "false"));
    world.ends(1, &["apply", "--dry-run", "--approved-digest", &"0".repeat(64)]);
    assert!(world.state().is_empty() && world.comments().is_empty());
}

#[test]
fn what_changes_in_the_root_after_the_comparison_is_not_applied() {
    let mut world = World::new(ONE);
    let digest = world.approve();
    world.before_apply("sed -i s/first/smuggled/ main.tf");
    world.apply(0, &digest);
    assert!(fs::read_to_string(world.path("root/main.tf")).expect("it is there").contains("smuggled"));
    assert_eq!(world.state()["a"], "first");
}

#[test]
fn plan_trap_27_a_state_that_moved_after_the_comparison_ends_the_apply() {
    let mut world = World::new(ONE);
    world.apply(0, &world.approve());
    world.configure(TWO);
    let digest = world.approve();
    world
        .before_apply("sed s/second/theirs/ main.tf > x && mv x main.tf && terraform apply -auto-approve -input=false");
    let done = world.apply(3, &digest);
    assert_eq!(world.state()["a"], "theirs", "the plan was made for another state");
    assert_eq!((done.output("approved"), done.output("applied")), ("true", "false"));
    assert!(done.said.contains("stale") && done.said.contains("after 0 of 1 changes"), "{}", done.said);
}

#[test]
fn plan_trap_25_another_secret_is_another_plan_and_neither_is_told() {
    let secret =
        "variable \"word\" {\n  sensitive = true\n}\nresource \"terraform_data\" \"a\" {\n  input = var.word\n}\n";
    let mut world = World::new(secret).telling();
    world.set("TF_VAR_word", "alpha-alpha-alpha");
    let approved = world.approve();
    world.set("TF_VAR_word", "omega-omega-omega");
    let done = world.apply(1, &approved);
    assert!(world.state().is_empty());
    for text in [&done.said, &done.summary, &world.comments()[0]] {
        assert!(text.contains("(sensitive value), changed"), "{text}");
        assert!(!text.contains("alpha-alpha") && !text.contains("omega-omega"), "{text}");
    }
}

#[test]
fn plan_trap_24_no_plan_is_left_behind() {
    let world = World::new(ONE);
    let digest = world.approve();
    world.apply(1, &"0".repeat(64));
    world.apply(0, &digest);
    assert_eq!(world.leftovers(), Vec::<std::path::PathBuf>::new());
    let mut names: Vec<_> =
        fs::read_dir(world.path("root")).expect("a folder").map(|it| it.expect("it").file_name()).collect();
    names.sort();
    assert_eq!(names, ["main.tf", "terraform.tfstate"]);
}

#[test]
fn plan_trap_30_what_terraform_keeps_is_nowhere_in_the_repository() {
    let world = World::new("module \"m\" { source = \"./m\" }\n");
    fs::create_dir_all(world.path("root/m")).expect("a folder");
    fs::write(world.path("root/m/main.tf"), "resource \"terraform_data\" \"a\" {}\n").expect("a module");
    world.apply(0, &world.approve());
    assert!(!world.path("root/.terraform").exists(), "what a branch puts there would be used");
}

#[test]
fn what_terraform_starts_is_given_no_token() {
    let provisioner = "provisioner \"local-exec\" {\n command = \"env > seen\"\n }";
    let mut world = World::new(&format!("resource \"terraform_data\" \"a\" {{\n {provisioner}\n}}\n")).telling();
    for name in ["GITHUB_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "INPUT_SECRETS", "TF_LOG_PATH"] {
        world.set(name, "/canary");
    }
    world.set("KEPT", "value");
    world.apply(0, &world.approve());
    let seen = fs::read_to_string(world.path("root/seen")).expect("what it was given");
    assert!(seen.contains("KEPT=value"), "{seen}");
    assert!(!seen.contains("canary") && !seen.contains("INPUT_TOKEN"), "{seen}");
}
