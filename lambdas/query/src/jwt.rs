//! Checks JSON Web Tokens against the keys that their issuer publishes, as API Gateway's JWT authorizer does for Lambda.
//! <https://www.rfc-editor.org/rfc/rfc7519>, <https://openid.net/specs/openid-connect-discovery-1_0.html>

use crate::config::{ConfigError, Trust};
use crate::problem::Problem;
use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

/// Keys are asked for again after this long, so that a withdrawn one does not live for ever.
const KEYS_LIVE: Duration = Duration::from_secs(3600);

/// The issuer is not asked more often than this, however many unknown keys are shown to us.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// How long the issuer may take for one answer, and how large it may be.
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Longer tokens are not looked at.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// By how many seconds the issuer's clock and ours may differ.
const LEEWAY_SECONDS: u64 = 30;

/// Checks the tokens of one issuer.
#[derive(Debug)]
pub struct Verifier {
    trust: Trust,
    http: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    keys: RwLock<Keys>,
    /// When the issuer was last asked; held while it is asked, so that only one does.
    asked: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Keys {
    by_id: HashMap<String, Key>,
    until: Option<Instant>,
}

#[derive(Clone)]
struct Key {
    algorithm: Algorithm,
    decoding: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({:?})", self.algorithm)
    }
}

impl Verifier {
    /// Nothing is fetched before the first token comes.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if the issuer is no `https` URL (plain `http` only on loopback).
    pub fn new(trust: Trust) -> Result<Self, ConfigError> {
        if !is_safe(&trust.issuer) {
            let wanted = "an https URL (http only on loopback)";
            return Err(ConfigError::Invalid { name: "JWT_ISSUER", value: trust.issuer, wanted });
        }
        let roots =
            HttpsConnectorBuilder::new().with_native_roots().map_err(|error| ConfigError::Roots(error.to_string()))?;
        let http = Client::builder(TokioExecutor::new()).build(roots.https_or_http().enable_http1().build());
        Ok(Self { trust, http, keys: RwLock::default(), asked: Mutex::default() })
    }

    /// Whether the token is one of our issuer's, for us, and valid now.
    ///
    /// # Errors
    /// A 401 if it is not, a 503 if the issuer's keys cannot be had.
    pub async fn verify(&self, token: &str) -> Result<(), Problem> {
        let header = (token.len() <= MAX_TOKEN_BYTES).then(|| decode_header(token).ok()).flatten();
        let header = header.ok_or_else(|| refused("the token is no JWT, or not signed with RS256 or ES256"))?;
        let key_id = header.kid.ok_or_else(|| refused("the token does not name its key (kid)"))?;
        let key = self.key(&key_id).await?.ok_or_else(|| refused("the issuer has no such key"))?;
        // The key says how it signs: an algorithm from the token alone could turn a public key into a shared secret.
        if header.alg != key.algorithm {
            return Err(refused("the token is not signed as its key signs"));
        }
        let mut validation = Validation::new(key.algorithm);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[&self.trust.issuer]);
        validation.set_audience(&self.trust.audience);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY_SECONDS;
        decode::<IgnoredAny>(token, &key.decoding, &validation).map(drop).map_err(|error| {
            use jsonwebtoken::errors::ErrorKind;
            refused(match error.kind() {
                ErrorKind::ExpiredSignature => "the token has expired",
                ErrorKind::ImmatureSignature => "the token is not valid yet",
                ErrorKind::InvalidIssuer => "the token is from another issuer",
                ErrorKind::InvalidAudience => "the token is for another audience",
                ErrorKind::MissingRequiredClaim(_) => "the token lacks exp, iss or aud",
                _ => "the token's signature is wrong",
            })
        })
    }

    async fn key(&self, id: &str) -> Result<Option<Key>, Problem> {
        if let Some(key) = self.fresh(id).await {
            return Ok(Some(key));
        }
        let mut asked = self.asked.lock().await;
        // Somebody else may have asked while we waited for the lock.
        if let Some(key) = self.fresh(id).await {
            return Ok(Some(key));
        }
        if asked.is_none_or(|at| at.elapsed() >= ASK_EVERY) {
            *asked = Some(Instant::now());
            match self.fetch().await {
                Ok(by_id) => *self.keys.write().await = Keys { by_id, until: Some(Instant::now() + KEYS_LIVE) },
                Err(cause) => tracing::warn!(cause, "the issuer's keys cannot be had"),
            }
        }
        let keys = self.keys.read().await;
        if keys.until.is_none_or(|until| until < Instant::now()) {
            return Err(Problem::unavailable("the token's issuer does not answer", "no valid keys of the issuer"));
        }
        Ok(keys.by_id.get(id).cloned())
    }

    async fn fresh(&self, id: &str) -> Option<Key> {
        let keys = self.keys.read().await;
        keys.until.filter(|until| *until >= Instant::now())?;
        keys.by_id.get(id).cloned()
    }

    async fn fetch(&self) -> Result<HashMap<String, Key>, String> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        #[derive(Deserialize)]
        struct KeySet {
            keys: Vec<serde_json::Value>,
        }
        let url = format!("{}/.well-known/openid-configuration", self.trust.issuer.trim_end_matches('/'));
        let discovery: Discovery = self.get(&url).await?;
        if discovery.issuer != self.trust.issuer {
            return Err(format!("{url} is about the issuer {:?}", discovery.issuer));
        }
        let set: KeySet = self.get(&discovery.jwks_uri).await?;
        // Keys of kinds that we do not know are not ours to judge: one of them must not spoil the others.
        let known = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(known.filter_map(|jwk| Some((jwk.common.key_id.clone()?, Key::new(&jwk)?))).collect())
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, url: &str) -> Result<T, String> {
        if !is_safe(url) {
            return Err(format!("{url} is not https"));
        }
        let uri = Uri::try_from(url).map_err(|error| format!("{url}: {error}"))?;
        let answer = async {
            let response = self.http.get(uri).await.map_err(|error| crate::problem::chain(&error))?;
            if response.status() != StatusCode::OK {
                return Err(format!("status {}", response.status()));
            }
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
            serde_json::from_slice(&body.map_err(|error| error.to_string())?.to_bytes())
                .map_err(|error| error.to_string())
        };
        let late = |_| Err(format!("no answer within {} s", PATIENCE.as_secs()));
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(late).map_err(|cause| format!("{url}: {cause}"))
    }
}

impl Key {
    /// The key, if it is one for RS256 or ES256 signatures.
    fn new(jwk: &Jwk) -> Option<Self> {
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let algorithm = match (&jwk.algorithm, jwk.common.key_algorithm) {
            (AlgorithmParameters::RSA(_), None | Some(KeyAlgorithm::RS256)) => Algorithm::RS256,
            (AlgorithmParameters::EllipticCurve(curve), None | Some(KeyAlgorithm::ES256))
                if curve.curve == EllipticCurve::P256 =>
            {
                Algorithm::ES256
            }
            _ => return None,
        };
        Some(Self { algorithm, decoding: DecodingKey::from_jwk(jwk).ok()? })
    }
}

fn refused(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail)
}

/// Keys are only as good as the way they came.
fn is_safe(url: &str) -> bool {
    let Ok(uri) = Uri::try_from(url) else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_by_https_or_from_this_machine() {
        for safe in ["https://issuer.example/pool", "http://127.0.0.1:8080", "http://[::1]:1/x", "http://localhost"] {
            assert!(is_safe(safe), "{safe} was refused");
        }
        for unsafe_url in
            ["http://issuer.example", "http://127.0.0.1.example", "issuer.example", "ftp://localhost", "", "https://"]
        {
            assert!(!is_safe(unsafe_url), "{unsafe_url} was taken");
        }
    }
}
