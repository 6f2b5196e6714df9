//! Fuzz targets: every decoder that reads what another station, a stick, a disk or a person gave. Beyond "does not
//! panic" each asserts the law of its format: what is accepted is what was signed, what is decoded and encoded again
//! means the same, what is cut off is never taken for whole.
//!
//! As ordinary tests each runs a bounded number of inputs: a frozen example of release 1 with a few edits. Longer:
//! `SANJI_FUZZ=100 cargo test -p sanji-tests --test fuzz` runs a hundred times as many. Guided by coverage (needs
//! `cargo install cargo-bolero` and a nightly compiler): `cargo bolero test -p sanji-tests --test fuzz wire::entries`.
//! An input that fails is printed; it gets a test of its own beside the decoder.
//!
//! | module | targets |
//! | --- | --- |
//! | `input` | how inputs are made |
//! | `wire` | entry, run, seal, receipt, link messages, messages for attachments, frames of bundles, bodies of cases |
//! | `files` | bundles, requests and answers of an enrolment, invitations, certificates |
//! | `disk` | the journal |
//! | `texts` | the district's files, configuration, codes and numbers that people type |
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod disk;
mod files;
mod input;
mod texts;
mod wire;
