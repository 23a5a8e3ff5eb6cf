//! One module's files, as far as they say what would run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{distinct::Distinct, full};

/// Settings of providers and backends by which a file of the repository says where credentials come from: such a file may
/// name a program (`credential_process`), and a token's may be any file of the runner.
/// <https://docs.aws.amazon.com/cli/latest/topic/config-vars.html#sourcing-credentials-from-external-processes>
const CREDENTIALS: [&str; 8] = [
    "profile",
    "shared_config_file",
    "shared_config_files",
    "shared_credentials_file",
    "shared_credentials_files",
    "assume_role_with_web_identity",
    "web_identity_token_file",
    "custom_ca_bundle",
];

/// What a module's files say.
#[derive(Default)]
pub(super) struct Module {
    /// Sources by local names; several where files say different things: an override wins, whichever comes first.
    pub(super) required: BTreeMap<String, BTreeSet<String>>,
    /// Local names that are used, and by what.
    used: BTreeMap<String, String>,
    /// Names and sources of modules, for the same reason as often as they are said.
    pub(super) modules: Vec<(String, String)>,
    /// Provisioners, where states lie, and where credentials come from, as `provisioner.local-exec`, `backend.http` and
    /// `aws.profile`.
    pub(super) settings: BTreeSet<String>,
}

impl Module {
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut module = Self::default();
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(folder)? {
            files.push(entry?.path());
        }
        files.sort();
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let read = || -> Result<String> { Ok(fs::read_to_string(&file)?) };
            let done = if name.ends_with(".tf") || name.ends_with(".tofu") {
                read().and_then(|text| module.hcl(&hcl::parse(&text)?))
            } else if name.ends_with(".tf.json") || name.ends_with(".tofu.json") {
                read().and_then(|text| module.json(&serde_json::from_str::<Distinct>(&text)?.0))
            } else {
                continue;
            };
            done.with_context(|| format!("{name} is not as Terraform reads it"))?;
        }
        Ok(module)
    }

    /// The sources of all providers, each with what brings it.
    pub(super) fn providers(&self) -> Vec<(String, String)> {
        let implied = |name: &str| match name {
            "terraform" => "terraform.io/builtin/terraform".to_owned(),
            name => full(&format!("hashicorp/{name}")),
        };
        let used = self.used.iter().filter(|(name, _)| !self.required.contains_key(*name));
        let used = used.map(|(name, why)| (implied(name), why.clone()));
        let required = self.required.values().flatten().map(|source| (full(source), "required".to_owned()));
        used.chain(required).collect()
    }

    pub(super) fn uses(&mut self, name: &str, why: String) {
        self.used.entry(name.to_owned()).or_insert(why);
    }

    /// Reads the tests in the root's folder and in `tests` below it. Modules that they bring are named from the root's folder.
    pub(super) fn read_tests(&mut self, root: &Path) -> Result<()> {
        for folder in [root.to_owned(), root.join("tests")] {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries {
                let (name, file) =
                    entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))?;
                ensure!(
                    !name.ends_with(".tftest.json"),
                    "{name} is a test in JSON; write it in Terraform's own language"
                );
                if name.ends_with(".tftest.hcl") {
                    let done =
                        fs::read_to_string(&file).map_err(Into::into).and_then(|text| self.test(&hcl::parse(&text)?));
                    done.with_context(|| format!("{name} is not as Terraform reads it"))?;
                }
            }
        }
        Ok(())
    }

    /// A resource's provider is the word before the first `_` of its type, or what its `provider` says.
    pub(super) fn resource(&mut self, kind: &str, name: &str, provider: Option<String>) {
        // It is built in, and opens any backend, with what such a backend runs.
        if kind == "terraform_remote_state" {
            self.settings.insert(kind.to_owned());
        }
        let local = provider.unwrap_or_else(|| kind.split('_').next().unwrap_or(kind).to_owned());
        self.uses(&local, format!("{kind}.{name}"));
    }

    /// Notes where a provider or a backend has its credentials from, by the names of all that its block sets.
    pub(super) fn configured<'n>(&mut self, name: &str, set: impl Iterator<Item = &'n str>) {
        self.settings.extend(set.filter(|set| CREDENTIALS.contains(set)).map(|set| format!("{name}.{set}")));
    }

    /// Notes where a state lies, but for a bucket and a file, and what else Terraform itself is told to use.
    pub(super) fn stored<'n>(&mut self, kind: &str, name: &str, set: impl Iterator<Item = &'n str>) {
        match (kind, name) {
            ("required_providers" | "provider_meta" | "required_version" | "experiments", _) | ("backend", "local") => {
            }
            ("backend", "s3") => self.configured(name, set),
            ("backend", _) => drop(self.settings.insert(format!("backend.{name}"))),
            _ => drop(self.settings.insert(format!("terraform.{kind}"))),
        }
    }
}
