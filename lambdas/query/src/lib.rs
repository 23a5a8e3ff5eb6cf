//! `query` answers questions about calls over HTTP: behind API Gateway, or as a plain HTTP server.
//!
//! Both ways lead into one router ([`openapi::routes`]): [`gateway`] turns API Gateway's events into requests, [`listen`]
//! accepts connections. No request path scans a table.

pub mod app;
pub mod calls;
pub mod config;
pub mod erase;
pub mod error;
pub mod gateway;
pub mod health;
pub mod jwt;
pub mod land;
pub mod listen;
pub mod observe;
pub mod openapi;
pub mod page;
pub mod params;
pub mod problem;
pub mod stats;
pub mod tables;

pub use app::App;
pub use config::Config;
