//! Terraform: from PATH at 1.11 or later, else HashiCorp's archive by its published digest.

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use stand_ins::tools::{Tool, made_once, on_path, output};
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use tokio::process::Command;

const VERSION: &str = "1.11.4";
const URL: &str = "https://releases.hashicorp.com/terraform/1.11.4/terraform_1.11.4_linux_amd64.zip";
const SHA256: &str = "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc";

/// The oldest minor version of 1.x that the roots accept (`required_version`).
const OLDEST_MINOR: u32 = 11;

/// The program `terraform`.
///
/// # Errors
/// Says what was tried where it can be neither found nor fetched.
pub async fn terraform() -> Result<Tool> {
    let found = on_path("terraform");
    let mut rejected = "terraform is not on PATH".to_owned();
    if let Some(path) = found {
        let version = version(&path).await?;
        if accepted(&version) {
            return Ok(Tool { name: "terraform", version, path, origin: "PATH".to_owned() });
        }
        rejected = format!("terraform on PATH is {version}, older than 1.{OLDEST_MINOR}");
    }
    let folder = made_once(&format!("terraform-{VERSION}"), async |folder| {
        let archive = folder.join("terraform.zip");
        let mut curl = Command::new(on_path("curl").context("curl is not on PATH: apt-get install curl")?);
        curl.args(["--fail", "--silent", "--show-error", "--location", "--proto", "=https", "--connect-timeout", "10"]);
        output(curl.arg("--output").arg(&archive).arg(URL)).await?;
        let bytes = std::fs::read(&archive)?;
        let digest = hex::encode(Sha256::digest(&bytes));
        if digest != SHA256 {
            bail!("{URL} has the SHA-256 {digest}, not {SHA256}: it was not used");
        }
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes))?;
        let mut program = std::fs::File::create(folder.join("terraform"))?;
        std::io::copy(&mut archive.by_name("terraform")?, &mut program)?;
        program.set_permissions(std::fs::Permissions::from_mode(0o755))?;
        std::fs::remove_file(folder.join("terraform.zip"))?;
        Ok(())
    })
    .await
    .with_context(|| {
        format!("{rejected}, and it cannot be fetched: put Terraform 1.{OLDEST_MINOR} or later on PATH")
    })?;
    let path = folder.join("terraform");
    Ok(Tool { name: "terraform", version: VERSION.to_owned(), path, origin: "its archive, by digest".to_owned() })
}

async fn version(program: &std::path::Path) -> Result<String> {
    let text = output(Command::new(program).args(["version", "-json"]).env("CHECKPOINT_DISABLE", "1")).await?;
    // A missing CLI configuration file is warned about on the same stream, before the JSON.
    let json = text.find('{').map_or("", |at| &text[at..]);
    let answer: serde_json::Value = serde_json::from_str(json).context("failed to read `terraform version -json`")?;
    Ok(answer["terraform_version"].as_str().unwrap_or("unknown").to_owned())
}

fn accepted(version: &str) -> bool {
    let mut numbers = version.split(['.', '-']).map(|number| number.parse::<u32>().unwrap_or(0));
    numbers.next() == Some(1) && numbers.next() >= Some(OLDEST_MINOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_the_roots_accept_are_taken_from_path() {
        assert!(accepted("1.11.4") && accepted("1.12.0-rc1"));
        assert!(!accepted("1.9.8") && !accepted("2.0.0") && !accepted("unknown"));
    }
}
