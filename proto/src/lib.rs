//! The contract of Sanji: its messages and services, as `.proto` files and the code generated from them.
//!
//! - `sanji/v1/log.proto` — logs, entries, seals, receipts: the bytes on disk and on the wire
//! - `sanji/v1/body.proto` — what entries mean
//! - `sanji/v1/link.proto` — the link between two stations
//! - `sanji/v1/bundle.proto` — the link's messages in a file
//! - `sanji/v1/enrolment.proto` — how a station becomes part of the district
//! - `sanji/v1/case.proto` — everything that a desk can do, for programs
//! - `sanji/v1/deadline.proto` — deadlines that moved, superseded steps that wait for a person
//! - `sanji/v1/matter.proto` — complaints, questions, rectifications, surveys, notices: stored and as a service
//! - `sanji/v1/supervision.proto` — the board, alerts, orders, ranking
//! - `sanji/v1/health.proto` — how a station is
//! - `sanji/v1/administration.proto` — what the keeper of a station does
//! - `sanji/v1/records.proto` — ledgers, vouchers, case files, exchange
//!
//! The generated code is checked in, so that building needs no generator; a test regenerates it. Feature
//! `grpc` adds the stubs of the services, and in `codec` how they use memory. Not here: any meaning, check or conversion.
//! Those belong to the crates that own the types, which parse these messages once, at their border.

#[cfg(feature = "grpc")]
pub mod codec;

/// Release 1 of the contract.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, rustdoc::all)]
pub mod v1 {
    include!("generated/sanji.v1.rs");
}

/// The contract as an encoded `google.protobuf.FileDescriptorSet`, without comments: for programs that handle
/// messages by name, such as the command line's JSON.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/sanji.v1.descriptors");

pub use prost;
