//! What the deployment on GitHub is told, and what the promotion is handed on.

use stand_ins::github::Deployment;

use crate::{
    environment::{Environment, ROOT},
    world::{COMMIT, REPOSITORY, World},
};

const HEALTH: &str = "output \"health_url\" {\n  value = \"https://calls.example/health\"\n}\n";

/// A world that tells a deployment, too.
fn deploying(world: &mut World) -> u64 {
    let rights = [("contents", "read"), ("deployments", "write"), ("pull-requests", "write")];
    let token = world.github.token(REPOSITORY, &rights);
    world.set("INPUT_TOKEN", &token);
    let id = world.github.add_deployment(REPOSITORY, COMMIT, "staging").expect("a deployment");
    world.set("INPUT_DEPLOYMENT", &id.to_string());
    id
}

fn deployment(world: &World, id: u64) -> Deployment {
    world.github.repository(REPOSITORY).expect("the repository").deployments[&id].clone()
}

#[test]
fn what_was_applied_is_under_way_and_says_where_the_service_is_well() {
    let mut environment = Environment::new("apply-told", &format!("{ROOT}{HEALTH}"));
    let id = deploying(&mut environment.world);
    let world = &environment.world;
    let done = world.apply(0, &world.approve());
    assert_eq!(done.output("health-url"), "https://calls.example/health");
    let told = deployment(world, id);
    assert_eq!(told.states(), ["in_progress", "in_progress"], "it serves only once it is promoted");
    assert_eq!(told.statuses[0].description, "Terraform applies root");
    assert_eq!(told.statuses[1].description, "Terraform applied root; the promotion comes next");
    assert!(told.statuses.iter().all(|status| status.log_url.ends_with("/actions/runs/7")), "{told:?}");

    // The same again changes nothing, and is promoted all the same.
    let done = world.apply(0, &world.approve());
    assert_eq!((done.output("applied"), done.output("health-url")), ("false", "https://calls.example/health"));
    // A root without a service that can be asked hands nothing on.
    world.configure(ROOT);
    assert_eq!(world.apply(0, &world.approve()).output("health-url"), "");
}

#[test]
fn a_refusal_is_a_failure_of_the_deployment_and_a_broken_apply_an_error() {
    let fails =
        "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"exit 1\"\n  }\n}\n";
    let mut world = World::new(fails);
    let id = deploying(&mut world);
    world.apply(1, &"0".repeat(64));
    let refused = deployment(&world, id);
    assert_eq!(refused.states(), ["in_progress", "failure"]);
    assert!(refused.statuses[1].description.contains("nothing was applied"), "{refused:?}");
    world.apply(3, &world.approve());
    let failed = deployment(&world, id);
    assert_eq!(failed.states()[2..], ["in_progress", "error"]);
    assert!(failed.statuses[3].description.contains("terraform failed in root"), "{failed:?}");
}

#[test]
fn where_values_are_hidden_the_deployment_is_not_told_terraforms_words() {
    let fails = "variable \"word\" {\n  default = \"\"\n}\nresource \"terraform_data\" \"a\" {\n  lifecycle {\n    precondition {\n      \
                 condition     = var.word != \"\"\n      error_message = \"hunter2-hunter2\"\n    }\n  }\n}\n";
    let mut world = World::new(fails);
    let id = deploying(&mut world);
    let told = |world: &World| {
        let done = world.apply(1, &"0".repeat(64));
        assert!(done.said.contains("hunter2-hunter2"), "{}", done.said);
        deployment(world, id).statuses.last().expect("told").description.clone()
    };
    assert!(told(&world).contains("could not plan root: "), "the words follow, as far as there is room");
    world.set("INPUT_VALUES", "hide");
    assert_eq!(told(&world), "nothing was applied: terraform could not plan root: the run's log says why");
    assert!(world.comments().iter().all(|comment| !comment.contains("hunter2")), "{:?}", world.comments());
}

#[test]
fn outputs_that_cannot_be_read_leave_a_report_of_what_was_applied() {
    let mut environment = Environment::new("apply-unread", ROOT);
    let id = deploying(&mut environment.world);
    let digest = environment.world.approve();
    environment.world.apply(0, &digest);
    // What changes nothing is asked for its outputs.
    let digest = environment.world.approve();
    environment.world.wrap("if [ \"$1\" = output ]; then echo broken >&2; exit 1; fi");
    let done = environment.world.apply(3, &digest);
    assert!(done.said.contains("versions were not recorded"), "{}", done.said);
    assert_eq!(["approved", "applied"].map(|name| done.output(name)), ["true", "false"]);
    assert!(done.summary.contains("so it cannot be promoted"), "{}", done.summary);
    assert_eq!(deployment(&environment.world, id).states().last().copied(), Some("error"));
}

#[test]
fn an_apply_that_breaks_off_before_its_plan_leaves_no_deployment_waiting() {
    let mut world = World::new("data \"external\" \"x\" {\n  program = [\"sh\"]\n}\n");
    let id = deploying(&mut world);
    let approved = "0".repeat(64);
    world.apply(1, &approved);
    assert_eq!(deployment(&world, id).states(), ["failure"], "what the root brings is refused");
    world.configure("");
    world.wrap("if [ \"$1\" = init ]; then echo hunter2-hunter2 >&2; exit 1; fi");
    world.apply(2, &approved);
    let told = deployment(&world, id);
    assert_eq!(told.states(), ["failure", "error"]);
    assert!(told.statuses[1].log_url.ends_with("/actions/runs/7"), "{told:?}");
    assert!(told.statuses.iter().all(|status| !status.description.contains("hunter2")), "{told:?}");
}

#[test]
fn a_dry_run_tells_no_deployment_and_a_refused_status_stops_nothing() {
    let mut world = World::new("resource \"terraform_data\" \"a\" {}\n");
    let id = deploying(&mut world);
    let digest = world.approve();
    world.ends(0, &["apply", "--dry-run", "--approved-digest", &digest]);
    let mut world = world.telling();
    world.set("INPUT_DEPLOYMENT", &id.to_string());
    let done = world.apply(0, &digest);
    assert_eq!(done.output("applied"), "true");
    assert!(done.said.contains("the deployment's status was not written"), "{}", done.said);
    assert!(deployment(&world, id).statuses.is_empty());
}
