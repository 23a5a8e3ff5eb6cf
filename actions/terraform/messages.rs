//! What Terraform says with `-json`, a message a line: what of it people see while it works, and what is kept.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::markdown::short;

/// So much of a diagnostic is kept, in characters.
const LONGEST: usize = 4_000;

/// What was said.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// What was done, as `Creation complete after 2s`, by address; only of an apply.
    pub done: BTreeMap<String, String>,
    /// How often an action ended well, by address and action: a replacement is a `delete` and a `create`.
    pub steps: BTreeMap<(String, String), usize>,
    /// What was begun and not ended well, by address: `create`, for example.
    pub undone: BTreeMap<String, String>,
    /// The outputs after an apply.
    pub outputs: serde_json::Map<String, serde_json::Value>,
    begun: BTreeMap<String, String>,
    read: usize,
}

/// An error or a warning: <https://developer.hashicorp.com/terraform/internals/machine-readable-ui#diagnostic>
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Diagnostic {
    /// `error` or `warning`.
    pub severity: String,
    /// What is wrong.
    pub summary: String,
    /// Why, in sentences; may be empty.
    #[serde(default)]
    pub detail: String,
    /// Which resource it is about.
    pub address: Option<String>,
    /// Where it stands.
    pub range: Option<Range>,
}

/// A place in the configuration.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Range {
    /// The file, from the root's folder.
    pub filename: String,
    /// Where it begins.
    pub start: Position,
}

/// A place in a file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "@message", default)]
    text: String,
    #[serde(rename = "type", default)]
    kind: String,
    diagnostic: Option<Diagnostic>,
    hook: Option<Hook>,
    #[serde(default)]
    outputs: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct Hook {
    resource: Option<Resource>,
    #[serde(default)]
    action: String,
}

#[derive(Deserialize)]
struct Resource {
    addr: String,
}

impl Diagnostic {
    /// It in one text: what, where, why.
    #[must_use]
    pub fn told(&self) -> String {
        let place = self.range.as_ref().map(|range| format!(" ({}:{})", range.filename, range.start.line));
        let about = self.address.as_ref().map(|address| format!(" with {address}")).unwrap_or_default();
        let why = if self.detail.is_empty() { String::new() } else { format!(": {}", self.detail) };
        short(&format!("{}{about}{}{why}", self.summary, place.unwrap_or_default()), LONGEST)
    }
}

impl Messages {
    /// Hears a line; returns what people should see of it.
    pub(super) fn hear(&mut self, line: &str) -> Option<String> {
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            return Some(line.to_owned()).filter(|line| !line.trim().is_empty());
        };
        let about = message.hook.as_ref().and_then(|hook| hook.resource.as_ref()).map(|resource| resource.addr.clone());
        let action = message.hook.as_ref().map(|hook| hook.action.clone()).unwrap_or_default();
        match (message.kind.as_str(), about) {
            ("diagnostic", _) => {
                let diagnostic = message.diagnostic?;
                let told = format!("{}: {}", diagnostic.severity, diagnostic.told());
                self.diagnostics.push(diagnostic);
                return Some(told);
            }
            ("apply_start", Some(address)) => {
                self.begun.insert(address, action);
            }
            ("apply_complete", Some(address)) => {
                self.begun.remove(&address);
                *self.steps.entry((address.clone(), action)).or_default() += 1;
                self.done.insert(address, message.text.clone());
            }
            ("apply_errored", Some(address)) => {
                self.begun.remove(&address);
                self.undone.insert(address, action);
            }
            ("outputs", _) if !message.outputs.is_empty() => self.outputs = message.outputs,
            // One line for each resource that is only looked at helps nobody; that it goes on does.
            ("refresh_complete", _) => {
                self.read += 1;
                return self.read.is_multiple_of(50).then(|| format!("{} resources read", self.read));
            }
            ("refresh_start" | "apply_progress" | "outputs" | "version", _) => return None,
            _ => {}
        }
        Some(message.text).filter(|text| !text.is_empty())
    }

    /// Takes what came on stderr: Terraform's errors before it speaks JSON.
    pub(super) fn complain(&mut self, text: &str) {
        self.undone.append(&mut self.begun);
        if !text.trim().is_empty() {
            let detail = short(text.trim(), LONGEST);
            self.diagnostics.push(Diagnostic { severity: "error".into(), summary: detail, ..Diagnostic::default() });
        }
    }

    /// The errors, each in one text.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.diagnostics.iter().filter(|one| one.severity == "error").map(Diagnostic::told).collect()
    }

    /// Who holds the state's lock, if that is why nothing was done: Terraform's own lines.
    #[must_use]
    pub fn lock(&self) -> Option<Lock> {
        self.diagnostics.iter().filter(|one| one.severity == "error").find_map(|one| Lock::read(&one.detail))
    }
}

/// A held lock of Terraform's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// Its id, which `terraform force-unlock` takes.
    pub id: String,
    /// Who holds it: `user@machine`.
    pub who: String,
    /// For what: `OperationTypeApply`, for example.
    pub operation: String,
    /// Since when.
    pub created: String,
}

impl Lock {
    fn read(detail: &str) -> Option<Self> {
        let (_, info) = detail.split_once("Lock Info:")?;
        let field = |name: &str| {
            let value = info.lines().find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix(':'))?;
            Some(value.trim().to_owned())
        };
        let text = |name: &str| field(name).unwrap_or_default();
        Some(Self { id: field("ID")?, who: text("Who"), operation: text("Operation"), created: text("Created") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_read_with_its_owner() {
        let line = serde_json::json!({
            "@message": "Error: Error acquiring the state lock", "type": "diagnostic",
            "diagnostic": {"severity": "error", "summary": "Error acquiring the state lock", "detail":
                "Error message: it is taken\nLock Info:\n  ID:        9db590f1-b6fe-c5f2-2678-8804f089deba\n  Path:      b/k\n  \
                 Operation: OperationTypeApply\n  Who:       runner@host\n  Version:   1.11.4\n  Created:   2026-11-21 10:00:00 \
                 +0000 UTC\n  Info:      \n\n\nTerraform acquires a state lock"}
        });
        let mut messages = Messages::default();
        assert!(messages.hear(&line.to_string()).is_some_and(|said| said.starts_with("error: Error acquiring")));
        let lock = messages.lock().expect("a lock");
        assert_eq!(lock.id, "9db590f1-b6fe-c5f2-2678-8804f089deba");
        assert_eq!((&*lock.who, &*lock.operation), ("runner@host", "OperationTypeApply"));
        assert_eq!(lock.created, "2026-11-21 10:00:00 +0000 UTC");
    }

    #[test]
    fn what_was_begun_and_never_ended_is_undone() {
        let mut messages = Messages::default();
        let hook = |kind: &str, address: &str| {
            serde_json::json!({"@message": format!("{address}: {kind}"), "type": kind,
                "hook": {"resource": {"addr": address}, "action": "create"}})
            .to_string()
        };
        for (kind, address) in [
            ("apply_start", "a"),
            ("apply_start", "b"),
            ("apply_start", "c"),
            ("apply_complete", "a"),
            ("apply_errored", "b"),
        ] {
            messages.hear(&hook(kind, address));
        }
        messages.complain("");
        assert_eq!(messages.done.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!(messages.undone.keys().collect::<Vec<_>>(), ["b", "c"]);
    }
}
