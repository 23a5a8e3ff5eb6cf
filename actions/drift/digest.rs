//! One number for what drifted: an issue is written anew only when it changes. What comes and goes without effect does not
//! count, nor does anything that changes with time alone.

use sha2::{Digest, Sha256};

use super::{
    aliases::{AliasDrift, Found},
    report::{Drifted, What},
};

/// What every digest begins with: another way to compute it gets another number.
const DOMAIN: &[u8] = b"lockgate-drift-digest/1\n";
const BEGIN: &str = "<!-- lockgate:drift digest=";
const END: &str = " -->";

/// The digest: 64 lower-case hexadecimal digits. Values are in it as their HMACs.
pub(super) fn of(resources: &[Drifted], aliases: &[AliasDrift]) -> String {
    let mut lines: Vec<String> = resources.iter().filter(|drifted| drifted.effect).map(resource).collect();
    lines.extend(aliases.iter().map(alias));
    lines.sort_unstable();
    let mut digest = Sha256::new_with_prefix(DOMAIN);
    for line in lines {
        digest.update(line);
        digest.update(b"\n");
    }
    hex::encode(digest.finalize())
}

/// JSON: no text in it can pass for two.
fn resource(drifted: &Drifted) -> String {
    let what = match &drifted.what {
        What::Changed => "changed",
        What::Deleted => "deleted",
        What::NotApplied(action) => action,
    };
    let mut attributes: Vec<_> = drifted.attributes.iter().filter(|attribute| attribute.effect).collect();
    attributes.sort_by(|one, other| one.path.cmp(&other.path));
    let attributes: Vec<_> =
        attributes.iter().map(|attribute| (&attribute.path, hex::encode(attribute.after))).collect();
    serde_json::json!(["resource", drifted.address, drifted.deposed, what, attributes]).to_string()
}

fn alias(drift: &AliasDrift) -> String {
    let what = match &drift.found {
        Found::Missing => serde_json::json!("missing"),
        Found::Moved => serde_json::json!("moved"),
        Found::Weights => serde_json::json!("weights"),
        Found::LeftBehind { release, began } => serde_json::json!([release, began.to_string()]),
        Found::Unrecorded(code) => serde_json::json!([code.version, code.identity]),
    };
    serde_json::json!(["alias", drift.function, drift.alias, what, drift.is, drift.recorded]).to_string()
}

/// The line of an issue's body that keeps its digest, below its marker.
pub(super) fn line(digest: &str) -> String {
    format!("{BEGIN}{digest}{END}")
}

/// The digest that a body keeps: only what [`line`] writes is one.
pub(super) fn kept(body: &str) -> Option<&str> {
    body.lines().find_map(|line| {
        let digest = line.strip_prefix(BEGIN)?.strip_suffix(END)?;
        let good = digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        good.then_some(digest)
    })
}
