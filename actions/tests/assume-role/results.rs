//! Where the credentials go, and what nobody sees of them.

use serde_json::Value;
use stand_ins::oidc::{Issuer, Job};

use crate::kit::{ASSUMED, KEY, ROLE, Runner, SECRET, TOKEN, claims, form, given, granted, sts, web_identity};

#[test]
fn later_steps_find_the_credentials_in_their_environment() {
    let (issuer, sts) = (Issuer::start().expect("an issuer"), sts(vec![granted(ASSUMED)]));
    let done = Runner::new().job(&issuer, Job::default()).sts(&sts).run();
    assert_eq!(done.code, 0, "{}", done.stdout);
    let expected = [
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
    ];
    assert_eq!(done.exported, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let outputs = [("account", "111122223333"), ("role-arn", ASSUMED), ("expiration", "2026-11-21T14:00:00Z")];
    assert_eq!(done.outputs, outputs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());

    let asked = form(&sts.requests()[0]);
    assert_eq!(asked["RoleArn"], ROLE);
    assert_eq!(asked["RoleSessionName"], "calls-4711-1");
    assert_eq!(asked["DurationSeconds"], "3600");
    assert_eq!(claims(&asked["WebIdentityToken"])["aud"], "sts.amazonaws.com");
}

#[test]
fn trap_02_secrets_are_masked_before_anything_is_written() {
    let (issuer, sts) = (Issuer::start().expect("an issuer"), sts(vec![granted(ASSUMED)]));
    let runner = Runner::new().job(&issuer, Job::default()).sts(&sts);
    // A folder in place of the file: writing the first variable fails, and what was said by then is what came before.
    let folder = runner.folder().join("env");
    std::fs::create_dir(&folder).expect("a folder");
    let done = runner.run();
    assert_eq!(done.code, 2, "{}", done.stdout);
    for secret in [&web_identity(&sts.requests()[0]), KEY, SECRET, TOKEN] {
        let shown: Vec<_> = done.stdout.lines().filter(|line| line.contains(secret)).collect();
        assert_eq!(shown, [format!("::add-mask::{secret}")]);
    }
    assert!(done.stderr.is_empty(), "{}", done.stderr);
}

#[test]
fn trap_02_a_password_of_a_proxy_is_masked() {
    let done = Runner::new().with("HTTPS_PROXY", "http://me:hunter2@proxy.invalid:3128").run();
    assert!(done.stdout.contains("::add-mask::hunter2"), "{}", done.stdout);
    assert_eq!(done.stdout.matches("hunter2").count(), 1, "{}", done.stdout);
}

#[test]
fn trap_04_outputs_leave_the_environment_alone() {
    let (issuer, sts) = (Issuer::start().expect("an issuer"), sts(vec![granted(ASSUMED)]));
    let done = Runner::new().job(&issuer, Job::default()).sts(&sts).with("INPUT_FORMAT", "outputs").run();
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert!(done.exported.is_empty());
    for (name, value) in
        [("access-key-id", KEY), ("secret-access-key", SECRET), ("session-token", TOKEN), ("account", "111122223333")]
    {
        assert_eq!(done.outputs[name], value);
    }
}

#[test]
fn trap_04_a_credential_process_prints_one_json_and_leaves_nothing_behind() {
    let (issuer, sts) = (Issuer::start().expect("an issuer"), sts(vec![granted(ASSUMED)]));
    let runner = Runner::new().job(&issuer, Job::default()).sts(&sts).arguments(&["--format", "process"]);
    let done = runner.run();
    assert_eq!(done.code, 0, "{}", done.stderr);
    let answer: Value = serde_json::from_str(&done.stdout).expect("nothing but JSON, as the SDKs want it");
    assert_eq!(answer["Version"], 1);
    assert_eq!(answer["AccessKeyId"], KEY);
    assert_eq!(answer["SecretAccessKey"], SECRET);
    assert_eq!(answer["SessionToken"], TOKEN);
    assert_eq!(answer["Expiration"], "2026-11-21T14:00:00Z");
    assert!(done.exported.is_empty() && done.outputs.is_empty());
    // A runner finds masks on stderr too, in case a step runs this itself.
    assert!(done.stderr.contains(&format!("::add-mask::{SECRET}")), "{}", done.stderr);
}

#[test]
fn trap_06_a_chained_role_needs_no_token_and_ends_after_an_hour() {
    let sts = sts(vec![given("AssumeRole", ASSUMED)]);
    let chained = || {
        let runner = Runner::new().sts(&sts).with("INPUT_CHAIN", "true");
        runner
            .with("AWS_ACCESS_KEY_ID", "first")
            .with("AWS_SECRET_ACCESS_KEY", "first")
            .with("AWS_SESSION_TOKEN", "first")
    };
    let done = chained().with("INPUT_DURATION", "7200").run();
    assert_eq!((done.code, sts.requests().len()), (2, 0), "{}", done.stdout);
    assert!(done.stdout.contains("at most 3600"), "{}", done.stdout);

    let done = chained().with("INPUT_SESSION_NAME", "a name: with spaces").run();
    assert_eq!((done.code, sts.requests().len()), (0, 1), "{}", done.stdout);
    assert_eq!(done.exported["AWS_ACCESS_KEY_ID"], KEY);
    let asked = &sts.requests()[0];
    assert_eq!(form(asked)["Action"], "AssumeRole");
    assert_eq!(form(asked)["RoleSessionName"], "a-name--with-spaces");
    assert!(asked.header("authorization").is_some_and(|header| header.contains("Credential=first/")));
}
