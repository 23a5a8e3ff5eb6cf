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
pub(crate) struct Configuration<'a> {
    pub(crate) architectures: Vec<&'a str>,
    pub(crate) environment: BTreeMap<&'a str, &'a str>,
    pub(crate) handler: Option<&'a str>,
    pub(crate) image: Image<'a>,
    pub(crate) layers: Vec<&'a str>,
    /// MB.
    pub(crate) memory: i32,
    pub(crate) role: &'a str,
    pub(crate) runtime: Option<&'a str>,
    /// MB.
    pub(crate) storage: i32,
    /// Seconds.
    pub(crate) timeout: i32,
    pub(crate) tracing: &'a str,
    pub(crate) vpc: Vpc<'a>,
}

#[derive(Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Image<'a> {
    pub(crate) command: Vec<&'a str>,
    pub(crate) entry_point: Vec<&'a str>,
    pub(crate) working_directory: Option<&'a str>,
}

#[derive(Debug, Default, Eq, PartialEq, Serialize)]
pub(crate) struct Vpc<'a> {
    pub(crate) security_groups: Vec<&'a str>,
    pub(crate) subnets: Vec<&'a str>,
}

/// What Lambda takes where nothing is said, MB.
pub(crate) const MEMORY: i32 = 128;
/// The same of `/tmp`, MB.
pub(crate) const STORAGE: i32 = 512;
/// The same, seconds.
pub(crate) const TIMEOUT: i32 = 3;
/// The same.
pub(crate) const TRACING: &str = "PassThrough";

impl Configuration<'_> {
    /// The hash, 64 hexadecimal digits.
    pub(crate) fn hash(&self) -> String {
        // A struct of texts and numbers always has a JSON form.
        hex::encode(Sha256::digest(serde_json::to_vec(self).unwrap_or_default()))
    }
}

/// The hash of a version's configuration, as Lambda reports it.
#[must_use]
pub fn hash(facts: &FunctionConfiguration) -> String {
    let environment = facts.environment().and_then(|set| set.variables());
    let image = facts.image_config_response().and_then(|answer| answer.image_config());
    let vpc = facts.vpc_config();
    let text = |text: Option<&'_ str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let handler = text(facts.handler());
    let runtime = facts.runtime().map(|runtime| runtime.as_str()).filter(|runtime| !runtime.is_empty());
    let configuration = Configuration {
        architectures: sorted(facts.architectures().iter().map(|one| one.as_str())),
        environment: environment.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        handler: handler.as_deref(),
        image: Image {
            command: image.iter().flat_map(|image| image.command()).map(String::as_str).collect(),
            entry_point: image.iter().flat_map(|image| image.entry_point()).map(String::as_str).collect(),
            working_directory: image.and_then(|image| image.working_directory()).filter(|folder| !folder.is_empty()),
        },
        layers: facts.layers().iter().filter_map(|layer| layer.arn()).collect(),
        memory: facts.memory_size().unwrap_or(MEMORY),
        role: facts.role().unwrap_or_default(),
        runtime,
        storage: facts.ephemeral_storage().map_or(STORAGE, |storage| storage.size()),
        timeout: facts.timeout().unwrap_or(TIMEOUT),
        tracing: facts.tracing_config().and_then(|tracing| tracing.mode()).map_or(TRACING, |mode| mode.as_str()),
        vpc: Vpc {
            security_groups: sorted(vpc.iter().flat_map(|vpc| vpc.security_group_ids()).map(String::as_str)),
            subnets: sorted(vpc.iter().flat_map(|vpc| vpc.subnet_ids()).map(String::as_str)),
        },
    };
    configuration.hash()
}

pub(crate) fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
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
        let said = facts().timeout(3).handler("").runtime("".into()).build();
        assert_eq!(hash(&said), hash(&facts().build()));
    }
}
