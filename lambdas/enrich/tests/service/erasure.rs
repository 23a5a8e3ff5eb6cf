use crate::world::{World, bad, item};

#[tokio::test]
async fn an_erased_call_delivered_again_stays_gone() {
    let world = World::new().await;
    let kept: Vec<_> = (0..5).map(|n| item(&format!("kept-{n}"), 1, "acme", 1, n)).collect();
    world.erase("erased").await;
    let mut batch = kept.clone();
    batch.insert(2, item("erased", 1, "acme", 1, 60));
    batch.push(item("erased", 9, "acme", 1, 61));
    let (failed, metrics) = world.deliver(&batch).await;
    assert_eq!((failed, metrics.handled, metrics.rejected), (vec![], 7, 0));
    world.assert_holds(&kept.iter().collect::<Vec<_>>()).await;
    let left: Vec<_> = world.bronze().await.into_iter().filter(|item| item.call_id == "erased").collect();
    assert_eq!(left, []);
    assert_eq!(world.bronze().await.len(), kept.len());
}

#[tokio::test]
async fn of_an_erased_call_not_even_a_bad_record_stays() {
    let world = World::new().await;
    world.erase("erased").await;
    let (failed, metrics) = world.deliver(&[bad("erased", 1), bad("other", 1)]).await;
    assert_eq!((failed, metrics.handled, metrics.rejected), (vec![], 1, 1));
    let left: Vec<_> = world.bronze().await.into_iter().map(|item| item.call_id).collect();
    assert_eq!(left, ["other"]);
    let letters: Vec<_> = world.dead_letters().await.into_iter().map(|(_, letter)| letter.call_id).collect();
    assert_eq!(letters, ["other"]);
}
