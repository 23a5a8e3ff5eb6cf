//! `GET /stats`.

use crate::world::{World, call};
use call_model::{Counter, Direction, Outcome};
use serde_json::{Value, json};

fn sums(rows: &[Value], name: &str) -> i64 {
    rows.iter().map(|row| row[name].as_i64().expect("a number")).sum()
}

#[tokio::test]
async fn the_rows_are_the_counters_and_the_total_is_that_of_the_page() {
    let world = World::new().await;
    let mut expected = std::collections::BTreeMap::new();
    for n in 0..40_u32 {
        let day = format!("2026-03-{:02}", 1 + n % 5);
        let mut call = call(&format!("c{n}"), &format!("client-{}", n % 4), &format!("{day}T00:00:00Z"));
        call.duration_seconds = u64::from(n);
        call.direction = if n % 3 == 0 { Direction::Outbound } else { Direction::Inbound };
        call.outcome = [Outcome::Resolved, Outcome::Escalated, Outcome::Abandoned, Outcome::Unknown][n as usize % 4];
        call.sla_breach = n % 7 == 0;
        world.enrich(&call).await;
        let key = (call.client_id.clone(), day.clone());
        expected.entry(key).or_insert_with(|| Counter::new(&call.client_id, &day)).add(&Counter::of(&call), 1);
    }
    // What was counted and taken back has no row.
    world.put(&world.app.config.counter_table, &Counter::new("client-1", "2026-03-09")).await;
    let rows = |keep: &dyn Fn(&Counter) -> bool| -> Vec<Value> {
        expected.values().filter(|row| keep(row)).map(|row| serde_json::to_value(row).expect("JSON")).collect()
    };

    let client = rows(&|row| row.client_id == "client-1");
    assert_eq!(client.len(), 5);
    let whole = world.ok("/stats?client_id=client-1").await;
    assert_eq!(whole["rows"], json!(client));
    for name in Counter::SUMS {
        assert_eq!(whole["page_total"][name], sums(&client, name), "{name}");
    }
    assert_eq!(whole.get("next"), None);

    let ranged = world.ok("/stats?client_id=client-1&from=2026-03-02&to=2026-03-03").await;
    assert_eq!(ranged["rows"], json!(&client[1..3]));

    let day = rows(&|row| row.day == "2026-03-04");
    assert_eq!(day.len(), 4);
    for limit in [1, 3, 4, 1000] {
        let (listed, pages) = world.walk(&format!("/stats?day=2026-03-04&limit={limit}"), "rows").await;
        assert_eq!(listed, day);
        assert_eq!(pages, day.len().div_ceil(limit));
        let (listed, _) = world.walk(&format!("/stats?client_id=client-1&limit={limit}"), "rows").await;
        assert_eq!(listed, client);
    }

    let nothing = world.ok("/stats?client_id=nobody").await;
    assert_eq!((&nothing["rows"], &nothing["page_total"]["calls"]), (&json!([]), &json!(0)));
}
