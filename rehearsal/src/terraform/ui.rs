//! What Terraform says with `-json`, a line of JSON each.
//! <https://developer.hashicorp.com/terraform/internals/machine-readable-ui>

use super::Outputs;
use anyhow::{Context, Result};
use serde_json::Value;

/// A line as people read it, whichever form it has: what it is about, and for a warning or an error all that explains it.
pub(super) fn shown(line: &str) -> String {
    let Some(told) = parsed(line) else { return line.to_owned() };
    let diagnostic = &told["diagnostic"];
    let mut shown = told["@message"].as_str().unwrap_or(line).to_owned();
    if let Some(address) = diagnostic["address"].as_str() {
        shown.push_str(&format!(" ({address})"));
    }
    if let Some(detail) = diagnostic["detail"].as_str().filter(|detail| !detail.is_empty()) {
        shown.push_str(&format!("\n{detail}"));
    }
    shown
}

/// Whether a line tells of an error.
pub(super) fn is_error(line: &str) -> bool {
    parsed(line).is_some_and(|told| told["type"] == "diagnostic" && told["@level"] == "error")
}

/// The outputs, which an apply tells when it is done; its plan has told before which of them will change.
pub(super) fn outputs(printed: &str) -> Result<Outputs> {
    let mut told = printed.lines().filter_map(parsed).filter(|told| told["type"] == "outputs");
    let last = told.next_back().context("the apply told no outputs; the root has to declare some")?;
    Ok(Outputs(last["outputs"].clone()))
}

pub(super) fn parsed(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(|told: &Value| told["type"].is_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = r#"{"@level":"info","@message":"Terraform 1.11.4","type":"version"}
{"@level":"info","@message":"Outputs: 1","type":"outputs","outputs":{"api_id":{"sensitive":false,"action":"create"}}}
Releasing a lock, in plain words
{"@level":"error","@message":"Error: no bucket","diagnostic":{"severity":"error","summary":"no bucket","detail":"AccessDenied","address":"aws_s3_bucket.this"},"type":"diagnostic"}
{"@level":"info","@message":"Outputs: 1","type":"outputs","outputs":{"api_id":{"sensitive":false,"type":"string","value":"a1"}}}"#;

    #[test]
    fn the_outputs_are_those_told_last() {
        assert_eq!(outputs(SAID).expect("outputs").text(&["api_id"]).expect("a text"), "a1");
        assert!(outputs(r#"{"@message":"x","type":"version"}"#).is_err());
    }

    #[test]
    fn an_error_is_shown_with_its_reason_and_its_place() {
        let errors: Vec<_> = SAID.lines().filter(|line| is_error(line)).map(shown).collect();
        assert_eq!(errors, ["Error: no bucket (aws_s3_bucket.this)\nAccessDenied"]);
        let shown: Vec<_> = SAID.lines().map(shown).collect();
        assert_eq!((shown[0].as_str(), shown[2].as_str()), ("Terraform 1.11.4", "Releasing a lock, in plain words"));
    }
}
