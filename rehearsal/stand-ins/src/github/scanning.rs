//! Uploads to code scanning: <https://docs.github.com/en/rest/code-scanning/code-scanning>.

use super::call::{Call, Outcome, Reply};
use super::state::{Repository, Sarif};
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::io::Read;

/// The most bytes of a file as it is sent, after base64: 10 MB.
const LARGEST: usize = 10_000_000;

/// <https://docs.github.com/en/rest/code-scanning/code-scanning#upload-an-analysis-as-sarif-data>
pub(super) fn upload(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    const DOCUMENTATION: &str = "/code-scanning/code-scanning#upload-an-analysis-as-sarif-data";
    if !repository.code_scanning {
        let message =
            "Code scanning is not enabled for this repository. Please enable code scanning in the repository settings.";
        return Err(Reply::error(403, message, DOCUMENTATION));
    }
    let refuse = |status, why: &str| Reply::error(status, &format!("Invalid request.\n\n{why}"), DOCUMENTATION);
    let sent = STANDARD.decode(call.text("sarif").unwrap_or_default());
    let packed = sent.map_err(|error| refuse(400, &format!("The SARIF file is no base64: {error}")))?;
    if packed.len() > LARGEST {
        return Err(Reply::empty(413));
    }
    let mut text = String::new();
    let unpacked = GzDecoder::new(packed.as_slice()).read_to_string(&mut text);
    unpacked.map_err(|error| refuse(400, &format!("The SARIF file is no text in gzip: {error}")))?;
    let content: Value =
        serde_json::from_str(&text).map_err(|error| refuse(400, &format!("The SARIF file is no JSON: {error}")))?;
    if content["version"] != "2.1.0" || !content["runs"].is_array() {
        return Err(refuse(400, "The SARIF file is none of version 2.1.0 with runs"));
    }
    let id = format!("00000000-0000-4000-8000-{:012x}", call.id());
    let sarif = Sarif {
        commit_sha: call.text("commit_sha").unwrap_or_default(),
        git_ref: call.text("ref").unwrap_or_default(),
        tool_name: call.text("tool_name"),
        content,
    };
    repository.sarifs.insert(id.clone(), sarif);
    let url = call.url(&repository.about, &format!("/code-scanning/sarifs/{id}"));
    Ok(Reply::json(202, json!({ "id": id, "url": url })))
}

/// Each is read at once here, where GitHub takes a while.
pub(super) fn status(call: &Call<'_>, repository: &mut Repository) -> Outcome {
    let id = call.name("sarif_id");
    repository.sarifs.get(id).ok_or_else(Reply::not_found)?;
    let analyses = call.url(&repository.about, &format!("/code-scanning/analyses?sarif_id={id}"));
    Ok(Reply::json(200, json!({ "processing_status": "complete", "analyses_url": analyses, "errors": null })))
}
