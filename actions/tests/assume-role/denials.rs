//! What a person reads who was refused.

use stand_ins::oidc::{Issuer, Job};

use crate::kit::{Done, Runner, denied, refused, sts, web_identity};

fn denial(job: Job, answer: stand_ins::scripted::Answer) -> (Issuer, Done) {
    let issuer = Issuer::start().expect("an issuer");
    let sts = sts(vec![answer]);
    let done = Runner::new().job(&issuer, job).sts(&sts).run();
    assert_eq!((done.code, sts.requests().len()), (2, 1), "{}", done.stdout);
    let token = web_identity(&sts.requests()[0]);
    let signature = token.rsplit('.').next().expect("a signature");
    let seen = done.stdout.lines().filter(|line| line.contains(signature));
    assert_eq!(seen.collect::<Vec<_>>(), [format!("::add-mask::{token}")], "trap 2: the token is shown nowhere");
    assert!(!done.summary.contains(signature));
    (issuer, done)
}

#[test]
fn trap_08_the_table_shows_the_claims_beside_the_policy() {
    let job = Job {
        environment: Some("staging".into()),
        called: Some(".github/workflows/rollback.yml".into()),
        ..Job::default()
    };
    let (issuer, done) = denial(job, denied());
    let host = issuer.url.trim_start_matches("http://");
    let row = |claim: &str| {
        let found = done.stdout.lines().find(|line| line.starts_with(&format!("| {claim} ")));
        found.unwrap_or_else(|| panic!("no row for {claim}: {}", done.stdout)).to_owned()
    };
    assert!(row("sub").contains("| repo:acme/calls:environment:staging "), "{}", row("sub"));
    assert!(row("sub").contains(&format!("StringEquals {host}:sub")), "{}", row("sub"));
    assert!(row("aud").contains("| sts.amazonaws.com "));
    assert!(row("repository").contains("acme/calls") && row("repository_id").contains("2002"));
    assert!(row("environment").contains("staging") && row("ref").contains("refs/heads/main"));
    assert!(row("job_workflow_ref").contains("acme/calls/.github/workflows/rollback.yml@refs/heads/main"));
    assert!(row("event_name").contains("push"));
    assert!(done.stdout.contains("aws iam get-role --role-name deploy"), "{}", done.stdout);
    assert!(done.summary.contains("| sub "), "{}", done.summary);

    let policy =
        &done.stdout[done.stdout.find("{\n").expect("a policy")..=done.stdout.find("\n}").expect("its end") + 1];
    let policy: serde_json::Value = serde_json::from_str(policy).expect("a policy to paste");
    let condition = &policy["Statement"][0]["Condition"]["StringEquals"];
    assert_eq!(condition[format!("{host}:sub")], "repo:acme/calls:environment:staging");
    assert_eq!(condition[format!("{host}:aud")], "sts.amazonaws.com");
    assert_eq!(
        policy["Statement"][0]["Principal"]["Federated"],
        format!("arn:aws:iam::111122223333:oidc-provider/{host}")
    );
}

#[test]
fn trap_08_each_form_of_subject_has_its_fix() {
    let cases = [
        (
            Job { immutable_subject: true, ..Job::default() },
            "a policy that says repo:acme/calls:ref:refs/heads/main does not match, write repo:acme@1001/calls@2002:ref:refs/heads/main",
        ),
        (Job::default(), "add `environment: <name>` to the job"),
        (
            Job::default(),
            "if the policy says repo:acme@1001/calls@2002:...: this repository's subjects carry no ids yet",
        ),
        (Job { event: "pull_request".into(), ..Job::default() }, "its subject ends in :pull_request"),
        (
            Job { environment: Some("staging".into()), ..Job::default() },
            "a policy for a branch (...:ref:refs/heads/...) does not match",
        ),
        (Job { environment: Some("eu:staging".into()), ..Job::default() }, "is `%3A` in the subject"),
        (Job::default(), "StringEquals takes no `*`"),
    ];
    for (job, fix) in cases {
        let (_, done) = denial(job, denied());
        assert!(done.stdout.contains(fix), "{fix}: {}", done.stdout);
    }
}

#[test]
fn each_code_of_sts_has_its_fix() {
    for (code, message, fix) in [
        (
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://x",
            "aws iam create-open-id-connect-provider --url http://127.0.0.1",
        ),
        ("InvalidIdentityToken", "Incorrect token audience", "add-client-id-to-open-id-connect-provider"),
        ("PackedPolicyTooLarge", "Packed size 103%", "shorten the tags or policies"),
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            "--max-session-duration 3600",
        ),
        ("RegionDisabledException", "STS is not activated", "switch STS on for eu-central-1"),
        ("Surprise", "x", "CommonErrors.html for `Surprise`"),
    ] {
        let (_, done) = denial(Job::default(), refused(400, code, message));
        assert!(done.stdout.contains(fix), "{fix}: {}", done.stdout);
        let annotation = done.stdout.lines().last().expect("an annotation");
        assert!(annotation.starts_with("::error title=lockgate::") && annotation.contains(code), "{annotation}");
    }
}

#[test]
fn trap_08_another_audience_is_named_first() {
    let issuer = Issuer::start().expect("an issuer");
    let sts = sts(vec![denied()]);
    let done =
        Runner::new().job(&issuer, Job::default()).sts(&sts).with("INPUT_AUDIENCE", "https://example.com/x y").run();
    assert_eq!(issuer.asked(), ["https://example.com/x y"]);
    assert!(
        done.stdout.contains("1. the token is made for https://example.com/x y: give --audience sts.amazonaws.com"),
        "{}",
        done.stdout
    );
}

#[test]
fn trap_11_a_branch_name_cannot_command_the_runner() {
    let evil = "refs/heads/x\n::error::gotcha\n##[error]gotcha".to_owned();
    let (_, done) =
        denial(Job { git_ref: evil, ..Job::default() }, refused(403, "AccessDenied", "a\n::stop-commands::x"));
    for line in done.stdout.lines() {
        let ours = ["::add-mask::", "::group::lockgate assume-role", "::endgroup::", "::error title=lockgate::"];
        let command = line.trim_start().starts_with("::") && !ours.iter().any(|start| line.starts_with(start));
        assert!(!command && !line.contains("##["), "{line}");
    }
}

#[test]
fn a_chained_denial_names_both_sides() {
    let message = "User: arn:aws:sts::111122223333:assumed-role/first/x is not authorized to perform: sts:AssumeRole";
    let sts = sts(vec![refused(403, "AccessDenied", message)]);
    let runner = Runner::new().sts(&sts).with("INPUT_CHAIN", "true");
    let done = runner.with("AWS_ACCESS_KEY_ID", "first").with("AWS_SECRET_ACCESS_KEY", "first").run();
    assert_eq!((done.code, sts.requests().len()), (2, 1));
    assert!(
        done.stdout.contains("needs the permission sts:AssumeRole on arn:aws:iam::111122223333:role/deploy"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("must name the role at hand as Principal.AWS"), "{}", done.stdout);
}
