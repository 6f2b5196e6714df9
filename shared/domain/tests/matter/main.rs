//! Matters, on the data of the sample district.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod complaint;
#[allow(dead_code)]
#[path = "../case/district.rs"]
mod district;
mod others;
mod rights;
mod world;
