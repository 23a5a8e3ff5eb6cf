//! Where Terraform finds the AWS provider: a mirror on this machine if there is one, else the registry.
//! <https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation>

use anyhow::{Context, Result};
use stand_ins::folders;
use std::path::{Path, PathBuf};

/// The provider's folder within a mirror.
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";

/// Begins what says where providers come from.
const INSTALLATION: &str = "provider_installation {\n";

/// How many folders below a root the search goes, `PROVIDER` not counted.
const DEPTH: usize = 2;

/// Writes a CLI configuration into `folder` and returns its path, for `TF_CLI_CONFIG_FILE`, and what it says.
///
/// A mirror is used alone: where the registry is closed, Terraform would fail on asking it. Either way the lock file
/// decides which bytes are accepted.
///
/// # Errors
/// If the file cannot be written.
pub fn provider_configuration(folder: &Path) -> Result<(PathBuf, String)> {
    let mirror = implied_mirrors().into_iter().find(|root| holds_provider(root)).or_else(search);
    let (text, origin) = match mirror {
        Some(mirror) => (
            format!("{INSTALLATION}  filesystem_mirror {{\n    path = {mirror:?}\n  }}\n}}\n"),
            format!("the mirror {}", mirror.display()),
        ),
        None => {
            let cache = folders::tools()?.join("terraform-plugins");
            std::fs::create_dir_all(&cache)?;
            (format!("plugin_cache_dir = {cache:?}\n"), "the registry".to_owned())
        }
    };
    let path = folder.join("terraform.rc");
    std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    Ok((path, origin))
}

/// Writes a configuration like this one into `folder`, in which Terraform runs the provider that `terraform init` installed
/// below `root` as it is. It was accepted there by the hash in the lock file, and so it is by every further `init`; but
/// without this each plan and apply begins by hashing its 700 MB again.
/// <https://developer.hashicorp.com/terraform/cli/config/config-file#development-overrides-for-provider-developers>
///
/// # Errors
/// If none was installed there, or the file cannot be written.
pub fn accepted_provider(configuration: &Path, folder: &Path, root: &Path) -> Result<PathBuf> {
    let versions = root.join(".terraform/providers").join(PROVIDER);
    let only = |folder: &Path| -> Result<PathBuf> {
        let entry = std::fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?.next();
        Ok(entry.with_context(|| format!("{} is empty", folder.display()))??.path())
    };
    let installed = only(&only(&versions)?)?.canonicalize()?;
    let text = std::fs::read_to_string(configuration)?;
    let overrides = format!("  dev_overrides {{\n    \"hashicorp/aws\" = {installed:?}\n  }}\n");
    let text = match text.split_once(INSTALLATION) {
        Some((before, methods)) => format!("{before}{INSTALLATION}{overrides}{methods}"),
        None => format!("{text}{INSTALLATION}{overrides}  direct {{}}\n}}\n"),
    };
    let path = folder.join("terraform-accepted.rc");
    std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    Ok(path)
}

/// <https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories>
fn implied_mirrors() -> Vec<PathBuf> {
    let mut mirrors = Vec::new();
    if let Some(home) = std::env::home_dir() {
        mirrors.push(home.join(".terraform.d/plugins"));
        mirrors.push(home.join(".local/share/terraform/plugins"));
    }
    if let Some(data) = std::env::var_os("XDG_DATA_HOME") {
        mirrors.push(PathBuf::from(data).join("terraform/plugins"));
    }
    mirrors.extend(["/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins"].map(PathBuf::from));
    mirrors
}

/// A shallow search below the usual roots.
fn search() -> Option<PathBuf> {
    let roots = ["/opt", "/srv", "/usr/local", "/usr/share", "/var/lib"].map(PathBuf::from);
    roots.into_iter().chain(std::env::home_dir()).find_map(|root| below(&root, DEPTH))
}

fn below(folder: &Path, depth: usize) -> Option<PathBuf> {
    if holds_provider(folder) {
        return Some(folder.to_owned());
    }
    if depth == 0 {
        return None;
    }
    let entries = std::fs::read_dir(folder).ok()?;
    let folders = entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).find_map(|folder| below(&folder, depth - 1))
}

fn holds_provider(mirror: &Path) -> bool {
    mirror.join(PROVIDER).is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_found_below_a_root_but_not_too_deep() {
        let root = tempfile::tempdir().expect("a folder");
        let deep = root.path().join("a/b/c/mirror");
        std::fs::create_dir_all(deep.join(PROVIDER)).expect("folders");
        assert_eq!(below(root.path(), DEPTH), None);
        let near = root.path().join("a/plugins");
        std::fs::create_dir_all(near.join(PROVIDER)).expect("folders");
        assert_eq!(below(root.path(), DEPTH), Some(near));
    }
}
