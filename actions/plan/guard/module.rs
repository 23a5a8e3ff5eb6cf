//! One module's files, as far as they say what would run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use hcl::{Block, Body, Expression};
use serde_json::Value;

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
    required: BTreeMap<String, BTreeSet<String>>,
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

    fn uses(&mut self, name: &str, why: String) {
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

    fn test(&mut self, body: &Body) -> Result<()> {
        for block in body.blocks() {
            let label = block.labels().first().map_or("", |label| label.as_str());
            match block.identifier() {
                "provider" | "mock_provider" => {
                    self.uses(label, format!("{} {label}", block.identifier()));
                    self.configured(label, names(block.body()));
                }
                "run" => {
                    for module in block.body().blocks().filter(|inner| inner.identifier() == "module") {
                        match attribute(module, "source") {
                            Some(Expression::String(source)) => {
                                self.modules.push((format!("run.{label}"), source.clone()))
                            }
                            _ => bail!("the module of run {label} has no plain source"),
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A resource's provider is the word before the first `_` of its type, or what its `provider` says.
    fn resource(&mut self, kind: &str, name: &str, provider: Option<String>) {
        // It is built in, and opens any backend, with what such a backend runs.
        if kind == "terraform_remote_state" {
            self.settings.insert(kind.to_owned());
        }
        let local = provider.unwrap_or_else(|| kind.split('_').next().unwrap_or(kind).to_owned());
        self.uses(&local, format!("{kind}.{name}"));
    }

    /// Notes where a provider or a backend has its credentials from, by the names of all that its block sets.
    fn configured<'n>(&mut self, name: &str, set: impl Iterator<Item = &'n str>) {
        self.settings.extend(set.filter(|set| CREDENTIALS.contains(set)).map(|set| format!("{name}.{set}")));
    }

    /// Notes where a state lies, but for a bucket and a file, and what else Terraform itself is told to use.
    fn stored<'n>(&mut self, kind: &str, name: &str, set: impl Iterator<Item = &'n str>) {
        match (kind, name) {
            ("required_providers" | "provider_meta" | "required_version" | "experiments", _) | ("backend", "local") => {
            }
            ("backend", "s3") => self.configured(name, set),
            ("backend", _) => drop(self.settings.insert(format!("backend.{name}"))),
            _ => drop(self.settings.insert(format!("terraform.{kind}"))),
        }
    }

    fn provisioned(&mut self, body: &Body) {
        let provisioners = body.blocks().filter(|inner| inner.identifier() == "provisioner");
        let names = provisioners.map(|inner| inner.labels().first().map_or("", |label| label.as_str()));
        self.settings.extend(names.map(|name| format!("provisioner.{name}")));
    }

    fn provisioned_by(&mut self, body: &Value) {
        let provisioners = members(body).filter(|(key, _)| *key == "provisioner");
        let names = provisioners.flat_map(|(_, inner)| members(inner)).map(|(name, _)| name);
        self.settings.extend(names.map(|name| format!("provisioner.{name}")));
    }

    fn hcl(&mut self, body: &Body) -> Result<()> {
        for block in body.blocks() {
            let label = |n: usize| block.labels().get(n).map(|label| label.as_str().to_owned()).unwrap_or_default();
            match block.identifier() {
                "terraform" => {
                    for providers in block.body().blocks().filter(|inner| inner.identifier() == "required_providers") {
                        for attribute in providers.body().attributes() {
                            let source = required(attribute.expr())
                                .with_context(|| format!("the provider {} has no plain source", attribute.key()))?;
                            let source = source.unwrap_or_else(|| format!("hashicorp/{}", attribute.key()));
                            self.required.entry(attribute.key().to_owned()).or_default().insert(source);
                        }
                    }
                    for inner in block.body().blocks() {
                        let name = inner.labels().first().map_or("", |label| label.as_str());
                        self.stored(inner.identifier(), name, names(inner.body()));
                    }
                }
                "provider" => {
                    self.uses(&label(0), format!("provider {}", label(0)));
                    self.configured(&label(0), names(block.body()));
                }
                "removed" => self.provisioned(block.body()),
                "import" => match (reference(block)?, attribute(block, "to").and_then(root_of)) {
                    (Some(provider), _) => self.uses(&provider, "import".to_owned()),
                    (None, Some(kind)) if kind != "module" => self.resource(&kind, "import", None),
                    (None, Some(_)) => {}
                    (None, None) => bail!("an import says not plainly what it is to"),
                },
                "resource" | "data" | "ephemeral" | "list" | "action" => {
                    self.provisioned(block.body());
                    let provider = reference(block)?;
                    self.resource(&label(0), &label(1), provider);
                }
                "module" => {
                    let source =
                        attribute(block, "source").with_context(|| format!("module.{} has no source", label(0)))?;
                    let Expression::String(source) = source else {
                        bail!("the source of module.{} is no plain text", label(0))
                    };
                    self.modules.push((label(0), source.clone()));
                }
                // A check has a data source of its own.
                "check" => self.hcl(block.body())?,
                _ => {}
            }
        }
        Ok(())
    }

    fn json(&mut self, value: &Value) -> Result<()> {
        for (key, inner) in members(value) {
            match key {
                "terraform" => {
                    for (_, providers) in members(inner).filter(|(key, _)| *key == "required_providers") {
                        for (name, provider) in members(providers) {
                            let source = match provider.get("source") {
                                None => format!("hashicorp/{name}"),
                                Some(source) => {
                                    plain(source).with_context(|| format!("the provider {name} has no plain source"))?
                                }
                            };
                            self.required.entry(name.to_owned()).or_default().insert(source);
                        }
                    }
                    for (kind, inner) in members(inner) {
                        if kind == "backend" {
                            members(inner).for_each(|(name, body)| self.stored(kind, name, names_of(body)));
                        } else {
                            self.stored(kind, "", std::iter::empty());
                        }
                    }
                }
                "provider" => {
                    for (name, body) in members(inner) {
                        self.uses(name, format!("provider {name}"));
                        self.configured(name, names_of(body));
                    }
                }
                "removed" => self.provisioned_by(inner),
                "import" => {
                    for (_, to) in members(inner).filter(|(key, _)| matches!(*key, "to" | "provider")) {
                        let to = plain(to).context("an import says not plainly what it is to")?;
                        match to.split('.').next().unwrap_or_default() {
                            "module" => {}
                            kind => self.resource(kind, "import", None),
                        }
                    }
                }
                "resource" | "data" | "ephemeral" | "list" | "action" => {
                    for (kind, named) in members(inner) {
                        for (name, body) in members(named) {
                            self.provisioned_by(body);
                            let mut provider = None;
                            for (_, said) in members(body).filter(|(key, _)| *key == "provider") {
                                let said = plain(said).with_context(|| format!("the provider of {kind}.{name}"))?;
                                provider = Some(said.split('.').next().unwrap_or_default().to_owned());
                            }
                            self.resource(kind, name, provider);
                        }
                    }
                }
                "module" => {
                    for (name, module) in members(inner) {
                        let sources: Vec<_> = members(module).filter(|(key, _)| *key == "source").collect();
                        ensure!(!sources.is_empty(), "module.{name} has no source");
                        for (_, source) in sources {
                            let source = plain(source).with_context(|| format!("module.{name} has no plain source"))?;
                            self.modules.push((name.to_owned(), source));
                        }
                    }
                }
                "check" => members(inner).try_for_each(|(_, body)| self.json(body))?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// What a block sets, by an attribute, a block, or a dynamic one.
fn names(body: &Body) -> impl Iterator<Item = &str> {
    let attributes = body.attributes().map(hcl::Attribute::key);
    attributes.chain(body.blocks().map(|block| match (block.identifier(), block.labels().first()) {
        ("dynamic", Some(label)) => label.as_str(),
        (name, _) => name,
    }))
}

fn names_of(body: &Value) -> impl Iterator<Item = &str> {
    members(body).flat_map(|(name, inner)| {
        let dynamic = (name == "dynamic").then(|| members(inner).map(|(name, _)| name));
        std::iter::once(name).chain(dynamic.into_iter().flatten())
    })
}

/// The members of an object, or of all objects of an array: Terraform's JSON takes either for blocks.
fn members(value: &Value) -> Box<dyn Iterator<Item = (&str, &Value)> + '_> {
    match value {
        Value::Object(object) => Box::new(object.iter().map(|(key, value)| (key.as_str(), value))),
        Value::Array(array) => Box::new(array.iter().flat_map(members)),
        _ => Box::new(std::iter::empty()),
    }
}

/// A text without interpolation.
fn plain(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.contains("${") && !text.contains("%{")).map(str::to_owned)
}

fn attribute<'b>(block: &'b Block, name: &str) -> Option<&'b Expression> {
    block.body().attributes().find(|attribute| attribute.key() == name).map(hcl::Attribute::expr)
}

/// The first name of `aws_x.y[0]`.
fn root_of(expression: &Expression) -> Option<String> {
    match expression {
        Expression::Variable(name) => Some(name.as_str().to_owned()),
        Expression::Traversal(path) => match &path.expr {
            Expression::Variable(name) => Some(name.as_str().to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// The local name in `provider = aws.west`.
fn reference(block: &Block) -> Result<Option<String>> {
    match attribute(block, "provider") {
        None => Ok(None),
        Some(Expression::Variable(name)) => Ok(Some(name.as_str().to_owned())),
        Some(Expression::Traversal(path)) => match &path.expr {
            Expression::Variable(name) => Ok(Some(name.as_str().to_owned())),
            _ => bail!("a provider is named by an expression"),
        },
        Some(Expression::String(name)) => Ok(Some(name.split('.').next().unwrap_or_default().to_owned())),
        Some(_) => bail!("a provider is named by an expression"),
    }
}

/// What `{ source = "...", version = "..." }` says; a text alone is a version. `None` where the source is no plain text.
fn required(expression: &Expression) -> Option<Option<String>> {
    match expression {
        Expression::String(_) => Some(None),
        Expression::Object(object) => {
            let mut source = None;
            for (key, value) in object {
                let name = match key {
                    hcl::ObjectKey::Identifier(name) => name.as_str(),
                    hcl::ObjectKey::Expression(Expression::String(name)) => name,
                    // It may be the source.
                    _ => return None,
                };
                match (name, value, &source) {
                    ("source", Expression::String(said), None) => source = Some(said.clone()),
                    // No text, or the second one: which of them counts is Terraform's to say.
                    ("source", ..) => return None,
                    _ => {}
                }
            }
            Some(source)
        }
        _ => None,
    }
}
