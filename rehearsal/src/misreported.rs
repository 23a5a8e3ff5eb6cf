//! What the emulated AWS reads back wrongly, so that a plan after apply shows a change where there is none: all of it,
//! with the reason. Anything else in such a plan fails the act.

use anyhow::Result;
use serde_json::{Value, json};

/// A change that is the emulator's mistake.
#[derive(Debug)]
struct Misreported {
    /// The resource, by its type.
    kind: &'static str,
    /// The only attribute that differs.
    attribute: &'static str,
    /// What the emulator does.
    reason: &'static str,
}

const MISREPORTED: [Misreported; 1] = [Misreported {
    kind: "aws_apigatewayv2_authorizer",
    attribute: "authorizer_payload_format_version",
    reason: "ministack reports it for a JWT authorizer; API Gateway has it only for REQUEST authorizers",
}];

/// Whether these changes of a plan are all the emulator's mistakes, and what was seen.
///
/// # Errors
/// Never; the result is what a check of an act wants.
pub fn verdict(changes: &[Value]) -> Result<(bool, String)> {
    let shown = changes.iter().map(|change| {
        let what = format!("{} {}", change["change"]["actions"], change["address"]);
        (reason(change), what)
    });
    let (known, real): (Vec<_>, Vec<_>) = shown.partition(|(reason, _)| reason.is_some());
    let listed = |changes: Vec<(Option<&str>, String)>| {
        let lines =
            changes.into_iter().map(|(reason, what)| reason.map_or(what.clone(), |why| format!("{what} ({why})")));
        lines.collect::<Vec<_>>().join("; ")
    };
    let detail =
        format!("{} real changes {}, {} misreported {}", real.len(), listed(real.clone()), known.len(), listed(known));
    Ok((real.is_empty(), detail))
}

/// Why this change of a plan is none, if it is on the list and touches nothing else.
fn reason(change: &Value) -> Option<&'static str> {
    let known = MISREPORTED.iter().find(|known| change["type"] == known.kind)?;
    let (before, after) = (change["change"]["before"].as_object()?, change["change"]["after"].as_object()?);
    let only = before.iter().all(|(name, value)| name == known.attribute || after.get(name) == Some(value));
    (only && change["change"]["actions"] == json!(["update"])).then_some(known.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(attribute: &str) -> Value {
        let before = json!({"authorizer_payload_format_version": "2.0", "name": "jwt"});
        let mut after = before.clone();
        after[attribute] = Value::Null;
        json!({
            "type": "aws_apigatewayv2_authorizer",
            "address": "a",
            "change": {"actions": ["update"], "before": before, "after": after},
        })
    }

    #[test]
    fn only_the_listed_attribute_is_forgiven() {
        assert!(verdict(&[change("authorizer_payload_format_version")]).expect("a verdict").0);
        assert!(!verdict(&[change("name")]).expect("a verdict").0);
        assert!(verdict(&[]).expect("a verdict").0);
    }
}
