//! One environment: a ledger with two releases of three functions, a Lambda with their versions, and a door through which
//! every call of `lockgate` goes.

#[path = "../shared/ledger.rs"]
mod table;

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use lockgate::{
    delivery::Kind,
    ledger::{Action, AliasMove, Function, Hold, Ledger, Live, Moving, Release, SCHEMA, State},
};
use stand_ins::{
    emulator::{REGION, ROOT_KEY},
    lambda::Lambda,
    scripted::{Answer, Request, Scripted},
};
use tokio::runtime::Runtime;

pub(crate) const OLD: &str = "r1-aaaaaaaaaaaa";
pub(crate) const NEW: &str = "r2-bbbbbbbbbbbb";
pub(crate) const FUNCTIONS: [&str; 3] = ["enrich", "ingest", "query"];

/// What happens at a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum At {
    /// It does not reach AWS, and is not answered.
    Before,
    /// It reaches AWS, and is not answered.
    After,
}

/// Decides about a call before it reaches AWS.
type Script = Box<dyn FnMut(&Request) -> Option<Answer> + Send>;

#[derive(Default)]
struct Door {
    calls: usize,
    stop: Option<(usize, At)>,
    script: Option<Script>,
}

pub(crate) struct World {
    pub(crate) environment: String,
    pub(crate) lambda: Lambda,
    pub(crate) ledger: Ledger,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    door: Arc<Mutex<Door>>,
    reached: Mutex<Receiver<()>>,
    server: Scripted,
    /// Where `lockgate` looks for AWS.
    pub(crate) url: String,
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));

/// Tells a figure on stderr, where nobody captures it.
pub(crate) fn tell(what: impl std::fmt::Display) {
    writeln!(std::io::stderr(), "{what}").expect("stderr");
}

/// Waits for a future, outside of any.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

impl World {
    /// `environment` has to be unique over all tests. Release `OLD` is live with the versions 1, `NEW` has the versions 2.
    pub(crate) fn new(environment: &str) -> Self {
        let (emulator, sdk) = wait(async {
            let emulator = stand_ins::emulator::shared().await;
            (emulator.url.clone(), emulator.config().await)
        });
        let lambda = Lambda::default();
        let (door, (reach, reached)) = (Arc::<Mutex<Door>>::default(), channel());
        let server = Scripted::start(pass(emulator, lambda.clone(), Arc::clone(&door), reach));
        let world = Self {
            environment: environment.to_owned(),
            lambda,
            ledger: wait(table::make(&sdk, environment)),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&sdk),
            dynamodb: aws_sdk_dynamodb::Client::new(&sdk),
            door,
            reached: Mutex::new(reached),
            url: server.url.clone(),
            server,
        };
        world.reset();
        world
    }

    /// Everything as it was in the beginning.
    pub(crate) fn reset(&self) {
        for function in FUNCTIONS {
            self.lambda.make(&self.function(function), 2);
        }
        *self.door() = Door::default();
        wait(async {
            let items = self.dynamodb.scan().table_name(self.ledger.table()).send().await.expect("a table");
            for item in items.items() {
                let delete = self.dynamodb.delete_item().table_name(self.ledger.table());
                delete.key("id", item["id"].clone()).send().await.expect("deleted");
            }
        });
        let old = Release { state: State::Live, live_since: self.since(), ..self.release(OLD, "1") };
        self.put(OLD, &old);
        self.put(NEW, &self.release(NEW, "2"));
        self.put("live", &Live { release: Some(OLD.to_owned()), since: old.live_since, ..Live::default() });
    }

    /// A release whose functions have this version.
    pub(crate) fn release(&self, id: &str, version: &str) -> Release {
        let function = |name: &&str| {
            let function = Function {
                function: self.function(name),
                package: Kind::Image,
                code: format!("sha256:{name}{version}"),
                alias: "live".to_owned(),
                metrics: "Lockgate".to_owned(),
                probe: r#"{"lockgate":"probe"}"#.to_owned(),
                version: Some(version.to_owned()),
                configuration: Some(self.configuration()),
            };
            ((*name).to_owned(), function)
        };
        Release {
            id: id.to_owned(),
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
            functions: FUNCTIONS.iter().map(function).collect(),
        }
    }

    /// The hash of what the stand-in reports of every version.
    fn configuration(&self) -> String {
        let facts = aws_sdk_lambda::types::FunctionConfiguration::builder();
        lockgate::configuration::hash(&facts.role("arn:aws:iam::111122223333:role/function").build())
    }

    pub(crate) fn function(&self, name: &str) -> String {
        format!("{name}-{}", self.environment)
    }

    /// Writes an item as it is, without asking for a lock.
    pub(crate) fn put<T: serde::Serialize>(&self, id: &str, value: &T) {
        let mut item: std::collections::HashMap<String, AttributeValue> =
            serde_dynamo::to_item(value).expect("an item");
        item.insert("id".to_owned(), AttributeValue::S(id.to_owned()));
        let put = self.dynamodb.put_item().table_name(self.ledger.table()).set_item(Some(item));
        wait(put.send()).expect("written");
    }

    /// Writes items from wherever a script runs.
    pub(crate) fn writer(&self) -> impl Fn(&str, &Live) + Send + 'static {
        let (client, table) = (self.dynamodb.clone(), self.ledger.table().to_owned());
        move |id, live| {
            let mut item: std::collections::HashMap<String, AttributeValue> =
                serde_dynamo::to_item(live).expect("an item");
            item.insert("id".to_owned(), AttributeValue::S(id.to_owned()));
            let put = client.put_item().table_name(&table).set_item(Some(item));
            // A script runs where a runtime drives the server, and nothing may block there but another thread.
            std::thread::scope(|scope| scope.spawn(|| wait(put.send()).expect("written")).join()).expect("it ran");
        }
    }

    /// When `OLD` became live.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        Some("2026-01-15T09:30:00Z".parse().expect("a time"))
    }

    /// A promotion of this release, from the versions 1 to the versions 2.
    pub(crate) fn moving(&self, release: &str) -> Moving {
        let alias = |name: &&str| {
            let (function, alias) = (self.function(name), "live".to_owned());
            ((*name).to_owned(), AliasMove { function, alias, from: "1".to_owned(), to: "2".to_owned() })
        };
        Moving {
            action: Action::Promote,
            release: release.to_owned(),
            began: "2026-01-15T10:00:00Z".parse().expect("a time"),
            owner: "somebody".to_owned(),
            aliases: FUNCTIONS.iter().map(alias).collect(),
        }
    }

    /// `NEW` serves, and `OLD` did before.
    pub(crate) fn promoted(&self) {
        for function in FUNCTIONS {
            self.lambda.functions().get_mut(&self.function(function)).expect("made").version = "2".to_owned();
        }
        let (since, previous) = (self.since(), Some(OLD.to_owned()));
        let new = self.release(NEW, "2");
        self.put(NEW, &Release { state: State::Live, live_since: since, previous: previous.clone(), ..new });
        self.put(OLD, &Release { state: State::Replaced, live_since: since, ..self.release(OLD, "1") });
        self.put("live", &Live { release: Some(NEW.to_owned()), since, previous, moving: None });
    }

    /// Tells when all three aliases were fenced and got their weights.
    pub(crate) fn when_weighted(&self) -> Receiver<()> {
        let (tell, told) = channel();
        let mut moves = 0;
        self.script(move |request| {
            moves += usize::from(moves_alias(request));
            // The next call after the sixth move: its answer was read.
            if moves == 6 && !moves_alias(request) {
                // Told once is enough.
                let _ = tell.send(());
            }
            None
        });
        told
    }

    fn door(&self) -> std::sync::MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls were made.
    pub(crate) fn calls(&self) -> usize {
        self.door().calls
    }

    /// Every call that was made, as `GET /path`.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.server.requests()
    }

    /// Has a script decide about calls before they reach AWS; None lets one through.
    pub(crate) fn script(&self, script: impl FnMut(&Request) -> Option<Answer> + Send + 'static) {
        self.door().script = Some(Box::new(script));
    }

    /// `lockgate <arguments> --environment …` to its end.
    pub(crate) fn lockgate(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("lockgate runs")
    }

    /// The same; its output, if it ended so.
    pub(crate) fn ends(&self, code: i32, arguments: &[&str]) -> String {
        let done = self.lockgate(arguments);
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert_eq!(done.status.code(), Some(code), "lockgate {arguments:?} said:\n{said}");
        said
    }

    /// Starts it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("lockgate runs")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.args(arguments).args(["--environment", &self.environment]).env_clear();
        command.envs([
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ROOT_KEY),
            ("AWS_SECRET_ACCESS_KEY", ROOT_KEY),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("USER", "tester"),
            ("HOSTNAME", "machine"),
        ]);
        command
    }

    /// Runs it until its call number `call` (from 0) and kills it there. Returns whether it got so far.
    pub(crate) fn kill(&self, arguments: &[&str], call: usize, at: At) -> bool {
        self.door().stop = Some((call, at));
        let reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = self.start(arguments);
        // Its output ends with the process; the door says when it stands still.
        let mut out = child.stdout.take().expect("piped");
        let ended = std::thread::spawn(move || out.read_to_end(&mut Vec::new()));
        let killed = loop {
            if reached.recv_timeout(std::time::Duration::from_millis(5)).is_ok() {
                break true;
            }
            if ended.is_finished() {
                break reached.try_recv().is_ok();
            }
        };
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().expect("it ended");
        drop(ended.join());
        self.door().stop = None;
        killed
    }

    /// What every alias serves: the main version, and how many others have a part.
    pub(crate) fn aliases(&self) -> BTreeMap<&'static str, (String, usize)> {
        let functions = self.lambda.functions();
        FUNCTIONS
            .into_iter()
            .map(|name| {
                let function = &functions[&self.function(name)];
                (name, (function.version.clone(), function.weights.len()))
            })
            .collect()
    }

    /// Asserts that all aliases serve this version alone, and that the ledger says so.
    pub(crate) fn serves(&self, version: &str, release: &str, context: &str) {
        for (name, alias) in self.aliases() {
            assert_eq!(alias, (version.to_owned(), 0), "{context}: {name}");
        }
        let live = wait(self.ledger.live()).expect("a ledger");
        assert_eq!(live.release.as_deref(), Some(release), "{context}");
        assert_eq!(live.moving, None, "{context}");
        assert_eq!(self.state(release), State::Live, "{context}");
        assert!(self.locks().is_empty(), "{context}: {:?}", self.locks());
    }

    /// Removes a lock that a killed run left, as its lease would.
    pub(crate) fn reset_lock(&self) {
        for lock in self.locks() {
            wait(lockgate::lock::remove(&self.ledger, &lock)).expect("a ledger");
        }
    }

    pub(crate) fn state(&self, release: &str) -> State {
        wait(self.ledger.release(release)).expect("a release").state
    }

    pub(crate) fn locks(&self) -> Vec<lockgate::lock::Lock> {
        wait(self.ledger.holds_and_locks()).expect("a ledger").1
    }

    pub(crate) fn holds(&self) -> Vec<Hold> {
        wait(self.ledger.holds_and_locks()).expect("a ledger").0
    }
}

/// Whether a request moves an alias, or writes it as it is.
pub(crate) fn moves_alias(request: &Request) -> bool {
    request.method == "PUT" && request.path.contains("/aliases/")
}

/// What stands between `lockgate` and AWS.
fn pass(emulator: String, lambda: Lambda, door: Arc<Mutex<Door>>, reach: Sender<()>) -> impl Fn(&Request) -> Answer {
    let reach = Mutex::new(reach);
    move |request| {
        let (stop, scripted) = {
            let mut door = door.lock().unwrap_or_else(PoisonError::into_inner);
            let stop = door.stop.filter(|(call, _)| *call == door.calls).map(|(_, at)| at);
            door.calls += 1;
            (stop, door.script.as_mut().and_then(|script| script(request)))
        };
        let stand_still = || {
            // The test may have given up.
            let _ = reach.lock().unwrap_or_else(PoisonError::into_inner).send(());
            Answer::Hang
        };
        if stop == Some(At::Before) {
            return stand_still();
        }
        let answer = scripted.or_else(|| lambda.answer(request)).unwrap_or_else(|| forward(&emulator, request));
        if stop == Some(At::After) { stand_still() } else { answer }
    }
}

/// Hands a request on as it is: its signature covers its headers.
fn forward(emulator: &str, request: &Request) -> Answer {
    let mut stream = TcpStream::connect(emulator.trim_start_matches("http://")).expect("the emulated AWS runs");
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    for (name, value) in request.headers.iter().filter(|(name, _)| *name != "connection") {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().expect("text")));
    }
    head.push_str("connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&request.body)).expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("answered");
    let split = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
    let mut answer = Answer::status(status);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if !["connection", "content-length", "transfer-encoding"].contains(&name.to_lowercase().as_str()) {
            answer = answer.header(name, value);
        }
    }
    answer.body(bytes.split_off(split + 4))
}
