//! Runs the project's Terraform, in a copy of its folder, against the emulated AWS.

use crate::clock::{Clock, Kind};
use crate::tell::Teller;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use stand_ins::{emulator, folders};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Terraform in a copy of `terraform/`.
#[derive(Debug, Clone)]
pub struct Terraform {
    program: PathBuf,
    configuration: PathBuf,
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

    /// Runs `terraform <arguments>` in a root and returns what it printed.
    ///
    /// # Errors
    /// If it fails: with the end of its error output.
    pub async fn run<A: AsRef<OsStr>>(&self, act: &str, root: &str, arguments: &[A]) -> Result<String> {
        let command_name =
            arguments.first().map(|name| name.as_ref().to_string_lossy().into_owned()).unwrap_or_default();
        let what = format!("terraform {command_name} {root}");
        self.clock.measure(Kind::Terraform, act, &what, self.spawn(root, &what, arguments)).await
    }

    async fn spawn<A: AsRef<OsStr>>(&self, root: &str, what: &str, arguments: &[A]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.root(root)).kill_on_drop(true);
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"));
        command.envs([
            ("AWS_ACCESS_KEY_ID", emulator::ROOT_KEY),
            ("AWS_SECRET_ACCESS_KEY", emulator::ROOT_KEY),
            ("AWS_REGION", emulator::REGION),
            ("AWS_ENDPOINT_URL", &self.url),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("CHECKPOINT_DISABLE", "1"),
            ("TF_IN_AUTOMATION", "1"),
            ("TF_INPUT", "0"),
        ]);
        command.env("TF_CLI_CONFIG_FILE", &self.configuration);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("failed to start {}", self.program.display()))?;
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
                        writeln!(log, "{line}")?;
                        self.teller.now(&format!("{what}: {line}"));
                        printed.push_str(&line);
                        printed.push('\n');
                    }
                    None => out_open = false,
                },
                line = err.next_line(), if err_open => match line? {
                    Some(line) => {
                        writeln!(log, "{line}")?;
                        complained.push_str(&line);
                        complained.push('\n');
                    }
                    None => err_open = false,
                },
            }
        }
        let status = child.wait().await?;
        if !status.success() {
            bail!("{what} ended with {status}; all of it is in {}:\n{complained}", self.log.display());
        }
        Ok(printed)
    }

    /// The outputs of a root, by name.
    ///
    /// # Errors
    /// If Terraform fails or prints no JSON.
    pub async fn outputs(&self, act: &str, root: &str) -> Result<Outputs> {
        let text = self.run(act, root, &["output", "-json"]).await?;
        Ok(Outputs(serde_json::from_str(&text).context("failed to read `terraform output -json`")?))
    }

    /// What a new plan would change, as `(address, actions)`; attributes that differ are in Terraform's own plan text.
    ///
    /// # Errors
    /// If Terraform fails or prints no JSON.
    pub async fn changes(&self, act: &str, root: &str, variables: &[String]) -> Result<Vec<Value>> {
        let mut arguments = vec!["plan".to_owned(), "-lock=false".to_owned(), "-out=plan.tfplan".to_owned()];
        arguments.extend_from_slice(variables);
        self.run(act, root, &arguments).await?;
        let text = self.run(act, root, &["show", "-json", "plan.tfplan"]).await?;
        let plan: Value = serde_json::from_str(&text).context("failed to read `terraform show -json`")?;
        let changes = plan["resource_changes"].as_array().cloned().unwrap_or_default();
        let outputs = plan["output_changes"].as_object().cloned().unwrap_or_default().into_iter();
        let outputs =
            outputs.map(|(name, change)| serde_json::json!({"address": format!("output.{name}"), "change": change}));
        let real = |change: &Value| !matches!(change["change"]["actions"][0].as_str(), Some("no-op" | "read"));
        Ok(changes.into_iter().chain(outputs).filter(real).collect())
    }
}

/// The outputs of a root.
#[derive(Debug, Clone)]
pub struct Outputs(Value);

impl Outputs {
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
