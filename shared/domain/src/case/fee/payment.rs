//! 登记缴款: the fee window checks the notice against the standard and the bank's receipt against the notice. Nobody
//! who decides, examines or issues does this.

use super::issue::nothing_open;
use super::notice::{FeeLine, Notice, NoticeState, Payment};
use super::{ART_58, charge, collects, decides, is_payment};
use crate::calendar::local_date;
use crate::case::body::{SideEvent, StepEvent};
use crate::case::command::Draft;
use crate::case::handling::Handling;
use crate::case::input::{self, LONGEST_NAME};
use crate::case::private::Private;
use crate::case::refusal::{FieldFault, Refusal, RefusalCode};
use crate::case::summary::Outcome;
use crate::case::turn::Turn;
use crate::money;
use crate::organisation::{Role, Staff};

/// A bank's receipt as entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentInput {
    /// Number of the notice; 0: the one that is open.
    pub notice: u32,
    /// 票据号码
    pub receipt_number: String,
    /// In fen.
    pub amount_fen: u64,
    /// When it was paid: milliseconds since 1970-01-01 UTC.
    pub paid_ms: u64,
    /// The bank.
    pub bank: String,
    /// The bank's serial number.
    pub serial: String,
}

/// The person as whom the actor collects: the actor or one for whom they stand in. Their own powers must not decide
/// or issue, whoever they stand in for.
pub(super) fn collector<'h>(handling: &'h Handling<'h>) -> Result<&'h Staff, Refusal> {
    let actor = handling.context.actor;
    let clean = !decides(actor) && !actor.roles.contains(&Role::Window) && !actor.roles.contains(&Role::Supervisor);
    let found = handling.context.powers().find(|staff| collects(staff) && staff.place == handling.context.station);
    found.filter(|_| clean).ok_or_else(|| {
        let sentence = "缴款由收费窗口凭银行到账登记，审核、审批、开单人员不得经手。";
        Refusal::new(RefusalCode::NotEntitled, sentence).because_of(ART_58)
    })
}

/// Whether the actor has decided on this case or issued one of its notices.
fn had_a_hand(handling: &Handling<'_>) -> bool {
    let actor = handling.context.actor.id.as_str();
    handling.case.steps().any(|facts| {
        let decides = matches!(
            facts.body.event,
            StepEvent::Decided { .. }
                | StepEvent::FeeIssued(_)
                | StepEvent::FeeVoided { .. }
                | StepEvent::Accepted { .. }
        );
        decides && facts.actor == actor
    })
}

pub(super) fn may_register<'h>(handling: &'h Handling<'h>, number: u32) -> Result<(Notice, &'h Staff), Refusal> {
    let staff = collector(handling)?;
    if had_a_hand(handling) {
        let sentence = "您受理、决定过该件或者为该件开过单，不能登记缴款。";
        return Err(Refusal::new(RefusalCode::NotEntitled, sentence).because_of(ART_58));
    }
    let fees = handling.case.fees();
    let notice = match number {
        0 => fees.open(),
        number => fees.notice(number).filter(|notice| notice.state() == NoticeState::Open),
    };
    Ok((notice.cloned().ok_or_else(nothing_open)?, staff))
}

/// 登记缴款. In a stage of payment the case goes on; elsewhere it is said beside the route.
pub(in crate::case) fn register(handling: &Handling<'_>, given: &PaymentInput) -> Result<Draft, Refusal> {
    let (notice, staff) = may_register(handling, given.notice)?;
    check_standard(handling, &notice)?;
    let payment = checked(handling, &notice, given)?;
    match stage_of_payment(handling, staff) {
        Some(turn) => Ok(turn.step(StepEvent::FeePaid(payment), turn.onwards(), Private::default(), &[])),
        None => Ok(handling.say_as(Role::Cashier, SideEvent::FeePaid(payment), Private::default())),
    }
}

/// 核标: the lines are the catalogue's, at its prices and grounds. What was issued before a standard ended stays good.
fn check_standard(handling: &Handling<'_>, notice: &Notice) -> Result<(), Refusal> {
    let issued_on = local_date(i64::try_from(notice.by.time.millis()).unwrap_or(i64::MAX));
    let known = charge::chargeable(handling.item, handling.context.reference.catalogue, issued_on);
    let lawful = |line: &FeeLine| {
        known.iter().any(|fee| {
            fee.code == line.code
                && fee.amount_fen == line.price_fen
                && (line.waived_fen == 0 || fee.waive.contains(&line.ground))
        })
    };
    match notice.issued.lines.iter().find(|line| !lawful(line)) {
        None => Ok(()),
        Some(line) => {
            let sentence = format!("缴款通知中的“{}”与目录标准不符，请退回开单部门作废重开。", line.code);
            Err(Refusal::new(RefusalCode::FeeNotLawful, sentence).because_of(ART_58))
        }
    }
}

fn checked(handling: &Handling<'_>, notice: &Notice, given: &PaymentInput) -> Result<Payment, Refusal> {
    let mut faults = Vec::new();
    for (field, text, what) in [
        ("receipt_number", &given.receipt_number, "票据号码"),
        ("bank", &given.bank, "代收银行"),
        ("serial", &given.serial, "银行流水号"),
    ] {
        let length = text.trim().chars().count();
        if length == 0 || length > LONGEST_NAME {
            let sentence = format!("请按银行回单填写{what}（最多{LONGEST_NAME}个字）。");
            faults.push(FieldFault { field: field.to_owned(), sentence });
        }
    }
    // Clocks of two stations differ: today is always a possible day.
    let paid_on = local_date(i64::try_from(given.paid_ms).unwrap_or(i64::MAX));
    let issued_on = local_date(i64::try_from(notice.by.time.millis()).unwrap_or(i64::MAX));
    if given.paid_ms == 0 || paid_on > handling.today || paid_on < issued_on.min(handling.today) {
        let sentence = "缴款时间不能早于开单日期，也不能晚于今天，请核对。".to_owned();
        faults.push(FieldFault { field: "paid_ms".to_owned(), sentence });
    }
    if !faults.is_empty() {
        return Err(Refusal::of_fields(RefusalCode::InvalidInput, faults));
    }
    let payable = notice.issued.payable_fen();
    if given.amount_fen != payable {
        let sentence = format!(
            "到账金额{}元与缴款通知的{}元不一致，不得确认，请与银行和开单部门核对。",
            money::in_figures(given.amount_fen),
            money::in_figures(payable)
        );
        return Err(Refusal::new(RefusalCode::AmountDiffers, sentence).at("amount_fen"));
    }
    Ok(Payment {
        notice: notice.issued.number,
        receipt_number: given.receipt_number.trim().to_owned(),
        amount_fen: given.amount_fen,
        paid_ms: given.paid_ms,
        bank: given.bank.trim().to_owned(),
        serial: input::optional(&given.serial, "serial", LONGEST_NAME)?,
    })
}

/// The turn in which a payment moves the case on: it is here, in a stage of payment, and nothing else is waited for.
fn stage_of_payment<'h>(handling: &'h Handling<'h>, staff: &Staff) -> Option<Turn<'h>> {
    let turn = handling.turn_here().ok()?;
    let waits = handling.case.suspension().is_some() || handling.case.correction().is_some();
    let duty = handling.route.duty(turn.position, turn.holder)?;
    let theirs = duty.role == Role::Cashier && handling.route.performs(staff, &duty);
    (is_payment(turn.stage) && theirs && !waits).then_some(Turn { duty, ..turn })
}

/// The result is handed over only when everything is paid or waived.
pub(in crate::case) fn check_released(turn: &Turn<'_>) -> Result<(), Refusal> {
    let unpaid = turn.case().outcome() == Some(Outcome::Approved) && turn.case().fees().open().is_some();
    if !unpaid {
        return Ok(());
    }
    let sentence = "还没有收到缴款登记，缴款后才能发证；已经缴款的，请收费窗口登记后再送达。";
    Err(Refusal::new(RefusalCode::FeeUnpaid, sentence))
}
