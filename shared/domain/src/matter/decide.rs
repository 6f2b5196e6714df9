//! Decides what a command makes of a matter: an entry to be written, or a refusal. Pure.

use sanji_log::{RequestId, StationCode};

use super::body::{MatterBody, MatterEvent, MatterSide, MatterSideEvent, MatterStep};
use super::command::{MatterCommand, MatterDraft};
use super::context::MatterContext;
use super::private::MatterPrivate;
use super::state::Matter;
use super::turn::permits;
use super::{aside, complaint, question, rectification, survey};
use crate::case::Refusal;
use crate::organisation::Role;

/// A matter on somebody's desk.
pub(super) struct Turn<'a> {
    pub(super) matter: &'a Matter,
    pub(super) request: Option<RequestId>,
    pub(super) context: &'a MatterContext<'a>,
}

impl Turn<'_> {
    /// A step after which this station holds the matter.
    pub(super) fn step(&self, event: MatterEvent, private: MatterPrivate) -> MatterDraft {
        self.step_to(self.context.station, event, private)
    }

    /// A step that passes the matter on.
    pub(super) fn step_to(&self, holder: StationCode, event: MatterEvent, private: MatterPrivate) -> MatterDraft {
        let step = MatterStep {
            rev: self.matter.rev() + 1,
            previous: self.matter.head().map(|head| head.hash),
            holder,
            request: self.request,
            actor: self.context.facts(ROLES),
            event,
        };
        MatterDraft { body: MatterBody::Step(step), private, attachments: Vec::new(), opens: false }
    }

    /// Something said beside the chain.
    pub(super) fn say(&self, event: MatterSideEvent, private: MatterPrivate) -> MatterDraft {
        let side = MatterSide { actor: self.context.facts(ROLES), request: self.request, event };
        MatterDraft { body: MatterBody::Side(side), private, attachments: Vec::new(), opens: false }
    }
}

/// The roles under which people act on matters, those that say most first.
const ROLES: &[Role] = &[Role::ComplaintDesk, Role::Supervisor];

/// Carries out a command: what is to be written. Always one entry.
///
/// # Errors
/// A [`Refusal`] where a rule says no; nothing has happened then.
pub fn decide(
    matter: &Matter,
    request: Option<RequestId>,
    command: &MatterCommand,
    context: &MatterContext<'_>,
) -> Result<MatterDraft, Refusal> {
    permits(command.action(), matter, context)?;
    let turn = &Turn { matter, request, context };
    match command {
        MatterCommand::Accept => Ok(turn.step(MatterEvent::ComplaintAccepted, MatterPrivate::default())),
        MatterCommand::Refuse { reason } => complaint::refuse(turn, reason),
        MatterCommand::Assign { department, words } => complaint::assign(turn, department, words),
        MatterCommand::Investigate { finding, words } => complaint::investigate(turn, *finding, words),
        MatterCommand::Conclude { finding, words, reply, propose_suspension } => {
            complaint::conclude(turn, *finding, words, reply, *propose_suspension)
        }
        MatterCommand::OpenLetter => Ok(turn.step(MatterEvent::LetterOpened, MatterPrivate::default())),
        MatterCommand::Answer { reply, public_question, public_answer } => {
            question::answer(turn, reply, public_question, public_answer)
        }
        MatterCommand::Report { words, evidence, attachments } => {
            rectification::report(turn, words, evidence, attachments)
        }
        MatterCommand::SendBack { until, words } => rectification::send_back(turn, *until, words),
        MatterCommand::Close { words } => rectification::close(turn, words),
        MatterCommand::CloseSurvey { called_in } => survey::close(turn, called_in),
        MatterCommand::Note { words } => aside::note(turn, words),
        MatterCommand::Remind => Ok(aside::remind(turn)),
        MatterCommand::Rate { satisfied, words } => aside::rate(turn, *satisfied, words),
        MatterCommand::Cancel { reason } => aside::cancel(turn, reason),
    }
}
