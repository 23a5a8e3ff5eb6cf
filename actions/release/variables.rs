//! Terraform's variables: the package of each function, as `lockgate.toml` names the variable.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::zips;
use crate::{
    delivery::{Delivery, Kind},
    ledger::Release,
    package::Packages,
};

/// Of packages that lie in a folder.
#[must_use]
pub fn of_packages(delivery: &Delivery, packages: &Packages) -> BTreeMap<String, Value> {
    let variable = |(name, package): (&String, &crate::package::Package)| {
        let function = delivery.functions.get(name)?;
        let (kind, code) = package.code();
        Some((function.variable.clone(), value(name, kind, code)))
    };
    packages.functions.iter().filter_map(variable).collect()
}

/// Of a release in the ledger.
///
/// # Errors
/// If the release has a function that this tree does not deliver: then it has no variable here.
pub fn of_release(delivery: &Delivery, release: &Release) -> Result<BTreeMap<String, Value>> {
    let variable = |(name, function): (&String, &crate::ledger::Function)| {
        let delivered = delivery.functions.get(name).with_context(|| {
            format!("release {} has the function `{name}`, which lockgate.toml does not deliver", release.id)
        })?;
        Ok((delivered.variable.clone(), value(name, function.package, &function.code)))
    };
    release.functions.iter().map(variable).collect()
}

fn value(name: &str, kind: Kind, code: &str) -> Value {
    match kind {
        Kind::Zip => json!({ "key": zips::key(name, code), "sha256": code }),
        Kind::Image => json!(code),
    }
}
