//! Pages as a browser sees them, on an office without a station behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod browser;
mod bundles;
mod fake;
mod forms;
mod fuzz;
mod pages;
mod people;
mod security;
mod server;
