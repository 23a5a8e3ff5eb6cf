//! Gives the findings to GitHub's code scanning:
//! <https://docs.github.com/en/rest/code-scanning/code-scanning#upload-an-analysis-as-sarif-data>

use std::io::Write;

use anyhow::{Context, Error, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::{
    github::{GitHub, Refusal},
    runner,
};

/// Uploads a SARIF file's bytes for a commit of a ref, such as `refs/pull/7/merge`. A repository without code scanning is no
/// failure: the comment says everything.
///
/// # Errors
/// If GitHub refuses them, or cannot be reached.
pub(super) async fn upload(github: &GitHub, sarif: &[u8], commit: &str, reference: &str) -> Result<()> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(sarif).and_then(|()| gzip.try_finish()).context("the SARIF file cannot be compressed")?;
    let packed = gzip.finish().context("the SARIF file cannot be compressed")?;
    let body = json!({
        "commit_sha": commit, "ref": reference, "sarif": STANDARD.encode(packed), "tool_name": "lockgate",
    });
    match github.post::<Value>("/code-scanning/sarifs", &body).await {
        Ok(answer) => {
            runner::say(format_args!("code scanning has the findings as {}", answer["id"].as_str().unwrap_or("?")));
            Ok(())
        }
        Err(Refusal { status: Some(403 | 404), message }) => {
            runner::notice(format_args!(
                "code scanning was not told: {message}. It needs `security-events: write`, and in a private repository \
                 GitHub Code Security"
            ));
            Ok(())
        }
        Err(refusal) => Err(Error::new(refusal).context("code scanning cannot be told; run the job again")),
    }
}
