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
