//! What a root's configuration brings that would run: providers and modules, each of which has to be on the list of those
//! allowed. Asked before Terraform runs, which would fetch and start them; a data source `external` is a provider like any
//! other. Nothing of the configuration is evaluated: a name that is an expression is refused.
//! <https://developer.hashicorp.com/terraform/language/syntax/configuration>

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use hcl::{Block, Body, Expression};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A root with more modules than this is not looked through.
const MODULES: usize = 1_000;

/// The registry that a source without a host is from.
const REGISTRY: &str = "registry.terraform.io";

/// Refuses the root in `folder` of the repository at `base` if it brings a provider or a module from elsewhere that is not
/// in `allowed`: sources as Terraform writes them, such as `hashicorp/aws`.
///
/// # Errors
/// If it does: with where, and how to allow it; or if a file cannot be read.
pub(super) fn check(base: &Path, folder: &Path, allowed: &[String]) -> Result<()> {
    let allowed: BTreeSet<String> = allowed.iter().map(|source| full(source.trim())).collect();
    let base = base.canonicalize().with_context(|| format!("{} cannot be read", base.display()))?;
    let (mut waiting, mut seen) = (vec![folder.to_owned()], BTreeSet::new());
    let mut strange = Vec::new();
    while let Some(folder) = waiting.pop() {
        let folder =
            folder.canonicalize().with_context(|| format!("the module {} cannot be read", folder.display()))?;
        ensure!(folder.starts_with(&base), "the module {} lies outside of the repository", folder.display());
        if !seen.insert(folder.clone()) {
            continue;
        }
        ensure!(seen.len() <= MODULES, "the root has more than {MODULES} modules");
        let shown = folder.strip_prefix(&base).unwrap_or(&folder).display().to_string();
        let module = Module::read(&folder).with_context(|| format!("the configuration in {shown} cannot be judged"))?;
        for (source, why) in module.providers() {
            if !allowed.contains(&source) && source != "terraform.io/builtin/terraform" {
                strange.push(format!(
                    "provider {} ({why} in {shown})",
                    source.trim_start_matches("registry.terraform.io/")
                ));
            }
        }
        for (name, source) in &module.modules {
            if source.starts_with("./") || source.starts_with("../") {
                waiting.push(folder.join(source));
            } else if !allowed.contains(&full(source)) {
                strange.push(format!("module {source} (module.{name} in {shown})"));
            }
        }
    }
    if strange.is_empty() {
        return Ok(());
    }
    strange.sort();
    strange.dedup();
    bail!(
        "nothing was planned, because the root brings what would run with this job's credentials and is not allowed: {}. \
         If that is meant, have it reviewed and added to the input `allow`",
        strange.join("; ")
    )
}

/// A source with its host.
fn full(source: &str) -> String {
    let parts: Vec<&str> = source.split('/').collect();
    match parts.as_slice() {
        [namespace, name] => format!("{REGISTRY}/{namespace}/{name}"),
        _ => source.to_owned(),
    }
    .to_ascii_lowercase()
}

/// What a module's files say.
#[derive(Default)]
struct Module {
    /// Sources by local names; several where files say different things: an override wins, whichever comes first.
    required: BTreeMap<String, BTreeSet<String>>,
    /// Local names that are used, and by what.
    used: BTreeMap<String, String>,
    /// Names and sources of modules, for the same reason as often as they are said.
    modules: Vec<(String, String)>,
}

impl Module {
    fn read(folder: &Path) -> Result<Self> {
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
    fn providers(&self) -> Vec<(String, String)> {
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

    /// A resource's provider is the word before the first `_` of its type, or what its `provider` says.
    fn resource(&mut self, kind: &str, name: &str, provider: Option<String>) {
        let local = provider.unwrap_or_else(|| kind.split('_').next().unwrap_or(kind).to_owned());
        self.uses(&local, format!("{kind}.{name}"));
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
                }
                "provider" => self.uses(&label(0), format!("provider {}", label(0))),
                "resource" | "data" | "ephemeral" | "list" | "action" => {
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
                }
                "provider" => members(inner).for_each(|(name, _)| self.uses(name, format!("provider {name}"))),
                "resource" | "data" | "ephemeral" | "list" | "action" => {
                    for (kind, named) in members(inner) {
                        for (name, body) in members(named) {
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
                        let source = members(module).find(|(key, _)| *key == "source").and_then(|(_, it)| plain(it));
                        let source = source.with_context(|| format!("module.{name} has no plain source"))?;
                        self.modules.push((name.to_owned(), source));
                    }
                }
                "check" => members(inner).try_for_each(|(_, body)| self.json(body))?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// JSON in which no object says a name twice: Terraform takes both, a parser the last.
struct Distinct(Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(DistinctVisitor).map(Self)
    }
}

struct DistinctVisitor;

impl<'de> Visitor<'de> for DistinctVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = serde_json::Map::new();
        while let Some((key, Distinct(value))) = map.next_entry::<String, Distinct>()? {
            if object.insert(key.clone(), value).is_some() {
                return Err(A::Error::custom(format!("{key:?} is there twice")));
            }
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Distinct(value)) = seq.next_element()? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
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
            let source = object.iter().find(|(key, _)| match key {
                hcl::ObjectKey::Identifier(name) => name.as_str() == "source",
                hcl::ObjectKey::Expression(Expression::String(name)) => name == "source",
                _ => false,
            });
            match source {
                None => Some(None),
                Some((_, Expression::String(source))) => Some(Some(source.clone())),
                Some(_) => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(files: &[(&str, &str)]) -> Result<()> {
        let base = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = base.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        check(base.path(), &base.path().join("root"), &["hashicorp/aws".to_owned()])
    }

    fn refusal(files: &[(&str, &str)]) -> String {
        format!("{:#}", judged(files).expect_err("it should be refused"))
    }

    #[test]
    fn this_repositorys_own_roots_are_allowed() {
        let base = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("run by cargo")).join("..");
        for root in ["bootstrap", "environments/staging", "environments/production"] {
            check(&base, &base.join("terraform").join(root), &["hashicorp/aws".to_owned()]).expect(root);
        }
    }

    #[test]
    fn plan_trap_30_what_would_run_is_refused_wherever_it_hides() {
        let aws = "resource \"aws_s3_bucket\" \"b\" {}\nresource \"terraform_data\" \"t\" {}\n";
        judged(&[("root/main.tf", aws)]).expect("only what is allowed");
        for (files, told) in [
            (vec![("root/x.tf", "data \"external\" \"x\" { program = [\"sh\"] }")], "hashicorp/external (external.x"),
            (vec![("root/x.tf", "terraform { required_providers { aws = { source = \"evil/aws\" } } }")], "evil/aws"),
            (vec![("root/x.tf", "provider \"http\" {}")], "hashicorp/http (provider http"),
            (vec![("root/x.tf", "resource \"aws_x\" \"y\" { provider = shell.a }")], "hashicorp/shell"),
            (vec![("root/x.tf", "check \"c\" {\n data \"http\" \"h\" {}\n}")], "hashicorp/http"),
            (vec![("root/x.tf.json", r#"{"data": [{"external": {"x": {"program": ["sh"]}}}]}"#)], "hashicorp/external"),
            (vec![("root/x.tf", "module \"m\" { source = \"../m\" }"), ("m/x.tf", "data \"http\" \"h\" {}")], "in m"),
            (vec![("root/x.tf", "module \"m\" { source = \"git::https://x/y\" }")], "module git::https://x/y"),
            (vec![("root/a_override.tf", "provider \"local\" {}")], "hashicorp/local"),
            (
                vec![
                    ("root/a_override.tf", "terraform { required_providers { aws = { source = \"evil/aws\" } } }"),
                    ("root/main.tf", "terraform { required_providers { aws = { source = \"hashicorp/aws\" } } }"),
                ],
                "evil/aws",
            ),
            (
                vec![
                    ("root/a_override.tf", "module \"m\" { source = \"git::https://x/y\" }"),
                    ("root/main.tf", "module \"m\" { source = \"../m\" }"),
                    ("m/x.tf", ""),
                ],
                "module git::https://x/y",
            ),
            (vec![("root/x.tf", "resource \"random_id\" \"y\" {}")], "hashicorp/random"),
        ] {
            let said = refusal(&files);
            assert!(said.contains(told), "{told}: {said}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        for files in [
            [("root/x.tf", "module \"m\" { source = var.x }")],
            [("root/x.tf", "resource \"a\" {")],
            [("root/x.tf", "terraform { required_providers { aws = { source = var.x } } }")],
            [("root/x.tf", "module \"m\" { source = \"../../outside\" }")],
            [("root/x.tf.json", r#"{"module": {"m": {"source": "${x}"}}}"#)],
            [("root/x.tf.json", r#"{"data": {"external": {"x": {}}}, "data": {}}"#)],
        ] {
            assert!(judged(&files).is_err(), "{files:?}");
        }
    }
}
