//! Lambda's control plane with one alias per function, as strict as AWS where ministack is not: revisions, the rules for
//! weights, versions that wait, sleep or failed.
//! <https://docs.aws.amazon.com/lambda/latest/api/welcome.html>
//!
//! What it does not do: run code (an invocation answers as the test says), check signatures, or know any other call than
//! the ones that move aliases.

use crate::scripted::{Answer, Request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What every alias is called.
const ALIAS: &str = "live";

/// A version of a function.
#[derive(Debug, Clone)]
pub struct Version {
    /// `Active`, `Pending`, `Inactive`, `Failed`.
    pub state: String,
    /// The code of the reason for it.
    pub reason: Option<String>,
    /// After so many reads a pending version is active.
    pub pending_reads: u32,
    /// Its role.
    pub role: String,
    /// Its dead letter queue.
    pub dead_letters: Option<String>,
    /// What an invocation answers; `Err` is a function error.
    pub answer: Result<Value, Value>,
    /// The digest of the image that it runs, if anybody asks.
    pub image: Option<String>,
}

impl Default for Version {
    fn default() -> Self {
        Self {
            state: "Active".to_owned(),
            reason: None,
            pending_reads: 0,
            role: "arn:aws:iam::111122223333:role/function".to_owned(),
            dead_letters: None,
            answer: Ok(json!({"lockgate": "ok"})),
            image: None,
        }
    }
}

/// A function with its versions and its alias.
#[derive(Debug, Clone)]
pub struct Function {
    /// By number.
    pub versions: BTreeMap<String, Version>,
    /// The alias's main version.
    pub version: String,
    /// The alias's other versions and their parts.
    pub weights: BTreeMap<String, f64>,
    /// Counts up with each update of the alias.
    pub revision: u64,
    /// Whether the alias has provisioned concurrency.
    pub provisioned: bool,
}

/// An account's functions; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Lambda {
    functions: Arc<Mutex<BTreeMap<String, Function>>>,
}

impl Lambda {
    /// The functions, to look at or to change; nobody is answered meanwhile.
    pub fn functions(&self) -> MutexGuard<'_, BTreeMap<String, Function>> {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a function with versions 1 to `versions` whose alias is at version 1.
    pub fn make(&self, name: &str, versions: u32) {
        let versions = (1..=versions).map(|number| (number.to_string(), Version::default())).collect();
        let function =
            Function { versions, version: "1".to_owned(), weights: BTreeMap::new(), revision: 1, provisioned: false };
        self.functions().insert(name.to_owned(), function);
    }

    /// Answers a request, if it is one for Lambda.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Option<Answer> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let (_, call) = path.split_once("/functions/")?;
        let qualifier = query.split('&').find_map(|pair| pair.strip_prefix("Qualifier="));
        let mut functions = self.functions();
        let (name, call) = call.split_once('/').unwrap_or((call, ""));
        let Some(function) = functions.get_mut(name) else {
            return Some(error(404, "ResourceNotFoundException", &format!("Function not found: {name}")));
        };
        // An alias with weights would take a version by chance; nobody probes through one.
        let qualifier =
            if qualifier == Some(ALIAS) { Some(function.version.clone()) } else { qualifier.map(str::to_owned) };
        let qualifier = qualifier.as_deref();
        Some(match (request.method.as_str(), call) {
            ("GET", "") => match qualifier.and_then(|number| function.versions.get_mut(number)) {
                Some(version) => {
                    let image = version.image.as_ref().map(|digest| format!("registry/{name}@{digest}"));
                    let code = json!({"RepositoryType": "ECR", "ResolvedImageUri": image});
                    answer(json!({"Configuration": configuration(name, qualifier, version), "Code": code}))
                }
                None => error(404, "ResourceNotFoundException", "Function not found"),
            },
            ("GET", "provisioned-concurrency") if function.provisioned => answer(json!({"Status": "READY"})),
            ("GET", "provisioned-concurrency") => {
                error(404, "ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found")
            }
            ("POST", "invocations") => match qualifier.and_then(|number| function.versions.get_mut(number)) {
                Some(version) if version.state == "Inactive" => {
                    version.state = "Pending".to_owned();
                    error(409, "ResourceNotReadyException", "The function is inactive")
                }
                Some(version) => match &version.answer {
                    Ok(value) => answer(value.clone()),
                    Err(value) => answer(value.clone()).header("x-amz-function-error", "Unhandled"),
                },
                None => error(404, "ResourceNotFoundException", "Function not found"),
            },
            ("GET", alias) if alias.starts_with("aliases/") => answer(shown(function)),
            ("PUT", alias) if alias.starts_with("aliases/") => update(function, &request.body),
            _ => error(501, "NotImplemented", call),
        })
    }
}

fn configuration(name: &str, number: Option<&str>, version: &mut Version) -> Value {
    if version.state == "Pending" {
        match version.pending_reads {
            0 => version.state = "Active".to_owned(),
            _ => version.pending_reads -= 1,
        }
    }
    json!({
        "FunctionName": name, "Version": number, "PackageType": "Image", "State": version.state,
        "StateReasonCode": version.reason,
        "StateReason": version.reason.as_ref().map(|code| format!("because of {code}")),
        "Role": version.role, "DeadLetterConfig": version.dead_letters.as_ref().map(|arn| json!({"TargetArn": arn})),
    })
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html>
fn update(function: &mut Function, body: &[u8]) -> Answer {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    if asked["RevisionId"].as_str().is_some_and(|revision| revision != function.revision.to_string()) {
        return error(412, "PreconditionFailedException", "The Revision Id provided does not match the latest one");
    }
    let version = asked["FunctionVersion"].as_str().unwrap_or(&function.version).to_owned();
    // What is not sent stays: a caller that leaves the weights out keeps old ones.
    let weights = asked["RoutingConfig"]["AdditionalVersionWeights"].as_object();
    let weights = weights.map_or_else(
        || function.weights.clone(),
        |weights| weights.iter().map(|(number, part)| (number.clone(), part.as_f64().unwrap_or(-1.0))).collect(),
    );
    let refusal = if weights.contains_key(&version) {
        Some(format!("Function version {version} is already included in routing configuration"))
    } else if weights.len() > 1 || weights.values().any(|part| !(0.0..=1.0).contains(part)) {
        Some("the routing configuration is invalid".to_owned())
    } else if !weights.is_empty() && function.provisioned {
        Some("Alias with weights can not be used with Provisioned Concurrency".to_owned())
    } else {
        weights
            .keys()
            .chain([&version])
            .find(|number| !function.versions.contains_key(*number))
            .map(|number| format!("Function not found: version {number}"))
    };
    if let Some(refusal) = refusal {
        return error(400, "InvalidParameterValueException", &refusal);
    }
    function.version = version;
    function.weights = weights;
    function.revision += 1;
    answer(shown(function))
}

fn shown(function: &Function) -> Value {
    let mut alias =
        json!({"Name": ALIAS, "FunctionVersion": function.version, "RevisionId": function.revision.to_string()});
    if !function.weights.is_empty() {
        alias["RoutingConfig"] = json!({"AdditionalVersionWeights": function.weights});
    }
    alias
}

fn answer(value: Value) -> Answer {
    Answer::status(200).header("content-type", "application/json").body(value.to_string())
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({"Type": "User", "Message": message, "message": message}).to_string();
    Answer::status(status).header("content-type", "application/json").header("x-amzn-errortype", code).body(body)
}
