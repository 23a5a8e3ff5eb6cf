//! With a release: its lock, its variables, and the versions that were published for it.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use lockgate::{
    delivery::Kind,
    ledger::{Function, Ledger, Release, SCHEMA, State},
    lock::{self, Held, Taken},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use stand_ins::{
    emulator::{REGION, ROOT_KEY, shared},
    lambda::Lambda,
    scripted::{Answer, Scripted},
};
use tokio::runtime::Runtime;

use crate::world::{WAIT, World};

const ID: &str = "r7-aaaaaaaaaaaa";
const DELIVERY: &str = "[function.tally]\npackage = \"image\"\ncargo = \"tally\"\nalias = \"live\"\n\
                        variable = \"tally_image\"\nmetrics = \"Fixture\"\nprobe = { lockgate = \"probe\" }\n";
const ROOT: &str = "variable \"tally_image\" {}\nresource \"terraform_data\" \"tally\" {\n  input = var.tally_image\n}\n\
                    output \"functions\" {\n  value = { tally = { version = \"2\" } }\n}\n";

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));

fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// An environment whose ledger has one release of one function, of which Lambda has two versions.
struct Environment {
    world: World,
    ledger: Ledger,
    lambda: Lambda,
    _server: Scripted,
}

impl Environment {
    /// `name` has to be unique over all tests.
    fn new(name: &str, configuration: &str) -> Self {
        let (url, sdk) = wait(async {
            let emulator = shared().await;
            (emulator.url.clone(), emulator.config().await)
        });
        let ledger = Ledger::new(&sdk, name);
        let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
        let create = aws_sdk_dynamodb::Client::new(&sdk).create_table().table_name(ledger.table());
        let create = create.attribute_definitions(id.build().expect("complete"));
        let create = create.key_schema(key.build().expect("complete")).billing_mode(BillingMode::PayPerRequest);
        wait(create.send()).expect("a table");
        let function = Function {
            function: format!("tally-{name}"),
            package: Kind::Image,
            code: "sha256:c0de".to_owned(),
            alias: "live".to_owned(),
            metrics: "Fixture".to_owned(),
            probe: "{}".to_owned(),
            version: None,
            configuration: None,
        };
        let release = Release {
            id: ID.to_owned(),
            schema: SCHEMA,
            state: State::Building,
            commit: "c0ffee".to_owned(),
            tree: "7ree".to_owned(),
            toolchain: "t".to_owned(),
            run: "a run".to_owned(),
            actor: "somebody".to_owned(),
            created_at: "2026-01-15T09:00:00Z".parse().expect("a time"),
            applied_at: None,
            live_since: None,
            previous: None,
            reason: None,
            functions: BTreeMap::from([("tally".to_owned(), function)]),
        };
        assert!(wait(ledger.create(&release)).expect("written"));
        let lambda = Lambda::default();
        lambda.make(&format!("tally-{name}"), 2);
        let answers = lambda.clone();
        let server = Scripted::start(move |request| answers.answer(request).unwrap_or_else(|| Answer::status(501)));
        let mut world = World::new(configuration);
        fs::write(world.path("lockgate.toml"), DELIVERY).expect("written");
        for (variable, value) in [
            ("AWS_ENDPOINT_URL", url.as_str()),
            ("AWS_ENDPOINT_URL_LAMBDA", &server.url),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ROOT_KEY),
            ("AWS_SECRET_ACCESS_KEY", ROOT_KEY),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("INPUT_ENVIRONMENT", name),
            ("INPUT_RELEASE", ID),
        ] {
            world.set(variable, value);
        }
        Self { world, ledger, lambda, _server: server }
    }

    fn function(&self) -> Function {
        wait(self.ledger.release(ID)).expect("a release").functions["tally"].clone()
    }

    fn locks(&self) -> Vec<lock::Lock> {
        wait(self.ledger.holds_and_locks()).expect("a ledger").1
    }
}

#[test]
fn the_release_is_applied_and_its_versions_recorded_once() {
    let environment = Environment::new("apply-record", ROOT);
    let world = &environment.world;
    let done = world.apply(0, &world.approve());
    assert_eq!(world.state()["tally"], "sha256:c0de", "the release's own packages");
    let function = environment.function();
    assert_eq!(function.version.as_deref(), Some("2"));
    assert!(function.identity().is_some(), "its configuration is recorded too");
    assert!(environment.locks().is_empty());
    assert!(done.summary.contains("| `tally` | `2` |") && done.summary.contains(&format!("release `{ID}`")));

    // Applied again, nothing changes; the versions come from the state.
    let done = world.apply(0, &world.approve());
    assert!(done.said.contains("already") && done.summary.contains("| `tally` | `2` |"), "{}", done.said);
    assert_eq!(environment.function(), function);
}

#[test]
fn a_release_that_was_applied_before_is_recorded_though_nothing_changes() {
    let mut environment = Environment::new("apply-late", ROOT);
    environment.world.set("INPUT_RELEASE", "");
    environment.world.set("TF_VAR_tally_image", "sha256:c0de");
    environment.world.apply(0, &environment.world.approve());
    assert_eq!(environment.function().version, None);
    environment.world.set("INPUT_RELEASE", ID);
    let done = environment.world.apply(0, &environment.world.approve());
    assert_eq!((done.output("changed"), done.output("applied")), ("false", "false"));
    assert_eq!(environment.function().version.as_deref(), Some("2"));
}

#[test]
fn versions_that_are_not_there_or_run_other_code_are_not_recorded() {
    for (name, configuration, other, told) in [
        ("apply-no-output", &ROOT[..ROOT.find("output").expect("one")], false, "the root names no published version"),
        ("apply-no-version", &ROOT.replace("\"2\"", "\"9\""), false, "tally-apply-no-version:9 is not there"),
        ("apply-other-code", ROOT, true, "runs sha256:0ther, but the release has sha256:c0de"),
    ] {
        let environment = Environment::new(name, configuration);
        if other {
            let mut functions = environment.lambda.functions();
            let function = functions.get_mut(&format!("tally-{name}")).expect("made");
            function.versions.get_mut("2").expect("made").image = Some("sha256:0ther".to_owned());
        }
        let done = environment.world.apply(3, &environment.world.approve());
        assert!(done.said.contains(told), "{name}: {}", done.said);
        assert_eq!(done.output("applied"), "true", "{name}: Terraform's part is done");
        assert!(done.summary.contains("cannot be promoted"), "{name}: {}", done.summary);
        assert_eq!(environment.function().version, None, "{name}");
        assert!(environment.locks().is_empty(), "{name}");
    }
}

#[test]
fn another_apply_of_the_environment_is_told_with_its_owner() {
    let environment = Environment::new("apply-locked", ROOT);
    let (world, ledger) = (&environment.world, &environment.ledger);
    let digest = world.approve();
    let lease = Duration::from_secs(600);
    let taken = wait(Held::take(ledger, lock::Name::Apply, "https://github.example/run/1", "apply root", lease));
    assert!(matches!(taken.expect("a ledger"), Taken::Ours(_, None)));
    let done = world.apply(1, &digest);
    assert_eq!(done.output("lock-owner"), "https://github.example/run/1");
    assert!(done.said.contains("lockgate unlock --lock apply"), "{}", done.said);
    assert!(world.state().is_empty());
    assert_eq!(environment.locks().len(), 1, "it is still theirs");
}

#[test]
fn the_lock_is_given_back_whatever_happened() {
    let fails =
        "\nresource \"terraform_data\" \"b\" {\n  provisioner \"local-exec\" {\n    command = \"exit 1\"\n  }\n}\n";
    let environment = Environment::new("apply-failing", &format!("{ROOT}{fails}"));
    let world = &environment.world;
    world.apply(3, &world.approve());
    assert!(environment.locks().is_empty());
    world.apply(1, &"0".repeat(64));
    assert!(environment.locks().is_empty());

    world.pipe("begun");
    world.pipe("hold");
    world.configure(&format!("{ROOT}{fails}").replace("exit 1", WAIT));
    let digest = world.approve();
    let child = world.command(&["apply", "--approved-digest", &digest]).spawn().expect("lockgate runs");
    world.begun();
    assert_eq!(environment.locks().len(), 1, "it is held while Terraform applies");
    kill(Pid::from_raw(i32::try_from(child.id()).expect("a process id")), Signal::SIGINT).expect("it runs");
    let done = world.ended(3, child);
    assert!(done.said.contains("because this job was cancelled"), "{}", done.said);
    assert!(environment.locks().is_empty());
    assert_eq!(environment.function().version, None);
}

#[test]
fn a_plan_keeps_its_record_in_s3_for_the_apply() {
    let mut environment = Environment::new("apply-s3", ROOT);
    let kept: Arc<Mutex<BTreeMap<String, Vec<u8>>>> = Arc::default();
    let bucket = Arc::clone(&kept);
    let s3 = Scripted::start(move |request| {
        let mut objects = bucket.lock().expect("no panic");
        let path = request.path.split('?').next().unwrap_or_default().to_owned();
        match (request.method.as_str(), objects.get(&path)) {
            ("GET", Some(object)) => Answer::status(200).body(object.clone()),
            ("PUT", None) => {
                objects.insert(path, request.body.to_vec());
                Answer::status(200)
            }
            ("PUT", Some(_)) => Answer::status(412),
            _ => Answer::status(404),
        }
    });
    environment.world.set("AWS_ENDPOINT_URL_S3", &s3.url);
    let plan = ["plan", "--record", "s3://artifacts/plans/"];
    let planned = environment.world.ends(0, &plan);
    let approved = planned.output("digest").to_owned();
    let place = planned.output("record").to_owned();
    assert_eq!(place, format!("s3://artifacts/plans/{approved}.json"));
    let record = kept.lock().expect("no panic").values().next().cloned().expect("a record");
    assert!(String::from_utf8_lossy(&record).contains(&approved));
    // The same plan again changes nothing there.
    assert_eq!(environment.world.ends(0, &plan).output("record"), place);
    assert_eq!(kept.lock().expect("no panic").len(), 1);

    environment.world.configure(&ROOT.replace("\"2\"", "\"3\""));
    let done = environment.world.ends(1, &["apply", "--approved-digest", &approved, "--approved-record", &place]);
    assert!(done.said.contains("# output functions"), "{}", done.said);
}
