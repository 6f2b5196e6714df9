//! 收回 and 移交: who holds the case, beside its route.
//!
//! A station above takes a case from one that is lost; whoever holds a case hands it to another station on its way. At a
//! township that is for its full-course agent (全程代办), who answers for what its villages send up; at the district for
//! the coordinator of the hall (联办协调), who brings departments together. Neither decides cases, so nobody can draw a
//! decision to themselves; supervisors and administrators may not change cases at all. A village's agent, often alone
//! there, may hand over what lies at the village.

use sanji_log::{StationCode, Tier};

use super::action::Action;
use super::body::{Body, Step, StepEvent};
use super::command::Draft;
use super::handling::{Handling, actor_facts, draft, ended, not_entitled, not_here_yet, not_holder, station_name};
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use crate::organisation::Role;

/// Whether an action is one of these: whose turn it is plays no part in them.
pub(super) fn concerns(action: Action) -> bool {
    matches!(action, Action::Reclaim | Action::HandOver)
}

/// Whether the actor may do it now.
pub(super) fn fits(handling: &Handling<'_>, action: Action) -> Result<(), Refusal> {
    let (case, station) = (handling.case, handling.context.station);
    let holder = case.holder().ok_or_else(not_here_yet)?;
    if mover(station).is_none_or(|role| !handling.context.actor.roles.contains(&role))
        || handling.context.actor.place != station
    {
        return Err(not_entitled());
    }
    if case.stage().is_none() {
        return Err(ended());
    }
    match action {
        Action::Reclaim if station.tier() == Tier::Village || holder == station || !holder.within(station) => {
            let sentence = "该办件不在下级站点办理，不需要收回。";
            Err(Refusal::new(RefusalCode::NothingToReclaim, sentence))
        }
        Action::HandOver if holder != station => Err(not_holder(handling.context, holder)),
        Action::HandOver if handling.route.home.tier() == Tier::District => {
            let sentence = "该办件在区中心登记，没有可以移交的其他站点。";
            Err(Refusal::new(RefusalCode::OffTheWay, sentence))
        }
        _ => Ok(()),
    }
}

/// Who moves cases at a station.
fn mover(station: StationCode) -> Option<Role> {
    Some(match station.tier() {
        Tier::Village => Role::Agent,
        Tier::Township => Role::FullCourseAgent,
        Tier::District => Role::JointCoordinator,
    })
}

/// Takes the case from the station below that holds it. Its term rises, so what that station still writes is kept and
/// never counts.
pub(super) fn reclaim(handling: &Handling<'_>, reason: &str) -> Result<Draft, Refusal> {
    fits(handling, Action::Reclaim)?;
    let from = handling.case.holder().ok_or_else(not_here_yet)?;
    let reason = input::required(reason, "reason", LONGEST_TEXT, || {
        input::reason_missing("收回办件应当写明原因，例如站点设备损坏、长期失去联系。")
    })?;
    let term = handling.case.term() + 1;
    step(handling, StepEvent::Reclaimed { from }, term, handling.context.station, reason)
}

/// Hands the case to another station between its home and the district.
pub(super) fn hand_over(handling: &Handling<'_>, to: Option<StationCode>, reason: &str) -> Result<Draft, Refusal> {
    fits(handling, Action::HandOver)?;
    let (station, home) = (handling.context.station, handling.route.home);
    let Some(to) = to.filter(|to| home.within(*to) && *to != station) else {
        let line = std::iter::successors(Some(home), |station| station.parent()).filter(|other| *other != station);
        let names: Vec<_> = line.map(|station| station_name(handling.context, station)).collect();
        let sentence = format!("该办件只能移交给：{}，请选择。", names.join("、"));
        return Err(Refusal::new(RefusalCode::OffTheWay, sentence).at("to"));
    };
    let reason =
        input::required(reason, "reason", LONGEST_TEXT, || input::reason_missing("移交办件应当写明原因，请填写。"))?;
    step(handling, StepEvent::HandedOver { from: station }, handling.case.term(), to, reason)
}

fn step(
    handling: &Handling<'_>,
    event: StepEvent,
    term: u32,
    holder: StationCode,
    reason: String,
) -> Result<Draft, Refusal> {
    let case = handling.case;
    let step = Step {
        rev: case.rev() + 1,
        term,
        previous: Some(case.last().ok_or_else(not_here_yet)?),
        holder,
        stage: case.stage().cloned(),
        request: handling.request,
        actor: actor_facts(handling.context, mover(handling.context.station)),
        documents: Vec::new(),
        event,
    };
    Ok(draft(Body::Step(step), Private::of_words(reason), &[]))
}
