//! What registries do wrong, now and then.

use std::sync::{Arc, Mutex};

use lockgate::{
    failure::Failure,
    push_image::{Login, Settings, push},
    secret::Secret,
};
use stand_ins::scripted::{Answer, Gate, Request, Scripted};

use crate::{
    fixture::{Draft, digest, settings},
    memory::Memory,
};

fn nobody() -> Settings {
    settings(Login::Anonymous)
}

async fn push_to(memory: &Memory, settings: &Settings) -> (String, Result<Vec<String>, Failure>) {
    let mut draft = Draft::new(1, 2, 40_000);
    let digest = draft.write();
    let pushed = push(&[draft.image(memory.address(), "app", "one")], settings).await;
    (digest, pushed.map(|all| all.into_iter().map(|pushed| pushed.digest).collect()))
}

async fn succeeds(memory: &Memory) {
    let (digest, pushed) = push_to(memory, &nobody()).await;
    assert_eq!(pushed.expect("it heals"), [digest.as_str()]);
    assert_eq!(memory.manifest("app/one"), Some(digest.clone()), "the tag");
    assert_eq!(memory.manifest(&format!("app/{digest}")), Some(digest), "the digest");
}

async fn fails(memory: &Memory, kind: u8, reasons: &[&str]) {
    let (_, pushed) = push_to(memory, &nobody()).await;
    let failure = pushed.expect_err("this cannot be healed");
    assert_eq!(failure.code(), kind, "{failure}");
    for reason in reasons {
        assert!(failure.to_string().contains(reason), "expected {reason:?} in: {failure}");
    }
}

fn uploads(request: &Request) -> bool {
    request.method == "PUT" && request.path.contains("/blobs/uploads/")
}

fn begins(request: &Request) -> bool {
    request.method == "POST"
}

#[tokio::test]
async fn a_registry_that_ends_every_connection_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let ending = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let mut draft = Draft::new(1, 1, 100);
    draft.write();
    let failure = push(&[draft.image(&address, "app", "one")], &nobody()).await.expect_err("nobody answers");
    assert!(failure.code() == 3 && failure.to_string().contains("tried 3 times"), "{failure}");
    ending.abort();
}

#[tokio::test]
async fn a_push_asks_no_more_than_it_must() {
    let memory = Memory::good();
    succeeds(&memory).await;
    let asked = memory.asked();
    // 2 + 4 blobs x (HEAD, POST, PUT) + 2: no ping, no PATCH.
    assert_eq!(asked.len(), 16, "{asked:#?}");
    assert_eq!((memory.count("HEAD", "/blobs/"), memory.count("POST", ""), memory.count("PUT", "/blobs/")), (4, 4, 4));
    let manifests: Vec<_> =
        asked.iter().filter(|asked| asked.starts_with("PUT") && asked.contains("manifests")).collect();
    assert!(manifests[0].contains("sha256:") && manifests[1].ends_with("/one"), "first the digest, then the tag");
}

#[tokio::test]
async fn what_is_there_is_not_sent_again() {
    let memory = Memory::good();
    let mut draft = Draft::new(1, 2, 40_000);
    draft.write();
    for (tag, requests) in [("one", 16), ("one", 2), ("two", 3)] {
        let before = memory.asked().len();
        push(&[draft.image(memory.address(), "app", tag)], &nobody()).await.expect("a good registry");
        assert_eq!(memory.asked().len() - before, requests, "{tag}: {:#?}", &memory.asked()[before..]);
    }
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let memory = Memory::good();
    let (_, pushed) = push_to(&memory, &Settings { dry_run: true, ..nobody() }).await;
    pushed.expect("a plan");
    assert!(memory.asked().iter().all(|asked| asked.starts_with("HEAD")), "{:#?}", memory.asked());
}

/// Trap 12: an upload that broke starts from nothing, with a new POST.
#[tokio::test]
async fn an_upload_that_breaks_begins_anew() {
    let reset = |head: &Request, before| (uploads(head) && before == 1).then_some(Gate::ResetAfter(10_000));
    let memory = Memory::gated(reset, |_, _| None);
    succeeds(&memory).await;
    assert_eq!((memory.count("POST", ""), memory.count("PATCH", "")), (5, 0));

    for status in [416, 500, 503, 404, 400] {
        let fault = move |request: &Request, before| (uploads(request) && before == 0).then(|| Answer::status(status));
        let memory = Memory::with(fault);
        succeeds(&memory).await;
        assert_eq!(memory.count("POST", ""), 5, "{status}: {:#?}", memory.asked());
    }
}

#[tokio::test]
async fn a_registry_that_answers_before_it_has_read_all_is_asked_again() {
    let early = |head: &Request, before| (uploads(head) && before == 0).then(|| Gate::Answer(Answer::status(503)));
    succeeds(&Memory::gated(early, |_, _| None)).await;
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_the_end() {
    type Fault = fn() -> Answer;
    let faults: [Fault; 3] = [|| Answer::Reset, || Answer::Hang, || Answer::status(502).body("half a body").half()];
    for fault in faults {
        for method in ["HEAD", "POST", "PUT"] {
            // An answer to HEAD has no body to break off in.
            let memory = Memory::with(move |request, before| (request.method == method && before == 0).then(fault));
            succeeds(&memory).await;
        }
    }
}

/// An answer that got lost is no upload that got lost.
#[tokio::test]
async fn a_blob_that_arrived_is_not_sent_twice() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let arrived = Arc::clone(&seen);
    let memory = Memory::with(move |request, before| {
        let mut arrived = arrived.lock().expect("no panic");
        if uploads(request) && before == 0 {
            arrived.push(digest(&request.body));
            return Some(Answer::Reset);
        }
        let asked = arrived.iter().any(|digest| request.path.ends_with(digest));
        (request.method == "HEAD" && asked).then(|| Answer::status(200))
    });
    succeeds(&memory).await;
    assert_eq!(memory.count("PUT", "/blobs/"), 4, "{:#?}", memory.asked());
}

#[tokio::test]
async fn a_registry_that_is_busy_says_when_to_come_back() {
    let busy = |request: &Request, before| {
        (begins(request) && before == 0).then(|| Answer::status(429).header("Retry-After", "1"))
    };
    succeeds(&Memory::with(busy)).await;
    let never = |request: &Request, _| begins(request).then(|| Answer::status(429).header("Retry-After", "3600"));
    let memory = Memory::with(never);
    fails(&memory, 3, &["429", "asks to wait 3600 s"]).await;
    assert!(memory.count("POST", "") <= 4, "nobody insists");
}

#[tokio::test]
async fn attempts_are_bounded() {
    let memory = Memory::with(|request, _| begins(request).then(|| Answer::status(500).body("disk full")));
    fails(&memory, 3, &["500 disk full", "tried 3 times", "run it again later"]).await;
    let memory = Memory::with(|request, _| begins(request).then_some(Answer::Reset));
    fails(&memory, 3, &["ECR also breaks the connection when the repository does not exist", "app"]).await;
}

#[tokio::test]
async fn what_nobody_may_do_is_tried_once_and_named() {
    let denial = r#"{"errors":[{"code":"DENIED","message":"User: arn:aws:sts::1 is not\nauthorized"}]}"#;
    let cases: [(&str, &str, u16, &[&str]); 6] = [
        ("HEAD", "/manifests/", 403, &["ecr:BatchGetImage", "app"]),
        ("HEAD", "/blobs/", 403, &["ecr:BatchCheckLayerAvailability"]),
        ("POST", "/blobs/", 403, &["ecr:InitiateLayerUpload", "DENIED: User: arn:aws:sts::1 is not authorized"]),
        ("PUT", "/blobs/", 403, &["ecr:UploadLayerPart and ecr:CompleteLayerUpload"]),
        ("PUT", "/manifests/", 403, &["ecr:PutImage"]),
        ("POST", "/blobs/", 404, &["has no repository app", "aws_ecr_repository"]),
    ];
    for (method, part, status, reasons) in cases {
        let memory = Memory::with(move |request, _| {
            (request.method == method && request.path.contains(part)).then(|| Answer::status(status).body(denial))
        });
        let (_, pushed) = push_to(&memory, &settings(Login::Header(Secret::new("Basic QVdTOnRva2Vu")))).await;
        let failure = pushed.expect_err("a right is missing");
        assert_eq!(failure.code(), 3, "{failure}");
        for reason in reasons {
            assert!(failure.to_string().contains(reason), "expected {reason:?} in: {failure}");
        }
        assert!(memory.count(method, part) <= 4, "nobody tries again: {:#?}", memory.asked());
    }
}

/// Trap 13: `Location` in all its forms.
#[tokio::test]
async fn an_upload_goes_where_the_registry_says() {
    let relative = |request: &Request, _| begins(request).then(|| Answer::status(202).header("Location", "7?_state=x"));
    let memory = Memory::with(relative);
    succeeds(&memory).await;
    assert_eq!(memory.count("PUT", "/v2/app/blobs/uploads/7?_state=x&digest=sha256%3A"), 4, "{:#?}", memory.asked());
    // 201 where the specification says 202.
    let created = |request: &Request, _| {
        begins(request).then(|| Answer::status(201).header("Location", "/v2/app/blobs/uploads/8"))
    };
    succeeds(&Memory::with(created)).await;
    let nowhere = |request: &Request, _| begins(request).then(|| Answer::status(202));
    fails(&Memory::with(nowhere), 3, &["does not say where to upload to"]).await;
}

/// Trap 13: credentials are the registry's alone.
#[tokio::test]
async fn another_host_gets_the_blob_but_no_credentials() {
    let elsewhere = Scripted::start(|_| Answer::status(201));
    let location = format!("{}/bucket?signature=abc", elsewhere.url);
    let memory = Memory::with(move |request, _| {
        let there = request.method == "HEAD" && request.path.contains("/blobs/");
        if there {
            return None;
        }
        begins(request).then(|| Answer::status(202).header("Location", &location))
    });
    let login = "Basic QVdTOnRva2Vu";
    let (_, pushed) = push_to(&memory, &settings(Login::Header(Secret::new(login)))).await;
    pushed.expect("the other host took the blobs");
    assert!(memory.server.requests().iter().all(|request| request.header("authorization") == Some(login)));
    let sent = elsewhere.requests();
    assert_eq!(sent.len(), 4);
    for request in sent {
        assert_eq!(request.header("authorization"), None, "{}", request.path);
        assert!(request.path.starts_with("/bucket?signature=abc&digest=sha256%3A"), "{}", request.path);
        assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
    }
}

/// Trap 13: nor does anybody lead the upload into the runner's own network.
#[tokio::test]
async fn a_private_address_is_refused() {
    for address in ["http://169.254.169.254/latest", "https://10.0.0.1/x", "http://[fd00:ec2::254]/x"] {
        let memory =
            Memory::with(move |request, _| begins(request).then(|| Answer::status(202).header("Location", address)));
        fails(&memory, 3, &["in this machine's own network", "refused"]).await;
        assert!(memory.count("POST", "") <= 4, "that is no passing trouble");
    }
    let foreign = |request: &Request, _| begins(request).then(|| Answer::status(202).header("Location", "ftp://x/y"));
    fails(&Memory::with(foreign), 3, &["ftp://x/y", "not followed"]).await;
}

/// Trap 14: the registry keeps the very bytes that are on disk, or nothing is deployed from it.
#[tokio::test]
async fn a_manifest_that_comes_out_as_another_is_no_success() {
    let other = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let wrong = move |request: &Request, _| {
        let manifest = request.method == "PUT" && request.path.contains("/manifests/");
        manifest.then(|| Answer::status(201).header("Docker-Content-Digest", other))
    };
    let memory = Memory::with(wrong);
    fails(&memory, 3, &[other, "do not deploy"]).await;
    assert_eq!(memory.count("PUT", "/manifests/one"), 0, "the tag is not set");

    let mut draft = Draft::new(1, 2, 40_000);
    let digest = draft.write();
    let memory = Memory::good();
    push(&[draft.image(memory.address(), "app", "one")], &nobody()).await.expect("a good registry");
    let sent: Vec<_> =
        memory.server.requests().into_iter().filter(|request| request.path.contains("/manifests/")).collect();
    let disk = std::fs::read(draft.folder.path().join("blobs/sha256").join(&digest[7..])).expect("the manifest");
    let puts: Vec<_> = sent.iter().filter(|request| request.method == "PUT").collect();
    assert!(puts.len() == 2 && puts.iter().all(|put| put.body == disk), "not one byte is written anew");
}

/// A registry need not say what it keeps: then it is asked.
#[tokio::test]
async fn a_silent_registry_is_asked_what_it_keeps() {
    for keeps in [true, false] {
        let kept: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let silent = Memory::with(move |request, _| {
            let mut kept = kept.lock().expect("no panic");
            match request.method.as_str() {
                "PUT" if request.path.contains("/manifests/") => {
                    kept.push((request.path.clone(), digest(&request.body)));
                    Some(Answer::status(201))
                }
                "HEAD" | "GET" if keeps => {
                    let found = kept.iter().find(|(path, _)| *path == request.path);
                    found.map(|(_, digest)| Answer::status(200).header("Docker-Content-Digest", digest))
                }
                _ => None,
            }
        });
        if keeps {
            push_to(&silent, &nobody()).await.1.expect("it has what was sent");
        } else {
            fails(&silent, 3, &["keeps nothing"]).await;
        }
    }
}

/// Trap 17: a tag that names this image is success, one that names another is not touched.
#[tokio::test]
async fn a_tag_is_a_name_for_one_image() {
    let memory = Memory::good();
    let (mut first, mut second) = (Draft::new(1, 1, 1000), Draft::new(2, 1, 1000));
    let (one, other) = (first.write(), second.write());
    push(&[first.image(memory.address(), "app", "v1")], &nobody()).await.expect("a good registry");
    let before = memory.asked().len();
    let refused = push(&[second.image(memory.address(), "app", "v1")], &nobody()).await.expect_err("another image");
    assert_eq!(refused.code(), 1, "a gate");
    assert!(refused.to_string().contains(&one) && refused.to_string().contains(&other), "{refused}");
    assert!(memory.asked()[before..].iter().all(|asked| asked.starts_with("HEAD")), "nothing was sent");
    let moving = Settings { move_tag: true, ..nobody() };
    push(&[second.image(memory.address(), "app", "v1")], &moving).await.expect("asked for");
    assert_eq!(memory.manifest("app/v1"), Some(other));
}

/// Trap 17: who comes second looks again before giving up.
#[tokio::test]
async fn a_race_for_an_immutable_tag_is_decided_by_its_digest() {
    for status in [400, 409] {
        let ours = Arc::new(Mutex::new(String::new()));
        let theirs = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
        for equal in [true, false] {
            let mine = Arc::clone(&ours);
            let race = move |request: &Request, _| {
                let mut mine = mine.lock().expect("no panic");
                if !request.path.ends_with("/manifests/one") {
                    return None;
                }
                if request.method == "PUT" {
                    *mine = digest(&request.body);
                    let body = r#"{"errors":[{"code":"TAG_INVALID","message":"ImageTagAlreadyExistsException"}]}"#;
                    return Some(Answer::status(status).body(body));
                }
                let named = if equal { mine.as_str() } else { theirs };
                let there = !mine.is_empty();
                Some(if there {
                    Answer::status(200).header("Docker-Content-Digest", named)
                } else {
                    Answer::status(404)
                })
            };
            let (digest, pushed) = push_to(&Memory::with(race), &nobody()).await;
            match (equal, pushed) {
                (true, Ok(pushed)) => assert_eq!(pushed, [digest]),
                (false, Err(failure)) => {
                    assert_eq!(failure.code(), 1, "{failure}");
                    let said = failure.to_string();
                    assert!(
                        said.contains(theirs) && said.contains(&digest) && said.contains("ImageTagAlready"),
                        "{said}"
                    );
                }
                (_, other) => panic!("{status}, {equal}: {other:?}"),
            }
            ours.lock().expect("no panic").clear();
        }
    }
}
