//! Takes rights away from the functions, to show that they are enforced.

use crate::packages;
use crate::stage::{ENVIRONMENT, Stage};
use anyhow::{Context, Result, ensure};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Takes `action` out of every policy of the functions' roles that allows it.
pub(super) async fn take_away(stage: &Stage, action: &str) -> Result<()> {
    let iam = aws_sdk_iam::Client::new(&stage.sdk);
    let mut taken = 0;
    for stem in packages::stems()? {
        // The role and its one policy are named like the function.
        let name = format!("{stem}-{ENVIRONMENT}");
        let found = iam.get_role_policy().role_name(&name).policy_name(&name).send().await;
        let document = found.with_context(|| format!("failed to read the policy of {name}"))?.policy_document;
        // IAM answers policies percent-encoded.
        let document = percent_decode_str(&document).decode_utf8()?;
        let mut document: Value = serde_json::from_str(&document).context("the policy is no JSON")?;
        if let Some(statements) = document["Statement"].as_array_mut() {
            for actions in statements.iter_mut().filter_map(|statement| statement["Action"].as_array_mut()) {
                let before = actions.len();
                actions.retain(|allowed| allowed != action);
                taken += before - actions.len();
            }
            // A statement without an action would be no policy.
            statements.retain(|statement| statement["Action"] != Value::Array(Vec::new()));
        }
        let put = iam.put_role_policy().role_name(&name).policy_name(&name).policy_document(document.to_string());
        put.send().await.with_context(|| format!("failed to write the policy of {name}"))?;
    }
    ensure!(taken > 0, "no function's policy allows {action} by this name");
    stage.teller.line(&format!("aws   took {action} out of {taken} statements"));
    Ok(())
}
