//! Between the bodies of matter.proto and the types of this module: parsed once here, trusted everywhere else.
//!
//! What a newer release adds is never an error: an unknown step reads as `Unknown`, an unknown value of a list as
//! that list's `Unknown`. The entry's own bytes stay as they are.

use jiff::civil::Date;
use prost::Message;
use prost::bytes::Bytes;
use sanji_log::{AttachmentId, CaseId, Hash, RequestId, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::matter_side::Side as SideMessage;
use sanji_proto::v1::matter_step::Step as StepMessage;

use super::body::{
    Against, ComplaintRegistered, Finding, MatterBody, MatterEvent, MatterSide, MatterSideEvent, MatterStep,
    QuestionAsked, RectificationIssued, Source, SurveyGroup, SurveyOpened, Way,
};
use crate::calendar::{date_number, date_of_number};
use crate::case::ActorFacts;

/// Why bytes are not the body of a matter's entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a message of its kind.
    #[error("not a valid {0}")]
    Decode(&'static str, #[source] prost::DecodeError),
    /// A field is missing or out of range.
    #[error("field '{0}' is missing or out of range")]
    Field(&'static str),
}

/// A decoded body.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// What it says in the clear.
    pub body: MatterBody,
    /// What is sealed; none: nothing is.
    pub sealed: Option<proto::Sealed>,
}

/// Whether entries of a kind belong to matters.
#[must_use]
pub fn is_matter(kind: u32) -> bool {
    kind == proto::Kind::MatterStep as u32 || kind == proto::Kind::MatterSide as u32
}

/// `Entry.kind` and `Entry.body` of a matter's entry.
#[must_use]
pub fn encode(body: &MatterBody, sealed: Option<proto::Sealed>) -> (u32, Vec<u8>) {
    match body {
        MatterBody::Step(step) => (proto::Kind::MatterStep as u32, step_message(step, sealed).encode_to_vec()),
        MatterBody::Side(side) => (proto::Kind::MatterSide as u32, side_message(side, sealed).encode_to_vec()),
    }
}

/// Reads `Entry.kind` and `Entry.body`. None: the kind is not a matter's.
///
/// # Errors
/// [`Error`] where the bytes are not a message of that kind or a required field is missing or out of range.
pub fn decode(kind: u32, body: &Bytes) -> Result<Option<Decoded>, Error> {
    if kind == proto::Kind::MatterStep as u32 {
        let message = proto::MatterStep::decode(body.clone()).map_err(|source| Error::Decode("MatterStep", source))?;
        return read_step(message).map(Some);
    }
    if kind == proto::Kind::MatterSide as u32 {
        let message = proto::MatterSide::decode(body.clone()).map_err(|source| Error::Decode("MatterSide", source))?;
        return read_side(message).map(Some);
    }
    Ok(None)
}

/// Name of an entry's body for listings, for example `matter.complaint_accepted`.
#[must_use]
pub fn kind_name(kind: u32, body: &Bytes) -> String {
    match decode(kind, body) {
        Ok(Some(Decoded { body: MatterBody::Step(step), .. })) => format!("matter.{}", step.event.name()),
        Ok(Some(Decoded { body: MatterBody::Side(side), .. })) => format!("matter_side.{}", side.event.name()),
        _ => "unreadable".to_owned(),
    }
}

// ------------------------------------------------------------------------------------------- reading

fn read_step(message: proto::MatterStep) -> Result<Decoded, Error> {
    let previous = match (message.rev, message.previous.is_empty()) {
        (0, _) => return Err(Error::Field("rev")),
        (1, true) => None,
        (1, false) | (_, true) => return Err(Error::Field("previous")),
        (_, false) => Some(hash(&message.previous, "previous")?),
    };
    let step = MatterStep {
        rev: message.rev,
        previous,
        holder: StationCode::from_number(message.holder).map_err(|_| Error::Field("holder"))?,
        request: request(&message.request)?,
        actor: actor(message.actor_name, message.actor_department, message.actor_role),
        event: message.step.map_or(Ok(MatterEvent::Unknown), event)?,
    };
    Ok(Decoded { body: MatterBody::Step(step), sealed: message.private })
}

fn event(message: StepMessage) -> Result<MatterEvent, Error> {
    Ok(match message {
        StepMessage::ComplaintRegistered(message) => MatterEvent::ComplaintRegistered(complaint(message)?),
        StepMessage::ComplaintAccepted(_) => MatterEvent::ComplaintAccepted,
        StepMessage::ComplaintRefused(_) => MatterEvent::ComplaintRefused,
        StepMessage::ComplaintAssigned(message) => {
            let department = message.department.parse().map_err(|_| Error::Field("department"))?;
            MatterEvent::ComplaintAssigned { department }
        }
        StepMessage::ComplaintInvestigated(message) => {
            MatterEvent::ComplaintInvestigated { finding: Finding::from_number(message.finding) }
        }
        StepMessage::ComplaintConcluded(message) => MatterEvent::ComplaintConcluded {
            finding: Finding::from_number(message.finding),
            propose_suspension: message.propose_suspension,
        },
        StepMessage::LetterSent(message) => MatterEvent::LetterSent { sealed: message.sealed },
        StepMessage::LetterOpened(_) => MatterEvent::LetterOpened,
        StepMessage::QuestionAsked(message) => MatterEvent::QuestionAsked(QuestionAsked {
            way: Way::from_number(message.way),
            item: optional(&message.item, "item")?,
        }),
        StepMessage::QuestionAnswered(message) => MatterEvent::QuestionAnswered {
            public_question: message.public_question,
            public_answer: message.public_answer,
        },
        StepMessage::RectificationIssued(message) => MatterEvent::RectificationIssued(RectificationIssued {
            source: Source::from_number(message.source),
            department: optional(&message.department, "department")?,
            issuer: StationCode::from_number(message.issuer).map_err(|_| Error::Field("issuer"))?,
            until: day(message.until, "until")?,
            concerns: message.concerns,
            title: message.title,
        }),
        StepMessage::RectificationReported(message) => MatterEvent::RectificationReported {
            evidence: message
                .evidence
                .iter()
                .map(|id| AttachmentId::try_from(id.as_slice()).map_err(|_| Error::Field("evidence")))
                .collect::<Result<_, _>>()?,
        },
        StepMessage::RectificationSentBack(message) => {
            MatterEvent::RectificationSentBack { until: day(message.until, "until")? }
        }
        StepMessage::RectificationClosed(_) => MatterEvent::RectificationClosed,
        StepMessage::SurveyOpened(message) => MatterEvent::SurveyOpened(SurveyOpened {
            title: message.title,
            groups: groups(message.groups),
            questions: message.questions,
            from: day(message.from, "from")?,
            until: day(message.until, "until")?,
            code_hashes: message.code_hashes.iter().map(|code| hash(code, "code_hashes")).collect::<Result<_, _>>()?,
        }),
        StepMessage::SurveyClosed(message) => MatterEvent::SurveyClosed { called_in: message.called_in },
    })
}

/// The groups of a survey.
#[must_use]
pub fn groups(messages: Vec<proto::SurveyGroup>) -> Vec<SurveyGroup> {
    messages.into_iter().map(|group| SurveyGroup { name: group.name, units: group.units }).collect()
}

fn complaint(message: proto::ComplaintRegistered) -> Result<ComplaintRegistered, Error> {
    let letter = (!message.letter.is_empty())
        .then(|| CaseId::from_bytes(&message.letter).map_err(|_| Error::Field("letter")))
        .transpose()?;
    Ok(ComplaintRegistered {
        way: Way::from_number(message.way),
        against: against(message.against.unwrap_or_default())?,
        case: optional(&message.case_number, "case_number")?,
        anonymous: message.anonymous,
        registered_at: StationCode::from_number(message.registered_at).map_err(|_| Error::Field("registered_at"))?,
        registered_ms: message.registered_ms,
        letter,
    })
}

/// Whom a complaint is about.
///
/// # Errors
/// [`Error::Field`].
pub fn against(message: proto::Against) -> Result<Against, Error> {
    let station = match message.station {
        0 => None,
        number => Some(StationCode::from_number(number).map_err(|_| Error::Field("against.station"))?),
    };
    Ok(Against {
        station,
        department: optional(&message.department, "against.department")?,
        person: optional(&message.person, "against.person")?,
    })
}

fn read_side(message: proto::MatterSide) -> Result<Decoded, Error> {
    let event = match message.side {
        Some(SideMessage::Note(_)) => MatterSideEvent::Note,
        Some(SideMessage::Reminded(message)) => MatterSideEvent::Reminded {
            station: StationCode::from_number(message.station).map_err(|_| Error::Field("station"))?,
        },
        Some(SideMessage::Rated(message)) => MatterSideEvent::Rated { satisfied: message.satisfied },
        Some(SideMessage::Cancelled(_)) => MatterSideEvent::Cancelled,
        Some(SideMessage::SurveyAnswered(message)) => {
            MatterSideEvent::SurveyAnswered { code_hash: hash(&message.code_hash, "code_hash")?, marks: message.marks }
        }
        None => MatterSideEvent::Unknown,
    };
    let side = MatterSide {
        actor: actor(message.actor_name, message.actor_department, message.actor_role),
        request: request(&message.request)?,
        event,
    };
    Ok(Decoded { body: MatterBody::Side(side), sealed: message.private })
}

fn actor(name: String, department: String, role: String) -> ActorFacts {
    ActorFacts { name, department, role, acting_for: String::new() }
}

fn request(bytes: &[u8]) -> Result<Option<RequestId>, Error> {
    if bytes.is_empty() {
        return Ok(None);
    }
    RequestId::try_from(bytes).map(Some).map_err(|_| Error::Field("request"))
}

fn hash(bytes: &[u8], field: &'static str) -> Result<Hash, Error> {
    Hash::try_from(bytes).map_err(|_| Error::Field(field))
}

fn day(number: u32, field: &'static str) -> Result<Date, Error> {
    date_of_number(number).ok_or(Error::Field(field))
}

fn optional<T: std::str::FromStr>(text: &str, field: &'static str) -> Result<Option<T>, Error> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| Error::Field(field)) }
}

// ------------------------------------------------------------------------------------------- writing

fn step_message(step: &MatterStep, sealed: Option<proto::Sealed>) -> proto::MatterStep {
    proto::MatterStep {
        rev: step.rev,
        previous: step.previous.map_or_else(Vec::new, |hash| hash.0.to_vec()),
        holder: step.holder.number(),
        request: step.request.map_or_else(Vec::new, |request| request.0.to_vec()),
        actor_name: step.actor.name.clone(),
        actor_department: step.actor.department.clone(),
        actor_role: step.actor.role.clone(),
        private: sealed,
        step: event_message(&step.event),
    }
}

fn event_message(event: &MatterEvent) -> Option<StepMessage> {
    Some(match event {
        MatterEvent::ComplaintRegistered(complaint) => StepMessage::ComplaintRegistered(proto::ComplaintRegistered {
            way: complaint.way.number(),
            against: Some(against_message(&complaint.against)),
            case_number: text(complaint.case.as_ref()),
            anonymous: complaint.anonymous,
            registered_at: complaint.registered_at.number(),
            registered_ms: complaint.registered_ms,
            letter: complaint.letter.map_or_else(Vec::new, |letter| letter.0.to_vec()),
        }),
        MatterEvent::ComplaintAccepted => StepMessage::ComplaintAccepted(proto::ComplaintAccepted {}),
        MatterEvent::ComplaintRefused => StepMessage::ComplaintRefused(proto::ComplaintRefused {}),
        MatterEvent::ComplaintAssigned { department } => {
            StepMessage::ComplaintAssigned(proto::ComplaintAssigned { department: department.to_string() })
        }
        MatterEvent::ComplaintInvestigated { finding } => {
            StepMessage::ComplaintInvestigated(proto::ComplaintInvestigated { finding: finding.number() })
        }
        MatterEvent::ComplaintConcluded { finding, propose_suspension } => {
            StepMessage::ComplaintConcluded(proto::ComplaintConcluded {
                finding: finding.number(),
                propose_suspension: *propose_suspension,
            })
        }
        MatterEvent::LetterSent { sealed } => StepMessage::LetterSent(proto::LetterSent { sealed: sealed.clone() }),
        MatterEvent::LetterOpened => StepMessage::LetterOpened(proto::LetterOpened {}),
        MatterEvent::QuestionAsked(question) => StepMessage::QuestionAsked(proto::QuestionAsked {
            way: question.way.number(),
            item: text(question.item.as_ref()),
        }),
        MatterEvent::QuestionAnswered { public_question, public_answer } => {
            StepMessage::QuestionAnswered(proto::QuestionAnswered {
                public_question: public_question.clone(),
                public_answer: public_answer.clone(),
            })
        }
        MatterEvent::RectificationIssued(issued) => StepMessage::RectificationIssued(proto::RectificationIssued {
            source: issued.source.number(),
            department: text(issued.department.as_ref()),
            issuer: issued.issuer.number(),
            until: date_number(issued.until),
            concerns: issued.concerns.clone(),
            title: issued.title.clone(),
        }),
        MatterEvent::RectificationReported { evidence } => {
            StepMessage::RectificationReported(proto::RectificationReported {
                evidence: evidence.iter().map(|id| id.0.to_vec()).collect(),
            })
        }
        MatterEvent::RectificationSentBack { until } => {
            StepMessage::RectificationSentBack(proto::RectificationSentBack { until: date_number(*until) })
        }
        MatterEvent::RectificationClosed => StepMessage::RectificationClosed(proto::RectificationClosed {}),
        MatterEvent::SurveyOpened(survey) => StepMessage::SurveyOpened(proto::SurveyOpened {
            title: survey.title.clone(),
            groups: group_messages(&survey.groups),
            questions: survey.questions.clone(),
            from: date_number(survey.from),
            until: date_number(survey.until),
            code_hashes: survey.code_hashes.iter().map(|hash| hash.0.to_vec()).collect(),
        }),
        MatterEvent::SurveyClosed { called_in } => {
            StepMessage::SurveyClosed(proto::SurveyClosed { called_in: called_in.clone() })
        }
        MatterEvent::Unknown => return None,
    })
}

/// The groups of a survey as a message.
#[must_use]
pub fn group_messages(groups: &[SurveyGroup]) -> Vec<proto::SurveyGroup> {
    groups.iter().map(|group| proto::SurveyGroup { name: group.name.clone(), units: group.units.clone() }).collect()
}

/// Whom a complaint is about, as a message.
#[must_use]
pub fn against_message(against: &Against) -> proto::Against {
    proto::Against {
        station: against.station.map_or(0, StationCode::number),
        department: text(against.department.as_ref()),
        person: text(against.person.as_ref()),
    }
}

fn side_message(side: &MatterSide, sealed: Option<proto::Sealed>) -> proto::MatterSide {
    let event = match &side.event {
        MatterSideEvent::Note => Some(SideMessage::Note(proto::MatterNote {})),
        MatterSideEvent::Reminded { station } => {
            Some(SideMessage::Reminded(proto::MatterReminded { station: station.number() }))
        }
        MatterSideEvent::Rated { satisfied } => Some(SideMessage::Rated(proto::MatterRated { satisfied: *satisfied })),
        MatterSideEvent::Cancelled => Some(SideMessage::Cancelled(proto::MatterCancelled {})),
        MatterSideEvent::SurveyAnswered { code_hash, marks } => {
            Some(SideMessage::SurveyAnswered(proto::SurveyAnswered {
                code_hash: code_hash.0.to_vec(),
                marks: marks.clone(),
            }))
        }
        MatterSideEvent::Unknown => None,
    };
    proto::MatterSide {
        actor_name: side.actor.name.clone(),
        actor_department: side.actor.department.clone(),
        actor_role: side.actor.role.clone(),
        request: side.request.map_or_else(Vec::new, |request| request.0.to_vec()),
        private: sealed,
        side: event,
    }
}

fn text<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(String::new, ToString::to_string)
}
