//! 送达, 撤回.

use jiff::civil::Date;

use super::acceptance::going_back;
use super::action::Action;
use super::body::{DeliveryMethod, MaterialProvided, StepEvent};
use super::command::Draft;
use super::handling::Handling;
use super::input::{self, LONGEST_NAME};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::summary::Outcome;
use crate::calendar::local_date;

/// The result, or the notice of a refusal or return, is handed over. What follows an approval follows then.
pub(super) fn deliver(
    handling: &Handling<'_>,
    method: DeliveryMethod,
    receiver: &str,
    signed_on: Option<Date>,
) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::Deliver, None)?;
    let invalid = |sentence: &str, field: &str| Err(Refusal::new(RefusalCode::InvalidInput, sentence).at(field));
    if method == DeliveryMethod::Unknown {
        return invalid("请选择送达方式。", "method");
    }
    let receiver = input::required(receiver, "receiver", LONGEST_NAME, || {
        Refusal::new(RefusalCode::InvalidInput, "请填写签收人姓名。")
    })?;
    let signed_on = signed_on.unwrap_or(turn.today());
    let answered = turn.case().steps().next_back().map(|facts| local_date(millis(facts.time.millis())));
    // The clock here may run behind that of whoever answered; today is always a possible day.
    let earliest = answered.map_or(turn.today(), |answered| answered.min(turn.today()));
    if signed_on > turn.today() || signed_on < earliest {
        return invalid("签收日期不能晚于今天，也不能早于作出答复的日期，请核对。", "signed_on");
    }
    let by_proxy = method == DeliveryMethod::Agent;
    if by_proxy && !turn.case().mandate().is_some_and(|mandate| mandate.may_receive(signed_on)) {
        let sentence = "委托书没有写明可以代为签收文书或者领取证照，请改为本人签收或者补办委托。";
        return Err(Refusal::new(RefusalCode::MandateExceeded, sentence).at("method"));
    }
    let approved = turn.case().outcome() == Some(Outcome::Approved);
    let next = if approved { turn.onwards() } else { turn.to(None) };
    let private = Private { receiver, ..Private::default() };
    Ok(turn.step(StepEvent::Delivered { method, signed_on, by_proxy }, next, private, &[]))
}

/// 同意撤回: the route ends.
pub(super) fn withdraw(handling: &Handling<'_>, materials_back: &[MaterialProvided]) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::ConfirmWithdrawal, None)?;
    let materials_back = going_back(&turn, materials_back)?;
    Ok(turn.step(StepEvent::Withdrawn { materials_back }, turn.to(None), Private::default(), &[]))
}

fn millis(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}
