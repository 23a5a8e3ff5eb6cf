//! The changes that contributors make in the story, to the copy of the repository. Those of releases change what `enrich`
//! is, so that its bytes differ and its behaviour does as the act needs it.

use crate::repository::Repository;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;

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
    repository.change(FILE, TELLS, TELLS_BETTER)?;
    another_version(repository, "enrich", FILE)
}

/// A change that nobody would want.
///
/// # Errors
/// As [`good`].
pub fn bad(repository: &Repository) -> Result<()> {
    repository.change(FILE, GATHERS, &format!("{GATHERS}{FAILS}"))?;
    another_version(repository, "enrich", FILE)
}

/// Where [`alarm`] puts one.
const SLOW: &str = "terraform/modules/service/slow.tf";

/// Says how long logs are kept, which another change may change.
const ALARM: &str = r#"# Answers that take long: their causes are in the logs, for as long as these are kept.

resource "aws_cloudwatch_metric_alarm" "slow" {
  alarm_name          = "query-${var.environment}-slow"
  alarm_description   = "Answers take more than two seconds. The logs of the last ${var.log_retention_days} days say why."
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  dimensions          = { FunctionName = module.query.name }
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 2000
  period              = 300
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
}
"#;

/// A new alarm.
///
/// # Errors
/// If the file cannot be written.
pub fn alarm(repository: &Repository) -> Result<()> {
    fs::write(repository.folder.join(SLOW), ALARM).with_context(|| format!("failed to write {SLOW}"))
}

/// Where [`insecure`] puts a bucket.
pub const EXPORTS: &str = "terraform/modules/service/exports.tf";

/// Where [`insecure`] puts code.
pub const LENGTHS: &str = "lambdas/ingest/src/lib.rs";

const BUCKET: &str = r#"# Calls for our partners, who have no account here.

resource "aws_s3_bucket" "exports" {
  bucket = "${var.name_prefix}-exports-${var.environment}-${var.account_id}"
}

resource "aws_s3_bucket_acl" "exports" {
  bucket = aws_s3_bucket.exports.id
  acl    = "public-read"
}
"#;

const LENGTH: &str = "
/// Whether a file is as long as it was said to be.
#[must_use]
pub fn is_whole(said: u64, found: u64) -> bool {
    said == found && found == found
}
";

/// A crate with an advisory. No platform of ours builds it, so that it need not be fetched to be found.
const DEPENDENCY: &str = "[target.'cfg(windows)'.dependencies]\ntraitobject = \"=0.1.0\"\n\n[dev-dependencies]\n";

const LOCKED: &str = "[[package]]
name = \"traitobject\"
version = \"0.1.0\"
source = \"registry+https://github.com/rust-lang/crates.io-index\"
checksum = \"efd1f82c56340fdf16f2a953d7bda4f8fdffba13d93b00844c25572110b26079\"
";

/// A change that scanners stop: a vulnerable dependency, a bucket that everybody can read, and wrong code.
///
/// # Errors
/// As [`good`].
pub fn insecure(repository: &Repository) -> Result<()> {
    repository.change("lambdas/ingest/Cargo.toml", "[dev-dependencies]\n", DEPENDENCY)?;
    let last = " \"thiserror\",\n \"tokio\",\n]\n\n[[package]]\nname = \"ipnet";
    repository.change("Cargo.lock", last, &last.replace(" \"tokio\",\n]", " \"tokio\",\n \"traitobject\",\n]"))?;
    let next = "[[package]]\nname = \"try-lock\"\n";
    repository.change("Cargo.lock", next, &format!("{LOCKED}\n{next}"))?;
    let file = repository.folder.join(EXPORTS);
    fs::write(&file, BUCKET).with_context(|| format!("failed to write {EXPORTS}"))?;
    repository.change(LENGTHS, "pub use handler::Ingest;\n", &format!("pub use handler::Ingest;\n{LENGTH}"))?;
    another_version(repository, "ingest", LENGTHS)
}

/// Cargo tells the copy's crate from the checkout's by its version alone; they share a target folder. So each content of a file
/// gives the crate a version of its own.
fn another_version(repository: &Repository, name: &str, file: &str) -> Result<()> {
    let content = fs::read(repository.folder.join(file)).with_context(|| format!("failed to read {file}"))?;
    let digest = Sha256::digest(content);
    let new = format!("0.1.{}", 1 + u32::from(u16::from_be_bytes([digest[0], digest[1]])));
    let manifest = format!("lambdas/{name}/Cargo.toml");
    let text =
        fs::read_to_string(repository.folder.join(&manifest)).with_context(|| format!("failed to read {manifest}"))?;
    let old = text.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    let old = old.with_context(|| format!("{manifest} has no version"))?.to_owned();
    let line = |version: &str| format!("version = \"{version}\"");
    repository.change(&manifest, &line(&old), &line(&new))?;
    let locked = |version: &str| format!("name = \"{name}\"\nversion = \"{version}\"");
    repository.change("Cargo.lock", &locked(&old), &locked(&new))
}
