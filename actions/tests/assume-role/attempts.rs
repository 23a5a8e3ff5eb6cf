//! How often it asks, and when it stops.

use std::collections::BTreeSet;

use stand_ins::{
    oidc::{Issuer, Job},
    scripted::Answer,
};

use crate::kit::{ASSUMED, Runner, denied, granted, refused, sts, tokens, web_identity};

#[test]
fn it_takes_two_requests() {
    let (tokens, sts) = (tokens(Vec::new()), sts(vec![granted(ASSUMED)]));
    let done = Runner::new().tokens(&tokens).sts(&sts).run();
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert_eq!((tokens.requests().len(), sts.requests().len()), (1, 1));
    let asked = &tokens.requests()[0];
    assert_eq!(asked.path, "/token?api-version=2.0&audience=sts.amazonaws.com");
    assert_eq!(asked.header("authorization"), Some("Bearer runner-bearer"));
}

#[test]
fn trap_01_each_attempt_has_a_token_of_its_own() {
    let issuer = Issuer::start().expect("an issuer");
    let heals = |code| refused(400, code, "try again").header("retry-after", "0");
    let sts = sts(vec![
        heals("IDPCommunicationError"),
        heals("Throttling"),
        heals("ExpiredTokenException"),
        granted(ASSUMED),
    ]);
    let done = Runner::new().job(&issuer, Job::default()).sts(&sts).run();
    assert_eq!(done.code, 0, "{}", done.stdout);
    let tokens: BTreeSet<_> = sts.requests().iter().map(web_identity).collect();
    assert_eq!((sts.requests().len(), tokens.len(), issuer.asked().len()), (4, 4, 4));
}

#[test]
fn trap_01_a_denial_costs_one_call() {
    let issuer = Issuer::start().expect("an issuer");
    for answer in [
        denied(),
        refused(400, "ValidationError", "1 validation error detected"),
        refused(400, "InvalidIdentityToken", "Incorrect token audience"),
        refused(400, "PackedPolicyTooLarge", "Packed size of session tags consumes 103%"),
        refused(403, "RegionDisabledException", "STS is not activated in this region"),
    ] {
        let sts = sts(vec![answer]);
        let done = Runner::new().job(&issuer, Job::default()).sts(&sts).run();
        assert_eq!((done.code, sts.requests().len()), (2, 1), "{}", done.stdout);
    }
}

#[test]
fn trap_01_it_gives_up_after_four_attempts() {
    let busy = || Answer::status(503).header("retry-after", "0");
    let (tokens, sts) = (tokens(Vec::new()), sts((0..9).map(|_| busy()).collect()));
    let done = Runner::new().tokens(&tokens).sts(&sts).run();
    assert_eq!((done.code, tokens.requests().len(), sts.requests().len()), (3, 4, 4), "{}", done.stdout);
    assert!(done.stdout.contains("gave up"), "{}", done.stdout);
    assert!(done.exported.is_empty() && done.outputs.is_empty());
}

#[test]
fn trap_01_a_broken_connection_and_a_busy_token_service_heal() {
    let tokens =
        tokens(vec![Answer::status(429).header("retry-after", "0"), Answer::status(500).header("retry-after", "0")]);
    let sts = sts(vec![Answer::Reset, granted(ASSUMED)]);
    let done = Runner::new().tokens(&tokens).sts(&sts).run();
    assert_eq!(done.code, 0, "{}", done.stdout);
    assert_eq!((tokens.requests().len(), sts.requests().len()), (4, 2));
}

#[test]
fn trap_01_a_longer_wait_than_it_has_time_for_is_not_begun() {
    let (tokens, sts) = (tokens(Vec::new()), sts(vec![Answer::status(429).header("retry-after", "3600")]));
    let done = Runner::new().tokens(&tokens).sts(&sts).run();
    assert_eq!((done.code, sts.requests().len()), (3, 1), "{}", done.stdout);
}

#[test]
fn trap_11_a_token_that_expires_at_once_is_renewed_only_once() {
    let issuer = Issuer::start().expect("an issuer");
    let expired = || refused(400, "ExpiredTokenException", "Token expired").header("retry-after", "0");
    let sts = sts(vec![expired(), expired(), expired()]);
    let done = Runner::new().job(&issuer, Job::default()).sts(&sts).run();
    assert_eq!((done.code, sts.requests().len()), (2, 2), "{}", done.stdout);
    assert!(done.stdout.contains("correct the clock"), "{}", done.stdout);
}

#[test]
fn trap_11_what_is_no_answer_of_sts_is_no_success() {
    for body in [
        "",
        "<html>login</html>",
        "<AssumeRoleWithWebIdentityResponse/>",
        "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>",
    ] {
        let (tokens, sts) = (tokens(Vec::new()), sts(vec![Answer::status(200).body(body)]));
        let done = Runner::new().tokens(&tokens).sts(&sts).run();
        assert_eq!((done.code, sts.requests().len()), (2, 1), "{body}: {}", done.stdout);
        assert!(done.exported.is_empty());
    }
}

#[test]
fn a_token_service_that_gives_no_token_is_named() {
    let sts = sts(Vec::new());
    for (answer, reason) in [
        (Answer::status(401), "answered 401"),
        (Answer::status(200).body("<html>"), "without a token"),
        (Answer::status(200).body("x".repeat(100_000)), "longer than 65536 bytes"),
    ] {
        let tokens = tokens(vec![answer]);
        let done = Runner::new().tokens(&tokens).sts(&sts).run();
        assert_eq!((done.code, tokens.requests().len()), (2, 1), "{}", done.stdout);
        assert!(done.stdout.contains(reason), "{reason}: {}", done.stdout);
        // The URL names the job and is good for tokens.
        assert!(!done.stdout.contains(&tokens.url) && !done.stdout.contains("runner-bearer"), "{}", done.stdout);
    }
    assert!(sts.requests().is_empty());
}
