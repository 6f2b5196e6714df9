//! 退付: asked for by those who handle the case, approved by whoever may decide it, paid back by the treasury and
//! registered by the fee window. Three people, beside the route: also when the case is closed.

use super::notice::{Fees, Notice, NoticeState};
use super::payment::collector;
use crate::case::body::SideEvent;
use crate::case::command::Draft;
use crate::case::handling::Handling;
use crate::case::input::{self, LONGEST_NAME, LONGEST_TEXT};
use crate::case::private::Private;
use crate::case::refusal::{Refusal, RefusalCode};
use crate::catalogue::SupervisedLink;
use crate::money;
use crate::organisation::{Role, Staff};

fn not_entitled(sentence: &str) -> Refusal {
    Refusal::new(RefusalCode::NotEntitled, sentence)
}

fn found<'f>(fees: &'f Fees, number: u32, fits: impl Fn(&Notice) -> bool, or: &str) -> Result<&'f Notice, Refusal> {
    let mut notices = fees.notices.iter().filter(|notice| number == 0 || notice.issued.number == number);
    notices.find(|notice| fits(notice)).ok_or_else(|| Refusal::new(RefusalCode::WrongStage, or))
}

fn may_be_asked(notice: &Notice) -> bool {
    let free = notice.refund.as_ref().is_none_or(super::Refund::is_refused);
    notice.state() == NoticeState::Paid && free
}

fn waits(notice: &Notice) -> bool {
    notice.refund.as_ref().is_some_and(|refund| refund.decided.is_none() && refund.paid.is_none())
}

fn is_approved(notice: &Notice) -> bool {
    let approved = |refund: &super::Refund| matches!(refund.decided, Some((true, _))) && refund.paid.is_none();
    notice.refund.as_ref().is_some_and(approved)
}

/// Who handles cases of this item at this station.
fn handler<'h>(handling: &'h Handling<'h>, roles: &[Role]) -> Option<&'h Staff> {
    let lead = &handling.item.department;
    handling.context.powers().find(|staff| {
        let role = staff.roles.iter().any(|role| roles.contains(role)) && !staff.roles.contains(&Role::Cashier);
        role && staff.place == handling.context.station && (staff.department == *lead || handling.route.involves(staff))
    })
}

pub(super) fn may_request(handling: &Handling<'_>) -> Result<(), Refusal> {
    let roles = [Role::Window, Role::Reviewer, Role::Approver, Role::ChiefRepresentative];
    handler(handling, &roles).ok_or_else(|| not_entitled("退付由办理该件的窗口或者部门提出，您没有这项权限。"))?;
    found(&handling.case.fees(), 0, may_be_asked, "该办件没有可以退付的缴款。").map(|_| ())
}

/// 申请退付
pub(in crate::case) fn request_refund(
    handling: &Handling<'_>,
    number: u32,
    amount_fen: u64,
    reason: &str,
    account: &str,
) -> Result<Draft, Refusal> {
    may_request(handling)?;
    let fees = handling.case.fees();
    let notice = found(&fees, number, may_be_asked, "这份缴款通知没有可以退付的缴款。")?;
    let paid = notice.issued.payable_fen();
    if amount_fen == 0 || amount_fen > paid {
        let sentence = format!("退付金额应在0.01元至{}元之间。", money::in_figures(paid));
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("amount_fen"));
    }
    let reason = input::required(reason, "reason", LONGEST_TEXT, || input::reason_missing("请写明退付原因。"))?;
    let account = input::required(account, "account", LONGEST_NAME, || {
        Refusal::new(RefusalCode::InvalidInput, "请填写缴款人的收款账户。")
    })?;
    let event = SideEvent::RefundRequested { notice: notice.issued.number, amount_fen };
    let words = format!("退付原因：{reason}\n收款账户：{account}");
    Ok(handling.say_as(role(handling, &[Role::Window, Role::Reviewer]), event, Private::of_words(words)))
}

pub(super) fn may_decide(handling: &Handling<'_>) -> Result<(), Refusal> {
    let approvals = (0..handling.item.stages.len())
        .filter(|at| handling.route.stage(*at).is_some_and(|stage| stage.link == SupervisedLink::Approval));
    let mut duties = approvals.filter_map(|at| handling.route.duty(at, handling.route.station(at, false)));
    let roles = [Role::Approver, Role::ChiefRepresentative];
    let decides = |staff: &&Staff| staff.roles.iter().any(|role| roles.contains(role));
    let lead = |staff: &&Staff| staff.department == handling.item.department;
    let may = handling
        .context
        .powers()
        .filter(decides)
        .any(|staff| lead(&staff) || duties.any(|duty| handling.route.performs(staff, &duty)));
    if !may {
        return Err(not_entitled("退付由作出决定的部门负责人审批，您没有这项权限。"));
    }
    let fees = handling.case.fees();
    let notice = found(&fees, 0, waits, "该办件没有待审批的退付。")?;
    if notice.refund.as_ref().is_some_and(|refund| refund.asked.by == handling.context.actor.id.as_str()) {
        return Err(not_entitled("提出退付的人不能自己审批。"));
    }
    Ok(())
}

/// 审批退付
pub(in crate::case) fn decide_refund(
    handling: &Handling<'_>,
    number: u32,
    approved: bool,
    words: &str,
) -> Result<Draft, Refusal> {
    may_decide(handling)?;
    let fees = handling.case.fees();
    let notice = found(&fees, number, waits, "这份缴款通知没有待审批的退付。")?.issued.number;
    let words = if approved {
        input::optional(words, "words", LONGEST_TEXT)?
    } else {
        input::required(words, "words", LONGEST_TEXT, || input::reason_missing("不同意退付要写明理由。"))?
    };
    let event = SideEvent::RefundDecided { notice, approved };
    Ok(handling.say_as(role(handling, &[Role::Approver, Role::ChiefRepresentative]), event, Private::of_words(words)))
}

pub(super) fn may_register(handling: &Handling<'_>) -> Result<(), Refusal> {
    collector(handling)?;
    let fees = handling.case.fees();
    let notice = found(&fees, 0, is_approved, "该办件没有已批准的退付。")?;
    let actor = handling.context.actor.id.as_str();
    let had_a_hand = notice.refund.as_ref().is_some_and(|refund| {
        refund.asked.by == actor || refund.decided.as_ref().is_some_and(|(_, by)| by.by == actor)
    });
    if had_a_hand { Err(not_entitled("提出或者审批退付的人不能登记退付。")) } else { Ok(()) }
}

/// 登记退付
pub(in crate::case) fn register_refund(
    handling: &Handling<'_>,
    number: u32,
    receipt_number: &str,
) -> Result<Draft, Refusal> {
    may_register(handling)?;
    let fees = handling.case.fees();
    let notice = found(&fees, number, is_approved, "这份缴款通知没有已批准的退付。")?.issued.number;
    let receipt_number = input::required(receipt_number, "receipt_number", LONGEST_NAME, || {
        Refusal::new(RefusalCode::InvalidInput, "请填写银行退付回单号。")
    })?;
    Ok(handling.say_as(Role::Cashier, SideEvent::RefundPaid { notice, receipt_number }, Private::default()))
}

/// The first of these roles that one of the actor's powers has.
fn role(handling: &Handling<'_>, roles: &[Role]) -> Role {
    let mut held = handling.context.powers().flat_map(|staff| &staff.roles);
    held.find(|role| roles.contains(role)).copied().unwrap_or(Role::Window)
}
