//! Pages as a browser sees them, on an office without a station behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod browser;
mod bundles;
mod fake;
mod fake_records;
mod fake_matters;
mod forms;
mod fuzz;
mod matters;
mod oversight;
mod pages;
mod records;
mod people;
mod security;
mod server;
