//! GitHub's OIDC provider: tokens that say what a job is, asked for and signed as on a runner
//! (<https://docs.github.com/en/actions/reference/security/oidc>).
//!
//! What it does not do: it signs with ES256 where GitHub signs with RS256, speaks plain HTTP on loopback, never turns its
//! key over, knows no customised subjects, no enterprises and no organisations, and gives a token to every job that was
//! granted one, for as long as the issuer lives. GitHub knows a job's environment and file itself; here the URL may say
//! them (`&environment=`, `&called=`), because only act knows what they are once a run is under way. The emulated AWS does not check signatures.

mod claims;

use anyhow::{Context, Result, anyhow};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::sync::oneshot;

pub use claims::Job;

/// GitHub's own issuer, for [`Issuer::start_as`].
pub const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// The one key's id.
const KEY: &str = "lockgate-stand-in";

/// A running issuer; it ends with this value.
#[derive(Debug)]
pub struct Issuer {
    /// Where it listens: `http://127.0.0.1:<port>`.
    pub url: String,
    state: Arc<State>,
    _stop: oneshot::Sender<()>,
}

/// What a job that may have tokens finds in its environment.
#[derive(Debug, Clone)]
pub struct Grant {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub url: String,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub bearer: String,
}

impl Grant {
    /// Both variables with their names.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, &str); 2] {
        [("ACTIONS_ID_TOKEN_REQUEST_URL", &self.url), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &self.bearer)]
    }
}

struct State {
    url: String,
    issuer: String,
    key: EcdsaKeyPair,
    jobs: Mutex<BTreeMap<String, Job>>,
    asked: Mutex<Vec<String>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("url", &self.url).field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

impl Issuer {
    /// Starts one on a free port, in a thread of its own: it serves whatever runtime, or none, its user has. Its tokens
    /// say that its URL issued them.
    ///
    /// # Errors
    /// If the system has no free port or gives no random numbers.
    pub fn start() -> Result<Self> {
        Self::start_as(None)
    }

    /// The same, its tokens issued in the name of `issuer` (a URL): for a trust in GitHub's own name, where nobody looks
    /// for the key.
    ///
    /// # Errors
    /// As [`Issuer::start`].
    pub fn start_as(issuer: Option<&str>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to find a free port")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
            .map_err(|_| anyhow!("failed to make a key"))?;
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
            .map_err(|refused| anyhow!("failed to read the key just made: {refused}"))?;
        let state = Arc::new(State {
            url: url.clone(),
            issuer: issuer.unwrap_or(&url).to_owned(),
            key,
            jobs: Mutex::default(),
            asked: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&state);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self { url, state, _stop: stop })
    }

    /// Lets a job have tokens that say what it is.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn grant(&self, job: Job) -> Result<Grant> {
        let bearer = format!("{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?);
        locked(&self.state.jobs).insert(bearer.clone(), job);
        // A runner's URL has a query already: the audience is one more parameter.
        Ok(Grant { url: format!("{}/token?api-version=2.0", self.url), bearer })
    }

    /// The audience of every token that was given, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        locked(&self.state.asked).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let answer = state.answer(&request);
                async { Ok::<_, Infallible>(answer) }
            });
            // A client that hangs up ends its own connection only.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

impl State {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, body) = match request.uri().path() {
            "/.well-known/openid-configuration" => (200, self.configuration()),
            "/.well-known/jwks" => (200, self.keys()),
            "/token" => {
                let bearer = request.headers().get("authorization").and_then(|value| value.to_str().ok());
                let bearer = bearer.and_then(|value| value.strip_prefix("Bearer "));
                self.token(bearer.unwrap_or_default(), request.uri().query().unwrap_or_default())
            }
            _ => (404, json!({ "message": "not found" })),
        };
        let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
        *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
        response
    }

    /// <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata>
    fn configuration(&self) -> Value {
        json!({
            "issuer": self.issuer,
            "jwks_uri": format!("{}/.well-known/jwks", self.url),
            "subject_types_supported": ["public", "pairwise"],
            "response_types_supported": ["id_token"],
            "claims_supported": claims::NAMES,
            "id_token_signing_alg_values_supported": ["ES256"],
            "scopes_supported": ["openid"],
        })
    }

    /// <https://www.rfc-editor.org/rfc/rfc7518#section-6.2>; the public key is 0x04, then both coordinates.
    fn keys(&self) -> Value {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        let encode = |coordinate| URL_SAFE_NO_PAD.encode(coordinate);
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY, "x": encode(x), "y": encode(y) }] })
    }

    fn token(&self, bearer: &str, query: &str) -> (u16, Value) {
        let Some(mut job) = locked(&self.jobs).get(bearer).cloned() else {
            return (401, json!({ "message": "this bearer was given to no job" }));
        };
        let asked = |name: &str| {
            let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
            Some(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        job.environment = asked("environment").or(job.environment);
        job.called = asked("called").or(job.called);
        let audience = asked("audience").unwrap_or_else(|| format!("https://github.com/{}", job.owner));
        match self.sign(&job.claims(&self.issuer, &audience)) {
            Ok(token) => {
                locked(&self.asked).push(audience);
                (200, json!({ "count": token.len(), "value": token }))
            }
            Err(error) => (500, json!({ "message": format!("{error:#}") })),
        }
    }

    /// <https://www.rfc-editor.org/rfc/rfc7515#section-3.1>
    fn sign(&self, claims: &Value) -> Result<String> {
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": KEY });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature =
            self.key.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| anyhow!("failed to sign"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
