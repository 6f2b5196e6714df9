//! From the types of this crate to messages.

use sanji_log::{RequestId, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::case_side::Side as SideMessage;
use sanji_proto::v1::case_step::Step as StepMessage;

use crate::calendar::date_number;
use crate::case::body::{Extended, Fault, Mandate, MaterialProvided, Opinion, Side, SideEvent, Step, StepEvent};
use crate::case::document::DocumentIssued;
use crate::case::fee::{FeeLine, Payment};
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
        documents: step.documents.iter().map(document).collect(),
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
            variant: submitted.variant,
            urgent: submitted.urgent,
            preliminary: submitted.preliminary,
        }),
        StepEvent::Accepted { deemed, tolerated } => StepMessage::Accepted(proto::Accepted {
            deemed: *deemed,
            tolerated: tolerated
                .iter()
                .map(|tolerated| proto::accepted::Tolerated {
                    material: tolerated.material,
                    until: date_number(tolerated.until),
                })
                .collect(),
        }),
        StepEvent::NotAccepted { basis, competent_office } => StepMessage::NotAccepted(proto::NotAccepted {
            basis: basis.clone(),
            competent_office: competent_office.clone(),
        }),
        StepEvent::CorrectionRequested { faults, until, back_to, back_to_stage } => {
            StepMessage::CorrectionRequested(proto::CorrectionRequested {
                faults: fault_messages(faults),
                until: until.map_or(0, date_number),
                back_to: back_to.number(),
                back_to_stage: back_to_stage.to_string(),
            })
        }
        StepEvent::CorrectionSupplied { materials } => {
            StepMessage::CorrectionSupplied(proto::CorrectionSupplied { materials: material_messages(materials) })
        }
        StepEvent::StageFinished { stage, opinion, outside_number, together_with, materials, answered_on } => {
            StepMessage::StageFinished(proto::StageFinished {
                stage: stage.to_string(),
                opinion: opinion.number(),
                outside_number: outside_number.clone(),
                together_with: together_with.iter().map(ToString::to_string).collect(),
                materials: material_messages(materials),
                answered_on: answered_on.map_or(0, date_number),
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
        StepEvent::Decided { stage, approved, basis, ground, document_number, answered_on } => {
            StepMessage::Decided(proto::Decided {
                stage: stage.to_string(),
                approved: *approved,
                basis: basis.clone(),
                ground: *ground,
                document_number: document_number.clone(),
                answered_on: answered_on.map_or(0, date_number),
            })
        }
        StepEvent::Returned { reason, stage, basis, materials_back } => StepMessage::Returned(proto::Returned {
            reason: reason.number(),
            stage: stage.to_string(),
            basis: basis.clone(),
            materials_back: material_messages(materials_back),
        }),
        StepEvent::Withdrawn { materials_back } => {
            StepMessage::Withdrawn(proto::Withdrawn { materials_back: material_messages(materials_back) })
        }
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
        StepEvent::FeeIssued(issued) => StepMessage::FeeIssued(proto::FeeIssued {
            number: issued.number,
            lines: issued.lines.iter().map(fee_line).collect(),
            until: issued.until.map_or(0, date_number),
            department: issued.department.to_string(),
        }),
        StepEvent::FeePaid(paid) => StepMessage::FeePaid(payment(paid)),
        StepEvent::FeeVoided { notice, reason } => {
            StepMessage::FeeVoided(proto::FeeVoided { notice: *notice, reason: reason.clone() })
        }
        StepEvent::FeeAbandoned { notice } => StepMessage::FeeAbandoned(proto::FeeAbandoned { notice: *notice }),
        StepEvent::Unknown => return None,
        StepEvent::VariantChosen { variant } => StepMessage::VariantChosen(proto::VariantChosen { variant: *variant }),
        StepEvent::SentUp { stage, body, sent_on, outside_number } => StepMessage::SentUp(proto::SentUp {
            stage: stage.to_string(),
            body: body.clone(),
            sent_on: date_number(*sent_on),
            outside_number: outside_number.clone(),
        }),
        StepEvent::Chased { stage, on } => {
            StepMessage::Chased(proto::Chased { stage: stage.to_string(), on: date_number(*on) })
        }
        StepEvent::OutsideAnswered { stage, answered_on, outside_number, approved } => {
            StepMessage::OutsideAnswered(proto::OutsideAnswered {
                stage: stage.to_string(),
                answered_on: date_number(*answered_on),
                outside_number: outside_number.clone(),
                approved: *approved,
            })
        }
        StepEvent::SecondCorrectionAllowed => StepMessage::SecondCorrectionAllowed(proto::SecondCorrectionAllowed {}),
        StepEvent::CorrectedAtOnce { materials } => {
            StepMessage::CorrectedAtOnce(proto::CorrectedAtOnce { materials: material_messages(materials) })
        }
        StepEvent::Transferred { stage, department } => StepMessage::Transferred(proto::Transferred {
            stage: stage.to_string(),
            department: department.to_string(),
        }),
        StepEvent::ConsultedAgain { stages } => StepMessage::ConsultedAgain(proto::ConsultedAgain {
            stages: stages.iter().map(ToString::to_string).collect(),
        }),
        StepEvent::PreliminaryAnswered { faults } => {
            StepMessage::PreliminaryAnswered(proto::PreliminaryAnswered { faults: fault_messages(faults) })
        }
        StepEvent::PreliminarySubmitted { materials } => {
            StepMessage::PreliminarySubmitted(proto::PreliminarySubmitted { materials: material_messages(materials) })
        }
    })
}

fn fault_messages(faults: &[Fault]) -> Vec<proto::correction_requested::Fault> {
    let message =
        |fault: &Fault| proto::correction_requested::Fault { material: fault.material, kind: fault.kind.number() };
    faults.iter().map(message).collect()
}

fn document(document: &DocumentIssued) -> proto::DocumentIssued {
    proto::DocumentIssued {
        kind: document.kind.number(),
        organ: document.organ.clone(),
        year: document.year,
        number: document.number,
    }
}

pub(super) fn side(side: &Side, sealed: Option<proto::Sealed>) -> proto::CaseSide {
    proto::CaseSide {
        actor_name: side.actor.name.clone(),
        actor_department: side.actor.department.clone(),
        actor_role: side.actor.role.clone(),
        request: request_bytes(side.request),
        private: sealed,
        acting_for: side.actor.acting_for.clone(),
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
            SideEvent::FollowedUp { what } => Some(SideMessage::FollowedUp(proto::FollowedUp { what: what.number() })),
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

            SideEvent::FeePaid(paid) => Some(SideMessage::FeePaid(payment(paid))),
            SideEvent::RefundRequested { notice, amount_fen } => {
                let (notice, amount_fen) = (*notice, *amount_fen);
                Some(SideMessage::RefundRequested(proto::RefundRequested { notice, amount_fen }))
            }
            SideEvent::RefundDecided { notice, approved } => {
                let (notice, approved) = (*notice, *approved);
                Some(SideMessage::RefundDecided(proto::RefundDecided { notice, approved }))
            }
            SideEvent::RefundPaid { notice, receipt_number } => {
                let receipt_number = receipt_number.clone();
                Some(SideMessage::RefundPaid(proto::RefundPaid { notice: *notice, receipt_number }))
            }
            SideEvent::Unknown => None,
            SideEvent::Marked { mark, set, until } => Some(SideMessage::Marked(proto::Marked {
                mark: mark.number(),
                set: *set,
                until: until.map_or(0, date_number),
            })),
            SideEvent::Consulted { stage, round, opinion } => Some(SideMessage::Consulted(proto::Consulted {
                stage: stage.to_string(),
                round: *round,
                opinion: opinion.map_or(0, Opinion::number),
            })),
            SideEvent::Visit(visit) => Some(SideMessage::Visit(proto::Visit {
                on: date_number(visit.on),
                place: visit.place.clone(),
                departments: visit.departments.iter().map(ToString::to_string).collect(),
                held: visit.held,
                attended: visit.attended.iter().map(ToString::to_string).collect(),
                attachments: visit.attachments.iter().map(|id| id.0.to_vec()).collect(),
            })),
            SideEvent::DutyDone { variant, materials } => Some(SideMessage::DutyDone(proto::DutyDone {
                variant: *variant,
                materials: material_messages(materials),
            })),
            SideEvent::Review { upheld } => Some(SideMessage::Review(proto::Review {
                answered: upheld.is_some(),
                upheld: upheld.unwrap_or_default(),
            })),
            SideEvent::DocumentVoided { step, kind, replacement } => {
                Some(SideMessage::DocumentVoided(proto::DocumentVoided {
                    step: step.0.to_vec(),
                    kind: kind.number(),
                    replacement: replacement.as_ref().map(document),
                }))
            }
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

fn fee_line(line: &FeeLine) -> proto::FeeLine {
    proto::FeeLine {
        code: line.code.clone(),
        quantity: line.quantity,
        price_fen: line.price_fen,
        waived_fen: line.waived_fen,
        ground: line.ground.clone(),
    }
}

fn payment(payment: &Payment) -> proto::FeePaid {
    proto::FeePaid {
        notice: payment.notice,
        receipt_number: payment.receipt_number.clone(),
        amount_fen: payment.amount_fen,
        paid_ms: payment.paid_ms,
        bank: payment.bank.clone(),
        serial: payment.serial.clone(),
    }
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
