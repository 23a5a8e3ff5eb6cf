//! What is refused before or after the call, and which STS is asked.

use std::sync::Mutex;

use stand_ins::scripted::{Answer, Scripted};

use crate::kit::{ASSUMED, Runner, form, granted, sts, tokens};

#[test]
fn trap_10_an_account_that_is_not_allowed_costs_no_request() {
    let (tokens, sts) = (tokens(Vec::new()), sts(Vec::new()));
    for allowed in ["444455556666", "11112222333", " , "] {
        let done = Runner::new().tokens(&tokens).sts(&sts).with("INPUT_ALLOWED_ACCOUNT_IDS", allowed).run();
        assert_eq!(done.code, 1, "{allowed:?}: {}", done.stdout);
        assert!(done.stdout.contains("none of the allowed ones"), "{}", done.stdout);
    }
    assert!(tokens.requests().is_empty() && sts.requests().is_empty());
}

#[test]
fn a_role_is_found_by_its_place_among_the_roles_or_told_where_roles_are() {
    let roles = r#"{"plan": "arn:aws:iam::111122223333:role/plan",
        "check": {"staging": "arn:aws:iam::111122223333:role/check-staging"}}"#;
    let (tokens, sts) = (tokens(Vec::new()), sts(vec![granted(ASSUMED)]));
    let at = |place: &str, roles: &str| {
        Runner::new().tokens(&tokens).sts(&sts).with("INPUT_ROLE", place).with("INPUT_ROLES", roles).run()
    };
    // A variable that the repository lacks arrives empty.
    for (place, roles, told) in [
        ("check/production", roles, "check/staging, plan"),
        ("check", roles, "check/staging, plan"),
        ("check/staging", "", "LOCKGATE_ROLES"),
        ("check/staging", "no JSON", "LOCKGATE_ROLES"),
        ("check/staging", r#"{"check": {"staging": "x"}}"#, "no ARN of a role"),
    ] {
        let done = at(place, roles);
        assert!(done.code == 2 && done.stdout.contains(told), "{place} {roles}: {}", done.stdout);
    }
    assert!(tokens.requests().is_empty() && sts.requests().is_empty());
    let done = at("check/staging", roles);
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert_eq!(form(&sts.requests()[0])["RoleArn"], "arn:aws:iam::111122223333:role/check-staging");
}

#[test]
fn trap_10_the_account_that_sts_names_counts() {
    let other = "arn:aws:sts::444455556666:assumed-role/deploy/x";
    for arn in [other, "", "arn:aws:sts:::assumed-role/deploy/x"] {
        let (tokens, sts) = (tokens(Vec::new()), sts(vec![granted(arn)]));
        let done = Runner::new().tokens(&tokens).sts(&sts).with("INPUT_ALLOWED_ACCOUNT_IDS", "111122223333").run();
        assert_eq!(done.code, 1, "{arn:?}: {}", done.stdout);
        assert!(done.exported.is_empty() && done.outputs.is_empty(), "{arn:?} got out");
    }
    let (tokens, sts) = (tokens(Vec::new()), sts(vec![granted(ASSUMED)]));
    let allowed = "444455556666 , 111122223333 ";
    let done = Runner::new().tokens(&tokens).sts(&sts).with("INPUT_ALLOWED_ACCOUNT_IDS", allowed).run();
    assert_eq!(done.code, 0, "{}", done.stdout);
}

#[test]
fn trap_07_each_partition_has_its_own_sts_behind_the_proxy_too() {
    for (partition, region, host) in [
        ("aws", "eu-central-1", "sts.eu-central-1.amazonaws.com"),
        ("aws-cn", "cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        ("aws-eusc", "eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
    ] {
        let tokens = tokens(Vec::new());
        let asked = std::sync::Arc::new(Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&asked);
        let proxy = Scripted::start(move |request| {
            let host = request.header("host").unwrap_or_default().to_owned();
            seen.lock().expect("no panic").push(format!("{} {host}", request.method));
            Answer::status(407)
        });
        let done = Runner::new()
            .tokens(&tokens)
            .with("INPUT_ROLE", &format!("arn:{partition}:iam::111122223333:role/deploy"))
            .with("INPUT_REGION", region)
            .with("HTTPS_PROXY", &proxy.url)
            .with("AWS_EC2_METADATA_DISABLED", "true")
            .run();
        let asked = asked.lock().expect("no panic");
        assert!(
            !asked.is_empty() && asked.iter().all(|line| *line == format!("CONNECT {host}:443")),
            "{partition}: {asked:?}"
        );
        assert_eq!(done.code, 3, "{}", done.stdout);
        let audience = if partition == "aws-cn" { "sts.amazonaws.com.cn" } else { "sts.amazonaws.com" };
        assert!(tokens.requests()[0].path.ends_with(&format!("&audience={audience}")));
    }
}

#[test]
fn trap_07_a_region_of_another_partition_costs_no_request() {
    let tokens = tokens(Vec::new());
    let done = Runner::new().tokens(&tokens).with("INPUT_REGION", "cn-north-1").run();
    assert_eq!((done.code, tokens.requests().len()), (2, 0), "{}", done.stdout);
    assert!(done.stdout.contains("in the partition aws-cn"), "{}", done.stdout);
}

#[test]
fn trap_09_a_pull_request_from_a_fork_gets_no_token_and_is_told_so() {
    let event = |head: &str| {
        format!(r#"{{"pull_request":{{"head":{{"repo":{head}}},"base":{{"repo":{{"full_name":"acme/calls"}}}}}}}}"#)
    };
    for head in [r#"{"full_name":"eve/calls"}"#, "null"] {
        let runner = Runner::new().with("GITHUB_EVENT_NAME", "pull_request").file("GITHUB_EVENT_PATH", &event(head));
        let done = runner.run();
        assert_eq!(done.code, 2);
        assert!(done.stdout.contains("no OIDC token to a pull request from a fork"), "{}", done.stdout);
    }
    let own = event(r#"{"full_name":"acme/calls"}"#);
    let done = Runner::new().with("GITHUB_EVENT_NAME", "pull_request").file("GITHUB_EVENT_PATH", &own).run();
    assert!(done.stdout.contains("permissions: { id-token: write }"), "{}", done.stdout);
}

#[test]
fn a_job_without_the_permission_is_told_what_to_add_and_a_laptop_what_to_do() {
    let done = Runner::new().run();
    assert_eq!(done.code, 2);
    assert!(done.stdout.contains("add `permissions: { id-token: write }`"), "{}", done.stdout);
    assert!(done.stdout.contains("reusable workflow"), "{}", done.stdout);

    let done = Runner::new().without("GITHUB_ACTIONS").arguments(&["--format", "process"]).run();
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("outside of a GitHub runner"), "{}", done.stderr);

    let done = Runner::new().without("GITHUB_ENV").run();
    assert_eq!(done.code, 2);
    assert!(done.stdout.contains("--format process"), "{}", done.stdout);
}

#[test]
fn chaining_without_credentials_says_where_they_come_from() {
    let sts = sts(Vec::new());
    let runner = Runner::new().sts(&sts).with("INPUT_CHAIN", "true").with("AWS_EC2_METADATA_DISABLED", "true");
    let done = runner.run();
    assert_eq!((done.code, sts.requests().len()), (2, 0), "{}", done.stdout);
    assert!(done.stdout.contains("assume the first role in an earlier step"), "{}", done.stdout);
}
