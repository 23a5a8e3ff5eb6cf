//! Runs the project's Terraform, in a copy of its folder, against the emulated AWS.

mod settling;
mod ui;

use crate::clock::{Clock, Kind};
use crate::command;
use crate::tell::Teller;
use crate::tools::Accepted;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use stand_ins::folders;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt, BufReader};

pub use settling::Settling;

/// A quarter of the time of Terraform and its provider (`terraform validate`) goes into garbage otherwise.
pub(crate) const GOGC: (&str, &str) = ("GOGC", "400");

/// Terraform in a copy of `terraform/`.
#[derive(Debug, Clone)]
pub struct Terraform {
    program: PathBuf,
    /// The CLI configuration, which says where the provider is.
    pub configuration: PathBuf,
    /// What runs as soon as a root's `init` has accepted the provider.
    pub(crate) accepted: Option<Accepted>,
    url: String,
    tree: PathBuf,
    log: PathBuf,
    clock: Clock,
    teller: Teller,
}

impl Terraform {
    /// Copies `terraform/` into `folder`; `configuration` is the CLI configuration, `url` the emulated AWS.
    ///
    /// # Errors
    /// If the copy cannot be made.
    pub fn new(
        program: PathBuf,
        configuration: PathBuf,
        url: &str,
        folder: &Path,
        clock: &Clock,
        teller: &Teller,
    ) -> Result<Self> {
        let tree = folder.join("terraform");
        copy(&folders::workspace()?.join("terraform"), &tree)?;
        Ok(Self {
            program,
            configuration,
            accepted: None,
            url: url.to_owned(),
            tree,
            log: folder.join("terraform.log"),
            clock: clock.clone(),
            teller: teller.clone(),
        })
    }

    /// The folder of a root in the copy.
    #[must_use]
    pub fn root(&self, root: &str) -> PathBuf {
        self.tree.join(root)
    }

    /// Goes on with the provider that `init` installed in a root, without hashing it again.
    ///
    /// # Errors
    /// As [`Accepted::new`].
    pub fn accept(&mut self, folder: &Path, root: &str) -> Result<()> {
        self.accepted = Some(Accepted::new(&self.program, &self.configuration, folder, &self.root(root))?);
        Ok(())
    }

    /// Runs `terraform <arguments>` in a root.
    ///
    /// # Errors
    /// If it fails: with its errors.
    pub async fn run<A: AsRef<OsStr>>(&self, act: &str, root: &str, arguments: &[A]) -> Result<()> {
        self.measured(act, root, arguments, &[0], |_| ()).await.map(drop)
    }

    /// Applies a root and returns its outputs, which the same process tells: another one would begin by hashing the
    /// provider, which is larger than everything else together.
    ///
    /// # Errors
    /// If Terraform fails: with its errors.
    pub async fn apply(&self, act: &str, root: &str, variables: &[String]) -> Result<Outputs> {
        self.applied(act, root, variables, |_| ()).await
    }

    async fn applied(&self, act: &str, root: &str, variables: &[String], hear: impl FnMut(&str)) -> Result<Outputs> {
        // Another apply of the root may still settle.
        let mut arguments = ["apply", "-json", "-auto-approve", "-lock-timeout=3m"].map(str::to_owned).to_vec();
        arguments.extend_from_slice(variables);
        let applied = self.measured(act, root, &arguments, &[0], hear).await?;
        ui::outputs(&applied.printed).with_context(|| format!("failed to read what `terraform apply` said in {root}"))
    }

    /// What a new plan would change, as in `terraform show -json`; attributes that differ are in Terraform's own plan
    /// text.
    ///
    /// # Errors
    /// If Terraform fails or prints no JSON.
    pub async fn changes(&self, act: &str, root: &str, variables: &[String]) -> Result<Vec<Value>> {
        let mut arguments =
            ["plan", "-lock=false", "-detailed-exitcode", "-out=plan.tfplan"].map(str::to_owned).to_vec();
        arguments.extend_from_slice(variables);
        // It ends with 2 if there is anything to change, outputs included; only then is it worth a second process to ask
        // what. <https://developer.hashicorp.com/terraform/cli/commands/plan#detailed-exitcode>
        if self.measured(act, root, &arguments, &[0, 2], |_| ()).await?.status.success() {
            return Ok(Vec::new());
        }
        let plan = self.measured(act, root, &["show", "-json", "plan.tfplan"], &[0], |_| ()).await?;
        let plan: Value = serde_json::from_str(&plan.printed).context("failed to read `terraform show -json`")?;
        let changes = plan["resource_changes"].as_array().cloned().unwrap_or_default();
        let outputs = plan["output_changes"].as_object().cloned().unwrap_or_default().into_iter();
        let outputs =
            outputs.map(|(name, change)| serde_json::json!({"address": format!("output.{name}"), "change": change}));
        let real = |change: &Value| !matches!(change["change"]["actions"][0].as_str(), Some("no-op" | "read"));
        Ok(changes.into_iter().chain(outputs).filter(real).collect())
    }

    /// Runs it to its end, which has to be one of `codes`; `hear` gets each line of its output.
    async fn measured<A>(
        &self,
        act: &str,
        root: &str,
        arguments: &[A],
        codes: &[i32],
        hear: impl FnMut(&str),
    ) -> Result<Ended>
    where
        A: AsRef<OsStr>,
    {
        let command = arguments.first().map(|name| name.as_ref().to_string_lossy().into_owned()).unwrap_or_default();
        let what = format!("terraform {command} {root}");
        let ended = self.clock.measure(Kind::Terraform, act, &what, self.spawn(root, &what, arguments, hear)).await?;
        if !ended.status.code().is_some_and(|code| codes.contains(&code)) {
            bail!("{what} ended with {}; all of it is in {}:\n{}", ended.status, self.log.display(), ended.complained);
        }
        Ok(ended)
    }

    async fn spawn<A: AsRef<OsStr>>(
        &self,
        root: &str,
        what: &str,
        arguments: &[A],
        mut hear: impl FnMut(&str),
    ) -> Result<Ended> {
        let (program, configuration) = match &self.accepted {
            Some(accepted) => (&accepted.program, &accepted.configuration),
            None => (&self.program, &self.configuration),
        };
        let mut command = command::as_root(program, &self.url);
        command.args(arguments).current_dir(self.root(root));
        command.envs([("CHECKPOINT_DISABLE", "1"), ("TF_IN_AUTOMATION", "1"), ("TF_INPUT", "0")]);
        command.env("TF_CLI_CONFIG_FILE", configuration).env(GOGC.0, GOGC.1);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("failed to start {}", program.display()))?;
        let mut log = File::options().create(true).append(true).open(&self.log)?;
        writeln!(log, "\n$ {what}")?;
        let (out, err) = (child.stdout.take().context("piped")?, child.stderr.take().context("piped")?);
        let (mut out, mut err) = (BufReader::new(out).lines(), BufReader::new(err).lines());
        let (mut printed, mut complained) = (String::new(), String::new());
        let (mut out_open, mut err_open) = (true, true);
        while out_open || err_open {
            tokio::select! {
                line = out.next_line(), if out_open => match line? {
                    Some(line) => {
                        hear(&line);
                        let shown = ui::shown(&line);
                        writeln!(log, "{shown}")?;
                        self.teller.now(&format!("{what}: {}", shown.lines().next().unwrap_or_default()));
                        if ui::is_error(&line) {
                            complained.extend([shown.as_str(), "\n"]);
                        }
                        printed.extend([line.as_str(), "\n"]);
                    }
                    None => out_open = false,
                },
                line = err.next_line(), if err_open => match line? {
                    Some(line) => {
                        writeln!(log, "{line}")?;
                        complained.extend([line.as_str(), "\n"]);
                    }
                    None => err_open = false,
                },
            }
        }
        Ok(Ended { status: child.wait().await?, printed, complained })
    }
}

/// How a Terraform process ended.
struct Ended {
    status: ExitStatus,
    /// All of its standard output.
    printed: String,
    /// Its errors, as people read them.
    complained: String,
}

/// The outputs of a root.
#[derive(Debug, Clone)]
pub struct Outputs(Value);

impl Outputs {
    /// Outputs by name, as their values.
    #[must_use]
    pub fn of(values: &serde_json::Map<String, Value>) -> Self {
        let output = |(name, value): (&String, &Value)| (name.clone(), serde_json::json!({ "value": value }));
        Self(values.iter().map(output).collect())
    }

    /// Whether `all` has everything that this has, with the same values.
    #[must_use]
    pub fn is_part_of(&self, all: &Self) -> bool {
        part_of(&self.0, &all.0)
    }

    /// The text at this path below an output's value, such as `["queues", "ingest"]`.
    ///
    /// # Errors
    /// If there is none.
    pub fn text(&self, path: &[&str]) -> Result<String> {
        let (name, rest) = path.split_first().context("an output has a name")?;
        let value = rest.iter().fold(&self.0[name]["value"], |value, key| &value[key]);
        value.as_str().map(str::to_owned).with_context(|| format!("Terraform has no output {}", path.join(".")))
    }
}

impl Outputs {
    /// The outputs in a state file.
    ///
    /// # Errors
    /// If it is none.
    pub fn of_state(state: &[u8]) -> Result<Self> {
        let state: Value = serde_json::from_slice(state).context("the state is no JSON")?;
        Ok(Self(state["outputs"].clone()))
    }

    /// An output's value as JSON text.
    ///
    /// # Errors
    /// If there is none.
    pub fn json(&self, name: &str) -> Result<String> {
        let value = &self.0[name]["value"];
        anyhow::ensure!(!value.is_null(), "Terraform has no output {name}");
        Ok(value.to_string())
    }
}

fn part_of(part: &Value, all: &Value) -> bool {
    match part.as_object() {
        Some(part) => part.iter().all(|(name, value)| part_of(value, &all[name])),
        None => part == all,
    }
}

/// Copies a folder but for what Terraform keeps beside its files.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("failed to create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("failed to read {}", from.display()))? {
        let entry = entry?;
        let (source, name) = (entry.path(), entry.file_name());
        if entry.file_type()?.is_dir() {
            if name != ".terraform" {
                copy(&source, &to.join(name))?;
            }
        } else if !name.to_string_lossy().contains(".tfstate") {
            fs::copy(&source, to.join(name)).with_context(|| format!("failed to copy {}", source.display()))?;
        }
    }
    Ok(())
}
