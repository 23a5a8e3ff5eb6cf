//! Against the emulated AWS, which compares `aud` and `sub` with the trust policy (the signature it does not check).

use aws_sdk_iam::Client;
use serde_json::json;
use stand_ins::{
    emulator::{self, ACCOUNT, REGION},
    oidc::{Issuer, Job},
};

use crate::kit::{Done, Runner};

/// A role that lets the environment `staging-rollback` of acme/calls in.
async fn role(issuer: &Issuer) -> String {
    let iam = Client::new(&emulator::shared().await.config().await);
    let provider = iam.create_open_id_connect_provider().url(&issuer.url).client_id_list("sts.amazonaws.com");
    let provider = provider.thumbprint_list("0".repeat(40)).send().await.expect("an identity provider");
    let host = issuer.url.trim_start_matches("http://");
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": provider.open_id_connect_provider_arn() },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": {
                format!("{host}:aud"): "sts.amazonaws.com",
                format!("{host}:sub"): "repo:acme/calls:environment:staging-rollback",
            } },
        }],
    });
    let name = format!("rollback-{}", host.replace([':', '.'], "-"));
    let role = iam.create_role().role_name(name).assume_role_policy_document(policy.to_string());
    role.send().await.expect("a role").role().expect("a role").arn().to_owned()
}

async fn assume(issuer: &Issuer, role: &str, environment: &str) -> Done {
    let job = Job { environment: Some(environment.into()), ..Job::default() };
    let runner = Runner::new().job(issuer, job).with("INPUT_ROLE", role).with("INPUT_REGION", REGION);
    let runner = runner.with("AWS_ENDPOINT_URL", &emulator::shared().await.url);
    tokio::task::spawn_blocking(|| runner.run()).await.expect("it runs")
}

#[tokio::test]
async fn the_role_of_an_environment_takes_its_jobs_and_no_others() {
    let issuer = Issuer::start().expect("an issuer");
    let role = role(&issuer).await;

    let done = assume(&issuer, &role, "staging-rollback").await;
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert_eq!(done.outputs["account"], ACCOUNT);
    let credentials = aws_credential_types::Credentials::from_keys(
        &done.exported["AWS_ACCESS_KEY_ID"],
        &done.exported["AWS_SECRET_ACCESS_KEY"],
        Some(done.exported["AWS_SESSION_TOKEN"].clone()),
    );
    let sts = aws_sdk_sts::Client::new(&emulator::shared().await.config_as(credentials).await);
    let who = sts.get_caller_identity().send().await.expect("credentials that work");
    assert_eq!(who.arn(), Some(done.outputs["role-arn"].as_str()), "the ARN is known without asking");

    let done = assume(&issuer, &role, "production-rollback").await;
    assert_eq!(done.code, 2, "{}", done.stdout);
    assert!(done.stdout.contains("repo:acme/calls:environment:production-rollback"), "{}", done.stdout);
    assert!(done.exported.is_empty());
}
