//! What people say about alerts, and orders on a case: who may, and when.
//!
//! The words are sealed under the key of the case, as all words are. The supervisor reads these, and no other words of
//! a case; so they must not name residents' numbers.

use jiff::civil::Date;
use sanji_log::{Hash, Tier};

use super::alert::{Alert, AlertKey, AlertState, Saying, orders};
use super::course::{Arrivals, Office};
use super::watch::alerts;
use crate::case::words::date_words;
use crate::case::{Case, Context, Refusal, RefusalCode, SideEvent, Sight, may_see};
use crate::code::StaffId;
use crate::limit::Limit;
use crate::organisation::{Role, Staff};

/// An order may run at most so long.
const LONGEST_ORDER: Limit = Limit::natural_days(180);

/// The alerts of a case as they bear on rights: those do not depend on what was on the way.
fn known(case: &Case, context: &Context<'_>) -> Vec<Alert> {
    alerts(case, &context.reference, &Arrivals::default(), context.today())
}

/// Whether a person may speak for an office: they work there.
#[must_use]
pub fn speaks_for(staff: &Staff, office: &Office) -> bool {
    let centre = staff.place.tier() == Tier::Township && staff.department.as_str() == "township";
    staff.place == office.station
        && (staff.department == office.department || centre || staff.place.tier() == Tier::Village)
        && staff.roles.iter().any(|role| !matches!(role, Role::Supervisor | Role::Administrator | Role::Applicant))
}

/// Whether a person may rule on an alert: a supervisor above the office, or of the district.
fn reviews(staff: &Staff, alert: &Alert) -> bool {
    let above = alert.office.station.within(staff.place)
        && (staff.place != alert.office.station || staff.place.tier() == Tier::District);
    staff.roles.contains(&Role::Supervisor) && above
}

/// Whether a person answers for what their office does: a head, or the one agent of a village.
#[must_use]
pub fn is_head(staff: &Staff) -> bool {
    staff.place.tier() == Tier::Village
        || staff.roles.iter().any(|role| matches!(role, Role::ChiefRepresentative | Role::Approver))
}

/// Whether an alert about an office and a person, if it names one, is somebody's: it is about them, or about their
/// office, which they head or of which it names nobody.
#[must_use]
pub fn concerns(staff: &Staff, office: &Office, person: Option<&StaffId>) -> bool {
    person == Some(&staff.id) || (speaks_for(staff, office) && (person.is_none() || is_head(staff)))
}

/// Whether there is an alert that the person may answer, appeal against or review.
pub(crate) fn may_say(case: &Case, saying: Saying, context: &Context<'_>) -> bool {
    sees(case, context) && known(case, context).iter().any(|alert| may_say_of(alert, saying, context.actor))
}

/// Whether a person who may see the case may say this of an alert now.
#[must_use]
pub fn may_say_of(alert: &Alert, saying: Saying, actor: &Staff) -> bool {
    permits(alert, saying, actor).is_ok()
}

fn sees(case: &Case, context: &Context<'_>) -> bool {
    may_see(case, context) != Sight::None
}

fn permits(alert: &Alert, saying: Saying, actor: &Staff) -> Result<(), Refusal> {
    let allowed = match saying {
        Saying::Answer | Saying::Appeal => {
            concerns(actor, &alert.office, alert.person.as_ref().map(|person| &person.id))
        }
        Saying::Review { .. } => reviews(actor, alert),
    };
    if !allowed {
        return Err(not_entitled());
    }
    let done = |sentence: &str| Err(Refusal::new(RefusalCode::AlreadyDone, sentence));
    match (saying, alert.state) {
        (_, AlertState::Revoked) => done("该预警已经核销，不需要再办理。"),
        (Saying::Answer, AlertState::Reminder) => {
            Err(Refusal::new(RefusalCode::WrongStage, "这是到期提示，抓紧办理即可，不需要回复。"))
        }
        (Saying::Answer, AlertState::Answered) => done("该预警已经回复过了。"),
        (Saying::Appeal, AlertState::Appealed) => done("已经申诉，请等待监察人员审核。"),
        (Saying::Appeal, AlertState::Upheld) => done("申诉已经审核，维持预警。"),
        // A second ruling of one station thus tells of an appeal between, whatever the times say.
        (Saying::Review { revoked: false }, state) if state != AlertState::Appealed && was_upheld(alert) => {
            done("该预警已经维持，有新的申诉时再审核。")
        }
        _ => Ok(()),
    }
}

fn was_upheld(alert: &Alert) -> bool {
    alert.said.iter().any(|said| said.saying == Saying::Review { revoked: false })
}

/// 回复、申诉、核销 or 维持: the event to be written.
pub(crate) fn say(case: &Case, key: &str, saying: Saying, context: &Context<'_>) -> Result<SideEvent, Refusal> {
    let unknown = || {
        let sentence = "该办件没有这条预警，请刷新后重新选择。";
        Refusal::new(RefusalCode::InvalidInput, sentence).at("alert")
    };
    let key: AlertKey = key.parse().map_err(|_| unknown())?;
    let alert = known(case, context).into_iter().find(|alert| alert.key == key).ok_or_else(unknown)?;
    if !sees(case, context) {
        return Err(not_entitled());
    }
    permits(&alert, saying, context.actor)?;
    let (alert, level) = (key, Some(alert.level));
    Ok(match saying {
        Saying::Answer => SideEvent::AlertAnswered { alert, level },
        Saying::Appeal => SideEvent::AlertAppealed { alert, level },
        Saying::Review { revoked } => SideEvent::AlertReviewed { alert, level, revoked },
    })
}

/// Whether a person may issue an order on a case.
pub(crate) fn may_order(case: &Case, context: &Context<'_>) -> bool {
    context.actor.roles.contains(&Role::Supervisor) && case.is_open() && sees(case, context)
}

/// 督办单: to the office whose turn it is unless another is named.
pub(crate) fn order(
    case: &Case,
    office: Option<Office>,
    until: Date,
    context: &Context<'_>,
) -> Result<SideEvent, Refusal> {
    if !may_order(case, context) {
        return Err(not_entitled());
    }
    let (today, calendar) = (context.today(), context.reference.calendar);
    let latest = calendar.deadline(today, LONGEST_ORDER).unwrap_or(today);
    if until < today || until > latest {
        let sentence = format!("督办期限应当在今天到{}之间，请重新选择。", date_words(latest));
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("until"));
    }
    let duty = crate::case::responsible(case, &context.reference);
    let present = duty.map(|duty| Office { station: duty.station, department: duty.department });
    let office = office.or(present).ok_or_else(|| {
        let sentence = "请写明由哪个站点、哪个部门反馈。";
        Refusal::new(RefusalCode::InvalidInput, sentence).at("station")
    })?;
    let on_the_way = case.home().is_some_and(|home| home.within(office.station));
    if !on_the_way || !office.station.within(context.station) {
        let sentence = "被督办的单位不在该办件的办理站点中，请重新选择。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("station"));
    }
    Ok(SideEvent::OrderIssued { office, until })
}

/// Whether there is an order that the person may answer.
pub(crate) fn may_answer_order(case: &Case, context: &Context<'_>) -> bool {
    sees(case, context) && orders(case).iter().any(|order| speaks_for(context.actor, &order.office))
}

/// 督办反馈
pub(crate) fn answer_order(case: &Case, order: Hash, context: &Context<'_>) -> Result<SideEvent, Refusal> {
    let known = orders(case).into_iter().find(|known| known.hash == order).ok_or_else(|| {
        Refusal::new(RefusalCode::InvalidInput, "该办件没有这份督办单，请刷新后重新选择。").at("order")
    })?;
    if !sees(case, context) || !speaks_for(context.actor, &known.office) {
        return Err(not_entitled());
    }
    Ok(SideEvent::OrderAnswered { order })
}

/// Words that a supervisor may read: no run of digits as long as a telephone or identity number.
pub(crate) fn no_numbers(words: &str) -> Result<(), Refusal> {
    const LONGEST_RUN: usize = 10;
    let mut run = 0;
    for character in words.chars() {
        run = if character.is_ascii_digit() || ('０'..='９').contains(&character) { run + 1 } else { 0 };
        if run > LONGEST_RUN {
            let sentence = "监察人员能看到这段文字，请不要写申请人的证件号码、电话等个人信息。";
            return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("words"));
        }
    }
    Ok(())
}

fn not_entitled() -> Refusal {
    Refusal::new(RefusalCode::NotEntitled, "这不是您的预警或督办单，您没有这项权限。")
}
