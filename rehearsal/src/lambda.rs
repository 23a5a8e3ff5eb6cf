//! What the function host asks the emulated Lambda and STS for.

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;
use sha2::{Digest, Sha256};

/// The alias that receives traffic, as `lockgate.toml` names it for every function of ours.
pub(crate) const ALIAS: &str = "live";

/// Where an alias sends its traffic.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_AliasConfiguration.html>
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alias {
    main: String,
    /// Versions and the part of the traffic, 0 to 1, that each gets before the main one.
    weights: Vec<(String, f64)>,
}

impl Alias {
    pub(crate) async fn read(config: &SdkConfig, function: &str) -> Result<Self> {
        let client = aws_sdk_lambda::Client::new(config);
        let alias = client.get_alias().function_name(function).name(ALIAS).send().await;
        let alias = alias.with_context(|| format!("failed to read the alias {ALIAS} of {function}"))?;
        let routing = alias.routing_config().and_then(|routing| routing.additional_version_weights().cloned());
        Ok(Self {
            main: alias.function_version().context("the alias has no version")?.to_owned(),
            weights: routing.unwrap_or_default().into_iter().collect(),
        })
    }

    /// The version for one request, spread evenly over the request's own id.
    pub(crate) fn choose(&self, request_id: &str) -> &str {
        let digest = Sha256::digest(request_id);
        let drawn = digest[..4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let mut drawn = f64::from(drawn) / (f64::from(u32::MAX) + 1.0);
        for (version, weight) in &self.weights {
            if drawn < *weight {
                return version;
            }
            drawn -= weight;
        }
        &self.main
    }
}

/// Credentials of a role's session.
pub(crate) struct Session {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
}

/// What Lambda does before it starts a function: takes the function's role.
pub(crate) async fn assume_role(config: &SdkConfig, role: &str, function: &str) -> Result<Session> {
    let client = aws_sdk_sts::Client::new(config);
    let answer = client.assume_role().role_arn(role).role_session_name(function).send().await;
    let answer = answer.with_context(|| format!("failed to assume {role}"))?;
    let credentials = answer.credentials().context("AssumeRole gave no credentials")?;
    Ok(Session {
        access_key_id: credentials.access_key_id().to_owned(),
        secret_access_key: credentials.secret_access_key().to_owned(),
        session_token: credentials.session_token().to_owned(),
    })
}

/// Invokes a function through its alias and waits for the answer.
pub(crate) async fn invoke(config: &SdkConfig, function: &str, event: &serde_json::Value) -> Result<serde_json::Value> {
    let client = aws_sdk_lambda::Client::new(config);
    let invoke =
        client.invoke().function_name(function).qualifier(ALIAS).payload(event.to_string().into_bytes().into());
    let answer = invoke.send().await.with_context(|| format!("failed to invoke {function}"))?;
    let payload = answer.payload().map(|payload| payload.as_ref().to_vec()).unwrap_or_default();
    ensure!(answer.function_error().is_none(), "{function} reported {}", String::from_utf8_lossy(&payload));
    serde_json::from_slice(&payload).with_context(|| format!("{function} did not answer JSON"))
}

/// A request id as Lambda makes them: a UUID.
pub(crate) fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_split_by_the_weights() {
        let alias = Alias { main: "1".into(), weights: vec![("2".into(), 0.1)] };
        let new = (0..10_000).filter(|request| alias.choose(&request.to_string()) == "2").count();
        assert!((900..1100).contains(&new), "{new} of 10,000 for a weight of 0.1");
        let whole = Alias { weights: Vec::new(), ..alias };
        assert!((0..100).all(|request| whole.choose(&request.to_string()) == "1"));
    }
}
