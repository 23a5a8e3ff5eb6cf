//! `ingest`: takes in every file that lands under `calls/`. Its records go to bronze as they were received; what is none
//! is handed back under `rejected/`.
//!
//! [`unpack`], [`records`], [`judge`] and [`file`] turn bytes into records without I/O; [`landing`] reads the object,
//! [`bronze`] and [`rejected`] write; [`handler`] decides. Nothing holds a whole file.

pub mod bronze;
pub mod config;
pub mod error;
pub mod file;
pub mod handler;
pub mod judge;
pub mod landing;
pub mod records;
pub mod rejected;
pub mod tables;
pub mod unpack;

pub use config::Config;
pub use error::Error;
pub use handler::Ingest;
