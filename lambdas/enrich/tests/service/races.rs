use crate::wire::{Fault, faulty};
use crate::world::{World, deliver, item};
use call_model::BronzeItem;
use enrich::Enrich;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Barrier;

/// A handler whose first write waits until the other's came as far: both have read, neither has written.
fn racer(world: &World, barrier: &Arc<Barrier>) -> Enrich {
    let barrier = Arc::clone(barrier);
    let met = AtomicBool::new(false);
    let sdk = faulty(&world.sdk, move |operation, _| {
        let first = operation == "TransactWriteItems" && !met.swap(true, Ordering::Relaxed);
        if first { Fault::Meet(Arc::clone(&barrier)) } else { Fault::None }
    });
    Enrich::new(world.config.clone(), &sdk)
}

async fn race(world: &World, one: &[BronzeItem], other: &[BronzeItem]) {
    let barrier = Arc::new(Barrier::new(2));
    let (first, second) = (racer(world, &barrier), racer(world, &barrier));
    let (first, second) = tokio::join!(deliver(&first, one), deliver(&second, other));
    assert_eq!((first.0, second.0), (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_deliveries_of_one_call_at_once_end_with_the_later() {
    for seed in 0..6 {
        let world = World::new().await;
        let mut random = fastrand::Rng::with_seed(seed);
        let calls = random.u32(1..60);
        let (mut one, mut other, mut latest) = (Vec::new(), Vec::new(), Vec::new());
        for call in 0..calls {
            let mut version = |position| {
                let client = format!("client-{}", random.u32(..3));
                item(&format!("call-{call}"), position, &client, random.u32(1..4), random.u32(..1000))
            };
            let (earlier, later) = (version(1), version(2));
            latest.push(later.clone());
            if random.bool() {
                one.push(earlier);
                other.push(later);
            } else {
                one.push(later);
                other.push(earlier);
            }
        }
        race(&world, &one, &other).await;
        world.assert_holds(&latest.iter().collect::<Vec<_>>()).await;
    }
}

/// Both have read the same version: the one that comes second must not take its counts back once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_corrections_of_one_call_at_once_replace_one_after_the_other() {
    let world = World::new().await;
    world.deliver(&[item("call", 1, "acme", 1, 60)]).await;
    let (earlier, later) = (item("call", 2, "other", 2, 61), item("call", 3, "third", 3, 62));
    race(&world, std::slice::from_ref(&earlier), std::slice::from_ref(&later)).await;
    world.assert_holds(&[&later]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_batch_twice_at_once_counts_once() {
    let world = World::new().await;
    let items: Vec<_> = (0..40).map(|n| item(&format!("call-{n}"), 1, "acme", n % 5 + 1, n)).collect();
    race(&world, &items, &items).await;
    world.assert_holds(&items.iter().collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_share_counters_do_not_lose_each_others_counts() {
    let world = World::new().await;
    let calls = |name: &str| (0..40).map(|n| item(&format!("{name}-{n}"), 1, "acme", 1, n)).collect::<Vec<_>>();
    let (one, other) = (calls("one"), calls("other"));
    race(&world, &one, &other).await;
    world.assert_holds(&one.iter().chain(&other).collect::<Vec<_>>()).await;
}
