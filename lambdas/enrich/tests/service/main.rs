//! `enrich` against an emulated AWS: order, exactly-once counters, erasure, failures.

mod deliveries; // one after the other: order, duplicates, moves, expiry
mod erasure; // tombstones
mod failures; // kills, lost answers, conflicts, poison, dead letters
mod model; // random deliveries against a simple model
mod races; // two deliveries at once
mod wire; // an HTTP client that can fail on purpose
mod world; // tables, a queue, and what stands in them
