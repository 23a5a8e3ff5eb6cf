//! What a root's configuration brings that would run: providers and modules, each of which has to be on the list of those
//! allowed, and so do provisioners, backends and other sources of credentials. Asked before Terraform runs, which would
//! fetch and start them; a data source `external` is a provider like any other. Nothing of the configuration is evaluated:
//! a name that is an expression is refused. <https://developer.hashicorp.com/terraform/language/syntax/configuration>
//!
//! What Terraform keeps in `.terraform` does not count, wherever it comes from: ours is a folder of its own
//! ([`crate::terraform`]).

mod distinct;
mod json;
mod module;
mod native;

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use self::module::Module;

/// A root with more modules than this is not looked through.
const MODULES: usize = 1_000;

/// The registry that a source without a host is from.
const REGISTRY: &str = "registry.terraform.io";

/// Refuses the root in `folder` of the repository at `base` if it brings a provider or a module from elsewhere, a
/// provisioner or a source of credentials that is not in `allowed`: sources as Terraform writes them, such as
/// `hashicorp/aws`, and others as the refusal names them, such as `provisioner.local-exec`.
///
/// # Errors
/// If it does: with where, and how to allow it; or if a file cannot be read.
pub(super) fn check(base: &Path, folder: &Path, allowed: &[String]) -> Result<()> {
    let allowed: BTreeSet<String> = allowed.iter().map(|source| full(source.trim())).collect();
    let real_base = base.canonicalize().with_context(|| format!("{} cannot be read", base.display()))?;
    // Where Terraform looks for providers before it asks a registry, and whose digests the root's own lock file says.
    // <https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories>
    ensure!(
        folder.join("terraform.d").symlink_metadata().is_err(),
        "nothing was planned, because the root brings a folder terraform.d, from which Terraform would take programs; \
         remove it, and let `terraform init` fetch them"
    );
    // As Terraform has them: it works in the root's real folder, from which on a link is followed only when files are read.
    let folder = folder.canonicalize().with_context(|| format!("there is no folder {}", folder.display()))?;
    let (mut waiting, mut seen) = (vec![folder.clone()], BTreeSet::new());
    let mut strange = Vec::new();
    while let Some(folder) = waiting.pop() {
        if !seen.insert(folder.clone()) {
            continue;
        }
        ensure!(seen.len() <= MODULES, "the root has more than {MODULES} modules");
        let real = folder.canonicalize().with_context(|| format!("the module {} cannot be read", folder.display()))?;
        ensure!(real.starts_with(&real_base), "the module {} lies outside of the repository", folder.display());
        let shown = real.strip_prefix(&real_base).unwrap_or(&real).display().to_string();
        let unreadable = || format!("the configuration in {shown} cannot be judged");
        let mut module = Module::read(&real).with_context(unreadable)?;
        if seen.len() == 1 {
            // `init` fetches what the root's tests need, too.
            module.read_tests(&real).with_context(unreadable)?;
        }
        for (source, why) in module.providers() {
            if !allowed.contains(&source) && source != "terraform.io/builtin/terraform" {
                strange.push(format!(
                    "provider {} ({why} in {shown})",
                    source.trim_start_matches("registry.terraform.io/")
                ));
            }
        }
        strange.extend(
            module.settings.iter().filter(|name| !allowed.contains(*name)).map(|name| format!("{name} (in {shown})")),
        );
        for (name, source) in &module.modules {
            if source.starts_with("./") || source.starts_with("../") {
                waiting.push(clean(&folder.join(source)));
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

/// A path without `.` and `..`, whatever links are on the way.
fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            part => out.push(part),
        }
    }
    out
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

#[cfg(test)]
mod tests;
