//! Pages as a browser sees them, on an office without a station behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod administration;
mod browser;
mod bundles;
mod fake;
mod fake_administration;
mod fake_matters;
mod fake_people;
mod fake_records;
mod first;
mod forms;
mod fuzz;
mod matters;
mod oversight;
mod pages;
mod people;
mod quarantine;
mod records;
mod security;
mod server;
mod without_a_line;
