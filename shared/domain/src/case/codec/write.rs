//! From the types of this crate to messages.

use sanji_log::{RequestId, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::case_side::Side as SideMessage;
use sanji_proto::v1::case_step::Step as StepMessage;

use crate::calendar::date_number;
use crate::case::body::{Extended, Mandate, MaterialProvided, Side, SideEvent, Step, StepEvent};
use crate::limit::Unit;
use crate::supervision::Level;

pub(super) fn step(step: &Step, sealed: Option<proto::Sealed>) -> proto::CaseStep {
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
        step: event(&step.event),
    }
}

fn event(event: &StepEvent) -> Option<StepMessage> {
    Some(match event {
        StepEvent::Submitted(submitted) => StepMessage::Submitted(proto::Submitted {
            item: submitted.item.to_string(),
            item_version: submitted.item_version,
            channel: submitted.channel.number(),
            mandate: submitted.mandate.map(mandate),
            materials: material_messages(&submitted.materials),
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
                until: until.map_or(0, date_number),
                back_to: back_to.number(),
                back_to_stage: back_to_stage.to_string(),
            })
        }
        StepEvent::CorrectionSupplied { materials } => {
            StepMessage::CorrectionSupplied(proto::CorrectionSupplied { materials: material_messages(materials) })
        }
        StepEvent::StageFinished { stage, opinion, outside_number, together_with, materials } => {
            StepMessage::StageFinished(proto::StageFinished {
                stage: stage.to_string(),
                opinion: opinion.number(),
                outside_number: outside_number.clone(),
                together_with: together_with.iter().map(ToString::to_string).collect(),
                materials: material_messages(materials),
            })
        }
        StepEvent::PublicityPosted { stage, from, until, place, photographs } => {
            StepMessage::PublicityPosted(proto::PublicityPosted {
                stage: stage.to_string(),
                from: date_number(*from),
                until: until.map_or(0, date_number),
                place: place.clone(),
                photographs: photographs.iter().map(|id| id.0.to_vec()).collect(),
            })
        }
        StepEvent::PublicityEnded { stage, objection } => {
            StepMessage::PublicityEnded(proto::PublicityEnded { stage: stage.to_string(), objection: *objection })
        }
        StepEvent::Suspended { stage, kind, expected_days, told_on } => StepMessage::Suspended(proto::Suspended {
            stage: stage.to_string(),
            kind: kind.clone(),
            expected_days: *expected_days,
            told_on: told_on.map_or(0, date_number),
        }),
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
        StepEvent::HandedOver { from } => StepMessage::HandedOver(proto::HandedOver { from: from.number() }),
        StepEvent::TacitlyApproved { stage, due, department } => StepMessage::TacitlyApproved(proto::TacitlyApproved {
            stage: stage.to_string(),
            due: date_number(*due),
            department: department.clone(),
        }),
        StepEvent::Unknown => return None,
    })
}

pub(super) fn side(side: &Side, sealed: Option<proto::Sealed>) -> proto::CaseSide {
    proto::CaseSide {
        actor_name: side.actor.name.clone(),
        actor_department: side.actor.department.clone(),
        actor_role: side.actor.role.clone(),
        request: request_bytes(side.request),
        private: sealed,
        side: match &side.event {
            SideEvent::Note => Some(SideMessage::Note(proto::Note {})),
            SideEvent::Reminder { station } => {
                Some(SideMessage::Reminder(proto::Reminder { station: station.number() }))
            }
            SideEvent::WithdrawalRequested => Some(SideMessage::WithdrawalRequested(proto::WithdrawalRequested {})),
            SideEvent::Rating { satisfaction } => {
                Some(SideMessage::Rating(proto::Rating { satisfaction: *satisfaction }))
            }
            SideEvent::TimeNoted(noted) => Some(SideMessage::TimeNoted(proto::TimeNoted {
                entry: noted.entry.0.to_vec(),
                received_ms: noted.received_ms,
                from: noted.from.number(),
                offset_ms: noted.offset_ms,
            })),
            SideEvent::Extended(extended) => Some(SideMessage::Extended(extended_message(extended))),
            SideEvent::SupersededChecked { step, redone } => {
                Some(SideMessage::SupersededChecked(proto::SupersededChecked {
                    step: step.0.to_vec(),
                    redone: *redone,
                }))
            }
            SideEvent::AlertAnswered { alert, level } => Some(SideMessage::AlertAnswered(proto::AlertAnswered {
                alert: alert.to_string(),
                level: number(*level),
            })),
            SideEvent::AlertAppealed { alert, level } => Some(SideMessage::AlertAppealed(proto::AlertAppealed {
                alert: alert.to_string(),
                level: number(*level),
            })),
            SideEvent::AlertReviewed { alert, level, revoked } => {
                let (alert, level, revoked) = (alert.to_string(), number(*level), *revoked);
                Some(SideMessage::AlertReviewed(proto::AlertReviewed { alert, level, revoked }))
            }
            SideEvent::OrderIssued { office, until } => Some(SideMessage::OrderIssued(proto::OrderIssued {
                station: office.station.number(),
                department: office.department.to_string(),
                until: date_number(*until),
            })),
            SideEvent::OrderAnswered { order } => {
                Some(SideMessage::OrderAnswered(proto::OrderAnswered { order: order.0.to_vec() }))
            }
            SideEvent::Unknown => None,
        },
    }
}

fn extended_message(extended: &Extended) -> proto::Extended {
    let unit = match extended.limit.unit {
        Unit::WorkingDay => proto::LimitUnit::WorkingDay,
        Unit::NaturalDay => proto::LimitUnit::NaturalDay,
        Unit::OnTheSpot => proto::LimitUnit::Unspecified,
    };
    proto::Extended {
        days: extended.limit.days,
        unit: unit.into(),
        promised_until: extended.promised_until.map_or(0, date_number),
        extended_until: extended.extended_until.map_or(0, date_number),
        told_on: date_number(extended.told_on),
        told_by: extended.told_by.number(),
        approval_number: extended.approval_number.clone(),
        basis: extended.basis.clone(),
    }
}

fn number(level: Option<Level>) -> i32 {
    let level = match level {
        None => proto::AlertLevel::Unspecified,
        Some(Level::Prompt) => proto::AlertLevel::Prompt,
        Some(Level::Yellow) => proto::AlertLevel::Yellow,
        Some(Level::Red) => proto::AlertLevel::Red,
    };
    level.into()
}

fn request_bytes(request: Option<RequestId>) -> Vec<u8> {
    request.map_or_else(Vec::new, |request| request.0.to_vec())
}

fn mandate(mandate: Mandate) -> proto::Mandate {
    proto::Mandate {
        may_submit: mandate.may_submit,
        may_correct: mandate.may_correct,
        may_sign_for_documents: mandate.may_sign_for_documents,
        may_collect_result: mandate.may_collect_result,
        until: mandate.until.map_or(0, date_number),
    }
}

fn material_messages(materials: &[MaterialProvided]) -> Vec<proto::MaterialProvided> {
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
