//! Terraform's JSON syntax. <https://developer.hashicorp.com/terraform/language/syntax/json>

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::module::Module;

impl Module {
    pub(super) fn json(&mut self, value: &Value) -> Result<()> {
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

    fn provisioned_by(&mut self, body: &Value) {
        let provisioners = members(body).filter(|(key, _)| *key == "provisioner");
        let names = provisioners.flat_map(|(_, inner)| members(inner)).map(|(name, _)| name);
        self.settings.extend(names.map(|name| format!("provisioner.{name}")));
    }
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
