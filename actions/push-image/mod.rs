//! [`action.yml`](action.yml).

use crate::failure::Failure;

/// Settings.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
///
/// # Errors
/// Not there yet.
pub async fn run(_args: Args) -> Result<(), Failure> {
    Err(Failure::Usage(anyhow::anyhow!("not built yet")))
}

/// One image to push.
#[derive(Clone, Debug)]
pub struct Image {
    /// The repository's name within the registry.
    pub repository: String,
    /// Tag.
    pub tag: String,
    /// Layout folder.
    pub layout: std::path::PathBuf,
}

/// Pushes them.
///
/// # Errors
/// Not there yet.
pub async fn push_all(
    _config: &aws_config::SdkConfig,
    _registry: Option<&str>,
    _images: &[Image],
) -> Result<(), Failure> {
    Err(Failure::Usage(anyhow::anyhow!("not built yet")))
}
