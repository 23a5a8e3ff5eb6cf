//! GitHub's own description of its API, trimmed (see `openapi/trim.py`), and what breaks it.

use super::call::Query;
use anyhow::{Context, Result, anyhow};
use http::{Method, StatusCode};
use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// How schemas name the document that they are in.
const DOCUMENT: &str = "urn:github:rest";

static DESCRIPTION: LazyLock<Result<Description, String>> = LazyLock::new(|| {
    Description::read(include_str!("../../openapi/github.json")).map_err(|error| format!("{error:#}"))
});

/// The description, read once for all servers.
pub(super) fn description() -> Result<&'static Description> {
    DESCRIPTION.as_ref().map_err(|error| anyhow!("openapi/github.json cannot be used: {error}; make it by trim.py"))
}

/// The description, its schemas made into JSON Schema's.
pub(super) struct Description {
    document: Value,
    registry: Registry<'static>,
    // By the pointer to the schema; made when first asked for.
    validators: Mutex<BTreeMap<String, Arc<Validator>>>,
}

/// An operation, and what the path says of it.
#[derive(Debug)]
pub(super) struct Found {
    /// Such as `GET /repos/{owner}/{repo}`.
    pub(super) name: String,
    /// The path's parameters, decoded.
    pub(super) parameters: BTreeMap<String, String>,
    pointer: String,
}

impl Description {
    fn read(text: &str) -> Result<Self> {
        let mut document: Value = serde_json::from_str(text).context("it is no JSON")?;
        modernise(&mut document);
        let registry = Registry::new().draft(Draft::Draft7).add(DOCUMENT, document.clone())?.prepare()?;
        Ok(Self { document, registry, validators: Mutex::default() })
    }

    /// The operation that a path (without the server's own prefix, not yet decoded) leads to: of several the one with
    /// the most literal segments.
    pub(super) fn find(&self, method: &Method, path: &str) -> Option<Found> {
        let method = method.as_str().to_lowercase();
        let paths = self.document["paths"].as_object()?.iter();
        let fitting = paths.filter(|(_, item)| item.get(&method).is_some());
        let found = fitting.filter_map(|(template, _)| Some((template, matching(template, path)?)));
        let (template, parameters) = found.min_by_key(|(_, parameters)| parameters.len())?;
        let pointer = format!("/paths/{}/{method}", template.replace('~', "~0").replace('/', "~1"));
        Some(Found { name: format!("{} {template}", method.to_uppercase()), parameters, pointer })
    }

    /// What is wrong with a request: its parameters, and its body (`None` if there is none).
    pub(super) fn wrong_request(&self, found: &Found, query: &Query, body: Option<&Value>) -> Vec<String> {
        let mut wrong = self.wrong_parameters(found, query);
        let pointer = format!("{}/requestBody", found.pointer);
        match (self.document.pointer(&pointer), body) {
            (None, None) => {}
            (None, Some(_)) => wrong.push("it has a body, which this operation has not".to_owned()),
            (Some(described), None) => {
                if described["required"] == true {
                    wrong.push("its body is missing".to_owned());
                }
            }
            (Some(_), Some(body)) => {
                let pointer = format!("{pointer}/content/application~1json/schema");
                wrong.extend(self.mismatches(&pointer, body).into_iter().map(|it| format!("body: {it}")));
                wrong.extend(self.unknown_members(&pointer, body));
            }
        }
        wrong
    }

    fn wrong_parameters(&self, found: &Found, query: &Query) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut known = Vec::new();
        let listed = self.document.pointer(&format!("{}/parameters", found.pointer)).and_then(Value::as_array);
        for at in 0..listed.map_or(0, Vec::len) {
            let pointer = self.resolved(format!("{}/parameters/{at}", found.pointer));
            let Some(parameter) = self.document.pointer(&pointer) else { continue };
            let name = parameter["name"].as_str().unwrap_or_default();
            let value = match parameter["in"].as_str() {
                Some("path") => found.parameters.get(name),
                Some("query") => query.get(name),
                _ => continue,
            };
            known.push(name);
            if let Some(value) = value {
                let value = typed(&parameter["schema"], value);
                let said = self.mismatches(&format!("{pointer}/schema"), &value);
                wrong.extend(said.into_iter().map(|it| format!("{name}: {it}")));
            } else if parameter["required"] == true {
                wrong.push(format!("{name} is missing"));
            }
        }
        let unknown = query.keys().filter(|name| !known.contains(&name.as_str()));
        wrong.extend(unknown.map(|name| format!("{name} is no parameter of this operation")));
        wrong
    }

    /// Members that GitHub would ignore in silence: where the description names all there are.
    fn unknown_members(&self, pointer: &str, body: &Value) -> Vec<String> {
        let schema = self.document.pointer(pointer);
        let known = schema.and_then(|schema| schema["properties"].as_object());
        let (Some(known), Some(body)) = (known, body.as_object()) else { return Vec::new() };
        body.keys().filter(|key| !known.contains_key(*key)).map(|key| format!("body: {key} is no member")).collect()
    }

    /// What is wrong with an answer.
    pub(super) fn wrong_answer(&self, found: &Found, status: StatusCode, body: Option<&Value>) -> Vec<String> {
        let described = self.resolved(format!("{}/responses/{}", found.pointer, status.as_u16()));
        let mut pointer = format!("{described}/content/application~1json/schema");
        let listed = self.document.pointer(&described).is_some();
        // These GitHub may give to any operation; few list them:
        // https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
        if !listed && !matches!(status.as_u16(), 401 | 403 | 404 | 422) {
            return vec![format!("the status {status} is none of this operation")];
        }
        if status.is_client_error() && body.is_some() && self.document.pointer(&pointer).is_none() {
            "/components/schemas/validation-error".clone_into(&mut pointer);
        }
        match (self.document.pointer(&pointer), body) {
            (None, None) => Vec::new(),
            (None, Some(_)) => vec![format!("{status} has no body")],
            (Some(_), None) => vec![format!("{status} has a body")],
            (Some(_), Some(body)) => self.mismatches(&pointer, body),
        }
    }

    /// Follows a reference, if there is one at the pointer.
    fn resolved(&self, pointer: String) -> String {
        let reference = self.document.pointer(&pointer).and_then(|it| it["$ref"].as_str());
        reference.and_then(|reference| reference.strip_prefix('#')).map_or(pointer, ToOwned::to_owned)
    }

    fn mismatches(&self, pointer: &str, value: &Value) -> Vec<String> {
        match self.validator(pointer) {
            Ok(validator) => {
                let said = validator.iter_errors(value).map(|error| match error.instance_path().as_str() {
                    "" => error.to_string(),
                    place => format!("{place}: {error}"),
                });
                said.collect()
            }
            Err(error) => vec![format!("the description is broken at {pointer}: {error:#}")],
        }
    }

    fn validator(&self, pointer: &str) -> Result<Arc<Validator>> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = validators.get(pointer) {
            return Ok(Arc::clone(known));
        }
        // In a URL's fragment braces and spaces are encoded.
        let fragment = percent_encoding::utf8_percent_encode(pointer, percent_encoding::CONTROLS).to_string();
        let fragment = fragment.replace('{', "%7B").replace('}', "%7D").replace(' ', "%20");
        let options = jsonschema::options().with_draft(Draft::Draft7).with_registry(&self.registry);
        let schema = json!({ "$ref": format!("{DOCUMENT}#{fragment}") });
        let made = options.should_validate_formats(true).build(&schema).map_err(|error| anyhow!("{error}"))?;
        Ok(Arc::clone(validators.entry(pointer.to_owned()).or_insert(Arc::new(made))))
    }
}

/// OpenAPI 3.0's own words in those of JSON Schema.
fn modernise(node: &mut Value) {
    match node {
        Value::Array(list) => list.iter_mut().for_each(modernise),
        Value::Object(members) => {
            members.values_mut().for_each(modernise);
            if members.contains_key("format") && members.get("default") == Some(&json!("")) {
                // By its own description the text may be empty, which is no URL.
                members.remove("format");
            }
            if members.get("nullable") == Some(&json!(true)) {
                members.remove("nullable");
                let schema = Value::Object(std::mem::take(members));
                members.insert("anyOf".to_owned(), json!([{ "type": "null" }, schema]));
            }
        }
        _ => {}
    }
}

/// A parameter's text as the value that its schema is about.
fn typed(schema: &Value, text: &str) -> Value {
    let parsed = match schema["type"].as_str() {
        Some("integer") => text.parse().ok().map(|number: i64| json!(number)),
        Some("boolean") => text.parse().ok().map(|is: bool| json!(is)),
        _ => None,
    };
    parsed.unwrap_or_else(|| json!(text))
}

/// The parameters of a path that is like the template. A last `{ref}` or `{basehead}` takes slashes too, as branches
/// have them.
fn matching(template: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut rest = Some(path);
    let mut segments = template.split('/').peekable();
    while let Some(segment) = segments.next() {
        let left = rest?;
        let (value, after) = match left.split_once('/') {
            Some(_) if matches!(segment, "{ref}" | "{basehead}") && segments.peek().is_none() => (left, None),
            Some((value, after)) => (value, Some(after)),
            None => (left, None),
        };
        rest = after;
        match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(_) if value.is_empty() => return None,
            Some(name) => {
                let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
                parameters.insert(name.to_owned(), value);
            }
            None if value != segment => return None,
            None => {}
        }
    }
    rest.is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart_by_their_literal_parts() {
        let description = description().expect("a description");
        let name = |path| description.find(&Method::GET, path).map(|found| found.name);
        let comment = "GET /repos/{owner}/{repo}/issues/comments/{comment_id}";
        assert_eq!(name("/repos/a/b/issues/comments/1").as_deref(), Some(comment));
        let comments = "GET /repos/{owner}/{repo}/issues/{issue_number}/comments";
        assert_eq!(name("/repos/a/b/issues/1/comments").as_deref(), Some(comments));
        let tarball = description.find(&Method::GET, "/repos/a/b/tarball/feature/x%20y").expect("an operation");
        assert_eq!(tarball.parameters["ref"], "feature/x y");
        assert_eq!(name("/repos/a/b/"), None);
        assert_eq!(name("/repos/a/b/issues/1/comments/2"), None);
    }
}
