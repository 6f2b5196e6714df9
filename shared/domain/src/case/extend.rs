//! 延长办理期限: once, before the limit ends, approved by the right person, with the applicant told in writing.

use jiff::civil::Date;
use sanji_log::Tier;

use super::body::{DeliveryMethod, Extended, SideEvent};
use super::clock::{self, CaseClock, ExtensionRule};
use super::command::{Draft, ExtensionInput};
use super::handling::{Handling, ended, not_here_yet};
use super::input::{self, LONGEST_NAME, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::route::Duty;
use super::words::date_words;
use crate::catalogue::SupervisedLink;
use crate::organisation::Staff;

/// What an extension builds on.
pub(super) struct Ground {
    rule: ExtensionRule,
    clock: CaseClock,
}

/// Whether the actor may extend the limits of the case now.
pub(super) fn fits(handling: &Handling<'_>) -> Result<Ground, Refusal> {
    let reference = &handling.context.reference;
    let Some(rule) = clock::extension_rule(handling.item, reference.defaults) else {
        let sentence = format!("“{}”没有规定可以延长办理期限，应当在承诺期限内办结。", handling.item.name);
        return Err(Refusal::new(RefusalCode::ExtensionNotAllowed, sentence));
    };
    let basis = rule.basis.clone();
    if !approves(handling, &rule) {
        let sentence = format!("延长办理期限由{}批准，您没有这项权限。", rule.approver);
        return Err(Refusal::new(RefusalCode::NotEntitled, sentence).because_of(basis));
    }
    if handling.case.rev() == 0 {
        return Err(not_here_yet());
    }
    if !handling.case.is_open() {
        return Err(ended());
    }
    if handling.case.outcome().is_some() {
        return Err(Refusal::new(RefusalCode::WrongStage, "该办件已经作出决定，不需要延长办理期限。"));
    }
    let clock = handling.clock();
    if clock.accepted_on.is_none() {
        return Err(Refusal::new(RefusalCode::WrongStage, "该办件尚未受理，办理期限还没有开始计算。"));
    }
    if clock.extended_from.is_some() {
        let sentence = "该办件已经延长过一次办理期限，不能再次延长。";
        return Err(Refusal::new(RefusalCode::AlreadyDone, sentence).because_of(basis));
    }
    if let Some(until) = clock.promised_until.filter(|until| handling.today > *until) {
        let sentence = format!("承诺期限已于{}届满；延长应当在期限届满前作出，现在不能再延长。", date_words(until));
        return Err(Refusal::new(RefusalCode::ExtensionLate, sentence).because_of(basis));
    }
    Ok(Ground { rule, clock })
}

/// The head of the office that decides, or whoever records the approval of the district's government; a substitute
/// where they are away.
fn approves(handling: &Handling<'_>, rule: &ExtensionRule) -> bool {
    let station = handling.context.station;
    let mut powers = handling.context.powers_for(rule.role);
    if station.tier() != rule.tier(handling.item) || !handling.route.home.within(station) {
        return false;
    }
    if rule.by_government {
        let records = |staff: &Staff| staff.place == station && staff.roles.contains(&rule.role);
        return station.tier() == Tier::District && powers.any(records);
    }
    let mut stages = handling.item.stages.iter();
    let Some(decides) = stages.rposition(|stage| stage.link == SupervisedLink::Approval) else { return false };
    let duty = handling.route.duty(decides, station).map(|duty| Duty { role: rule.role, external: false, ..duty });
    duty.is_some_and(|duty| powers.any(|staff| handling.route.performs(staff, &duty)))
}

/// Extends the limits by what the item allows.
pub(super) fn extend(handling: &Handling<'_>, given: &ExtensionInput) -> Result<Draft, Refusal> {
    let Ground { rule, clock } = fits(handling)?;
    let reason = input::required(&given.reason, "reason", LONGEST_TEXT, || {
        input::reason_missing("延长办理期限应当将理由书面告知申请人，请填写理由。").because_of(rule.basis.clone())
    })?;
    let told_on = told(handling, given, &rule)?;
    let missing = || {
        let sentence = format!("延长办理期限由{}批准，请填写批准文号。", rule.approver);
        Refusal::new(RefusalCode::ApprovalMissing, sentence).because_of(rule.basis.clone())
    };
    let approval_number = if rule.by_government {
        input::required(&given.approval_number, "approval_number", LONGEST_NAME, missing)?
    } else {
        input::optional(&given.approval_number, "approval_number", LONGEST_NAME)?
    };
    let calendar = handling.context.reference.calendar;
    let event = SideEvent::Extended(Extended {
        limit: rule.limit,
        promised_until: clock.promised_until,
        extended_until: clock.promised_until.and_then(|until| calendar.deadline(until, rule.limit).ok()),
        told_on,
        told_by: given.told_by,
        approval_number,
        basis: rule.basis,
    });
    Ok(handling.say_as(rule.role, event, Private::of_words(reason)))
}

fn told(handling: &Handling<'_>, given: &ExtensionInput, rule: &ExtensionRule) -> Result<Date, Refusal> {
    let refused = |field: &str, sentence: &str| {
        Err(Refusal::new(RefusalCode::NoticeMissing, sentence).at(field).because_of(rule.basis.clone()))
    };
    if given.told_by == DeliveryMethod::Unknown {
        return refused("told_by", "延长办理期限应当事先书面告知申请人，请填写告知方式；没有告知的不能延长。");
    }
    let told_on = given.told_on.unwrap_or(handling.today);
    if told_on > handling.today {
        return refused("told_on", "告知日期不能晚于今天，请先书面告知申请人。");
    }
    Ok(told_on)
}
