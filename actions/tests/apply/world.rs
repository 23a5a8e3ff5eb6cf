//! A repository with one Terraform root, and a merged pull request that it came by.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use stand_ins::github::{Github, NewPull};
use tempfile::TempDir;

pub(crate) const REPOSITORY: &str = "example/calls";
pub(crate) const BOT: &str = "github-actions[bot]";

/// How a run ended.
pub(crate) struct Done {
    /// What it printed.
    pub(crate) said: String,
    /// Its step outputs.
    pub(crate) outputs: BTreeMap<String, String>,
    /// Its step summary.
    pub(crate) summary: String,
}

impl Done {
    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map_or("(none)", String::as_str)
    }
}

/// The commit that merges the pull request.
pub(crate) const COMMIT: &str = "cccccccccccccccccccccccccccccccccccccccc";

pub(crate) struct World {
    folder: TempDir,
    pub(crate) github: Github,
    /// The pull request's number.
    pub(crate) pull: u64,
    variables: BTreeMap<String, String>,
}

impl World {
    /// With this configuration in the folder `root`.
    pub(crate) fn new(configuration: &str) -> Self {
        let world = Self::open(configuration);
        world.merge();
        world
    }

    /// The same, before the pull request is merged.
    pub(crate) fn open(configuration: &str) -> Self {
        let found = Command::new("terraform").arg("version").output();
        assert!(
            found.is_ok_and(|done| done.status.success()),
            "these tests need Terraform 1.11 or later on PATH: https://developer.hashicorp.com/terraform/install"
        );
        let github = Github::start().expect("a GitHub");
        github.add_repository(REPOSITORY, true);
        let pull = github.add_pull(REPOSITORY, NewPull::default()).expect("a pull request");
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["root", "tmp"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let variables = [
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", folder.path().display().to_string()),
            ("TMPDIR", folder.path().join("tmp").display().to_string()),
            ("CHECKPOINT_DISABLE", "1".to_owned()),
            ("GITHUB_API_URL", github.url.clone()),
            ("GITHUB_REPOSITORY", REPOSITORY.to_owned()),
            ("GITHUB_SERVER_URL", "https://github.example".to_owned()),
            ("GITHUB_RUN_ID", "7".to_owned()),
            ("GITHUB_SHA", COMMIT.to_owned()),
            ("INPUT_ROOT", "root".to_owned()),
            ("INPUT_LOCK_TIMEOUT", "1ms".to_owned()),
            // What a resource runs is the tests' means to fail, and to hold on.
            ("INPUT_ALLOW", "provisioner.local-exec".to_owned()),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let world = Self { folder, github, pull, variables };
        world.configure(configuration);
        world
    }

    pub(crate) fn merge(&self) {
        self.github.merge(REPOSITORY, self.pull, COMMIT, "octo-maintainer").expect("a merge");
    }

    /// With a token, so that the pull request is told.
    pub(crate) fn telling(mut self) -> Self {
        let token = self.github.token(REPOSITORY, &[("contents", "read"), ("pull-requests", "write")]);
        self.set("INPUT_TOKEN", &token);
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn configure(&self, configuration: &str) {
        fs::write(self.path("root/main.tf"), configuration).expect("written");
    }

    /// Sets a variable for every later run.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Has a script run in the root each time before Terraform applies.
    pub(crate) fn before_apply(&mut self, script: &str) {
        self.wrap(&format!("if [ \"$1\" = apply ]; then {script}; fi >&2"));
    }

    /// Has a script run in the root before each call of Terraform, with its arguments.
    pub(crate) fn wrap(&mut self, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let program = self.path("terraform-wrapped");
        let text = format!("#!/bin/sh\n{script}\nexec terraform \"$@\"\n");
        fs::write(&program, text).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a program");
        self.set("LOCKGATE_TERRAFORM", &program.display().to_string());
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        for file in ["outputs", "summary"] {
            File::create(self.path(file)).expect("a file");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().envs(&self.variables);
        command.env("GITHUB_OUTPUT", self.path("outputs")).env("GITHUB_STEP_SUMMARY", self.path("summary"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it; it must end so.
    pub(crate) fn ends(&self, code: i32, arguments: &[&str]) -> Done {
        let child = self.command(arguments).spawn().expect("lockgate runs");
        self.ended(code, child)
    }

    pub(crate) fn ended(&self, code: i32, child: Child) -> Done {
        let done = child.wait_with_output().expect("it ends");
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert_eq!(done.status.code(), Some(code), "lockgate said:\n{said}");
        assert_eq!(self.github.violations(), Vec::<String>::new());
        let text = fs::read_to_string(self.path("outputs")).expect("outputs");
        let mut outputs = BTreeMap::new();
        let mut lines = text.lines();
        while let Some((name, end)) = lines.next().and_then(|line| line.split_once("<<")) {
            let value: Vec<_> = lines.by_ref().take_while(|line| *line != end).collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        }
        Done { said, outputs, summary: fs::read_to_string(self.path("summary")).expect("a summary") }
    }

    /// Plans as a reviewer would see it, keeps the record, and returns the digest.
    pub(crate) fn approve(&self) -> String {
        let record = self.path("record").display().to_string();
        self.ends(0, &["plan", "--dry-run", "--record", &record]).output("digest").to_owned()
    }

    /// Applies what was approved.
    pub(crate) fn apply(&self, code: i32, digest: &str) -> Done {
        let record = self.path("record").display().to_string();
        self.ends(code, &["apply", "--approved-digest", digest, "--approved-record", &record])
    }

    /// The bodies of the bot's comments.
    pub(crate) fn comments(&self) -> Vec<String> {
        let repository = self.github.repository(REPOSITORY).expect("the repository");
        repository.comments.values().filter(|it| it.user.login == BOT).map(|comment| comment.body.clone()).collect()
    }

    /// The state's resources, each with its input.
    pub(crate) fn state(&self) -> BTreeMap<String, serde_json::Value> {
        let Ok(text) = fs::read(self.path("root/terraform.tfstate")) else { return BTreeMap::new() };
        let state: serde_json::Value = serde_json::from_slice(&text).expect("a state");
        let resources = state["resources"].as_array().expect("resources").iter();
        resources
            .map(|resource| {
                let name = resource["name"].as_str().expect("a name").to_owned();
                (name, resource["instances"][0]["attributes"]["input"]["value"].clone())
            })
            .collect()
    }

    /// Whatever is left where temporary files go.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("tmp")).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
    }

    /// A pipe of this name.
    pub(crate) fn pipe(&self, name: &str) {
        nix::unistd::mkfifo(&self.path(name), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    }

    /// Waits until somebody writes into the pipe `begun`.
    pub(crate) fn begun(&self) {
        fs::read(self.path("begun")).expect("somebody began");
    }
}

/// A command of a resource that says that it began, and waits until somebody lets it go on.
pub(crate) const WAIT: &str = "echo begun > ../begun; cat ../hold";

/// Another Terraform at work in the root, until this value goes.
pub(crate) struct Other {
    child: Child,
    hold: PathBuf,
}

impl Other {
    pub(crate) fn applies(world: &World) -> Self {
        let mut command = Command::new("terraform");
        command.args(["apply", "-auto-approve", "-input=false"]).current_dir(world.path("root"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("terraform runs");
        let other = Self { child, hold: world.path("hold") };
        world.begun();
        other
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Whoever waits for the pipe sees its end. Opened for both, it blocks nobody here.
        let _ = OpenOptions::new().read(true).write(true).open(&self.hold);
        let _ = self.child.wait();
    }
}
