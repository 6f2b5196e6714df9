//! Between the bodies of body.proto and the types of this crate: parsed once here, trusted everywhere else.
//!
//! What a newer release adds is never an error: unknown fields are skipped, an unknown step or side entry reads as
//! `Unknown`, an unknown value of a list as that list's `Unknown`. The entry's own bytes stay as they are.

use prost::Message;
use prost::bytes::Bytes;
use sanji_proto::v1 as proto;
use sanji_proto::v1::station_record::Record;

use super::body::Body;

mod read;
mod write;

pub use super::private::{decode_private, encode_private};
pub use read::decode_mandate;

/// Why bytes are not the body of a case's entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a message of the expected type.
    #[error("not a valid {message}")]
    Decode {
        /// The message expected.
        message: &'static str,
        /// The decoder's reason.
        source: prost::DecodeError,
    },
    /// A field is missing or out of range.
    #[error("field '{field}' of {message} {problem}")]
    Field {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

pub(in crate::case) fn field(message: &'static str, field: &'static str, problem: &'static str) -> Error {
    Error::Field { message, field, problem }
}

/// A decoded body.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// What it says in the clear.
    pub body: Body,
    /// What is sealed; none: nothing is.
    pub sealed: Option<proto::Sealed>,
}

/// `Entry.kind` and `Entry.body` of a case's entry.
#[must_use]
pub fn encode(body: &Body, sealed: Option<proto::Sealed>) -> (u32, Vec<u8>) {
    match body {
        Body::Step(step) => (proto::Kind::CaseStep as u32, write::step(step, sealed).encode_to_vec()),
        Body::Side(side) => (proto::Kind::CaseSide as u32, write::side(side, sealed).encode_to_vec()),
    }
}

/// Reads `Entry.kind` and `Entry.body`. None: the kind is not a case's, or unknown.
///
/// # Errors
/// [`Error`] where the bytes are not a message of that kind or a required field is missing or out of range.
pub fn decode(kind: u32, body: &Bytes) -> Result<Option<Decoded>, Error> {
    match known_kind(kind) {
        Some(proto::Kind::CaseStep) => {
            let message = message::<proto::CaseStep>(body, "CaseStep")?;
            read::step(message).map(Some)
        }
        Some(proto::Kind::CaseSide) => {
            let message = message::<proto::CaseSide>(body, "CaseSide")?;
            read::side(message).map(Some)
        }
        _ => Ok(None),
    }
}

/// Name of an entry's body for listings, for example `step.accepted`, `station.enrolled`, `unknown.9`.
#[must_use]
pub fn kind_name(kind: u32, body: &Bytes) -> String {
    match known_kind(kind) {
        Some(proto::Kind::CaseStep | proto::Kind::CaseSide) => match decode(kind, body) {
            Ok(Some(Decoded { body: Body::Step(step), .. })) => format!("step.{}", step.event.name()),
            Ok(Some(Decoded { body: Body::Side(side), .. })) => format!("side.{}", side.event.name()),
            _ => "unreadable".to_owned(),
        },
        Some(proto::Kind::Station) => match proto::StationRecord::decode(body.clone()).map(|message| message.record) {
            Ok(Some(Record::Enrolled(_))) => "station.enrolled".to_owned(),
            Ok(Some(Record::CertificateIssued(_))) => "station.certificate_issued".to_owned(),
            Ok(Some(Record::Revoked(_))) => "station.revoked".to_owned(),
            Ok(Some(Record::Ended(_))) => "station.ended".to_owned(),
            Ok(Some(Record::ForkDecided(_))) => "station.fork_decided".to_owned(),
            Ok(Some(Record::KeyAnnounced(_))) => "station.key_announced".to_owned(),
            Ok(Some(Record::RestDecided(_))) => "station.rest_decided".to_owned(),
            Ok(None) => "station.unknown".to_owned(),
            Err(_) => "unreadable".to_owned(),
        },
        Some(proto::Kind::Staff) => "staff".to_owned(),
        Some(proto::Kind::File) => "file".to_owned(),
        Some(proto::Kind::Absence) => "absence".to_owned(),
        Some(proto::Kind::StaffRequest) => "staff_request".to_owned(),
        Some(proto::Kind::Fork) => "fork".to_owned(),
        Some(proto::Kind::Aside) => "aside".to_owned(),
        Some(proto::Kind::Audit) => "audit".to_owned(),
        Some(proto::Kind::MatterStep | proto::Kind::MatterSide) => crate::matter::codec::kind_name(kind, body),
        Some(proto::Kind::Notice) => "notice".to_owned(),
        Some(proto::Kind::Unspecified) | None => format!("unknown.{kind}"),
    }
}

fn known_kind(kind: u32) -> Option<proto::Kind> {
    i32::try_from(kind).ok().and_then(|kind| proto::Kind::try_from(kind).ok())
}

fn message<M: Message + Default>(bytes: &Bytes, name: &'static str) -> Result<M, Error> {
    // What is sealed stays where it lies.
    M::decode(bytes.clone()).map_err(|source| Error::Decode { message: name, source })
}
