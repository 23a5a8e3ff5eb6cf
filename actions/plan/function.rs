//! What a Lambda function will be configured as, in the same hash as [`crate::configuration`] takes of Lambda's own answer:
//! so that code which was judged bad is known before anything is applied.

use std::collections::BTreeMap;

use super::{json::Value, shown::any};
use crate::configuration::{Configuration, Image, MEMORY, STORAGE, TIMEOUT, TRACING, Vpc, sorted};

/// The resource's type.
pub(super) const KIND: &str = "aws_lambda_function";

/// What of the resource is hashed.
const HASHED: [&str; 12] = [
    "architectures",
    "environment",
    "ephemeral_storage",
    "handler",
    "image_config",
    "layers",
    "memory_size",
    "role",
    "runtime",
    "timeout",
    "tracing_config",
    "vpc_config",
];

/// A function's name, and the hash of its configuration after the apply; none while any of it is unknown.
pub(super) fn configured(change: &Value<'_>) -> Option<(String, Option<String>)> {
    let (after, unknown) = (change.get("after"), change.get("after_unknown"));
    let name = after.get("function_name").text()?.to_owned();
    let known = !HASHED.iter().any(|field| any(unknown.get(field)));
    Some((name, known.then(|| hash(after))))
}

fn hash(after: &Value<'_>) -> String {
    let block = |name: &str| after.get(name).at(0);
    let (image, vpc) = (block("image_config"), block("vpc_config"));
    let variables = block("environment").get("variables").members();
    let variables: BTreeMap<&str, &str> =
        variables.iter().map(|(name, value)| (name.as_ref(), value.text().unwrap_or_default())).collect();
    Configuration {
        architectures: match sorted(texts(after.get("architectures")).into_iter()) {
            none if none.is_empty() => vec!["x86_64"],
            some => some,
        },
        environment: variables,
        handler: text(after.get("handler")),
        image: Image {
            command: texts(image.get("command")),
            entry_point: texts(image.get("entry_point")),
            working_directory: text(image.get("working_directory")),
        },
        layers: texts(after.get("layers")),
        memory: number(after.get("memory_size"), MEMORY),
        role: text(after.get("role")).unwrap_or_default(),
        runtime: text(after.get("runtime")),
        storage: number(block("ephemeral_storage").get("size"), STORAGE),
        timeout: number(after.get("timeout"), TIMEOUT),
        tracing: text(block("tracing_config").get("mode")).unwrap_or(TRACING),
        vpc: Vpc {
            security_groups: sorted(texts(vpc.get("security_group_ids")).into_iter()),
            subnets: sorted(texts(vpc.get("subnet_ids")).into_iter()),
        },
    }
    .hash()
}

fn text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    value.text().filter(|text| !text.is_empty())
}

fn texts<'v>(value: &'v Value<'_>) -> Vec<&'v str> {
    value.elements().iter().filter_map(Value::text).collect()
}

fn number(value: &Value<'_>, default: i32) -> i32 {
    if let Value::Number(number) = value { number.parse().unwrap_or(default) } else { default }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::json;
    use aws_sdk_lambda::types::{Architecture, EnvironmentResponse, FunctionConfiguration};

    const CHANGE: &str = r#"{"after": {"function_name": "tally-staging", "role": "arn:aws:iam::1:role/x",
        "architectures": ["x86_64"], "memory_size": 256, "timeout": 30, "runtime": "", "handler": "", "layers": null,
        "environment": [{"variables": {"TABLE": "bronze"}}], "ephemeral_storage": [{"size": 512}],
        "tracing_config": [], "vpc_config": [], "image_config": []}, "after_unknown": {"version": true}}"#;

    #[test]
    fn the_plan_and_lambda_give_one_hash() {
        let (name, hash) = configured(&json::parse(CHANGE).expect("JSON")).expect("a function");
        let environment = EnvironmentResponse::builder().variables("TABLE", "bronze").build();
        let said = FunctionConfiguration::builder().role("arn:aws:iam::1:role/x").architectures(Architecture::X8664);
        let said = said.memory_size(256).timeout(30).environment(environment).build();
        assert_eq!(name, "tally-staging");
        assert_eq!(hash, Some(crate::configuration::hash(&said)));
    }

    #[test]
    fn what_is_not_known_yet_has_no_hash() {
        let unknown = CHANGE.replace(r#""version": true"#, r#""role": true"#);
        let (_, hash) = configured(&json::parse(&unknown).expect("JSON")).expect("a function");
        assert_eq!(hash, None);
    }
}
