//! Where Terraform finds the AWS provider: a mirror on this machine if there is one, else the registry.
//! <https://developer.hashicorp.com/terraform/cli/config/config-file#provider-installation>

use anyhow::{Context, Result, ensure};
use stand_ins::folders;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The provider's folder within a mirror.
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";

/// Begins what says where providers come from.
const INSTALLATION: &str = "provider_installation {\n";

/// What `init` is told of the provider, which it does not start: a process that runs already, and is not installed.
/// <https://developer.hashicorp.com/terraform/plugin/debugging#running-terraform-with-a-provider-in-debug-mode>
const ELSEWHERE: &str = r#"{"registry.terraform.io/hashicorp/aws":{"Protocol":"grpc","ProtocolVersion":5,"Pid":1,"Test":true,"Addr":{"Network":"unix","String":"/dev/null"}}}"#;

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
            fs::create_dir_all(&cache)?;
            (format!("plugin_cache_dir = {cache:?}\n"), "the registry".to_owned())
        }
    };
    let path = folder.join("terraform.rc");
    fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
    Ok((path, origin))
}

/// Terraform with the provider that a root's `terraform init` accepted by the hash in the lock file: no further process hashes
/// its 700 MB again, which each `init` does twice, and each plan and apply once.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The program. Its `init` takes the provider for one that it need not install.
    pub program: PathBuf,
    /// For `TF_CLI_CONFIG_FILE`: where the provider is.
    /// <https://developer.hashicorp.com/terraform/cli/config/config-file#development-overrides-for-provider-developers>
    pub configuration: PathBuf,
}

impl Accepted {
    /// Writes both into `folder`: a configuration like this one, and a program that starts Terraform.
    ///
    /// # Errors
    /// If none was installed below `root`, or a file cannot be written.
    pub fn new(terraform: &Path, configuration: &Path, folder: &Path, root: &Path) -> Result<Self> {
        let versions = root.join(".terraform/providers").join(PROVIDER);
        let installed = only(&only(&versions)?)?.canonicalize()?;
        let text = fs::read_to_string(configuration)?;
        let overrides = format!("  dev_overrides {{\n    \"hashicorp/aws\" = {installed:?}\n  }}\n");
        let text = match text.split_once(INSTALLATION) {
            Some((before, methods)) => format!("{before}{INSTALLATION}{overrides}{methods}"),
            None => format!("{text}{INSTALLATION}{overrides}  direct {{}}\n}}\n"),
        };
        let configuration = folder.join("terraform-accepted.rc");
        fs::write(&configuration, text).with_context(|| format!("failed to write {}", configuration.display()))?;
        let program = folder.join("terraform-accepted");
        let terraform = terraform.to_str().context("the path of Terraform is not UTF-8")?.replace('\'', "'\\''");
        let text = format!(
            "#!/bin/sh\n[ \"$1\" = init ] && export TF_REATTACH_PROVIDERS='{ELSEWHERE}'\nexec '{terraform}' \"$@\"\n"
        );
        fs::write(&program, text).with_context(|| format!("failed to write {}", program.display()))?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        Ok(Self { program, configuration })
    }
}

/// The only entry of a folder.
fn only(folder: &Path) -> Result<PathBuf> {
    let mut entries = fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?;
    let entry = entries.next().with_context(|| format!("{} is empty", folder.display()))??.path();
    ensure!(entries.next().is_none(), "{} has several entries, not one", folder.display());
    Ok(entry)
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
    let entries = fs::read_dir(folder).ok()?;
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
        fs::create_dir_all(deep.join(PROVIDER)).expect("folders");
        assert_eq!(below(root.path(), DEPTH), None);
        let near = root.path().join("a/plugins");
        fs::create_dir_all(near.join(PROVIDER)).expect("folders");
        assert_eq!(below(root.path(), DEPTH), Some(near));
    }

    #[test]
    fn only_init_is_told_that_the_provider_runs_elsewhere() {
        let place = tempfile::tempdir().expect("a folder");
        let root = place.path().join("it's a root");
        fs::create_dir_all(root.join(".terraform/providers").join(PROVIDER).join("5.0.0/linux_amd64"))
            .expect("folders");
        let (terraform, configuration) = (root.join("terraform"), root.join("terraform.rc"));
        fs::write(&terraform, "#!/bin/sh\necho \"$*: ${TF_REATTACH_PROVIDERS-nothing}\"\n").expect("written");
        fs::set_permissions(&terraform, fs::Permissions::from_mode(0o755)).expect("a program");
        fs::write(&configuration, INSTALLATION.to_owned() + "}\n").expect("written");
        let accepted = Accepted::new(&terraform, &configuration, place.path(), &root).expect("both");
        let said = |what: &str| {
            let done = std::process::Command::new(&accepted.program).args([what, "-x y"]).output().expect("it runs");
            String::from_utf8(done.stdout).expect("text")
        };
        assert_eq!(said("init"), format!("init -x y: {ELSEWHERE}\n"));
        assert_eq!(said("plan"), "plan -x y: nothing\n");
        let text = fs::read_to_string(&accepted.configuration).expect("it");
        assert!(text.contains("dev_overrides") && text.contains("5.0.0/linux_amd64"), "{text}");
    }
}
