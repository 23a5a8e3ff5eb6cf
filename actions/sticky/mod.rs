//! Comments and issues that are ours, found again and changed instead of written anew.

pub mod comment;
pub mod marker;
