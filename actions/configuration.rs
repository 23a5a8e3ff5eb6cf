//! The hash of what makes a function behave as it does beside its code: role, handler, runtime, memory, timeout,
//! environment, layers, architectures, VPC, storage, tracing and the image's settings.
//!
//! It is the SHA-256, in hex, of one JSON object with these keys in alphabetical order, without white space, lists of
//! layers in their order and other lists sorted; what is not set is null, or Lambda's default where it has one.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>

use std::collections::BTreeMap;

use aws_sdk_lambda::types::FunctionConfiguration;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What is hashed. The order of the fields is that of the bytes.
#[derive(Debug, Default, Eq, PartialEq, Serialize)]
struct Configuration<'a> {
    architectures: Vec<&'a str>,
    environment: BTreeMap<&'a str, &'a str>,
    handler: Option<&'a str>,
    image: Image<'a>,
    layers: Vec<&'a str>,
    /// MB.
    memory: i32,
    role: &'a str,
    runtime: Option<&'a str>,
    /// MB.
    storage: i32,
    /// Seconds.
    timeout: i32,
    tracing: &'a str,
    vpc: Vpc<'a>,
}

#[derive(Debug, Default, Eq, PartialEq, Serialize)]
struct Image<'a> {
    command: &'a [String],
    entry_point: &'a [String],
    working_directory: Option<&'a str>,
}

#[derive(Debug, Default, Eq, PartialEq, Serialize)]
struct Vpc<'a> {
    security_groups: Vec<&'a str>,
    subnets: Vec<&'a str>,
}

/// The hash of a version's configuration, as Lambda reports it.
#[must_use]
pub fn hash(facts: &FunctionConfiguration) -> String {
    let environment = facts.environment().and_then(|set| set.variables());
    let image = facts.image_config_response().and_then(|answer| answer.image_config());
    let vpc = facts.vpc_config();
    let text = |text: Option<&'_ str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let (handler, runtime) = (text(facts.handler()), facts.runtime().map(|runtime| runtime.as_str()));
    let configuration = Configuration {
        architectures: sorted(facts.architectures().iter().map(|one| one.as_str())),
        environment: environment.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        handler: handler.as_deref(),
        image: Image {
            command: image.map(|image| image.command()).unwrap_or_default(),
            entry_point: image.map(|image| image.entry_point()).unwrap_or_default(),
            working_directory: image.and_then(|image| image.working_directory()).filter(|folder| !folder.is_empty()),
        },
        layers: facts.layers().iter().filter_map(|layer| layer.arn()).collect(),
        memory: facts.memory_size().unwrap_or(128),
        role: facts.role().unwrap_or_default(),
        runtime,
        storage: facts.ephemeral_storage().map_or(512, |storage| storage.size()),
        timeout: facts.timeout().unwrap_or(3),
        tracing: facts.tracing_config().and_then(|tracing| tracing.mode()).map_or("PassThrough", |mode| mode.as_str()),
        vpc: Vpc {
            security_groups: sorted(vpc.iter().flat_map(|vpc| vpc.security_group_ids()).map(String::as_str)),
            subnets: sorted(vpc.iter().flat_map(|vpc| vpc.subnet_ids()).map(String::as_str)),
        },
    };
    // A struct of texts and numbers always has a JSON form.
    let bytes = serde_json::to_vec(&configuration).unwrap_or_default();
    hex::encode(Sha256::digest(bytes))
}

fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut texts: Vec<_> = texts.collect();
    texts.sort_unstable();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_lambda::types::{EnvironmentResponse, builders::FunctionConfigurationBuilder};

    fn facts() -> FunctionConfigurationBuilder {
        let environment = EnvironmentResponse::builder().variables("TABLE", "bronze").variables("DAYS", "30").build();
        FunctionConfiguration::builder().role("arn:aws:iam::1:role/x").environment(environment).memory_size(512)
    }

    #[test]
    fn the_hash_changes_with_what_makes_a_function_behave_and_with_nothing_else() {
        let before = hash(&facts().build());
        let same = facts().version("7").code_sha256("other").last_modified("today").revision_id("r2").description("d");
        assert_eq!(hash(&same.build()), before);
        assert_ne!(hash(&facts().memory_size(1024).build()), before);
        assert_ne!(hash(&facts().role("arn:aws:iam::1:role/y").build()), before);
        let environment = EnvironmentResponse::builder().variables("TABLE", "silver").variables("DAYS", "30").build();
        assert_ne!(hash(&facts().environment(environment).build()), before);
    }

    #[test]
    fn a_default_is_the_same_whether_it_is_said_or_not() {
        let said = facts().timeout(3).handler("").build();
        assert_eq!(hash(&said), hash(&facts().build()));
    }
}
