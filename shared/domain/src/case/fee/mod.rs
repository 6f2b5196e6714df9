//! Fees (收费): the list is the catalogue's, the money goes to the treasury, and whoever decides or issues never
//! registers it (票款分离、收支两条线).
//!
//! | module | holds |
//! | --- | --- |
//! | `notice` | what entries say of fees, and the notices of a case as they follow from them |
//! | `charge` | what may be charged for an item, and the lines of a notice |
//! | `issue` | 开单、作废、视为放弃: by those who handle the case |
//! | `payment` | 登记缴款: by the fee window, which checks the bank's receipt |
//! | `refund` | 退付: asked for, approved, paid back |
//! | `refunding` | what became of the refunds of a notice |
//!
//! A payment in a stage of payment (role 收费) moves the case on. Elsewhere it is said beside the route, since the
//! fee window need not be where the case is. The result is handed over only when nothing is open.

mod charge;
mod issue;
mod notice;
mod payment;
mod refund;
mod refunding;

pub use charge::{FeeInput, chargeable, known_fees, still_chargeable};
pub use notice::{FeeIssued, FeeLine, Fees, Notice, NoticeState, Payment, Refund, Registered};
pub use payment::PaymentInput;

pub(super) use issue::{abandon, awaits_notice, issue, issuing_duty, void};
pub(super) use payment::{check_released, register};
pub(super) use refund::{decide_refund, register_refund, request_refund};

use super::action::Action;
use super::handling::Handling;
use super::refusal::{Refusal, RefusalCode};
use crate::catalogue::Stage;
use crate::organisation::{Role, Staff};

/// 国家对行政许可收费的规定: only by law, and all of it to the treasury.
const ART_58: &str = "《行政许可法》第五十八条、第五十九条";

/// Whether a stage waits for the money.
pub(super) fn is_payment(stage: &Stage) -> bool {
    stage.role == Role::Cashier
}

/// Whether one of the actions on fees may be taken by the actor now.
pub(super) fn fits(handling: &Handling<'_>, action: Action) -> Result<(), Refusal> {
    match action {
        Action::IssueFee => issue::may_issue_now(handling).map(|_| ()),
        Action::VoidFee => issue::may_void(handling).map(|_| ()),
        Action::AbandonFee => issue::may_abandon(handling).map(|_| ()),
        Action::RegisterPayment => payment::may_register(handling, 0).map(|_| ()),
        Action::RequestRefund => refund::may_request(handling),
        Action::DecideRefund => refund::may_decide(handling),
        Action::RegisterRefund => refund::may_register(handling),
        _ => Err(Refusal::new(RefusalCode::WrongStage, "这不是收费操作。")),
    }
}

/// Roles that decide or examine: who has one of them never touches money.
pub(super) fn decides(staff: &Staff) -> bool {
    staff.roles.iter().any(|role| matches!(role, Role::Approver | Role::ChiefRepresentative | Role::Reviewer))
}

/// Whether a member of staff works at the fee window and at nothing that excludes it.
pub(super) fn collects(staff: &Staff) -> bool {
    let excluded = |role: &Role| matches!(role, Role::Window | Role::Supervisor | Role::Agent);
    staff.roles.contains(&Role::Cashier) && !decides(staff) && !staff.roles.iter().any(excluded)
}
