//! What the HTTP API answered, and what was put aside before it could.

use super::cut;
use crate::api::Asked;
use maud::{Markup, html};
use std::collections::BTreeSet;

/// Requests to the API that are shown; the rest is counted.
const SHOWN_REQUESTS: usize = 60;

/// Requests and their answers, one of each kind first.
pub(super) fn answers(asked: &[Asked]) -> Markup {
    if asked.is_empty() {
        return Markup::default();
    }
    // One request of each kind first: a path without its query and with its ids left out.
    let kind = |asked: &Asked| {
        let path = asked.request.split('?').next().unwrap_or_default();
        let stem: Vec<&str> = path.split('/').take(2).collect();
        format!("{} {} {}", stem.join("/"), path.matches('/').count(), asked.status)
    };
    let mut seen = BTreeSet::new();
    let (mut shown, rest): (Vec<&Asked>, Vec<&Asked>) = asked.iter().partition(|asked| seen.insert(kind(asked)));
    let more = SHOWN_REQUESTS.saturating_sub(shown.len()).min(rest.len());
    shown.extend(&rest[..more]);
    html! {
        p class="quiet" { (format!("{} of {} requests, one of each kind first", shown.len(), asked.len())) }
        @for asked in shown {
            details {
                summary { span class=(if asked.status < 400 { "passed" } else { "skipped" }) { (asked.status) } " " code { (asked.request) } }
                pre { (cut(&format!("{:#}", asked.body))) }
            }
        }
    }
}

/// The objects with rejected records, by key, line by line.
pub(super) fn rejections(rejected: &[(String, String)]) -> Markup {
    html! {
        @for (key, object) in rejected {
            details {
                summary { code { (key) } " " span class="quiet" { (object.lines().count()) " lines" } }
                table {
                    tr { th { "line" } th { "reason" } th { "bytes, in Base64" } }
                    @for line in object.lines() {
                        @let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
                        tr {
                            td { (line["line"]) }
                            td { (line["reason"].as_str().unwrap_or_default()) }
                            td class="detail" { (line["bytes"].as_str().unwrap_or_default().chars().take(80).collect::<String>()) }
                        }
                    }
                }
            }
        }
    }
}
