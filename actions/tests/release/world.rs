//! A repository with one function as a zip, an artifacts bucket and a ledger.

#[path = "../shared/ledger.rs"]
mod table;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::Duration,
};

use aws_config::SdkConfig;
use aws_sdk_s3::types::CreateBucketConfiguration;
use lockgate::{
    ledger::{Change, Ledger, Live, Release},
    lock::{self, Held, Taken},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use stand_ins::emulator::{REGION, ROOT_KEY, shared};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const DELIVERY: &str = "[function.tally]\npackage = \"zip\"\ncargo = \"tally\"\nalias = \"live\"\n\
                        variable = \"tally_zip\"\nmetrics = \"Fixture\"\nprobe = { lockgate = \"probe\" }\n";

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"));

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// How a run ended.
pub(crate) struct Done {
    pub(crate) said: String,
    /// The file of outputs, its random delimiters written as `EOF`.
    pub(crate) outputs: String,
}

pub(crate) struct World {
    folder: TempDir,
    environment: String,
    sdk: SdkConfig,
    url: String,
    s3: aws_sdk_s3::Client,
    pub(crate) ledger: Ledger,
    variables: Vec<(&'static str, String)>,
    /// Of the zip, as it was first packaged.
    pub(crate) sha256: String,
}

impl World {
    /// `environment` has to be unique over all tests.
    pub(crate) fn new(environment: &str) -> Self {
        let (url, sdk) = wait(async {
            let emulator = shared().await;
            (emulator.url.clone(), emulator.config().await)
        });
        let world = Self {
            folder: tempfile::tempdir().expect("a folder"),
            environment: environment.to_owned(),
            url,
            s3: aws_sdk_s3::Client::new(&sdk),
            ledger: wait(table::make(&sdk, environment)),
            sdk,
            variables: Vec::new(),
            sha256: hex::encode(Sha256::digest(b"the zip's bytes")),
        };
        let place = CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
        let create = world.s3.create_bucket().bucket(world.bucket()).create_bucket_configuration(place);
        wait(create.send()).expect("a bucket");

        std::fs::create_dir_all(world.packages()).expect("a folder");
        std::fs::create_dir_all(world.root()).expect("a folder");
        world.git(&["init", "--quiet"]);
        std::fs::write(world.root().join("lockgate.toml"), DELIVERY).expect("written");
        world.git(&["add", "lockgate.toml"]);
        world.git(&["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "first"]);
        world.package(b"the zip's bytes", "t1");
        world
    }

    /// The ledger of another environment, which is new.
    pub(crate) fn another(&self, environment: &str) -> Ledger {
        wait(table::make(&self.sdk, environment))
    }

    /// Writes down where a release stands.
    pub(crate) fn stands(&self, release: &Release) {
        wait(async {
            let taken = Held::take(&self.ledger, lock::Name::Alias, "ada", "a test", Duration::from_secs(60)).await;
            let Taken::Ours(held, _) = taken.expect("a ledger") else { panic!("nobody else has it") };
            let change = Change { live: &Live::default(), releases: std::slice::from_ref(release), holds: &[] };
            self.ledger.write(&held, change).await.expect("written");
            held.give_back(&self.ledger).await;
        });
    }

    /// With one more variable for `lockgate`.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    pub(crate) fn packages(&self) -> PathBuf {
        self.folder.path().join("packages")
    }

    fn bucket(&self) -> String {
        format!("artifacts-{}", self.environment)
    }

    /// What `git` prints in the repository.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let done = Command::new("git").arg("-C").arg(self.root()).args(arguments).output().expect("git");
        assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
    }

    /// Writes a package as `lockgate package` does, by a toolchain of this id.
    pub(crate) fn package(&self, bytes: &[u8], toolchain: &str) {
        std::fs::write(self.packages().join("tally.zip"), bytes).expect("written");
        let digest = hex::encode(Sha256::digest(bytes));
        let packages = json!({
            "schema": 1,
            "toolchain": {"id": toolchain, "rustc": "r", "libc": "l", "crt": "c", "linker": "l", "cc": "c"},
            "functions": {"tally": {"package": "zip", "path": "tally.zip", "sha256": digest, "size": bytes.len()}},
        });
        std::fs::write(self.packages().join("packages.json"), packages.to_string()).expect("written");
    }

    /// Runs `lockgate release` as run 7, which must end so.
    pub(crate) fn ends(&self, code: i32) -> Done {
        let mut command = self.command();
        command.args(["--environment", &self.environment, "--artifacts-bucket", &self.bucket()]);
        self.ended(code, command.arg("--packages").arg(self.packages()))
    }

    /// Runs it for another environment, which takes a release over from this one, as the workflow does.
    pub(crate) fn takes_over(&self, code: i32, environment: &str, id: &str) -> Done {
        let mut command = self.command();
        command.envs([
            ("INPUT_ENVIRONMENT", environment),
            ("INPUT_PACKAGES", ""),
            ("INPUT_ARTIFACTS_BUCKET", &self.bucket()),
            ("INPUT_FROM", &self.environment),
            ("INPUT_RELEASE", id),
            ("INPUT_REGISTRY", ""),
            ("INPUT_DRY_RUN", "false"),
        ]);
        self.ended(code, &mut command)
    }

    fn command(&self) -> Command {
        let outputs = self.folder.path().join("outputs");
        // A file of an earlier run may be there.
        let _ = std::fs::remove_file(&outputs);
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.arg("release").current_dir(self.root()).env_clear().envs([
            ("PATH", std::env::var("PATH").unwrap_or_default().as_str()),
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ROOT_KEY),
            ("AWS_SECRET_ACCESS_KEY", ROOT_KEY),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_OUTPUT", &outputs.display().to_string()),
        ]);
        command.envs(self.variables.iter().cloned());
        command
    }

    fn ended(&self, code: i32, command: &mut Command) -> Done {
        let done = command.output().expect("lockgate runs");
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert_eq!(done.status.code(), Some(code), "lockgate release said:\n{said}");
        Done { said, outputs: delimited(&self.folder.path().join("outputs")) }
    }

    pub(crate) fn release(&self, id: &str) -> Release {
        wait(self.ledger.release(id)).expect("a release")
    }

    /// The object of this key, if there is one.
    pub(crate) fn object(&self, key: &str) -> Option<Vec<u8>> {
        wait(async {
            let object = self.s3.get_object().bucket(self.bucket()).key(key).send().await.ok()?;
            Some(object.body.collect().await.ok()?.to_vec())
        })
    }

    /// How many objects there are.
    pub(crate) fn objects(&self) -> usize {
        wait(self.s3.list_objects_v2().bucket(self.bucket()).send()).expect("a list").contents().len()
    }
}

fn delimited(outputs: &Path) -> String {
    let text = std::fs::read_to_string(outputs).unwrap_or_default();
    let line = |line: &str| match (line.starts_with("lockgate_"), line.split_once("<<lockgate_")) {
        (true, _) => "EOF\n".to_owned(),
        (_, Some((name, _))) => format!("{name}<<EOF\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}
