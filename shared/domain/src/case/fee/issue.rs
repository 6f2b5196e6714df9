//! 开单、作废、视为放弃: by the window or department that handles the case, where the case is. Money is not theirs.

use jiff::civil::Date;
use sanji_log::StationCode;

use super::charge::{FeeInput, chargeable, lines, still_chargeable};
use super::notice::{FeeIssued, Notice};
use super::{ART_58, collects, is_payment};
use crate::case::body::StepEvent;
use crate::case::command::Draft;
use crate::case::handling::Handling;
use crate::case::input::{self, LONGEST_TEXT};
use crate::case::private::Private;
use crate::case::refusal::{Refusal, RefusalCode};
use crate::case::route::{Duty, Route};
use crate::case::state::Case;
use crate::case::summary::Outcome;
use crate::case::turn::Turn;
use crate::catalogue::Special;
use crate::limit::Unit;
use crate::organisation::{Role, Staff};

/// Special procedure of a stage of payment; its longest time is the time to pay.
const PAYMENT: &str = "缴费";
/// What the remark of that procedure says where a late payer loses the permission.
const ABANDONED: &str = "放弃";

/// Whether a stage of payment waits for the notice that says what is to be paid.
pub(in crate::case) fn awaits_notice(case: &Case, route: &Route<'_>, position: usize) -> bool {
    route.stage(position).is_some_and(is_payment) && {
        let fees = case.fees();
        fees.open().is_none() && !fees.is_settled()
    }
}

/// Who issues a notice in a stage of payment: the window of the department in the lead.
pub(in crate::case) fn issuing_duty(route: &Route<'_>, station: StationCode) -> Option<Duty> {
    let lead = (0..route.item.stages.len())
        .find(|at| route.stage(*at).is_some_and(|stage| !is_payment(stage)) && route.station(*at, false) == station);
    let duty = route.duty(lead?, station)?;
    let own = route.item.department == duty.department || station.tier() != sanji_log::Tier::District;
    let department = if own { duty.department } else { route.item.department.clone() };
    Some(Duty { station, department, role: Role::Window, external: false })
}

/// Whether a person handles the case at this station: examines, decides or takes in, and collects nothing.
fn handles(route: &Route<'_>, staff: &Staff, station: StationCode) -> bool {
    let roles = [Role::Window, Role::Reviewer, Role::Approver, Role::ChiefRepresentative];
    let holds = |role: &Role| staff.roles.contains(role);
    if staff.place != station || !roles.iter().any(holds) || staff.roles.contains(&Role::Cashier) || collects(staff) {
        return false;
    }
    let acts = |at: usize| {
        route.stage(at).is_some_and(|stage| !is_payment(stage))
            && route.duty(at, station).is_some_and(|duty| route.performs(staff, &duty))
    };
    staff.department == route.item.department || (0..route.item.stages.len()).any(acts)
}

/// The actor as one of those who handle the case where it is now, in the role in which they do.
fn issuer<'h>(handling: &'h Handling<'h>) -> Result<Turn<'h>, Refusal> {
    let place = handling.turn_here()?;
    let staff = handling.context.powers().find(|staff| handles(&handling.route, staff, place.holder));
    let Some(staff) = staff else {
        let sentence = "缴款通知由办理该件的窗口或者部门开具，您没有这项权限。";
        return Err(Refusal::new(RefusalCode::NotEntitled, sentence));
    };
    let roles = [Role::Window, Role::Reviewer, Role::ChiefRepresentative, Role::Approver];
    let role = roles.into_iter().find(|role| staff.roles.contains(role)).unwrap_or(Role::Window);
    let duty = Duty { station: place.holder, department: staff.department.clone(), role, external: false };
    Ok(Turn { duty, ..place })
}

pub(super) fn may_issue_now<'h>(handling: &'h Handling<'h>) -> Result<Turn<'h>, Refusal> {
    if chargeable(handling.item, handling.context.reference.catalogue, handling.today).is_empty() {
        let sentence = format!("“{}”不收费，任何收费都是违规。", handling.item.name);
        return Err(Refusal::new(RefusalCode::FeeNotLawful, sentence).because_of(ART_58));
    }
    let turn = issuer(handling)?;
    let case = handling.case;
    let waits = case.correction().is_some() || case.suspension().is_some() || case.publicity().is_some();
    if !matches!(case.outcome(), None | Some(Outcome::Approved)) || waits {
        return Err(Refusal::new(RefusalCode::WrongStage, "该办件现在不能开具缴款通知。"));
    }
    let fees = case.fees();
    if fees.open().is_some() {
        let sentence = "已有一份缴款通知待缴款；各项收费开在一份通知上，需要更改的请先作废。";
        return Err(Refusal::new(RefusalCode::AlreadyDone, sentence));
    }
    if is_payment(turn.stage) && fees.is_settled() {
        return Err(Refusal::new(RefusalCode::AlreadyDone, "该办件的费用已经缴清。"));
    }
    if still_chargeable(case, handling.item, handling.context.reference.catalogue, handling.today).is_empty() {
        let sentence = "该办件的各项收费都已开具缴款通知，不得重复收取。";
        return Err(Refusal::new(RefusalCode::AlreadyDone, sentence).because_of(ART_58));
    }
    Ok(turn)
}

/// 开具缴款通知
pub(in crate::case) fn issue(handling: &Handling<'_>, given: &[FeeInput]) -> Result<Draft, Refusal> {
    let turn = may_issue_now(handling)?;
    input::at_most(given, "lines")?;
    let known = chargeable(handling.item, handling.context.reference.catalogue, handling.today);
    let fees = handling.case.fees();
    let issued = FeeIssued {
        number: fees.next_number(),
        lines: lines(given, &known, &fees)?,
        until: last_day(handling, turn.position),
        department: turn.duty.department.clone(),
    };
    Ok(turn.step(StepEvent::FeeIssued(issued), turn.stay(), Private::default(), &[]))
}

/// The last day to pay, by the stage of payment that comes: none where it is paid on the spot, where the item has no
/// such stage, or where the calendar does not know the year. Nobody is late then.
fn last_day(handling: &Handling<'_>, position: usize) -> Option<Date> {
    let mut stages = handling.item.stages.iter().skip(position);
    let stage = stages.find(|stage| is_payment(stage))?;
    let limit = handling.item.special_of(&stage.id).find(|special| special.kind == PAYMENT);
    let limit = limit.map_or(stage.limit, |special| special.limit);
    if limit.unit == Unit::OnTheSpot {
        return None;
    }
    handling.context.reference.calendar.deadline(handling.today, limit).ok()
}

/// Whether the actor may take back a notice, or hold the applicant to it: the department that has issued it, or the one
/// in the lead. A consulted department may do neither with another's; a township's centre answers for its offices.
fn answers_for(handling: &Handling<'_>, turn: &Turn<'_>, open: &Notice) -> Result<(), Refusal> {
    let department = &turn.duty.department;
    if *department == open.issued.department
        || *department == handling.item.department
        || handling.route.centre_of(turn.holder, department)
    {
        return Ok(());
    }
    let sentence = "这份缴款通知不是您部门开具的，由开具部门或者牵头部门处理。";
    Err(Refusal::new(RefusalCode::NotEntitled, sentence))
}

pub(super) fn may_void<'h>(handling: &'h Handling<'h>) -> Result<(Turn<'h>, u32), Refusal> {
    let turn = issuer(handling)?;
    let fees = handling.case.fees();
    let open = fees.open().ok_or_else(nothing_open)?;
    answers_for(handling, &turn, open)?;
    Ok((turn, open.issued.number))
}

/// 作废
pub(in crate::case) fn void(handling: &Handling<'_>, reason: &str) -> Result<Draft, Refusal> {
    let (turn, notice) = may_void(handling)?;
    let reason = input::required(reason, "reason", LONGEST_TEXT, || {
        input::reason_missing("作废缴款通知要写明原因，作废的编号保留备查。")
    })?;
    Ok(turn.step(StepEvent::FeeVoided { notice, reason }, turn.stay(), Private::default(), &[]))
}

pub(super) fn may_abandon<'h>(handling: &'h Handling<'h>) -> Result<(Turn<'h>, u32), Refusal> {
    let turn = issuer(handling)?;
    let fees = handling.case.fees();
    let open = fees.open().ok_or_else(nothing_open)?;
    answers_for(handling, &turn, open)?;
    let says_so = |special: &Special| {
        special.kind == PAYMENT && special.note.as_deref().is_some_and(|note| note.contains(ABANDONED))
    };
    if !is_payment(turn.stage) || !handling.item.special_of(&turn.stage.id).any(says_so) {
        let sentence = "本事项没有规定逾期未缴视为放弃，请继续催缴。";
        return Err(Refusal::new(RefusalCode::WrongStage, sentence));
    }
    match overdue(open, handling.today) {
        true => Ok((turn, open.issued.number)),
        false => Err(Refusal::new(RefusalCode::PaymentRunning, "缴款期限还没有届满，不能按放弃处理。")),
    }
}

fn overdue(notice: &Notice, today: Date) -> bool {
    notice.issued.until.is_some_and(|until| today > until)
}

/// 逾期未缴，视为放弃: the route ends.
pub(in crate::case) fn abandon(handling: &Handling<'_>) -> Result<Draft, Refusal> {
    let (turn, notice) = may_abandon(handling)?;
    Ok(turn.step(StepEvent::FeeAbandoned { notice }, turn.to(None), Private::default(), &[]))
}

pub(super) fn nothing_open() -> Refusal {
    Refusal::new(RefusalCode::WrongStage, "该办件没有待缴款的缴款通知。")
}
