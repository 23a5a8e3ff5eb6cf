//! The API as its callers see it, against an emulated AWS.

mod access;
mod description;
mod erasing;
mod landing;
mod listing;
mod process;
mod sums;
mod world;
