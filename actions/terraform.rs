//! Runs Terraform in one root: `init`, `plan`, `show`, `apply`, and what it says while it works
//! (<https://developer.hashicorp.com/terraform/internals/machine-readable-ui>).

mod messages;

use std::{
    ffi::OsStr,
    io::Read,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::{sys::signal, unistd::Pid};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    http,
    interrupt::{self, Cancelled},
    runner,
};

pub use messages::{Diagnostic, Lock, Messages};

/// How long Terraform waits for somebody else's lock of the state.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which root, and how Terraform is run there.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Folder of the Terraform root, from the repository's root
    #[arg(long, env = "INPUT_ROOT", value_name = "DIR")]
    pub root: PathBuf,
    /// File with values of variables, from the repository's root; one a line, or given several times
    #[arg(long, env = "INPUT_VAR_FILE", value_name = "FILE", value_delimiter = '\n')]
    pub var_file: Vec<PathBuf>,
    /// What the root may bring, one a line: providers and modules, as Terraform names their sources, and what a refusal names
    #[arg(long, env = "INPUT_ALLOW", value_name = "SOURCE", value_delimiter = '\n', default_value = "hashicorp/aws")]
    pub allow: Vec<String>,
    /// Bucket with the state; without one, the root says itself where its state is
    #[arg(long, env = "LOCKGATE_STATE_BUCKET", value_name = "NAME", hide_env_values = true)]
    pub state_bucket: Option<String>,
    /// Terraform's lock table
    #[arg(long, env = "LOCKGATE_LOCK_TABLE", value_name = "NAME", hide_env_values = true)]
    pub lock_table: Option<String>,
    /// The program
    #[arg(
        long,
        env = "LOCKGATE_TERRAFORM",
        value_name = "PROGRAM",
        default_value = "terraform",
        hide_env_values = true
    )]
    pub terraform: PathBuf,
}

/// Terraform in one root. What it plans lies in a folder that only this user can read, and goes when this value goes.
#[derive(Debug)]
pub struct Terraform {
    program: PathBuf,
    folder: PathBuf,
    /// The root, as the repository has it: with `/`, and without `./`.
    pub root: String,
    variables: Vec<PathBuf>,
    patience: Duration,
    own: TempDir,
}

/// What a plan is made for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planning {
    /// Whether nobody else may change the state meanwhile.
    pub lock: bool,
    /// Whether only what changed outside of Terraform is looked for.
    pub refresh_only: bool,
}

/// How Terraform ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether it succeeded.
    pub ok: bool,
    /// Whether this process was asked to stop meanwhile, and Terraform with it.
    pub stopped: bool,
    /// What it said.
    pub messages: Messages,
}

impl Terraform {
    /// Terraform in the root of these arguments; the current folder is the repository's.
    ///
    /// # Errors
    /// If the root is no folder of the repository, or a file of variables is missing.
    pub fn new(settings: &Settings) -> Result<Self> {
        let base = std::env::current_dir().context("the current folder cannot be read")?;
        let root = name(&settings.root)?;
        let folder = base.join(&root);
        ensure!(folder.is_dir(), "there is no folder {root:?} here; run lockgate in the repository's root");
        let variables: Vec<PathBuf> =
            settings.var_file.iter().filter(|file| !file.as_os_str().is_empty()).map(|file| base.join(file)).collect();
        for file in &variables {
            ensure!(file.is_file(), "there is no file of variables {}", file.display());
        }
        let own = tempfile::tempdir().context("no folder for the plan can be made")?;
        Ok(Self { program: settings.terraform.clone(), folder, root, variables, patience: PATIENCE, own })
    }

    /// The root's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the plan lies once it is made. It holds the state and every secret in clear: it is never stored elsewhere.
    #[must_use]
    pub fn plan_file(&self) -> PathBuf {
        self.own.path().join("plan")
    }

    /// Waits so long for somebody else's lock of the state, instead of two minutes.
    pub fn wait_for_lock(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Gives another file of variables.
    pub fn add_variables(&mut self, file: PathBuf) {
        self.variables.push(file);
    }

    /// A new file in the folder that only this user can read.
    #[must_use]
    pub fn private(&self, name: &str) -> PathBuf {
        self.own.path().join(name)
    }

    /// Fetches providers and modules, exactly those of the lock file, and finds the state.
    ///
    /// # Errors
    /// If Terraform fails: with what it said.
    pub async fn init(&self, settings: &Settings) -> Result<()> {
        let _group = runner::group(format_args!("terraform init ({})", self.root));
        let mut arguments = vec!["init".to_owned(), "-input=false".to_owned(), "-no-color".to_owned()];
        arguments.push("-lockfile=readonly".to_owned());
        if let Some(bucket) = settings.state_bucket.as_deref().filter(|bucket| !bucket.is_empty()) {
            let mut backend = vec![
                format!("bucket={bucket}"),
                format!("key={}/terraform.tfstate", self.root),
                "use_lockfile=true".to_owned(),
                "encrypt=true".to_owned(),
            ];
            if let Some(table) = settings.lock_table.as_deref().filter(|table| !table.is_empty()) {
                backend.push(format!("dynamodb_table={table}"));
            }
            if let Some(region) = std::env::var_os("AWS_REGION") {
                backend.push(format!("region={}", region.to_string_lossy()));
            }
            arguments.extend(backend.into_iter().map(|setting| format!("-backend-config={setting}")));
        }
        let mut child = self.start(&arguments, Stdio::piped())?;
        let said = async { tokio::join!(text(child.stdout.take()), text(child.stderr.take())) };
        let (out, err) = interrupt::unless_asked("terraform init", said).await?;
        let status = child.wait().await.context("terraform init cannot be waited for")?;
        runner::say(out.trim_end());
        ensure!(
            status.success(),
            "terraform init failed in {}: {}; correct the root, or its credentials and LOCKGATE_STATE_BUCKET",
            self.root,
            err.trim()
        );
        Ok(())
    }

    /// Plans, in the place of an earlier plan. One that failed may have left a file nevertheless, which says so.
    ///
    /// # Errors
    /// If Terraform cannot be run, or this process was asked to stop.
    pub async fn plan(&self, planning: Planning) -> Result<Ended> {
        match std::fs::remove_file(self.plan_file()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("the plan made before cannot be removed");
            }
            _ => {}
        }
        let mut arguments: Vec<String> = ["plan", "-json", "-input=false"].map(str::to_owned).into();
        arguments.push(format!("-out={}", self.plan_file().display()));
        arguments.push(if planning.lock { self.lock_timeout() } else { "-lock=false".to_owned() });
        if planning.refresh_only {
            arguments.push("-refresh-only".to_owned());
        }
        arguments.extend(self.variables.iter().map(|file| format!("-var-file={}", file.display())));
        let ended = self.told("plan", &arguments).await?;
        if ended.stopped {
            return Err(Cancelled(format!("terraform plan in {}", self.root)).into());
        }
        Ok(ended)
    }

    /// Applies exactly the plan that was made. Asked to stop, Terraform ends what it has begun, and it is told what that was.
    ///
    /// # Errors
    /// If Terraform cannot be run.
    pub async fn apply(&self) -> Result<Ended> {
        let plan = self.plan_file().display().to_string();
        self.told("apply", &["apply", "-json", "-input=false", &self.lock_timeout(), &plan]).await
    }

    fn lock_timeout(&self) -> String {
        format!("-lock-timeout={}ms", self.patience.as_millis())
    }

    /// Reads the plan's JSON as Terraform writes it, in a thread of its own: it is never held whole, and never lies
    /// anywhere. This is the most expensive thing to ask of Terraform, so it is asked once.
    ///
    /// # Errors
    /// If Terraform fails, or `read` does.
    pub async fn show<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Read) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let plan = self.plan_file().display().to_string();
        self.piped(&["show", "-json", "-no-color", &plan], read).await
    }

    /// The lineage of the state, which no other state has; empty where there is no state yet. After a plan it is in the
    /// plan's file: every process of Terraform's begins by hashing its providers, which takes seconds.
    ///
    /// # Errors
    /// If Terraform fails or gives no state.
    pub async fn lineage(&self) -> Result<String> {
        if let Some(lineage) = planned_lineage(&self.plan_file()) {
            return Ok(lineage);
        }
        self.piped(&["state", "pull"], |from| {
            let mut from = std::io::BufReader::new(from);
            if std::io::BufRead::fill_buf(&mut from)?.is_empty() {
                return Ok(String::new());
            }
            let state: State = serde_json::from_reader(from).context("the state is not as Terraform writes it")?;
            Ok(state.lineage)
        })
        .await
    }

    /// The outputs of the state by their names, each an object with its `value`.
    ///
    /// # Errors
    /// If Terraform fails or gives no outputs.
    pub async fn outputs(&self) -> Result<serde_json::Map<String, serde_json::Value>> {
        self.piped(&["output", "-json", "-no-color"], |from| {
            serde_json::from_reader(std::io::BufReader::new(from))
                .context("the outputs are not as Terraform writes them")
        })
        .await
    }

    async fn piped<T: Send + 'static>(
        &self,
        arguments: &[&str],
        read: impl FnOnce(&mut dyn Read) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let what =
            format!("terraform {} {}", arguments[0], arguments.get(1).filter(|a| !a.starts_with('-')).unwrap_or(&""));
        let mut child = self.start(arguments, Stdio::piped())?;
        let out = child.stdout.take().context("terraform's output")?;
        let out = out.into_owned_fd().context("terraform's output cannot be read")?;
        let reading = tokio::task::spawn_blocking(move || {
            let mut out = std::fs::File::from(out);
            let done = read(&mut out);
            // What nobody reads would keep Terraform from ending.
            let _ = std::io::copy(&mut out, &mut std::io::sink());
            done
        });
        let both = async { tokio::join!(text(child.stderr.take()), reading) };
        let (err, read) = interrupt::unless_asked(what.trim_end(), both).await?;
        let status = child.wait().await.with_context(|| format!("{what} cannot be waited for"))?;
        ensure!(status.success(), "{} failed in {}: {}", what.trim_end(), self.root, err.trim());
        read.map_err(|_| anyhow!("reading what {what} said was cut off"))?
    }

    async fn told<A: AsRef<OsStr>>(&self, what: &str, arguments: &[A]) -> Result<Ended> {
        let _group = runner::group(format_args!("terraform {what} ({})", self.root));
        let mut child = self.start(arguments, Stdio::piped())?;
        let mut lines = BufReader::new(child.stdout.take().context("terraform's output")?).lines();
        let hear = async move {
            let mut messages = Messages::default();
            while let Some(line) = lines.next_line().await? {
                if let Some(said) = messages.hear(&line) {
                    runner::say(said);
                }
            }
            Ok::<_, std::io::Error>(messages)
        };
        let err = text(child.stderr.take());
        let pid = child.id();
        let mut asked = false;
        let work = async { tokio::join!(hear, err) };
        tokio::pin!(work);
        let (heard, err) = loop {
            tokio::select! {
                done = &mut work => break done,
                () = interrupt::asked(), if !asked => {
                    asked = true;
                    // Terraform then ends what it does and gives its lock back.
                    if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
                        let _ = signal::kill(Pid::from_raw(pid), signal::Signal::SIGINT);
                    }
                }
            }
        };
        let mut messages = heard.with_context(|| format!("what terraform {what} says cannot be read"))?;
        let status = child.wait().await.with_context(|| format!("terraform {what} cannot be waited for"))?;
        messages.complain(&err);
        Ok(Ended { ok: status.success(), stopped: asked, messages })
    }

    fn start<A: AsRef<OsStr>>(&self, arguments: &[A], out: Stdio) -> Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.folder);
        command.envs([("CHECKPOINT_DISABLE", "1"), ("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0")]);
        // Not `.terraform`, which a branch could bring with it, providers and all.
        command.env("TF_DATA_DIR", self.private("data"));
        // A terminal's Ctrl-C goes to everybody in the group, and twice asked Terraform breaks off: it hears it from us.
        command.process_group(0);
        runner::hide_tokens(command.as_std_mut());
        // Traces hold requests with their credentials, and extra arguments could undo ours. What `init` is told besides stays:
        // it says how a state is reached.
        for (name, _) in std::env::vars_os() {
            let known = name.to_string_lossy();
            let extra = known.starts_with("TF_LOG") || known.starts_with("TF_CLI_ARGS") && known != "TF_CLI_ARGS_init";
            if extra {
                command.env_remove(&name);
            }
        }
        command.stdin(Stdio::null()).stdout(out).stderr(Stdio::piped()).kill_on_drop(true);
        command.spawn().with_context(|| {
            format!(
                "{} cannot be started; install Terraform 1.11 or later, or add it to setup's tools",
                self.program.display()
            )
        })
    }
}

#[derive(Deserialize)]
struct State {
    lineage: String,
}

/// The lineage that a plan's file tells: it is a ZIP with the state that the plan was made on. Nothing promises that, so where
/// it is another way, nothing is told.
fn planned_lineage(plan: &Path) -> Option<String> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(plan).ok()?).ok()?;
    let state = archive.by_name("tfstate").ok()?;
    serde_json::from_reader::<_, State>(std::io::BufReader::new(state)).ok().map(|state| state.lineage)
}

/// A root's name: its path in the repository, with `/` and nothing else between.
///
/// # Errors
/// If the path leads elsewhere.
pub fn name(root: &Path) -> Result<String> {
    let mut parts = Vec::new();
    for part in root.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::Normal(part) => {
                parts.push(part.to_str().with_context(|| format!("{} is no UTF-8", root.display()))?);
            }
            _ => bail!("{} is no folder of this repository; name it from the repository's root", root.display()),
        }
    }
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

async fn text(from: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut bytes = Vec::new();
    match tokio::io::AsyncReadExt::read_to_end(&mut from, &mut bytes).await {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => http::chain(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plans_file_tells_the_lineage_or_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            let mut plan = zip::ZipWriter::new(std::fs::File::create(&path).expect("a file"));
            plan.start_file(name, zip::write::SimpleFileOptions::default()).expect("an entry");
            std::io::Write::write_all(&mut plan, text).expect("written");
            plan.finish().expect("an archive");
            path
        };
        let plan = write("tfstate", br#"{"version": 4, "serial": 7, "lineage": "abc", "resources": []}"#);
        assert_eq!(planned_lineage(&plan).as_deref(), Some("abc"));
        assert_eq!(planned_lineage(&write("other", b"{}")), None);
        assert_eq!(planned_lineage(&folder.path().join("absent")), None);
    }

    #[test]
    fn a_root_has_one_name() {
        for root in ["terraform/bootstrap", "./terraform/bootstrap/", "terraform//bootstrap"] {
            assert_eq!(name(Path::new(root)).expect("a root"), "terraform/bootstrap");
        }
        assert_eq!(name(Path::new(".")).expect("a root"), ".");
        for root in ["/etc", "../other", "a/../.."] {
            assert!(name(Path::new(root)).is_err(), "{root}");
        }
    }
}
