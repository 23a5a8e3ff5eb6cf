//! `enrich`: takes new bronze items from the table's stream, cleans and enriches them, and keeps the silver calls and
//! the counters.
//!
//! [`clean`], [`phone`] and [`capital`] are pure; [`batch`] sorts an event; [`silver`] writes; [`handler`] decides.

pub mod batch;
pub mod capital;
pub mod clean;
pub mod config;
pub mod dead_letter;
pub mod error;
pub mod handler;
pub mod phone;
pub mod silver;
pub mod tables;
pub mod transaction;

pub use config::Config;
pub use error::Error;
pub use handler::Enrich;
