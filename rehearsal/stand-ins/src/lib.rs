//! What stands in for parts that no test machine has. The rehearsal and the tests of other crates share it; each part says
//! what it does not do. It is a crate of its own so that a benchmark need not build the whole rehearsal.

pub mod emulator;
pub mod folders;
pub mod github;
pub mod lambda;
pub mod oidc;
pub mod registry;
pub mod relay;
pub mod scripted;
pub mod tools;
