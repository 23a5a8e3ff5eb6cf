//! Lockgate's actions: one module per folder, and the files they share.

pub mod alias;
pub mod apply;
#[path = "assume-role/mod.rs"]
pub mod assume_role;
pub mod aws;
pub mod check;
pub mod cli;
pub mod configuration;
pub mod delivery;
pub mod doctor;
pub mod drift;
pub mod event;
pub mod failure;
pub mod finish;
mod flock;
pub mod github;
pub mod http;
pub mod interrupt;
pub mod ledger;
pub mod lock;
mod markdown;
pub mod moves;
mod object;
mod oci;
mod origin;
mod pace;
pub mod package;
mod page;
pub mod plan;
mod progress;
pub mod promote;
pub mod protection;
#[path = "push-image/mod.rs"]
pub mod push_image;
pub mod release;
pub mod rollback;
pub mod runner;
pub mod scan;
mod scrub;
pub mod secret;
pub mod setup;
pub mod status;
pub mod sticky;
pub mod terraform;
pub mod unlock;
pub mod version;
pub mod who;
pub mod words;

/// Compresses a layer's tar with this many threads, for the benchmark; gives its size in bytes and its digest.
///
/// # Errors
/// The compressor's own.
#[doc(hidden)]
pub fn bench_layer(tar: &[u8], threads: std::num::NonZeroUsize) -> anyhow::Result<(usize, String)> {
    let gzip = oci::gzip::compress_with(tar, threads)?;
    Ok((gzip.bytes.len(), gzip.digest))
}
