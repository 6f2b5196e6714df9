//! From messages to the types of this crate: every check of a body is here.

use jiff::civil::Date;
use sanji_log::{AttachmentId, Hash, RequestId, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::case_side::Side as SideMessage;
use sanji_proto::v1::case_step::Step as StepMessage;

use super::{Decoded, Error, field};
use crate::calendar::date_of_number;
use crate::case::body::{
    ActorFacts, Body, Channel, DeliveryMethod, Extended, Fault, FaultKind, Mandate, MaterialProvided, Opinion,
    ReturnReason, Side, SideEvent, Step, StepEvent, Submitted, TimeNoted,
};
use crate::code::StageId;
use crate::limit::{LONGEST_LIMIT_DAYS, Limit, Unit};
use crate::supervision::{AlertKey, Level, Office};

pub(super) fn step(message: proto::CaseStep) -> Result<Decoded, Error> {
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
        event: message.step.map_or(Ok(StepEvent::Unknown), event)?,
    };
    Ok(Decoded { body: Body::Step(step), sealed: message.private })
}

fn event(message: StepMessage) -> Result<StepEvent, Error> {
    Ok(match message {
        StepMessage::Submitted(message) => StepEvent::Submitted(submitted(message)?),
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
            until: optional_date(message.until, "CorrectionRequested", "until")?,
            back_to: station(message.back_to, "CorrectionRequested", "back_to")?,
            back_to_stage: stage(message.back_to_stage, "CorrectionRequested", "back_to_stage")?,
        },
        StepMessage::CorrectionSupplied(message) => {
            StepEvent::CorrectionSupplied { materials: materials(message.materials)? }
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
            materials: materials(message.materials)?,
        },
        StepMessage::PublicityPosted(message) => StepEvent::PublicityPosted {
            stage: stage(message.stage, "PublicityPosted", "stage")?,
            from: date(message.from, "PublicityPosted", "from")?,
            until: optional_date(message.until, "PublicityPosted", "until")?,
            place: message.place,
            photographs: attachments(&message.photographs, "PublicityPosted", "photographs")?,
        },
        StepMessage::PublicityEnded(message) => StepEvent::PublicityEnded {
            stage: stage(message.stage, "PublicityEnded", "stage")?,
            objection: message.objection,
        },
        StepMessage::Suspended(message) => StepEvent::Suspended {
            stage: stage(message.stage, "Suspended", "stage")?,
            kind: message.kind,
            expected_days: message.expected_days,
            told_on: optional_date(message.told_on, "Suspended", "told_on")?,
        },
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
        StepMessage::HandedOver(message) => {
            StepEvent::HandedOver { from: station(message.from, "HandedOver", "from")? }
        }
        StepMessage::TacitlyApproved(message) => StepEvent::TacitlyApproved {
            stage: stage(message.stage, "TacitlyApproved", "stage")?,
            due: date(message.due, "TacitlyApproved", "due")?,
            department: message.department,
        },
    })
}

fn submitted(message: proto::Submitted) -> Result<Submitted, Error> {
    const MESSAGE: &str = "Submitted";
    if message.item_version == 0 {
        return Err(field(MESSAGE, "item_version", "is missing"));
    }
    Ok(Submitted {
        item: message.item.try_into().map_err(|_| field(MESSAGE, "item", "is not the code of an item"))?,
        item_version: message.item_version,
        channel: Channel::from_number(message.channel),
        mandate: message.mandate.map(decode_mandate).transpose()?,
        materials: materials(message.materials)?,
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

fn materials(messages: Vec<proto::MaterialProvided>) -> Result<Vec<MaterialProvided>, Error> {
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

pub(super) fn side(message: proto::CaseSide) -> Result<Decoded, Error> {
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
            Some(SideMessage::TimeNoted(noted)) => SideEvent::TimeNoted(TimeNoted {
                entry: hash(&noted.entry, "TimeNoted", "entry")?,
                received_ms: noted.received_ms,
                from: station(noted.from, "TimeNoted", "from")?,
                offset_ms: noted.offset_ms,
            }),
            Some(SideMessage::Extended(message)) => SideEvent::Extended(extended(message)?),
            Some(SideMessage::SupersededChecked(checked)) => SideEvent::SupersededChecked {
                step: hash(&checked.step, "SupersededChecked", "step")?,
                redone: checked.redone,
            },
            Some(SideMessage::AlertAnswered(message)) => {
                SideEvent::AlertAnswered { alert: alert(&message.alert, "AlertAnswered")?, level: level(message.level) }
            }
            Some(SideMessage::AlertAppealed(message)) => {
                SideEvent::AlertAppealed { alert: alert(&message.alert, "AlertAppealed")?, level: level(message.level) }
            }
            Some(SideMessage::AlertReviewed(message)) => SideEvent::AlertReviewed {
                alert: alert(&message.alert, "AlertReviewed")?,
                level: level(message.level),
                revoked: message.revoked,
            },
            Some(SideMessage::OrderIssued(message)) => SideEvent::OrderIssued {
                office: Office {
                    station: station(message.station, "OrderIssued", "station")?,
                    department: (message.department.try_into())
                        .map_err(|_| field("OrderIssued", "department", "is not the code of a department"))?,
                },
                until: date(message.until, "OrderIssued", "until")?,
            },
            Some(SideMessage::OrderAnswered(message)) => SideEvent::OrderAnswered {
                order: Hash::try_from(message.order.as_slice())
                    .map_err(|_| field("OrderAnswered", "order", "is not 32 bytes"))?,
            },
            None => SideEvent::Unknown,
        },
    };
    Ok(Decoded { body: Body::Side(side), sealed: message.private })
}

fn extended(message: proto::Extended) -> Result<Extended, Error> {
    const MESSAGE: &str = "Extended";
    let unit = match proto::LimitUnit::try_from(message.unit) {
        Ok(proto::LimitUnit::WorkingDay) => Unit::WorkingDay,
        Ok(proto::LimitUnit::NaturalDay) => Unit::NaturalDay,
        _ => return Err(field(MESSAGE, "unit", "is not known")),
    };
    if message.days == 0 || message.days > LONGEST_LIMIT_DAYS {
        return Err(field(MESSAGE, "days", "is out of range"));
    }
    Ok(Extended {
        limit: Limit { days: message.days, unit },
        promised_until: optional_date(message.promised_until, MESSAGE, "promised_until")?,
        extended_until: optional_date(message.extended_until, MESSAGE, "extended_until")?,
        told_on: date(message.told_on, MESSAGE, "told_on")?,
        told_by: DeliveryMethod::from_number(message.told_by),
        approval_number: message.approval_number,
        basis: message.basis,
    })
}

fn hash(bytes: &[u8], message: &'static str, name: &'static str) -> Result<Hash, Error> {
    Hash::try_from(bytes).map_err(|_| field(message, name, "is not 32 bytes"))
}

fn optional_date(number: u32, message: &'static str, name: &'static str) -> Result<Option<Date>, Error> {
    if number == 0 { Ok(None) } else { date(number, message, name).map(Some) }
}

fn alert(text: &str, message: &'static str) -> Result<AlertKey, Error> {
    text.parse().map_err(|_| field(message, "alert", "names no alert"))
}

fn level(number: i32) -> Option<Level> {
    match proto::AlertLevel::try_from(number) {
        Ok(proto::AlertLevel::Prompt) => Some(Level::Prompt),
        Ok(proto::AlertLevel::Yellow) => Some(Level::Yellow),
        Ok(proto::AlertLevel::Red) => Some(Level::Red),
        Ok(proto::AlertLevel::Unspecified) | Err(_) => None,
    }
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
