//! With a ledger that has one release, and with what Lambda says of its versions.

#[path = "../shared/ledger.rs"]
mod table;

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use lockgate::{
    delivery::Kind,
    ledger::{Change, Function, Hold, Ledger, Live, Release, SCHEMA, State},
    lock::{self, Held, Taken},
};
use stand_ins::{
    emulator::{REGION, ROOT_KEY, shared},
    lambda::Lambda,
    scripted::{Answer, Scripted},
};
use tokio::runtime::Runtime;

use crate::world::World;

pub(crate) const ID: &str = "r7-aaaaaaaaaaaa";
const DELIVERY: &str = "[function.tally]\npackage = \"image\"\ncargo = \"tally\"\nalias = \"live\"\n\
                        variable = \"tally_image\"\nmetrics = \"Fixture\"\nprobe = { lockgate = \"probe\" }\n";
pub(crate) const ROOT: &str = "variable \"tally_image\" {}\nresource \"terraform_data\" \"tally\" {\n  input = var.tally_image\n}\n\
                    output \"functions\" {\n  value = { tally = { version = \"2\" } }\n}\n";

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// An environment whose ledger has one release of one function, of which Lambda has two versions.
pub(crate) struct Environment {
    pub(crate) world: World,
    pub(crate) ledger: Ledger,
    pub(crate) lambda: Lambda,
    _server: Scripted,
}

impl Environment {
    /// `name` has to be unique over all tests.
    pub(crate) fn new(name: &str, configuration: &str) -> Self {
        Self::of(name, World::new(configuration))
    }

    /// Around this world.
    pub(crate) fn of(name: &str, mut world: World) -> Self {
        let (url, sdk) = wait(async {
            let emulator = shared().await;
            (emulator.url.clone(), emulator.config().await)
        });
        let ledger = wait(table::make(&sdk, name));
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
            taken_out_at: None,
            previous: None,
            reason: None,
            functions: BTreeMap::from([("tally".to_owned(), function)]),
        };
        assert!(wait(ledger.create(&release)).expect("written"));
        let lambda = Lambda::default();
        lambda.make(&format!("tally-{name}"), 2);
        let answers = lambda.clone();
        let server = Scripted::start(move |request| answers.answer(request).unwrap_or_else(|| Answer::status(501)));
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

    /// Another environment, where the release came from and stands so, and where its code may be held: the hold's id. `name` has
    /// to be unique, too.
    pub(crate) fn comes_from(&mut self, name: &str, state: State, held: bool) -> Option<String> {
        self.world.set("INPUT_FROM", name);
        wait(async {
            let origin = table::make(&shared().await.config().await, name).await;
            let reason = matches!(state, State::RolledBack | State::Failed).then(|| "calls look wrong".to_owned());
            let mut theirs = Release { state, reason, ..self.ledger.release(ID).await.expect("a release") };
            let function = theirs.functions.get_mut("tally").expect("a function");
            function.configuration = Some("c0nf".to_owned());
            let hold = Hold::new("tally", function, "r8-dddddddddddd", "it loses calls", "ada").expect("configured");
            assert!(origin.create(&theirs).await.expect("written"));
            let lease = Duration::from_secs(60);
            let taken = Held::take(&origin, lock::Name::Alias, "ada", "a test", lease).await.expect("a ledger");
            let Taken::Ours(lock, _) = taken else { panic!("nobody else has it") };
            let holds = if held { std::slice::from_ref(&hold) } else { &[] };
            let change = Change { live: &Live::default(), releases: &[], holds };
            origin.write(&lock, change).await.expect("written");
            lock.give_back(&origin).await;
            held.then_some(hold.id)
        })
    }

    pub(crate) fn function(&self) -> Function {
        wait(self.ledger.release(ID)).expect("a release").functions["tally"].clone()
    }

    pub(crate) fn locks(&self) -> Vec<lock::Lock> {
        wait(self.ledger.holds_and_locks()).expect("a ledger").1
    }
}

/// A bucket whose objects nobody overwrites.
pub(crate) struct Bucket {
    pub(crate) url: String,
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    _server: Scripted,
}

impl Bucket {
    pub(crate) fn new() -> Self {
        let objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>> = Arc::default();
        let kept = Arc::clone(&objects);
        let server = Scripted::start(move |request| {
            let mut objects = kept.lock().unwrap_or_else(PoisonError::into_inner);
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
        Self { url: server.url.clone(), objects, _server: server }
    }

    /// What is in it, as text.
    pub(crate) fn objects(&self) -> Vec<String> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.values().map(|object| String::from_utf8_lossy(object).into_owned()).collect()
    }
}
