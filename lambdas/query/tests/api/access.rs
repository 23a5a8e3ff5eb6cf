//! Who may ask, where no API Gateway decides it.

use crate::world::{config, send};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use query::config::Trust;
use query::{App, listen};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An issuer on this machine, with the keys it publishes.
struct Issuer {
    url: String,
    published: Published,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Published {
    discovery: Arc<Mutex<Value>>,
    keys: Arc<Mutex<Vec<Value>>>,
    fetched: Arc<Mutex<u32>>,
}

impl Issuer {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let discovery = Arc::new(Mutex::new(json!({"issuer": url, "jwks_uri": format!("{url}/keys")})));
        let published = Published { discovery, keys: Arc::default(), fetched: Arc::default() };
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async |State(it): State<Published>| Json(it.discovery.lock().expect("whole").clone())),
            )
            .route(
                "/keys",
                get(async |State(it): State<Published>| {
                    *it.fetched.lock().expect("whole") += 1;
                    Json(json!({"keys": *it.keys.lock().expect("whole")}))
                }),
            )
            .with_state(published.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { url, published, server }
    }

    fn publish(&self, key: &Key) {
        self.published.keys.lock().expect("whole").push(key.jwk.clone());
    }

    fn fetched(&self) -> u32 {
        *self.published.fetched.lock().expect("whole")
    }

    fn trust(&self) -> Trust {
        Trust { issuer: self.url.clone(), audience: vec!["reports".to_owned(), "calls".to_owned()] }
    }

    fn claims(&self) -> Value {
        let now = jsonwebtoken::get_current_timestamp();
        json!({"iss": self.url, "aud": "calls", "exp": now + 600, "nbf": now - 5, "sub": "someone"})
    }
}

struct Key {
    id: String,
    algorithm: Algorithm,
    signing: EncodingKey,
    jwk: Value,
}

impl Key {
    fn es256(id: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).expect("a pair");
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Self {
            id: id.to_owned(),
            algorithm: Algorithm::ES256,
            signing: EncodingKey::from_ec_der(document.as_ref()),
            jwk: json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y}),
        }
    }

    /// ring makes no RSA keys: this one was made for these tests and guards nothing.
    fn rs256(id: &str) -> Self {
        let der = STANDARD.decode(include_str!("rs256.pkcs1.base64").trim()).expect("base64");
        let pair = ring::signature::RsaKeyPair::from_der(&der).expect("a pair");
        let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
        let (n, e) = (URL_SAFE_NO_PAD.encode(public.n), URL_SAFE_NO_PAD.encode(public.e));
        Self {
            id: id.to_owned(),
            algorithm: Algorithm::RS256,
            signing: EncodingKey::from_rsa_der(&der),
            jwk: json!({"kty": "RSA", "kid": id, "n": n, "e": e}),
        }
    }

    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.signing).expect("signed")
    }
}

fn router(trust: Trust) -> Router {
    let nowhere = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
    listen::router(&App::new(config("nowhere"), &nowhere), Some(trust)).expect("an issuer on this machine")
}

async fn ask(router: &Router, token: &str) -> (StatusCode, Value) {
    let bearer = format!("Bearer {token}");
    let answer = send(router, "GET", "/openapi.json", &[("authorization", &bearer)], "").await;
    (answer.status, answer.json)
}

#[tokio::test]
async fn only_health_is_open() {
    let issuer = Issuer::start().await;
    let router = router(issuer.trust());
    assert_eq!(send(&router, "GET", "/health", &[], "").await.status, StatusCode::OK);
    for (method, path) in [
        ("GET", "/openapi.json"),
        ("GET", "/ready"),
        ("GET", "/calls?client_id=a"),
        ("POST", "/calls"),
        ("GET", "/stats?client_id=a"),
        ("DELETE", "/calls/a"),
        ("GET", "/no-such-route"),
        ("PUT", "/calls"),
        ("GET", "//health"),
        ("GET", "/health/"),
    ] {
        for headers in [&[][..], &[("authorization", "Basic YTpi")], &[("authorization", "Bearer")]] {
            let refused = send(&router, method, path, headers, "").await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert_eq!(refused.headers["www-authenticate"], "Bearer");
            assert_eq!(refused.headers["content-type"], "application/problem+json");
        }
    }
    assert_eq!(issuer.fetched(), 0, "nobody showed a token");
}

#[tokio::test]
async fn good_tokens_of_both_algorithms_are_taken() {
    let issuer = Issuer::start().await;
    let keys = [Key::es256("es"), Key::rs256("rs")];
    // What we cannot use must not hide what we can.
    issuer.published.keys.lock().expect("whole").extend([json!({"kty": "new", "kid": "x"}), json!(7)]);
    keys.iter().for_each(|key| issuer.publish(key));
    let router = router(issuer.trust());
    for key in &keys {
        let mut claims = issuer.claims();
        assert_eq!(ask(&router, &key.sign(&claims)).await.0, StatusCode::OK, "{}", key.id);
        claims["aud"] = json!(["others", "reports"]);
        assert_eq!(ask(&router, &key.sign(&claims)).await.0, StatusCode::OK, "{}", key.id);
    }
    assert_eq!(issuer.fetched(), 1);
}

#[tokio::test]
async fn every_wrong_claim_is_refused() {
    let issuer = Issuer::start().await;
    let key = Key::es256("es");
    issuer.publish(&key);
    let router = router(issuer.trust());
    let now = jsonwebtoken::get_current_timestamp();
    for (claim, value, said) in [
        ("iss", json!("https://other.example"), "another issuer"),
        ("iss", Value::Null, "lacks"),
        ("aud", json!("others"), "another audience"),
        ("aud", json!([]), "another audience"),
        ("aud", Value::Null, "lacks"),
        ("exp", json!(now - 120), "expired"),
        ("exp", Value::Null, "lacks"),
        ("nbf", json!(now + 120), "not valid yet"),
    ] {
        let mut claims = issuer.claims();
        match value {
            Value::Null => drop(claims.as_object_mut().expect("claims").remove(claim)),
            value => claims[claim] = value,
        }
        let (status, problem) = ask(&router, &key.sign(&claims)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{claim}");
        assert!(problem["detail"].as_str().expect("a detail").contains(said), "{claim}: {problem}");
    }
}

#[tokio::test]
async fn every_wrong_signature_is_refused() {
    let issuer = Issuer::start().await;
    let (es, rs) = (Key::es256("es"), Key::rs256("rs"));
    issuer.publish(&es);
    issuer.publish(&rs);
    let router = router(issuer.trust());
    let claims = issuer.claims();
    let good = es.sign(&claims);
    assert_eq!(ask(&router, &good).await.0, StatusCode::OK);

    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", part(json!({"alg": "none", "kid": "es"})), part(claims.clone()));
    let mut altered = claims.clone();
    altered["sub"] = json!("somebody else");
    let signature = good.rsplit('.').next().expect("three parts");
    let header = good.split('.').next().expect("three parts");
    let mixed = Header { kid: Some("rs".to_owned()), ..Header::new(Algorithm::ES256) };
    let nameless = encode(&Header::new(Algorithm::ES256), &claims, &es.signing).expect("signed");
    let public = EncodingKey::from_secret(rs.jwk["n"].as_str().expect("n").as_bytes());
    let hmac = Header { kid: Some("rs".to_owned()), ..Header::new(Algorithm::HS256) };
    for (token, what) in [
        (unsigned, "no signature"),
        (format!("{header}.{}.{signature}", part(altered)), "another's signature"),
        (Key::es256("es").sign(&claims), "another key of the same name"),
        (Key::es256("unknown").sign(&claims), "an unknown key"),
        (encode(&mixed, &claims, &es.signing).expect("signed"), "a key of the other kind"),
        (encode(&hmac, &claims, &public).expect("signed"), "a public key as a secret"),
        (nameless, "no key named"),
        (good[..good.len() - 4].to_owned(), "cut off"),
        ("a.b.c".to_owned(), "garbage"),
        (format!("{good}{}", "A".repeat(20_000)), "too long"),
    ] {
        assert_eq!(ask(&router, &token).await.0, StatusCode::UNAUTHORIZED, "{what}");
    }
    assert_eq!(issuer.fetched(), 1, "an unknown key does not make us ask again at once");
}

async fn later(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn new_keys_are_found_and_old_ones_do_not_live_for_ever() {
    let issuer = Issuer::start().await;
    let (old, new) = (Key::es256("old"), Key::es256("new"));
    issuer.publish(&old);
    let router = router(issuer.trust());
    let (old_token, new_token) = (old.sign(&issuer.claims()), new.sign(&issuer.claims()));
    assert_eq!(ask(&router, &old_token).await.0, StatusCode::OK);

    issuer.published.keys.lock().expect("whole").clear();
    issuer.publish(&new);
    assert_eq!(ask(&router, &new_token).await.0, StatusCode::UNAUTHORIZED, "we asked a moment ago");
    later(11).await;
    assert_eq!(ask(&router, &new_token).await.0, StatusCode::OK);
    assert_eq!(ask(&router, &old_token).await.0, StatusCode::UNAUTHORIZED, "it was withdrawn");
    assert_eq!(issuer.fetched(), 2);

    issuer.server.abort();
    assert!(issuer.server.await.expect_err("aborted").is_cancelled());
    assert_eq!(ask(&router, &new_token).await.0, StatusCode::OK, "the keys are still good");
    later(3601).await;
    let (status, problem) = ask(&router, &new_token).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
}

#[tokio::test]
async fn an_issuer_that_is_another_or_sends_us_elsewhere_is_not_believed() {
    for (field, value) in [("issuer", "https://other.example"), ("jwks_uri", "http://keys.example/keys")] {
        let issuer = Issuer::start().await;
        let key = Key::es256("es");
        issuer.publish(&key);
        issuer.published.discovery.lock().expect("whole")[field] = json!(value);
        let (status, problem) = ask(&router(issuer.trust()), &key.sign(&issuer.claims())).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{field}: {problem}");
        assert_eq!(issuer.fetched(), 0);
    }
    let plain = Trust { issuer: "http://issuer.example".to_owned(), audience: vec!["calls".to_owned()] };
    assert!(query::jwt::Verifier::new(plain).is_err());
}
