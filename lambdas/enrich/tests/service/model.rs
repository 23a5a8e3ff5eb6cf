use crate::world::{World, bad, deliver, item};
use call_model::BronzeItem;
use std::collections::BTreeMap;

/// Random deliveries in random order, with duplicates, in batches of random size, two at a time: whatever the way, silver
/// ends with the latest good version of every call that is not erased, counted once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_order_of_any_batches_ends_the_same() {
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let world = World::new().await;
        let erased = format!("call-{}", random.u32(..12));
        world.erase(&erased).await;
        let items: Vec<BronzeItem> = (0..60).map(|position| version(&mut random, position)).collect();
        world.store(&items).await;

        let mut deliveries: Vec<&BronzeItem> = items.iter().chain(&items[..random.usize(..items.len())]).collect();
        random.shuffle(&mut deliveries);
        while !deliveries.is_empty() {
            let mut batch = || {
                let size = random.usize(..=deliveries.len().min(25));
                deliveries.drain(..size).cloned().collect::<Vec<_>>()
            };
            let (one, other) = (batch(), batch());
            let enrich = world.enrich();
            let (one, other) = tokio::join!(deliver(&enrich, &one), deliver(&enrich, &other));
            assert_eq!((one.0, other.0), (vec![], vec![]), "seed {seed}");
        }

        let good = items.iter().filter(|item| item.call_id != erased && item.record.contains("started_at"));
        // Positions rise, so the last of a call is its latest.
        let model: BTreeMap<&str, &BronzeItem> = good.map(|item| (item.call_id.as_str(), item)).collect();
        world.assert_holds(&model.into_values().collect::<Vec<_>>()).await;
        assert!(
            world.bronze().await.iter().all(|item| item.call_id != erased),
            "seed {seed}: a trace of an erased call"
        );
    }
}

fn version(random: &mut fastrand::Rng, position: u32) -> BronzeItem {
    let call_id = format!("call-{}", random.u32(..12));
    if random.u32(..6) == 0 {
        return bad(&call_id, position);
    }
    item(&call_id, position, &format!("client-{}", random.u32(..3)), random.u32(1..4), random.u32(..1200))
}
