//! With Terraform, a ledger and Lambda's stand-in: what only they can tell.

use std::{fs, os::unix::fs::PermissionsExt, process::Command, time::Duration};

use jiff::Timestamp;
use lockgate::{
    ledger::{Live, Moving, Release, State},
    lock::{Held, Name, Taken},
};

use crate::{
    aws::{self, FUNCTIONS, NEW, OLD, wait},
    kit::{Done, World},
};

const ROOT: &str = "terraform/environments/staging";

/// An environment in which `OLD` is live, and `NEW` was applied after it.
struct Delivered {
    aws: aws::World,
    world: World,
}

impl Delivered {
    /// `environment` has to be unique over all tests.
    fn new(environment: &str) -> Self {
        let delivered = Self { aws: aws::World::new(environment), world: World::new() };
        delivered.applied(OLD, "1", "2026-01-15T09:10:00Z");
        delivered.applied(NEW, "2", "2026-01-15T09:50:00Z");
        for name in FUNCTIONS {
            let mut functions = delivered.aws.lambda.functions();
            let function = functions.get_mut(&delivered.aws.function(name)).expect("made");
            for (number, version) in &mut function.versions {
                version.image = Some(format!("sha256:{name}{number}"));
            }
        }
        delivered.configure("input = var.ingest_image");
        let function = |name: &&str| {
            format!(
                "[function.{name}]\npackage = \"image\"\ncargo = \"{name}\"\nalias = \"live\"\nmetrics = \"Lockgate\"\n\
                 variable = \"{name}_image\"\nprobe = {{ lockgate = \"probe\" }}\n\n"
            )
        };
        let delivery: String = FUNCTIONS.iter().map(function).collect();
        fs::write(delivered.world.path("lockgate.toml"), delivery).expect("written");
        // As it was applied with `NEW`.
        let variables: Vec<String> = FUNCTIONS.iter().map(|name| format!("-var={name}_image=sha256:{name}2")).collect();
        delivered.terraform(&["init", "-input=false"], &[]);
        delivered.terraform(&["apply", "-auto-approve", "-input=false"], &variables);
        delivered
    }

    fn applied(&self, id: &str, version: &str, at: &str) {
        let release = self.aws.release(id, version);
        self.aws.put(id, &Release { applied_at: Some(at.parse().expect("a time")), ..release });
    }

    fn configure(&self, resource: &str) {
        let variables: String = FUNCTIONS.iter().map(|name| format!("variable \"{name}_image\" {{}}\n")).collect();
        let folder = self.world.path(ROOT);
        fs::create_dir_all(&folder).expect("a folder");
        let text = format!("{variables}resource \"terraform_data\" \"ingest\" {{\n  {resource}\n}}\n");
        fs::write(folder.join("main.tf"), text).expect("written");
    }

    fn terraform(&self, arguments: &[&str], more: &[String]) {
        let mut command = Command::new("terraform");
        let done = command.args(arguments).args(more).current_dir(self.world.path(ROOT)).output().expect("terraform");
        assert!(done.status.success(), "terraform {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// `lockgate drift`, as a job does it.
    fn run(&self) -> Done {
        self.run_by("terraform")
    }

    fn run_by(&self, terraform: &str) -> Done {
        let mut command = self.aws.command(&["drift", "--root", ROOT, "--terraform", terraform]);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        self.world.done(&mut command)
    }

    /// A Terraform that is killed while it makes a full plan.
    fn killed(&self) -> String {
        let path = self.world.path("terraform.sh");
        let script = "#!/bin/sh\ncase \"$* \" in\n*\" -refresh-only \"*) ;;\nplan*) kill -9 $$ ;;\nesac\nexec terraform \"$@\"\n";
        fs::write(&path, script).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("made a program");
        path.display().to_string()
    }

    /// Moves an alias as nobody should.
    fn moved(&self, name: &str, version: &str, weights: &[(&str, f64)]) {
        let mut functions = self.aws.lambda.functions();
        let function = functions.get_mut(&self.aws.function(name)).expect("made");
        version.clone_into(&mut function.version);
        function.weights = weights.iter().map(|(version, part)| ((*version).to_owned(), *part)).collect();
    }

    fn live(&self, moving: Option<Moving>) {
        self.aws.put("live", &Live { release: Some(OLD.to_owned()), moving, ..Live::default() });
    }
}

fn none(done: &Done) {
    assert_eq!((done.code, done.output("drifted"), done.output("issue")), (Some(0), "false", ""), "{}", done.said);
}

fn some(done: &Done, said: &str) {
    assert_eq!((done.code, done.output("drifted"), done.output("issue")), (Some(0), "true", "1"), "{}", done.said);
    assert!(done.summary.contains(said), "{}", done.summary);
}

#[test]
fn plan_trap_18_what_was_applied_last_is_planned_and_what_is_live_is_compared() {
    let it = Delivered::new("drift-plans");
    // With the variables of the live release, the plan would change something.
    none(&it.run());
    assert!(it.world.github.requests().iter().all(|asked| asked.method == http::Method::GET));

    it.configure("input = \"${var.ingest_image}, changed\"");
    let done = it.run();
    some(&done, "`terraform_data.ingest`");
    assert!(done.summary.contains("1 not applied") && done.summary.contains(NEW) && done.summary.contains(OLD));

    // What cannot be planned leaves the issue as it is.
    let (before, body) = (it.world.writes(), it.world.issue(1).body);
    it.configure("inputs = var.nobody");
    let done = it.run();
    assert_eq!(done.code, Some(1), "{}", done.said);
    assert!(done.said.contains("the issue stays as it is"), "{}", done.said);
    // Nor does a full plan that fails where the other one was made.
    it.configure("input = var.ingest_image\n  triggers_replace = [1]\n  lifecycle {\n    prevent_destroy = true\n  }");
    let done = it.run();
    assert_eq!(done.code, Some(1), "{}", done.said);
    assert!(done.said.contains("Instance cannot be destroyed"), "{}", done.said);
    it.configure("input = var.ingest_image");
    let done = it.run_by(&it.killed());
    assert_eq!(done.code, Some(1), "the plan made before it is not taken for it: {}", done.said);
    let held = wait(Held::take(&it.aws.ledger, Name::Apply, "run 7", "apply", Duration::from_secs(600)));
    let Ok(Taken::Ours(held, _)) = held else { panic!("the lock was free") };
    let done = it.run();
    assert_eq!(done.code, Some(3), "{}", done.said);
    assert!(done.said.contains("an apply is under way, run 7"), "{}", done.said);
    wait(held.give_back(&it.aws.ledger));
    assert_eq!((it.world.writes(), it.world.issue(1).body), (before, body));

    none(&it.run());
    assert!(!it.world.issue(1).open);
}

#[test]
fn aliases_are_judged_by_the_ledger_and_what_serves_by_what_was_recorded() {
    let it = Delivered::new("drift-aliases");
    it.moved("ingest", "2", &[]);
    it.moved("query", "1", &[("2", 0.1)]);
    let done = it.run();
    some(&done, "`ingest-drift-aliases:live` **was moved** by something else than Lockgate");
    assert!(done.summary.contains("`query-drift-aliases:live` **has weights** that nobody moves"), "{}", done.summary);

    it.moved("ingest", "1", &[]);
    it.moved("query", "1", &[]);
    // Somebody published this without the pipeline, and the ledger was told that it is the live release's.
    let mut functions = it.aws.lambda.functions();
    let function = functions.get_mut(&it.aws.function("enrich")).expect("made");
    function.versions.get_mut("1").expect("made").image = Some("sha256:0ddba11".to_owned());
    drop(functions);
    let done = it.run();
    some(&done, "**runs code of no recorded release** in version `1`: `sha256:0ddba11`");
    assert!(!done.summary.contains("was moved") && !done.summary.contains("has weights"), "{}", done.summary);

    it.aws.lambda.functions().remove(&it.aws.function("enrich"));
    some(&it.run(), "`enrich-drift-aliases:live` **is missing**");
}

#[test]
fn a_promotion_under_way_is_no_drift_and_one_left_behind_is() {
    let it = Delivered::new("drift-moves");
    for name in FUNCTIONS {
        it.moved(name, "1", &[("2", 0.1)]);
    }
    it.live(Some(Moving { began: Timestamp::now(), ..it.aws.moving(NEW) }));
    none(&it.run());
    // It began in January. Whoever holds the lock is not at work for as long.
    it.live(Some(it.aws.moving(NEW)));
    some(&it.run(), "is **left in the middle of a promotion** to `r2-bbbbbbbbbbbb`");
}

#[test]
fn what_was_applied_last_is_recorded_whatever_is_live() {
    let it = Delivered::new("drift-applied");
    let ledger = &it.aws.ledger;
    let last = || wait(ledger.applied_last()).expect("a ledger").map(|release| release.id);
    assert_eq!(last().as_deref(), Some(NEW));
    let versions = |version: &str| {
        FUNCTIONS.map(|name| (name.to_owned(), (version.to_owned(), "0".repeat(16)))).into_iter().collect()
    };
    // `OLD` is live: its versions stay, and it was applied nevertheless.
    it.applied(OLD, "1", "2026-01-15T09:10:00Z");
    let old = wait(ledger.release(OLD)).expect("a release");
    it.aws.put(OLD, &Release { state: State::Live, ..old.clone() });
    let refusal = wait(ledger.record(OLD, &versions("3"))).expect_err("it is live").to_string();
    assert!(refusal.contains("its versions stay"), "{refusal}");
    assert_eq!(last().as_deref(), Some(OLD));
    assert_eq!(wait(ledger.release(OLD)).expect("a release").functions, old.functions);
    wait(ledger.record(NEW, &versions("3"))).expect("recorded");
    assert_eq!(last().as_deref(), Some(NEW));
    // Older ledgers do not say when: a release with versions was applied, one without was not.
    let undated = |id: &str, version: &str| Release { applied_at: None, ..it.aws.release(id, version) };
    it.aws.put(OLD, &undated(OLD, "1"));
    let mut unapplied = undated(NEW, "2");
    unapplied.functions.values_mut().for_each(|function| function.version = None);
    it.aws.put(NEW, &unapplied);
    assert_eq!(last().as_deref(), Some(OLD));
}
