//! Decides what a person's command makes of a case: an entry to be written, or a refusal. Pure.

use sanji_log::{RequestId, StationCode};

use super::command::{Action, Command, Draft};
use super::context::{Context, Reference};
use super::decision::{self, Ruling};
use super::handling::Handling;
use super::refusal::Refusal;
use super::route::{Duty, Route};
use super::stage::{self, Finding, Procedure};
use super::state::Case;
use super::{acceptance, aside, correction, delivery, extend, publicity, reclaim, superseded, supervised};
use crate::code::StageId;

/// Carries out a command: what is to be written. Always one entry.
///
/// # Errors
/// A [`Refusal`] where a rule says no; nothing has happened then.
pub fn decide(
    case: &Case,
    request: Option<RequestId>,
    command: Command,
    context: &Context<'_>,
) -> Result<Vec<Draft>, Refusal> {
    let handling = &Handling::open(case, request, context)?;
    let draft = match &command {
        Command::Accept => acceptance::accept(handling),
        Command::RefuseAcceptance { reason, basis, competent_office } => {
            acceptance::refuse(handling, reason, basis, competent_office)
        }
        Command::Return { reason, words, basis } => acceptance::send_back(handling, *reason, words, basis),
        Command::RequestCorrection { faults } => correction::request(handling, faults),
        Command::SupplyCorrection { materials, answers, attachments } => {
            correction::supply(handling, materials, answers, attachments)
        }
        Command::FinishStage { opinion, words, outside_number, together_with, materials, attachments } => {
            let opinion = *opinion;
            stage::finish(handling, &Finding { opinion, words, outside_number, together_with, materials, attachments })
        }
        Command::PostPublicity { place, photographs, attachments } => {
            publicity::post(handling, place, photographs, attachments)
        }
        Command::EndPublicity { objection, words } => publicity::end(handling, *objection, words),
        Command::Suspend { kind, reason, expected_days, told_on } => {
            let (expected_days, told_on) = (*expected_days, *told_on);
            stage::suspend(handling, &Procedure { kind, reason, expected_days, told_on })
        }
        Command::Resume { outside_number } => stage::resume(handling, outside_number),
        Command::Decide { approved, reason, basis, ground, document_number } => {
            let (approved, ground) = (*approved, *ground);
            decision::decide(handling, &Ruling { approved, reason, basis, ground, document_number })
        }
        Command::Deliver { method, receiver, signed_on } => delivery::deliver(handling, *method, receiver, *signed_on),
        Command::ConfirmWithdrawal => delivery::withdraw(handling),
        Command::AddNote { words } => aside::note(handling, words),
        Command::Remind => aside::remind(handling),
        Command::RequestWithdrawal { words } => aside::ask_withdrawal(handling, words),
        Command::Rate { satisfaction, words } => aside::rate(handling, *satisfaction, words),
        Command::Extend(extension) => extend::extend(handling, extension),
        Command::Reclaim { reason } => reclaim::reclaim(handling, reason),
        Command::HandOver { to, reason } => reclaim::hand_over(handling, *to, reason),
        Command::CheckSuperseded { step, redone, words } => superseded::check(handling, step, *redone, words),
        Command::AnswerAlert { alert, words } => supervised::say(handling, Action::AnswerAlert, alert, words),
        Command::AppealAlert { alert, words } => supervised::say(handling, Action::AppealAlert, alert, words),
        Command::ReviewAlert { alert, revoked: true, words } => {
            supervised::say(handling, Action::RevokeAlert, alert, words)
        }
        Command::ReviewAlert { alert, revoked: false, words } => {
            supervised::say(handling, Action::UpholdAlert, alert, words)
        }
        Command::IssueOrder { office, until, words } => supervised::order(handling, office.clone(), *until, words),
        Command::AnswerOrder { order, words } => supervised::answer_order(handling, *order, words),
    }?;
    Ok(vec![draft])
}

/// The actions that the person may take now, by name, in the order in which a desk offers them.
#[must_use]
pub fn available(case: &Case, context: &Context<'_>) -> Vec<&'static str> {
    let Ok(handling) = Handling::open(case, None, context) else { return Vec::new() };
    handling.actions().into_iter().map(Action::name).collect()
}

/// Whether the case waits for this person: it belongs on their work list.
#[must_use]
pub fn is_todo(case: &Case, context: &Context<'_>) -> bool {
    Handling::open(case, None, context).is_ok_and(|handling| handling.is_todo())
}

/// Who acts in a stage of a case when it is at a station.
#[must_use]
pub fn duty_at(case: &Case, reference: &Reference<'_>, stage: &StageId, station: StationCode) -> Option<Duty> {
    let item = reference.item_of(case).ok()?;
    let route = Route { item, home: case.home()?, organisation: reference.organisation };
    route.duty(route.position(stage)?, station)
}

/// Who acts next; none once the route has ended, or while the case or its item has not arrived here.
#[must_use]
pub fn responsible(case: &Case, reference: &Reference<'_>) -> Option<Duty> {
    let item = reference.item_of(case).ok()?;
    let (home, holder) = (case.home()?, case.holder()?);
    let route = Route { item, home, organisation: reference.organisation };
    if case.correction().is_some() && holder == home {
        return route.reception();
    }
    route.duty(route.position(case.stage()?)?, holder)
}
