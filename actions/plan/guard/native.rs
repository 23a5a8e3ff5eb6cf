//! Terraform's native syntax. <https://developer.hashicorp.com/terraform/language/syntax/configuration>

use anyhow::{Context, Result, bail};
use hcl::{Block, Body, Expression};

use super::module::Module;

impl Module {
    pub(super) fn hcl(&mut self, body: &Body) -> Result<()> {
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

    /// Reads a test. <https://developer.hashicorp.com/terraform/language/tests>
    pub(super) fn test(&mut self, body: &Body) -> Result<()> {
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

    fn provisioned(&mut self, body: &Body) {
        let provisioners = body.blocks().filter(|inner| inner.identifier() == "provisioner");
        let names = provisioners.map(|inner| inner.labels().first().map_or("", |label| label.as_str()));
        self.settings.extend(names.map(|name| format!("provisioner.{name}")));
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
