use crate::wire::{Fault, cancelled, faulty, refused};
use crate::world::{World, bad, deliver, event, item};
use call_model::{BronzeItem, SCHEMA, SilverCall};
use enrich::Enrich;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

fn calls(count: u32) -> Vec<BronzeItem> {
    (0..count).map(|n| item(&format!("call-{n}"), 1, &format!("client-{}", n % 4), n % 3 + 1, n)).collect()
}

/// Runs the batch until its transaction gets as far as `fault` lets it, and kills it there.
async fn killed(world: &World, items: &[BronzeItem], fault: fn(Arc<Notify>) -> Fault) {
    let reached = Arc::new(Notify::new());
    let tell = Arc::clone(&reached);
    let sdk =
        faulty(
            &world.sdk,
            move |operation, _| {
                if operation == "TransactWriteItems" { fault(Arc::clone(&tell)) } else { Fault::None }
            },
        );
    let enrich = Enrich::new(world.config.clone(), &sdk);
    let event = event(items);
    tokio::select! {
        _ = enrich.handle(&event) => panic!("the batch ended before it was killed"),
        () = reached.notified() => {}
    }
}

#[tokio::test]
async fn a_batch_killed_between_read_and_write_counts_once_when_it_is_replayed() {
    let world = World::new().await;
    let items = calls(30);
    killed(&world, &items, Fault::Hold).await;
    world.assert_holds(&[]).await;
    assert_eq!(world.deliver(&items).await.0, Vec::<String>::new());
    world.assert_holds(&items.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_batch_killed_after_the_write_counts_once_when_it_is_replayed() {
    let world = World::new().await;
    let items = calls(30);
    killed(&world, &items, Fault::LoseAnswer).await;
    world.assert_holds(&items.iter().collect::<Vec<_>>()).await;
    assert_eq!(world.deliver(&items).await.0, Vec::<String>::new());
    world.assert_holds(&items.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_batch_half_of_which_was_written_counts_once_when_it_is_replayed() {
    let world = World::new().await;
    let items = calls(150);
    let written = AtomicUsize::new(0);
    let sdk = faulty(&world.sdk, move |operation, _| {
        let later = operation == "TransactWriteItems" && written.fetch_add(1, Ordering::Relaxed) > 0;
        if later { refused("AccessDeniedException") } else { Fault::None }
    });
    let (failed, metrics) = deliver(&Enrich::new(world.config.clone(), &sdk), &items).await;
    assert_eq!(metrics.failed, failed.len() as u64);
    assert!(!failed.is_empty() && failed.len() < items.len(), "{} of {} failed", failed.len(), items.len());
    assert_eq!(world.silver().await.len(), items.len() - failed.len());
    assert_eq!(world.deliver(&items).await.0, Vec::<String>::new());
    world.assert_holds(&items.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn one_call_that_can_never_be_written_becomes_dead_letters_alone() {
    let world = World::new().await;
    let mut items = calls(60);
    items.insert(10, item("poison", 1, "client-1", 1, 1));
    items.insert(50, item("poison", 2, "client-1", 1, 2));
    let sdk = faulty(&world.sdk, |operation, body| {
        let hit = operation == "TransactWriteItems" && body.contains("poison");
        if hit { refused("ValidationException") } else { Fault::None }
    });
    let (failed, metrics) = deliver(&Enrich::new(world.config.clone(), &sdk), &items).await;
    assert_eq!((failed, metrics.rejected, metrics.handled), (vec![], 2, 60));
    world.assert_holds(&items.iter().filter(|item| item.call_id != "poison").collect::<Vec<_>>()).await;
    let letters = world.dead_letters().await;
    assert!(
        letters.iter().all(|(_, it)| it.call_id == "poison" && it.cause.starts_with("DynamoDB refuses")),
        "{letters:?}"
    );
    let mut positions: Vec<_> = letters.iter().map(|(_, letter)| letter.position.as_str()).collect();
    positions.sort_unstable();
    assert_eq!(positions, ["000001", "000002"]);
}

#[tokio::test]
async fn what_silver_holds_and_nobody_can_read_stops_only_its_own_call() {
    let world = World::new().await;
    let good = item("good", 1, "acme", 1, 1);
    let stored = serde_json::json!({"call_id": "strange", "schema": SCHEMA});
    world.put(&world.config.silver_table, &stored).await;
    let far = enrich::clean::clean(&item("far", 1, "acme", 1, 1), &world.config.rules).expect("a good record");
    world.put(&world.config.silver_table, &SilverCall { schema: SCHEMA + 2, ..far }).await;
    let delivered = [item("strange", 1, "acme", 1, 1), good.clone(), item("far", 2, "acme", 1, 1)];
    let (failed, metrics) = world.deliver(&delivered).await;
    assert_eq!((failed, metrics.handled, metrics.rejected), (vec![], 1, 2));
    let counters = world.counters().await;
    assert_eq!(counters.values().map(|counter| counter.calls).sum::<i64>(), 1, "{counters:?}");
    let letters = world.dead_letters().await;
    assert!(letters.iter().all(|(_, letter)| letter.cause.contains("silver holds")), "{letters:?}");
    assert_eq!(letters.len(), 2);
}

#[tokio::test]
async fn a_passing_conflict_is_tried_again() {
    let world = World::new().await;
    let items = calls(10);
    let tries = AtomicUsize::new(0);
    let sdk = faulty(&world.sdk, move |operation, body| {
        let early = operation == "TransactWriteItems" && tries.fetch_add(1, Ordering::Relaxed) < 2;
        if early { cancelled(body, "TransactionConflict") } else { Fault::None }
    });
    assert_eq!(deliver(&Enrich::new(world.config.clone(), &sdk), &items).await.0, Vec::<String>::new());
    world.assert_holds(&items.iter().collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_group_that_always_conflicts_is_split_down_to_what_passes() {
    let world = World::new().await;
    let items = calls(12);
    let sdk = faulty(&world.sdk, |operation, body| {
        let puts = body.matches("\"Put\"").count();
        let conflict = operation == "TransactWriteItems" && (puts > 1 || body.contains("call-7"));
        if conflict { cancelled(body, "TransactionConflict") } else { Fault::None }
    });
    let (failed, _) = deliver(&Enrich::new(world.config.clone(), &sdk), &items).await;
    assert_eq!(failed, ["7"]);
    world.assert_holds(&items.iter().filter(|item| item.call_id != "call-7").collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn what_cannot_be_read_is_delivered_again() {
    let world = World::new().await;
    let sdk = faulty(&world.sdk, |operation, _| match operation {
        "BatchGetItem" => refused("AccessDeniedException"),
        _ => Fault::None,
    });
    let items = [item("good", 1, "acme", 1, 1), bad("bad", 1)];
    let (failed, metrics) = deliver(&Enrich::new(world.config.clone(), &sdk), &items).await;
    assert_eq!(failed, ["0", "1"]);
    assert_eq!((metrics.handled, metrics.failed, metrics.rejected), (0, 2, 0));
    world.assert_holds(&[]).await;
}

#[tokio::test]
async fn a_record_that_can_never_be_enriched_becomes_a_dead_letter() {
    let world = World::new().await;
    let later = BronzeItem { schema: 99, ..item("later", 3, "acme", 1, 1) };
    let (failed, metrics) = world.deliver(&[bad("bad", 2), item("good", 1, "acme", 1, 1), later]).await;
    assert_eq!((failed, metrics.handled, metrics.rejected), (vec![], 1, 2));
    let mut letters = world.dead_letters().await;
    letters.sort_by(|one, other| one.1.call_id.cmp(&other.1.call_id));
    let told: Vec<_> =
        letters.iter().map(|(_, it)| (it.call_id.as_str(), it.position.as_str(), it.cause.as_str())).collect();
    let schema = "the item's `schema` is 99, this release reads up to 2";
    assert_eq!(told, [("bad", "000002", "`client_id` is missing"), ("later", "000003", schema)]);
    for (body, letter) in &letters {
        assert_eq!((letter.function.as_str(), letter.version.as_str()), ("enrich-test", "7"));
        assert!(!body.contains("secret") && !body.contains("12345678"), "{body}");
    }
}

#[tokio::test]
async fn more_dead_letters_than_one_request_takes_all_arrive() {
    let world = World::new().await;
    let items: Vec<_> = (0..23).map(|n| bad(&format!("bad-{n}"), 1)).collect();
    let (failed, metrics) = world.deliver(&items).await;
    assert_eq!((failed, metrics.rejected), (vec![], 23));
    assert_eq!(world.dead_letters().await.len(), 23);
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_sent_is_delivered_again() {
    let mut world = World::new().await;
    world.config.dead_letter_queue_url.push_str("-absent");
    let good = item("good", 1, "acme", 1, 1);
    let (failed, metrics) = world.deliver(&[good.clone(), bad("bad", 1)]).await;
    assert_eq!(failed, ["1"]);
    assert_eq!((metrics.handled, metrics.failed, metrics.rejected), (1, 1, 0));
    world.assert_holds(&[&good]).await;
}
