//! What all acts share: the running parts, and what earlier acts made.

use crate::acts::Answers;
use crate::clock::{Clock, Kind};
use crate::generator::Landed;
use crate::host::FunctionHost;
use crate::hub::Hub;
use crate::lambda;
use crate::lockgate::Lockgate;
use crate::packages::{self, Packages};
use crate::repository::Repository;
use crate::story::Act;
use crate::tell::Teller;
use crate::terraform::{Outputs, Terraform};
use crate::tools::{self, Tool};
use crate::workflows::Workflows;
use anyhow::{Context, Result};
use aws_config::SdkConfig;
use stand_ins::emulator::{self, Emulator};
use stand_ins::folders;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The environment that most acts are played in.
pub const ENVIRONMENT: &str = "staging";

/// The one behind it.
pub const PRODUCTION: &str = "production";

/// The repository that is played.
pub const GITHUB_REPOSITORY: &str = "example/calls";

/// How far the act *provision* is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Settled {
    /// Its apply goes on.
    Applying,
    /// It has ended.
    Applied,
    /// The plan that shows that nothing is left to do has been made.
    Planned,
}

/// The running parts of a rehearsal.
#[derive(Debug)]
pub struct Stage {
    /// Everything of this run: `<target>/rehearsal/run`.
    pub folder: PathBuf,
    /// Measures it.
    pub clock: Clock,
    /// Tells it.
    pub teller: Teller,
    /// Which tools it runs.
    pub tools: Vec<Tool>,
    /// Runs the functions.
    pub host: FunctionHost,
    /// The emulated AWS.
    pub emulator: Emulator,
    /// Clients of the account's root user.
    pub sdk: SdkConfig,
    /// Terraform in its copy.
    pub terraform: Terraform,
    /// The program `lockgate`.
    pub lockgate: Lockgate,
    /// The checkout's copy, of which GitHub has another one.
    pub repository: Repository,
    /// What was changed in the workflows for act, by file.
    pub rewrites: Vec<(String, String)>,
    /// act, made while the first acts play.
    making_act: Option<JoinHandle<Result<Tool>>>,
    /// The scanners, made while the first acts play.
    making_scanners: Option<JoinHandle<Result<Vec<Tool>>>>,
    /// GitHub's side, once an act needed it.
    pub hub: Option<Hub>,
    /// The packages, made while the first acts play.
    packaging: Option<JoinHandle<Result<Packages>>>,
    /// What the act *bootstrap* made.
    pub bootstrap: Option<Outputs>,
    /// What the act *provision* made.
    pub service: Option<Outputs>,
    /// How far it is: the next acts begin before its apply has ended.
    pub settled: Option<watch::Receiver<Settled>>,
    /// What the act *calls* landed.
    pub landed: Option<Landed>,
    /// What the API answered in the act *calls*.
    pub(crate) answers: Option<Answers>,
    /// An action that the functions' policies lose before calls land.
    pub without: Option<String>,
    // Held so that no second rehearsal plays in the same folder.
    _lock: File,
}

impl Stage {
    /// Makes the folder new, starts the parts, and begins to package if an act needs it.
    ///
    /// # Errors
    /// If a tool is missing (the message says how to get it) or a part does not start.
    pub async fn set(acts: &[Act], clock: Clock, teller: Teller) -> Result<Self> {
        let home = folders::rehearsal()?;
        fs::create_dir_all(&home)?;
        let lock = File::create(home.join("lock"))?;
        lock.try_lock().with_context(|| format!("another rehearsal plays in {}; wait for it", home.display()))?;
        let folder = home.join("run");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("failed to clear {}", folder.display()))?;
        }
        fs::create_dir_all(&folder)?;

        let ministack = clock.measure(Kind::Tool, "tools", "ministack", tools::ministack()).await?;
        let terraform = clock.measure(Kind::Tool, "tools", "terraform", tools::terraform()).await?;
        let (configuration, provider) = tools::provider_configuration(&folder)?;
        for tool in [&ministack, &terraform] {
            teller.line(&format!("tool  {} {} ({})", tool.name, tool.version, tool.origin));
        }
        teller.line(&format!("tool  the AWS provider comes from {provider}"));

        let copy = folder.join("repository");
        let checkout = folders::workspace()?;
        let repository = Repository::copy(&checkout, &copy);
        let repository = clock.measure(Kind::Step, "tools", "copy the repository", repository).await?;
        let on_github = acts.iter().any(|act| act.is_on_github());
        let making_act = on_github.then(|| {
            let clock = clock.clone();
            tokio::spawn(async move { clock.measure(Kind::Tool, "tools", "act", tools::act()).await })
        });
        let making_scanners = on_github.then(|| {
            let clock = clock.clone();
            tokio::spawn(async move { clock.measure(Kind::Tool, "tools", "scanners", scanners()).await })
        });
        let needed = acts.contains(&Act::Provision);
        let packaging = needed.then(|| packages::begin(&folder, clock.clone(), teller.clone()));
        let host = FunctionHost::start(&folder, &folder.join("functions")).await?;
        let stems = packages::stems()?;
        let named =
            stems.iter().flat_map(|stem| [ENVIRONMENT, PRODUCTION].map(|environment| format!("{stem}-{environment}")));
        let forward = named.map(|name| (name, host.url.clone()));
        let options = emulator::Options { forward: forward.collect(), log: Some(folder.join("ministack.log")) };
        let emulator = Emulator::start(&options);
        let emulator = clock.measure(Kind::Step, "tools", "start the emulated AWS", emulator).await?;
        teller.line(&format!("aws   {} as account {}", emulator.url, emulator::ACCOUNT));
        let sdk = emulator.config().await;
        let terraform_program = terraform.path.clone();
        let terraform_copy = Terraform::new(terraform_program, configuration, &emulator.url, &folder, &clock, &teller)?;
        Ok(Self {
            lockgate: Lockgate::new(&emulator.url, &folder, &clock)?,
            repository,
            rewrites: Vec::new(),
            making_act,
            making_scanners,
            hub: None,
            tools: vec![ministack, terraform],
            terraform: terraform_copy,
            folder,
            clock,
            teller,
            host,
            emulator,
            sdk,
            packaging,
            bootstrap: None,
            service: None,
            settled: None,
            landed: None,
            answers: None,
            without: None,
            _lock: lock,
        })
    }

    /// The packages, once they are made.
    ///
    /// # Errors
    /// If `lockgate package` failed.
    pub async fn packages(&mut self) -> Result<Packages> {
        let packaging = self.packaging.take().context("the packages were taken before")?;
        packaging.await.context("the packaging task ended")?
    }

    /// Waits until *provision* has got so far: before its apply has ended, its state does not have everything; before the plan
    /// after that, nobody may change anything by hand.
    pub async fn settle(&self, far: Settled) {
        if let Some(mut settled) = self.settled.clone() {
            // Whoever would tell is gone: it has ended, too.
            let _ = settled.wait_for(|settled| *settled >= far).await;
        }
    }

    /// act, once it is made.
    ///
    /// # Errors
    /// If it cannot be had: with what to install.
    pub async fn act(&mut self) -> Result<Tool> {
        let act = self.making_act.take().context("no act needs it")?.await.context("the tool's task ended")??;
        self.teller.line(&format!("tool  {} {} ({})", act.name, act.version, act.origin));
        self.tools.push(act.clone());
        Ok(act)
    }

    /// The scanners and the advisory database, once they are made.
    ///
    /// # Errors
    /// If one cannot be had: with what to install.
    pub async fn scanners(&mut self) -> Result<Vec<Tool>> {
        let scanners = self.making_scanners.take().context("the scanners were taken before")?;
        let scanners = scanners.await.context("the tools' task ended")??;
        for tool in &scanners {
            self.teller.line(&format!("tool  {} {} ({})", tool.name, tool.version, tool.origin));
        }
        self.tools.extend(scanners.iter().cloned());
        Ok(scanners)
    }

    /// Keeps what was changed in the workflows, each change once, for the report.
    pub fn note_rewrites(&mut self, workflows: &Workflows) {
        self.rewrites.extend(workflows.rewrites.iter().map(|one| (one.file.clone(), one.what.clone())));
        self.rewrites.sort();
        self.rewrites.dedup();
    }

    /// What an environment's state says of its outputs.
    ///
    /// # Errors
    /// If it has none.
    pub async fn state_of(&self, environment: &str) -> Result<Outputs> {
        let bootstrap = self.bootstrap.as_ref().context("the act bootstrap was not played")?;
        let key = format!("terraform/environments/{environment}/terraform.tfstate");
        let state =
            aws_sdk_s3::Client::new(&self.sdk).get_object().bucket(bootstrap.text(&["state_bucket"])?).key(&key);
        let state = state.send().await.with_context(|| format!("there is no state {key}"))?;
        Outputs::of_state(&state.body.collect().await?.into_bytes())
    }

    /// An output of *provision*.
    ///
    /// # Errors
    /// If it was not played.
    pub fn output(&self, path: &[&str]) -> Result<String> {
        self.service.as_ref().context("the act provision was not played")?.text(path)
    }

    /// Asks a function through its alias, as an operator would, and returns its answer.
    ///
    /// # Errors
    /// If it cannot be invoked or reports an error.
    pub async fn invoke(&self, stem: &str, event: &serde_json::Value) -> Result<serde_json::Value> {
        lambda::invoke(&self.sdk, &format!("{stem}-{ENVIRONMENT}"), event).await
    }

    /// Where everything answers, for `--keep`.
    #[must_use]
    pub fn addresses(&self) -> String {
        let api = self.output(&["api_id"]).map(|id| format!("{}/_aws/execute-api/{id}/$default", self.emulator.url));
        let github = self.hub.as_ref().map_or("not started", |hub| hub.github.url.as_str());
        format!(
            "AWS     {} (region {}, access key and secret `{}`)\nAPI     {}\nGitHub  {github}\nCtrl-C ends it",
            self.emulator.url,
            emulator::REGION,
            emulator::ROOT_KEY,
            api.unwrap_or_else(|_| "not provisioned".to_owned()),
        )
    }

    /// A file of this run.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A path as people read it: from the current folder where it lies below.
    #[must_use]
    pub fn shown(path: &Path) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(&here).unwrap_or(path).display().to_string()
    }
}

/// One after the other: each is built by all cores.
async fn scanners() -> Result<Vec<Tool>> {
    let database = tools::advisories().await?;
    Ok(vec![database, tools::tfsec().await?, tools::cargo_audit().await?, tools::trivy().await?])
}
