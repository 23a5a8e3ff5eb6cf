//! `ingest` as a whole: events and files in, items and rejected objects out.

mod fake;
mod faults;
mod files;
mod world;
