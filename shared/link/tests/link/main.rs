//! Real TLS on loopback: who is let in, what a station is given, and that entries and attachments arrive.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admission;
mod bundles;
mod certificates;
mod detour;
mod enrolment;
mod host;
mod medium;
mod replicate;
mod support;
