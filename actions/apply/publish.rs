//! The versions that an apply published go to the ledger.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use serde_json::Value;

use super::Ground;
use crate::{
    ledger::Function,
    lock::Lost,
    runner,
    version::{Version, Versions},
};

/// The root's output that names the versions.
pub(super) const OUTPUT: &str = "functions";

/// Records the versions of all functions of the release; returns them by the functions' names.
///
/// # Errors
/// If the root does not name one, it is not there or runs other code, or the ledger cannot be written.
pub(super) async fn record(ground: &Ground, id: &str, functions: &Value) -> Result<BTreeMap<String, String>> {
    let release = ground.ledger.release(id).await?;
    let versions = Versions::new(&ground.config);
    let published = release.functions.iter().map(|(stem, function)| {
        let versions = &versions;
        async move {
            let number = number(functions, stem)?;
            let version = versions.read(&function.function, &number).await?;
            let version = version.with_context(|| format!("{}:{number} is not there", function.function))?;
            judge(function, &version)?;
            anyhow::Ok((stem.clone(), (number, version.configuration)))
        }
    });
    let published: BTreeMap<String, (String, String)> = try_join_all(published).await?.into_iter().collect();
    let known = release.functions.iter().all(|(stem, function)| {
        published.get(stem).is_some_and(|(number, configuration)| {
            function.version.as_ref() == Some(number) && function.configuration.as_ref() == Some(configuration)
        })
    });
    if known {
        runner::say(format_args!("the versions of {id} are in {} already", ground.ledger.table()));
    } else {
        if let Some(held) = &ground.held {
            ensure!(held.still(&ground.ledger).await?, Lost);
        }
        ground.ledger.record(id, &published).await?;
    }
    Ok(published.into_iter().map(|(stem, (number, _))| (stem, number)).collect())
}

/// The version of a function, as the root names it.
fn number(functions: &Value, stem: &str) -> Result<String> {
    let number = match functions.get(stem).and_then(|function| function.get("version")) {
        Some(Value::String(number)) => Some(number.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    // NOTE: `$LATEST` is a function that publishes nothing.
    number.filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).with_context(|| {
        format!(
            "the root names no published version of `{stem}`: it needs an output `{OUTPUT}` like \
             {{ {stem} = {{ version = aws_lambda_function.{stem}.version }} }}, and `publish = true` on the function"
        )
    })
}

fn judge(function: &Function, version: &Version) -> Result<()> {
    let code = version.code.as_ref().filter(|code| **code != function.code);
    ensure!(
        code.is_none(),
        "version {} of {} runs {}, but the release has {}: the root does not take the function's package from its variable",
        version.number,
        version.function,
        code.map_or("", String::as_str),
        function.code
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_names_its_versions_or_is_told_how() {
        let functions = serde_json::json!({"tally": {"version": "7"}, "count": {"version": 8}, "latest":
            {"version": "$LATEST"}, "none": {}});
        assert_eq!(number(&functions, "tally").expect("a version"), "7");
        assert_eq!(number(&functions, "count").expect("a version"), "8");
        for stem in ["latest", "none", "absent"] {
            let why = number(&functions, stem).expect_err("no version").to_string();
            assert!(why.contains(&format!("{stem} = {{ version =")) && why.contains("publish = true"), "{why}");
        }
        assert!(number(&Value::Null, "tally").is_err());
    }
}
