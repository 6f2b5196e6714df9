//! Decides what a person's command makes of a case: an entry to be written, or a refusal. Pure.

use jiff::civil::Date;
use sanji_log::{RequestId, StationCode};

use super::acceptance::{self, Notice};
use super::action::Action;
use super::at_once::{self, AtOnce};
use super::command::{Command, Draft};
use super::context::{Context, Reference};
use super::decision::{self, Ruling};
use super::handling::{Handling, duty_now, not_here_yet, positions_now};
use super::refusal::Refusal;
use super::route::{Duty, Route};
use super::stage::{self, Finding, Procedure};
use super::state::Case;
use super::{aside, copy, correction, delivery, document, duty, extend, fee, mark, outside, preliminary};
use super::{publicity, reclaim, review, superseded, supervised, transfer, variant, visit};
use crate::code::{DepartmentCode, StageId};

/// Carries out a command: what is to be written. One entry, or several steps one after the other where a case is done
/// at once.
///
/// # Errors
/// A [`Refusal`] where a rule says no; nothing has happened then.
pub fn decide(
    case: &Case,
    request: Option<RequestId>,
    command: Command,
    context: &Context<'_>,
) -> Result<Vec<Draft>, Refusal> {
    if let Command::FinishAtOnce { words, document_number, receiver, method } = &command {
        let handling = &Handling::open(case, request, context)?;
        return at_once::finish(handling, request, &AtOnce { words, document_number, receiver, method: *method });
    }
    decide_one(case, request, &command, context).map(|draft| vec![draft])
}

/// The one entry of any other command.
pub(super) fn decide_one(
    case: &Case,
    request: Option<RequestId>,
    command: &Command,
    context: &Context<'_>,
) -> Result<Draft, Refusal> {
    let handling = &Handling::open(case, request, context)?;
    match command {
        Command::Accept { tolerated } => acceptance::accept(handling, tolerated),
        Command::RefuseAcceptance { reason, basis, competent_office } => {
            acceptance::refuse(handling, reason, basis, competent_office)
        }
        Command::Return { reason, words, basis, what_now, materials_back } => {
            acceptance::send_back(handling, &Notice { reason: *reason, words, basis, what_now, materials_back })
        }
        Command::RequestCorrection { faults } => correction::request(handling, faults),
        Command::SupplyCorrection { materials, answers, attachments } => {
            correction::supply(handling, materials, answers, attachments)
        }
        Command::FinishStage {
            opinion,
            words,
            outside_number,
            together_with,
            materials,
            attachments,
            answered_on,
            stage,
        } => {
            let (opinion, answered_on, stage) = (*opinion, *answered_on, stage.as_ref());
            let finding =
                &Finding { opinion, words, outside_number, together_with, materials, attachments, answered_on, stage };
            stage::finish(handling, finding)
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
        Command::Decide { approved, reason, basis, ground, document_number, answered_on, stage } => {
            let (approved, ground, answered_on, stage) = (*approved, *ground, *answered_on, stage.as_ref());
            let ruling = &Ruling { approved, reason, basis, ground, document_number, answered_on, stage };
            decision::decide(handling, ruling)
        }
        Command::Deliver { method, receiver, signed_on } => delivery::deliver(handling, *method, receiver, *signed_on),
        Command::ConfirmWithdrawal { materials_back } => delivery::withdraw(handling, materials_back),
        Command::AddNote { words } => aside::note(handling, words),
        Command::Remind => aside::remind(handling),
        Command::RequestWithdrawal { words } => aside::ask_withdrawal(handling, words),
        Command::Rate { satisfaction, words } => aside::rate(handling, *satisfaction, words),
        Command::Extend(extension) => extend::extend(handling, extension),
        Command::Reclaim { reason } => reclaim::reclaim(handling, reason),
        Command::HandOver { to, reason } => reclaim::hand_over(handling, *to, reason),
        Command::CheckSuperseded { step, redone, words } => superseded::check(handling, step, *redone, words),
        Command::FollowUp { what, words } => aside::follow_up(handling, *what, words),
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
        Command::IssueFee { lines } => fee::issue(handling, lines),
        Command::RegisterPayment(payment) => fee::register(handling, payment),
        Command::VoidFee { reason } => fee::void(handling, reason),
        Command::AbandonFee => fee::abandon(handling),
        Command::RequestRefund { notice, amount_fen, reason, account } => {
            fee::request_refund(handling, *notice, *amount_fen, reason, account)
        }
        Command::DecideRefund { notice, approved, words } => fee::decide_refund(handling, *notice, *approved, words),
        Command::RegisterRefund { notice, receipt_number } => fee::register_refund(handling, *notice, receipt_number),
        // Several entries: see `decide`. Here it is what it would be without them.
        Command::FinishAtOnce { .. } => Err(not_here_yet()),
        Command::ChooseVariant { variant, reason } => variant::choose(handling, *variant, reason),
        Command::SendUp { body, sent_on, outside_number } => outside::send_up(handling, body, *sent_on, outside_number),
        Command::Chase { on, words } => outside::chase(handling, *on, words),
        Command::RegisterAnswer { answered_on, outside_number, approved, words } => {
            outside::register_answer(handling, *answered_on, outside_number, *approved, words)
        }
        Command::AllowSecondCorrection { reason } => correction::allow_second(handling, reason),
        Command::CorrectAtOnce { materials, answers, attachments } => {
            correction::at_once(handling, materials, answers, attachments)
        }
        Command::Transfer { department, reason } => transfer::transfer(handling, department, reason),
        Command::ConsultAgain { words } => decision::consult_again(handling, words),
        Command::AnswerPreliminary { faults, words } => preliminary::answer(handling, faults, words),
        Command::SubmitPreliminary { materials, answers, attachments } => {
            preliminary::submit(handling, materials, answers, attachments)
        }
        Command::SetMark { mark, remove, reason, until } => mark::set(handling, *mark, *remove, *until, reason),
        Command::AnswerCopy { opinion, words, stage } => copy::give_answer(handling, stage.as_ref(), *opinion, words),
        Command::SignForCopy { stage } => copy::sign_for(handling, stage.as_ref()),
        Command::RecordVisit { visit, words, attachments } => visit::record(handling, visit, words, attachments),
        Command::FinishDuty { variant, words, materials, attachments } => {
            duty::finish(handling, *variant, words, materials, attachments)
        }
        Command::AskReview { words } => review::ask(handling, words),
        Command::AnswerReview { upheld, words } => review::answer(handling, *upheld, words),
        Command::VoidDocument { step, kind, reason, replace } => {
            document::void(handling, step, *kind, reason, *replace)
        }
    }
}

/// The actions that the person may take now, by name, in the order in which a desk offers them.
#[must_use]
pub fn available(case: &Case, context: &Context<'_>) -> Vec<&'static str> {
    let Ok(handling) = Handling::open(case, None, context) else { return Vec::new() };
    handling.actions().into_iter().map(Action::name).collect()
}

/// The stages in which the person may act now: several where they run in parallel.
#[must_use]
pub fn my_stages(case: &Case, context: &Context<'_>) -> Vec<StageId> {
    Handling::open(case, None, context).map_or_else(|_| Vec::new(), |handling| handling.my_stages())
}

/// The departments to which the person may transfer the present stage.
#[must_use]
pub fn transfer_targets(case: &Case, context: &Context<'_>) -> Vec<DepartmentCode> {
    let Ok(handling) = Handling::open(case, None, context) else { return Vec::new() };
    handling.turn(Action::Transfer, None).map_or_else(|_| Vec::new(), |turn| turn.transfer_targets())
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
    let route = Route::of(case, item, reference.organisation, Date::ZERO)?;
    route.duty(route.position(stage)?, station)
}

/// Who acts next; none once the route has ended, or while the case or its item has not arrived here.
#[must_use]
pub fn responsible(case: &Case, reference: &Reference<'_>) -> Option<Duty> {
    responsibles(case, reference).into_iter().next()
}

/// Everybody who may act next, each where they are: the holder's people, one office for each stage that runs in
/// parallel, and consulted departments of other stations that have not answered yet.
#[must_use]
pub fn responsibles(case: &Case, reference: &Reference<'_>) -> Vec<Duty> {
    let Ok(item) = reference.item_of(case) else { return Vec::new() };
    // Who acts is asked by department here, and by person nowhere: the day says nothing.
    let route = Route::of(case, item, reference.organisation, Date::ZERO);
    let (Some(route), Some(holder), Some(stage)) = (route, case.holder(), case.stage()) else { return Vec::new() };
    let here = positions_now(case, &route, stage, holder);
    let mut duties: Vec<Duty> = here.into_iter().filter_map(|at| duty_now(case, &route, at, holder)).collect();
    duties.extend(copy::open_elsewhere(case, &route, holder).into_iter().map(|(_, duty)| duty));
    duties
}
