//! `promote`, `rollback`, `status` and `unlock` as processes, against the emulated AWS and a Lambda that is as strict as
//! AWS. Numbers in the names of tests are those of the traps in `docs/traps.md`.

mod finish;
mod kills;
mod refusals;
mod stories;
mod told;
mod verdicts;
mod world;
