//! Between the bodies of body.proto and the types of this crate: parsed once here, trusted everywhere else.
//!
//! What a newer release adds is never an error: unknown fields are skipped, an unknown step or side entry reads as
//! `Unknown`, an unknown value of a list as that list's `Unknown`. The entry's own bytes stay as they are.

use jiff::civil::Date;
use prost::Message;
use sanji_log::{AttachmentId, Hash, RequestId, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::case_side::Side as SideMessage;
use sanji_proto::v1::case_step::Step as StepMessage;
use sanji_proto::v1::station_record::Record;

use super::body::{
    ActorFacts, Body, Channel, DeliveryMethod, Fault, FaultKind, Mandate, MaterialProvided, Opinion, ReturnReason,
    Side, SideEvent, Step, StepEvent, Submitted,
};
use crate::calendar::{date_number, date_of_number};
use crate::code::StageId;

pub use super::private::{decode_private, encode_private};

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

pub(super) fn field(message: &'static str, field: &'static str, problem: &'static str) -> Error {
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
        Body::Step(step) => (proto::Kind::CaseStep as u32, encode_step(step, sealed).encode_to_vec()),
        Body::Side(side) => (proto::Kind::CaseSide as u32, encode_side(side, sealed).encode_to_vec()),
    }
}

/// Reads `Entry.kind` and `Entry.body`. None: the kind is not a case's, or unknown.
///
/// # Errors
/// [`Error`] where the bytes are not a message of that kind or a required field is missing or out of range.
pub fn decode(kind: u32, body: &[u8]) -> Result<Option<Decoded>, Error> {
    match known_kind(kind) {
        Some(proto::Kind::CaseStep) => {
            let message = read::<proto::CaseStep>(body, "CaseStep")?;
            decode_step(message).map(Some)
        }
        Some(proto::Kind::CaseSide) => {
            let message = read::<proto::CaseSide>(body, "CaseSide")?;
            decode_side(message).map(Some)
        }
        _ => Ok(None),
    }
}

/// Name of an entry's body for listings, for example `step.accepted`, `station.enrolled`, `unknown.9`.
#[must_use]
pub fn kind_name(kind: u32, body: &[u8]) -> String {
    match known_kind(kind) {
        Some(proto::Kind::CaseStep | proto::Kind::CaseSide) => match decode(kind, body) {
            Ok(Some(Decoded { body: Body::Step(step), .. })) => format!("step.{}", step.event.name()),
            Ok(Some(Decoded { body: Body::Side(side), .. })) => format!("side.{}", side.event.name()),
            _ => "unreadable".to_owned(),
        },
        Some(proto::Kind::Station) => match proto::StationRecord::decode(body).map(|message| message.record) {
            Ok(Some(Record::Enrolled(_))) => "station.enrolled".to_owned(),
            Ok(Some(Record::CertificateIssued(_))) => "station.certificate_issued".to_owned(),
            Ok(Some(Record::Revoked(_))) => "station.revoked".to_owned(),
            Ok(None) => "station.unknown".to_owned(),
            Err(_) => "unreadable".to_owned(),
        },
        Some(proto::Kind::Staff) => "staff".to_owned(),
        Some(proto::Kind::File) => "file".to_owned(),
        Some(proto::Kind::Audit) => "audit".to_owned(),
        Some(proto::Kind::Unspecified) | None => format!("unknown.{kind}"),
    }
}

fn known_kind(kind: u32) -> Option<proto::Kind> {
    i32::try_from(kind).ok().and_then(|kind| proto::Kind::try_from(kind).ok())
}

fn read<M: Message + Default>(bytes: &[u8], message: &'static str) -> Result<M, Error> {
    M::decode(bytes).map_err(|source| Error::Decode { message, source })
}

// ------------------------------------------------------------------------------------------------------- to bytes

fn encode_step(step: &Step, sealed: Option<proto::Sealed>) -> proto::CaseStep {
    proto::CaseStep {
        rev: step.rev,
        term: step.term,
        previous: step.previous.map_or_else(Vec::new, |hash| hash.0.to_vec()),
        holder: step.holder.number(),
        stage: step.stage.as_ref().map_or_else(String::new, ToString::to_string),
        request: request_bytes(step.request),
        actor_name: step.actor.name.clone(),
        actor_department: step.actor.department.clone(),
        actor_role: step.actor.role.clone(),
        acting_for: step.actor.acting_for.clone(),
        private: sealed,
        step: encode_event(&step.event),
    }
}

fn encode_event(event: &StepEvent) -> Option<StepMessage> {
    Some(match event {
        StepEvent::Submitted(submitted) => StepMessage::Submitted(proto::Submitted {
            item: submitted.item.to_string(),
            item_version: submitted.item_version,
            channel: submitted.channel.number(),
            mandate: submitted.mandate.map(encode_mandate),
            materials: encode_materials(&submitted.materials),
            village: submitted.village.map_or(0, StationCode::number),
        }),
        StepEvent::Accepted { deemed } => StepMessage::Accepted(proto::Accepted { deemed: *deemed }),
        StepEvent::NotAccepted { basis, competent_office } => StepMessage::NotAccepted(proto::NotAccepted {
            basis: basis.clone(),
            competent_office: competent_office.clone(),
        }),
        StepEvent::CorrectionRequested { faults, until, back_to, back_to_stage } => {
            StepMessage::CorrectionRequested(proto::CorrectionRequested {
                faults: faults
                    .iter()
                    .map(|fault| proto::correction_requested::Fault {
                        material: fault.material,
                        kind: fault.kind.number(),
                    })
                    .collect(),
                until: date_number(*until),
                back_to: back_to.number(),
                back_to_stage: back_to_stage.to_string(),
            })
        }
        StepEvent::CorrectionSupplied { materials } => {
            StepMessage::CorrectionSupplied(proto::CorrectionSupplied { materials: encode_materials(materials) })
        }
        StepEvent::StageFinished { stage, opinion, outside_number, together_with, materials } => {
            StepMessage::StageFinished(proto::StageFinished {
                stage: stage.to_string(),
                opinion: opinion.number(),
                outside_number: outside_number.clone(),
                together_with: together_with.iter().map(ToString::to_string).collect(),
                materials: encode_materials(materials),
            })
        }
        StepEvent::PublicityPosted { stage, from, until, place, photographs } => {
            StepMessage::PublicityPosted(proto::PublicityPosted {
                stage: stage.to_string(),
                from: date_number(*from),
                until: date_number(*until),
                place: place.clone(),
                photographs: photographs.iter().map(|id| id.0.to_vec()).collect(),
            })
        }
        StepEvent::PublicityEnded { stage, objection } => {
            StepMessage::PublicityEnded(proto::PublicityEnded { stage: stage.to_string(), objection: *objection })
        }
        StepEvent::Suspended { stage, kind } => {
            StepMessage::Suspended(proto::Suspended { stage: stage.to_string(), kind: kind.clone() })
        }
        StepEvent::Resumed { outside_number } => {
            StepMessage::Resumed(proto::Resumed { outside_number: outside_number.clone() })
        }
        StepEvent::Decided { stage, approved, basis, ground, document_number } => {
            StepMessage::Decided(proto::Decided {
                stage: stage.to_string(),
                approved: *approved,
                basis: basis.clone(),
                ground: *ground,
                document_number: document_number.clone(),
            })
        }
        StepEvent::Returned { reason, stage, basis } => StepMessage::Returned(proto::Returned {
            reason: reason.number(),
            stage: stage.to_string(),
            basis: basis.clone(),
        }),
        StepEvent::Withdrawn => StepMessage::Withdrawn(proto::Withdrawn {}),
        StepEvent::Delivered { method, signed_on, by_proxy } => StepMessage::Delivered(proto::Delivered {
            method: method.number(),
            signed_on: date_number(*signed_on),
            by_proxy: *by_proxy,
        }),
        StepEvent::Reclaimed { from } => StepMessage::Reclaimed(proto::Reclaimed { from: from.number() }),
        StepEvent::Unknown => return None,
    })
}

fn encode_side(side: &Side, sealed: Option<proto::Sealed>) -> proto::CaseSide {
    proto::CaseSide {
        actor_name: side.actor.name.clone(),
        actor_department: side.actor.department.clone(),
        actor_role: side.actor.role.clone(),
        request: request_bytes(side.request),
        private: sealed,
        side: match side.event {
            SideEvent::Note => Some(SideMessage::Note(proto::Note {})),
            SideEvent::Reminder { station } => {
                Some(SideMessage::Reminder(proto::Reminder { station: station.number() }))
            }
            SideEvent::WithdrawalRequested => Some(SideMessage::WithdrawalRequested(proto::WithdrawalRequested {})),
            SideEvent::Rating { satisfaction } => Some(SideMessage::Rating(proto::Rating { satisfaction })),
            SideEvent::Unknown => None,
        },
    }
}

fn request_bytes(request: Option<RequestId>) -> Vec<u8> {
    request.map_or_else(Vec::new, |request| request.0.to_vec())
}

fn encode_mandate(mandate: Mandate) -> proto::Mandate {
    proto::Mandate {
        may_submit: mandate.may_submit,
        may_correct: mandate.may_correct,
        may_sign_for_documents: mandate.may_sign_for_documents,
        may_collect_result: mandate.may_collect_result,
        until: mandate.until.map_or(0, date_number),
    }
}

fn encode_materials(materials: &[MaterialProvided]) -> Vec<proto::MaterialProvided> {
    materials
        .iter()
        .map(|material| proto::MaterialProvided {
            material: material.material,
            originals: material.originals,
            copies: material.copies,
            attachments: material.attachments.iter().map(|id| id.0.to_vec()).collect(),
        })
        .collect()
}

// ----------------------------------------------------------------------------------------------------- from bytes

fn decode_step(message: proto::CaseStep) -> Result<Decoded, Error> {
    const MESSAGE: &str = "CaseStep";
    if message.rev == 0 {
        return Err(field(MESSAGE, "rev", "is missing"));
    }
    let previous = match (message.rev, message.previous.is_empty()) {
        (1, true) => None,
        (1, false) => return Err(field(MESSAGE, "previous", "is given for the first step")),
        (_, true) => return Err(field(MESSAGE, "previous", "is missing")),
        (_, false) => Some(
            Hash::try_from(message.previous.as_slice()).map_err(|_| field(MESSAGE, "previous", "is not 32 bytes"))?,
        ),
    };
    let step = Step {
        rev: message.rev,
        term: message.term,
        previous,
        holder: station(message.holder, MESSAGE, "holder")?,
        stage: if message.stage.is_empty() { None } else { Some(stage(message.stage, MESSAGE, "stage")?) },
        request: request(&message.request, MESSAGE)?,
        actor: ActorFacts {
            name: message.actor_name,
            department: message.actor_department,
            role: message.actor_role,
            acting_for: message.acting_for,
        },
        event: message.step.map_or(Ok(StepEvent::Unknown), decode_event)?,
    };
    Ok(Decoded { body: Body::Step(step), sealed: message.private })
}

fn decode_event(message: StepMessage) -> Result<StepEvent, Error> {
    Ok(match message {
        StepMessage::Submitted(message) => StepEvent::Submitted(decode_submitted(message)?),
        StepMessage::Accepted(message) => StepEvent::Accepted { deemed: message.deemed },
        StepMessage::NotAccepted(message) => {
            StepEvent::NotAccepted { basis: message.basis, competent_office: message.competent_office }
        }
        StepMessage::CorrectionRequested(message) => StepEvent::CorrectionRequested {
            faults: message
                .faults
                .into_iter()
                .map(|fault| Fault { material: fault.material, kind: FaultKind::from_number(fault.kind) })
                .collect(),
            until: date(message.until, "CorrectionRequested", "until")?,
            back_to: station(message.back_to, "CorrectionRequested", "back_to")?,
            back_to_stage: stage(message.back_to_stage, "CorrectionRequested", "back_to_stage")?,
        },
        StepMessage::CorrectionSupplied(message) => {
            StepEvent::CorrectionSupplied { materials: decode_materials(message.materials)? }
        }
        StepMessage::StageFinished(message) => StepEvent::StageFinished {
            stage: stage(message.stage, "StageFinished", "stage")?,
            opinion: Opinion::from_number(message.opinion),
            outside_number: message.outside_number,
            together_with: message
                .together_with
                .into_iter()
                .map(|id| id.try_into().map_err(|_| field("StageFinished", "together_with", "is not a staff id")))
                .collect::<Result<_, _>>()?,
            materials: decode_materials(message.materials)?,
        },
        StepMessage::PublicityPosted(message) => StepEvent::PublicityPosted {
            stage: stage(message.stage, "PublicityPosted", "stage")?,
            from: date(message.from, "PublicityPosted", "from")?,
            until: date(message.until, "PublicityPosted", "until")?,
            place: message.place,
            photographs: attachments(&message.photographs, "PublicityPosted", "photographs")?,
        },
        StepMessage::PublicityEnded(message) => StepEvent::PublicityEnded {
            stage: stage(message.stage, "PublicityEnded", "stage")?,
            objection: message.objection,
        },
        StepMessage::Suspended(message) => {
            StepEvent::Suspended { stage: stage(message.stage, "Suspended", "stage")?, kind: message.kind }
        }
        StepMessage::Resumed(message) => StepEvent::Resumed { outside_number: message.outside_number },
        StepMessage::Decided(message) => StepEvent::Decided {
            stage: stage(message.stage, "Decided", "stage")?,
            approved: message.approved,
            basis: message.basis,
            ground: message.ground,
            document_number: message.document_number,
        },
        StepMessage::Returned(message) => StepEvent::Returned {
            reason: ReturnReason::from_number(message.reason),
            stage: stage(message.stage, "Returned", "stage")?,
            basis: message.basis,
        },
        StepMessage::Withdrawn(proto::Withdrawn {}) => StepEvent::Withdrawn,
        StepMessage::Delivered(message) => StepEvent::Delivered {
            method: DeliveryMethod::from_number(message.method),
            signed_on: date(message.signed_on, "Delivered", "signed_on")?,
            by_proxy: message.by_proxy,
        },
        StepMessage::Reclaimed(message) => StepEvent::Reclaimed { from: station(message.from, "Reclaimed", "from")? },
    })
}

fn decode_submitted(message: proto::Submitted) -> Result<Submitted, Error> {
    const MESSAGE: &str = "Submitted";
    if message.item_version == 0 {
        return Err(field(MESSAGE, "item_version", "is missing"));
    }
    Ok(Submitted {
        item: message.item.try_into().map_err(|_| field(MESSAGE, "item", "is not the code of an item"))?,
        item_version: message.item_version,
        channel: Channel::from_number(message.channel),
        mandate: message.mandate.map(decode_mandate).transpose()?,
        materials: decode_materials(message.materials)?,
        village: match message.village {
            0 => None,
            number => Some(station(number, MESSAGE, "village")?),
        },
    })
}

/// The mandate of a message: its last day must exist.
///
/// # Errors
/// [`Error::Field`] where `until` is neither 0 nor a date.
pub fn decode_mandate(message: proto::Mandate) -> Result<Mandate, Error> {
    Ok(Mandate {
        may_submit: message.may_submit,
        may_correct: message.may_correct,
        may_sign_for_documents: message.may_sign_for_documents,
        may_collect_result: message.may_collect_result,
        until: match message.until {
            0 => None,
            number => Some(date(number, "Mandate", "until")?),
        },
    })
}

fn decode_materials(messages: Vec<proto::MaterialProvided>) -> Result<Vec<MaterialProvided>, Error> {
    messages
        .into_iter()
        .map(|message| {
            Ok(MaterialProvided {
                material: message.material,
                originals: message.originals,
                copies: message.copies,
                attachments: attachments(&message.attachments, "MaterialProvided", "attachments")?,
            })
        })
        .collect()
}

fn decode_side(message: proto::CaseSide) -> Result<Decoded, Error> {
    let side = Side {
        actor: ActorFacts {
            name: message.actor_name,
            department: message.actor_department,
            role: message.actor_role,
            acting_for: String::new(),
        },
        request: request(&message.request, "CaseSide")?,
        event: match message.side {
            Some(SideMessage::Note(proto::Note {})) => SideEvent::Note,
            Some(SideMessage::Reminder(reminder)) => {
                SideEvent::Reminder { station: station(reminder.station, "Reminder", "station")? }
            }
            Some(SideMessage::WithdrawalRequested(proto::WithdrawalRequested {})) => SideEvent::WithdrawalRequested,
            Some(SideMessage::Rating(rating)) => SideEvent::Rating { satisfaction: rating.satisfaction },
            None => SideEvent::Unknown,
        },
    };
    Ok(Decoded { body: Body::Side(side), sealed: message.private })
}

fn station(number: u64, message: &'static str, name: &'static str) -> Result<StationCode, Error> {
    StationCode::from_number(number).map_err(|_| field(message, name, "is not a division code"))
}

fn stage(text: String, message: &'static str, name: &'static str) -> Result<StageId, Error> {
    StageId::try_from(text).map_err(|_| field(message, name, "is not the id of a stage"))
}

fn date(number: u32, message: &'static str, name: &'static str) -> Result<Date, Error> {
    date_of_number(number).ok_or(field(message, name, "is not a date"))
}

fn request(bytes: &[u8], message: &'static str) -> Result<Option<RequestId>, Error> {
    if bytes.is_empty() {
        return Ok(None);
    }
    RequestId::try_from(bytes).map(Some).map_err(|_| field(message, "request", "is not 16 bytes"))
}

fn attachments(ids: &[Vec<u8>], message: &'static str, name: &'static str) -> Result<Vec<AttachmentId>, Error> {
    ids.iter()
        .map(|id| AttachmentId::try_from(id.as_slice()).map_err(|_| field(message, name, "is not 32 bytes")))
        .collect()
}
