//! Several images in one push.

use lockgate::push_image::{Login, push};
use stand_ins::scripted::Answer;

use crate::{
    fixture::{Draft, settings},
    memory::Memory,
};

#[tokio::test]
async fn images_share_blobs_and_connections() {
    let memory = Memory::good();
    let (mut one, mut other) = (Draft::new(1, 1, 30_000), Draft::new(2, 1, 30_000));
    let digests = [one.write(), other.write()];
    let images = [one.image(memory.address(), "enrich", "r1"), other.image(memory.address(), "query", "r1")];
    let pushed = push(&images, &settings(Login::Anonymous)).await.expect("a good registry");
    assert_eq!(
        pushed.iter().map(|pushed| pushed.digest.as_str()).collect::<Vec<_>>(),
        digests,
        "in the order asked for"
    );
    assert_eq!(pushed[0].image, format!("{}/enrich@{}", memory.address(), digests[0]));
    // Three blobs each, of which the program's layer is the same.
    assert_eq!(memory.count("PUT", "/blobs/"), 5, "{:#?}", memory.asked());
    assert_eq!(memory.count("POST", "?mount="), 1);
}

/// Trap 18: that a blob is there does not grant a mount; 202 instead of 201 is where it goes on.
#[tokio::test]
async fn a_mount_that_is_not_granted_becomes_an_upload() {
    type Fault = fn() -> Answer;
    let refusals: [(Fault, usize); 3] = [
        (|| Answer::status(202).header("Location", "/v2/query/blobs/uploads/9"), 6),
        (|| Answer::status(403), 7),
        (|| Answer::status(405), 7),
    ];
    for (refusal, begun) in refusals {
        let memory = Memory::with(move |request, _| request.path.contains("?mount=").then(refusal));
        let (mut one, mut other) = (Draft::new(1, 1, 30_000), Draft::new(2, 1, 30_000));
        let digests = [one.write(), other.write()];
        let images = [one.image(memory.address(), "enrich", "r1"), other.image(memory.address(), "query", "r1")];
        push(&images, &settings(Login::Anonymous)).await.expect("an upload instead");
        assert_eq!(memory.count("PUT", "/blobs/"), 6, "{:#?}", memory.asked());
        assert_eq!(memory.count("POST", ""), begun, "{:#?}", memory.asked());
        assert_eq!(memory.manifest("query/r1"), Some(digests[1].clone()));
    }
}

#[tokio::test]
async fn a_new_sibling_mounts_what_its_repository_lacks() {
    let memory = Memory::good();
    let mut image = Draft::new(1, 3, 10_000);
    image.write();
    push(&[image.image(memory.address(), "enrich", "r1")], &settings(Login::Anonymous)).await.expect("a good registry");
    let sent = memory.count("PUT", "/blobs/");
    let images = [image.image(memory.address(), "enrich", "r1"), image.image(memory.address(), "copy", "r1")];
    push(&images, &settings(Login::Anonymous)).await.expect("a good registry");
    assert_eq!(memory.count("PUT", "/blobs/"), sent, "not a byte more: {:#?}", memory.asked());
    assert_eq!(memory.count("POST", "?mount="), 5);
}

#[tokio::test]
async fn one_name_for_two_images_is_refused_before_anything_is_asked() {
    let memory = Memory::good();
    let (mut one, mut other) = (Draft::new(1, 1, 1000), Draft::new(2, 1, 1000));
    let (_, _) = (one.write(), other.write());
    let images = [one.image(memory.address(), "app", "r1"), other.image(memory.address(), "app", "r1")];
    let refused = push(&images, &settings(Login::Anonymous)).await.expect_err("which one?");
    assert_eq!(refused.code(), 2, "{refused}");
    assert!(memory.asked().is_empty());
}
