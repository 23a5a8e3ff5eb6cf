//! How fast one core turns NDJSON into what is written: cut, judged, and made a request of, without a network.

use call_model::position::Delivery;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ingest::file::{File, Origin, Outcome};
use ingest::tables;
use std::hint::black_box;

/// As S3 gives them.
const CHUNK: usize = 64 * 1024;

fn ndjson(criterion: &mut Criterion) {
    let text: String = (0..40_000).map(line).collect();
    let mut group = criterion.benchmark_group("ndjson");
    group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(20);
    group.bench_function("prepared", |bencher| bencher.iter(|| prepare(black_box(text.as_bytes()))));
    group.finish();
}

fn prepare(text: &[u8]) -> usize {
    let delivery = Delivery::new(1_768_469_400, "calls/bench.ndjson", "0055AED6DCD90281E5").expect("a short key");
    let mut file = File::new(Origin { delivery, expires_at: None });
    let (mut outcomes, mut requests) = (Vec::new(), 0);
    for mut chunk in text.chunks(CHUNK) {
        while !chunk.is_empty() {
            file.step(&mut chunk, &mut outcomes);
            requests += outcomes.drain(..).map(request).count();
        }
    }
    file.finish(&mut outcomes);
    requests + outcomes.drain(..).map(request).count()
}

fn request(outcome: Outcome) {
    let Outcome::Item(item) = outcome else { panic!("every record is good: {outcome:?}") };
    black_box(tables::put(&item).expect("an item"));
}

fn line(number: usize) -> String {
    format!(
        r#"{{"call_id":"call-{number:08}","client_id":"client-{}","agent_id":"agent-{}","started_at":"2026-01-15T09:30:00+01:00","duration_seconds":{},"direction":"inbound","phone":"+49 30 1234567","topic":"invoice","outcome":"resolved","notes":"caller asked about \"line {number}\" of the last invoice; sent a copy"}}
"#,
        number % 97,
        number % 13,
        number % 4_000,
    )
}

criterion_group!(benches, ndjson);
criterion_main!(benches);
