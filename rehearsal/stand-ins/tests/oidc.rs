//! The issuer's tokens are what a verifier who knows only its URL accepts.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;
use stand_ins::oidc::{Issuer, Job};
use std::io::{Read, Write};
use std::net::TcpStream;

fn get(url: &str, bearer: &str) -> (u16, Value) {
    let rest = url.strip_prefix("http://").expect("plain HTTP");
    let (address, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(address).expect("a running issuer");
    let request = format!(
        "GET /{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).expect("JSON"))
}

fn decode(part: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part.as_str().expect("text")).expect("base64url")
}

#[test]
fn a_token_is_signed_by_the_key_that_discovery_leads_to() {
    let issuer = Issuer::start().expect("an issuer");
    let grant = issuer.grant(Job { environment: Some("staging-rollback".into()), ..Job::default() }).expect("a grant");
    let (status, answer) = get(&format!("{}&audience=sts.amazonaws.com", grant.url), &grant.bearer);
    assert_eq!(status, 200);
    let token = answer["value"].as_str().expect("a token");
    let (signed, signature) = token.rsplit_once('.').expect("three parts");

    let (_, configuration) = get(&format!("{}/.well-known/openid-configuration", issuer.url), "");
    let (_, keys) = get(configuration["jwks_uri"].as_str().expect("a URL"), "");
    let key = &keys["keys"][0];
    let point = [vec![4], decode(&key["x"]), decode(&key["y"])].concat();
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &signature)
        .expect("its own signature");

    let payload = signed.split_once('.').expect("two parts").1;
    let claims: Value = serde_json::from_slice(&decode(&payload.into())).expect("claims");
    assert_eq!(claims["iss"], configuration["issuer"]);
    assert_eq!(claims["sub"], "repo:acme/calls:environment:staging-rollback");
    assert_eq!(claims["aud"], "sts.amazonaws.com");
    assert_eq!(issuer.asked(), ["sts.amazonaws.com"]);
}

#[test]
fn a_runs_url_may_say_which_of_its_jobs_asks() {
    let issuer = Issuer::start_as(Some(stand_ins::oidc::GITHUB)).expect("an issuer");
    let grant = issuer.grant(Job::default()).expect("a grant");
    let url =
        format!("{}&environment=staging-rollback&called=.github%2Fworkflows%2Frollback.yml&audience=x", grant.url);
    let (_, answer) = get(&url, &grant.bearer);
    let payload = answer["value"].as_str().and_then(|token| token.split('.').nth(1)).expect("a token");
    let claims: Value = serde_json::from_slice(&decode(&payload.into())).expect("claims");
    assert_eq!(claims["iss"], stand_ins::oidc::GITHUB);
    assert_eq!(claims["sub"], "repo:acme/calls:environment:staging-rollback");
    assert_eq!(claims["job_workflow_ref"], "acme/calls/.github/workflows/rollback.yml@refs/heads/main");
    assert_eq!(claims["workflow_ref"], "acme/calls/.github/workflows/on-main.yml@refs/heads/main");
}

#[test]
fn a_bearer_that_was_given_to_nobody_gets_no_token() {
    let issuer = Issuer::start().expect("an issuer");
    let grant = issuer.grant(Job::default()).expect("a grant");
    assert_eq!(get(&grant.url, "guessed").0, 401);
    assert!(issuer.asked().is_empty());
}
