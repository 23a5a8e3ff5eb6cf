//! A client of the service's HTTP API: requests signed by a user who may invoke it, as `AWS_IAM` wants them.

use crate::http;
use ::http::{Method, Request};
use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use serde::Serialize;
use serde_json::{Value, json};
use stand_ins::emulator::{Emulator, REGION};
use std::sync::Mutex;
use std::time::SystemTime;

/// A caller of the API.
#[derive(Debug)]
pub struct Api {
    base: String,
    credentials: Option<Credentials>,
    client: Client<HttpConnector, Full<Bytes>>,
    asked: Mutex<Vec<Asked>>,
}

/// One request and its answer, as the report shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// Method and path, `GET /calls/call-00001`.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The answer's body.
    pub body: Value,
}

impl Api {
    /// A caller of this API without credentials.
    #[must_use]
    pub fn anonymous(emulator: &Emulator, api_id: &str) -> Self {
        let base = format!("{}/_aws/execute-api/{api_id}/$default", emulator.url);
        Self { base, credentials: None, client: http::client(), asked: Mutex::default() }
    }

    /// A caller who signs as a new user with this name, who may do what `actions` say on this API.
    ///
    /// # Errors
    /// If the user cannot be made.
    pub async fn user(
        emulator: &Emulator,
        root: &SdkConfig,
        api_id: &str,
        name: &str,
        actions: &[&str],
    ) -> Result<Self> {
        let iam = aws_sdk_iam::Client::new(root);
        iam.create_user().user_name(name).send().await.with_context(|| format!("failed to create the user {name}"))?;
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": format!("arn:aws:execute-api:{REGION}:*:{api_id}/*")}],
        });
        let put = iam.put_user_policy().user_name(name).policy_name("api").policy_document(policy.to_string());
        put.send().await.with_context(|| format!("failed to give {name} a policy"))?;
        let made = iam.create_access_key().user_name(name).send().await.context("failed to create an access key")?;
        let key = made.access_key().context("CreateAccessKey gave no key")?;
        let credentials = Credentials::from_keys(key.access_key_id(), key.secret_access_key(), None);
        Ok(Self { credentials: Some(credentials), ..Self::anonymous(emulator, api_id) })
    }

    /// Asks; any status is an answer. `path` begins with `/` and is encoded already.
    ///
    /// # Errors
    /// If there is no answer, or none in JSON.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Asked> {
        let url = format!("{}{path}", self.base);
        let body = Bytes::from(body.map(Value::to_string).unwrap_or_default());
        let mut request = Request::builder().method(&method).uri(&url);
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let mut request = request.body(Full::new(body.clone()))?;
        if let Some(credentials) = &self.credentials {
            let identity = credentials.clone().into();
            let parameters = v4::SigningParams::builder().identity(&identity).region(REGION).name("execute-api");
            let parameters = parameters.time(SystemTime::now()).settings(SigningSettings::default()).build()?;
            let headers: Vec<(&str, &str)> = Vec::new();
            let signable =
                SignableRequest::new(method.as_str(), &url, headers.into_iter(), SignableBody::Bytes(&body))?;
            let (instructions, _) = sign(signable, &parameters.into())?.into_parts();
            instructions.apply_to_request_http1x(&mut request);
        }
        let answer = http::send(&self.client, request).await?;
        let status = answer.status().as_u16();
        let text = answer.into_body();
        let body = serde_json::from_slice(&text).unwrap_or_else(|_| json!(String::from_utf8_lossy(&text)));
        let asked = Asked { request: format!("{method} {path}"), status, body };
        self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(asked.clone());
        Ok(asked)
    }

    /// Asks with GET and expects 200.
    ///
    /// # Errors
    /// Shows any other answer.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.ask(Method::GET, path, None).await?;
        ensure!(answer.status == 200, "GET {path} answered {}: {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// All rows under `name`, over all pages.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn all(&self, path: &str, name: &str) -> Result<Vec<Value>> {
        let mut rows = Vec::new();
        let mut page = String::new();
        loop {
            let mut answer = self.get(&format!("{path}{page}")).await?;
            if let Value::Array(more) = answer[name].take() {
                rows.extend(more);
            }
            match answer["next"].as_str() {
                Some(next) => page = format!("&page={next}"),
                None => return Ok(rows),
            }
        }
    }

    /// Everything asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
