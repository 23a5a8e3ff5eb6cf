//! The changes that contributors make in the story, to the copy of the repository: each changes what `enrich` is, so that
//! its bytes differ and its behaviour does as the act needs it.

use crate::repository::Repository;
use anyhow::Result;

const FILE: &str = "lambdas/enrich/src/handler.rs";

const TELLS: &str = r#""enriched a batch""#;
const TELLS_BETTER: &str = r#""enriched one batch""#;

const GATHERS: &str = "        let rejected = self.reject(&batch.rejected, &mut failed).await;\n";

/// Every other record counts as failed, whatever came of it: each is delivered again until its retries are used up. No
/// invocation fails.
const FAILS: &str = "        failed.extend(batch.sequence_numbers.iter().step_by(2).cloned());\n";

/// A change that anybody would want.
///
/// # Errors
/// If the file is not as the story knows it.
pub fn good(repository: &Repository) -> Result<()> {
    // Cargo tells the copy's crate from the checkout's by its version alone; they share a target folder.
    repository.change("lambdas/enrich/Cargo.toml", "version = \"0.1.0\"", "version = \"0.1.1\"")?;
    let locked = |version: &str| format!("name = \"enrich\"\nversion = \"{version}\"");
    repository.change("Cargo.lock", &locked("0.1.0"), &locked("0.1.1"))?;
    repository.change(FILE, TELLS, TELLS_BETTER)
}

/// A change that nobody would want.
///
/// # Errors
/// As [`good`].
pub fn bad(repository: &Repository) -> Result<()> {
    repository.change(FILE, GATHERS, &format!("{GATHERS}{FAILS}"))
}

/// Takes [`bad`] back, with another word beside, so that these are new bytes again.
///
/// # Errors
/// As [`good`].
pub fn mended(repository: &Repository) -> Result<()> {
    repository.change(FILE, FAILS, "")?;
    repository.change(FILE, TELLS_BETTER, r#""enriched this batch""#)
}
