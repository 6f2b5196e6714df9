//! What the law, or the item, makes of silence: steps that a station writes by itself once a day has ended.
//!
//! | step | when | written by |
//! | --- | --- | --- |
//! | deemed acceptance | nobody has answered an application in time (行政许可法 art. 32) | the holder |
//! | tacit answer | a stage that allows it was not done in its time | the holder |
//! | tacit approval | an item that allows it was not decided within its promise (超时默认) | the holder |
//! | reclaim | a tacit approval is due and its holder, a station below, does not write it | the hub |
//!
//! Nothing is due where a year's working days are not known: nobody may guess that a day is over.

use jiff::civil::Date;
use sanji_log::{RequestId, StationCode, Tier};

use super::action::Action;
use super::body::{ActorFacts, Body, Opinion, Step, StepEvent};
use super::clock::{self, OpenStage};
use super::command::Draft;
use super::context::{Context, Reference};
use super::handling::{Handling, draft};
use super::private::Private;
use super::state::Case;
use super::turn::Turn;
use crate::calendar::{Calendar, local_date};
use crate::catalogue::{Defaults, Item, SupervisedLink};
use crate::code::StageId;
use crate::organisation::{ALONE, Staff, StageTier};

/// A step that a station writes by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Automatic {
    /// 视为受理
    DeemedAcceptance,
    /// A stage counts as agreed to.
    TacitAnswer(StageId),
    /// 超时默认
    TacitApproval,
    /// The hub takes the case to approve it tacitly.
    Reclaim,
}

impl Automatic {
    /// The name that programs use, for example `tacit_approval`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::DeemedAcceptance => "deemed_acceptance",
            Self::TacitAnswer(_) => "tacit_answer",
            Self::TacitApproval => "tacit_approval",
            Self::Reclaim => "reclaim",
        }
    }
}

/// An automatic step, and the day after whose end it is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The last day on which a person may still act.
    pub after: Date,
    /// Which step.
    pub what: Automatic,
}

/// What will be due at a case if nobody does anything, as it is known on a day; the earliest first. The holder writes
/// it.
#[must_use]
pub fn due(case: &Case, reference: &Reference<'_>, today: Date) -> Vec<Due> {
    let Ok(item) = reference.item_of(case) else { return Vec::new() };
    let silent = case.outcome().is_none()
        && case.stage().is_some()
        && case.correction().is_none()
        && case.suspension().is_none()
        && case.publicity().is_none();
    if !silent {
        return Vec::new();
    }
    let mut due = Vec::new();
    let (calendar, defaults) = (reference.calendar, reference.defaults);
    let current = case.stage().and_then(|stage| item.stage(stage));
    if case.accepted_at().is_none() && current.is_some_and(|stage| stage.link == SupervisedLink::Acceptance) {
        let answer = clock::received_on(case, item)
            .and_then(|received| calendar.deadline(received, defaults.acceptance.decide_within).ok());
        due.extend(answer.map(|after| Due { after, what: Automatic::DeemedAcceptance }));
        // The window's own stage is answered first, whatever comes after it.
        return due;
    }
    let answers = |open: &OpenStage| {
        let decides = item.stage(&open.stage).is_none_or(|stage| stage.link == SupervisedLink::Approval);
        open.tacit && !decides
    };
    let clock = clock::case_clock(case, item, calendar, defaults, today);
    for open in clock.open_stages.iter().filter(|open| answers(open)) {
        let what = Automatic::TacitAnswer(open.stage.clone());
        due.extend(open.until.map(|after| Due { after, what }));
    }
    let approval = tacit_after(case, item, calendar, defaults, today);
    due.extend(approval.map(|after| Due { after, what: Automatic::TacitApproval }));
    due.sort();
    due
}

/// The last day after which silence counts as consent to the whole application, as it is known on a day. None: it never
/// does, or the day is not known.
///
/// That is the last day of the promise. An item that is decided on the spot is accepted with its decision; there the
/// time to answer must be over first, after which it counts as accepted, and the promise with it.
#[must_use]
pub fn tacit_after(case: &Case, item: &Item, calendar: &Calendar, defaults: &Defaults, today: Date) -> Option<Date> {
    if !item.limits.tacit_approval || case.outcome().is_some() {
        return None;
    }
    let stage = case.stage().and_then(|stage| item.stage(stage))?;
    if case.accepted_at().is_some() {
        return clock::case_clock(case, item, calendar, defaults, today).promised_until;
    }
    let decides_at_once = item.first_of(SupervisedLink::Acceptance).is_none();
    if !decides_at_once || stage.link != SupervisedLink::Approval {
        return None;
    }
    calendar.deadline(clock::received_on(case, item)?, defaults.acceptance.decide_within).ok()
}

/// The first step that is due at this station, and what is to be written.
#[must_use]
pub fn write_due(
    case: &Case,
    reference: &Reference<'_>,
    station: StationCode,
    now_ms: u64,
    request: impl Fn(&Automatic) -> RequestId,
) -> Option<(Automatic, Draft)> {
    let today = local_date(i64::try_from(now_ms).unwrap_or(i64::MAX));
    if case.holder() != Some(station) {
        return None;
    }
    let itself = itself(station)?;
    // A stage that has to wait for another can't be answered yet; what comes after it may be.
    let late = due(case, reference, today).into_iter().filter(|due| due.after < today);
    late.into_iter().find_map(|due| {
        let draft = draft_of(case, reference, &itself, now_ms, &due, request(&due.what))?;
        Some((due.what, draft))
    })
}

fn draft_of(
    case: &Case,
    reference: &Reference<'_>,
    itself: &Staff,
    now_ms: u64,
    due: &Due,
    request: RequestId,
) -> Option<Draft> {
    let station = itself.place;
    let context = Context { now_ms, station, actor: itself, standing: &ALONE, reference: *reference };
    let handling = Handling::open(case, Some(request), &context).ok()?;
    let turns = handling.turns_here().ok()?;
    let turn = turns.first()?;
    let draft = match &due.what {
        Automatic::DeemedAcceptance => {
            turn.fits(Action::Accept).ok()?;
            let event = StepEvent::Accepted { deemed: true, tolerated: Vec::new() };
            turn.step(event, turn.onwards(), Private::default(), &[])
        }
        Automatic::TacitAnswer(stage) => tacit_answer(&turns, stage)?,
        Automatic::TacitApproval => tacit_approval(turn, due.after)?,
        Automatic::Reclaim => return None,
    };
    Some(by_itself(draft))
}

/// What the hub writes of a case that a station below holds: it takes the case where a tacit approval has been due for
/// longer than `grace_days`, counted as consecutive days after the last day.
#[must_use]
pub fn write_reclaim(
    case: &Case,
    reference: &Reference<'_>,
    station: StationCode,
    now_ms: u64,
    grace_days: u32,
    request: impl Fn(&Automatic) -> RequestId,
) -> Option<Draft> {
    let today = local_date(i64::try_from(now_ms).unwrap_or(i64::MAX));
    let holder = case.holder().filter(|holder| *holder != station && holder.within(station))?;
    if station.tier() != Tier::District {
        return None;
    }
    let due = due(case, reference, today).into_iter().find(|due| due.what == Automatic::TacitApproval)?;
    let late = due.after.until(today).ok().and_then(|late| u32::try_from(late.get_days()).ok())?;
    if late <= grace_days {
        return None;
    }
    let step = Step {
        rev: case.rev() + 1,
        term: case.term() + 1,
        previous: Some(case.last()?),
        holder: station,
        stage: case.stage().cloned(),
        request: Some(request(&Automatic::Reclaim)),
        actor: ActorFacts::default(),
        documents: Vec::new(),
        event: StepEvent::Reclaimed { from: holder },
    };
    Some(draft(Body::Step(step), Private::default(), &[]))
}

/// The answer of a stage, of those that run in parallel too.
fn tacit_answer(turns: &[Turn<'_>], stage: &StageId) -> Option<Draft> {
    let turn = turns.iter().find(|turn| turn.stage.id == *stage)?;
    let event = StepEvent::StageFinished {
        stage: stage.clone(),
        opinion: Opinion::Tacit,
        outside_number: String::new(),
        together_with: Vec::new(),
        materials: Vec::new(),
        answered_on: None,
    };
    Some(turn.step(event, turn.onwards(), Private::default(), &[]))
}

/// Consent, from whatever stage owed the answer: the case goes to what follows the last decision.
fn tacit_approval(turn: &Turn<'_>, due: Date) -> Option<Draft> {
    let mut stages = turn.handling.item.stages.iter();
    let last = stages.rposition(|stage| stage.link == SupervisedLink::Approval)?;
    let event =
        StepEvent::TacitlyApproved { stage: turn.stage.id.clone(), due, department: turn.duty.department.to_string() };
    Some(turn.step(event, turn.to(turn.handling.route.after(last)), Private::default(), &[]))
}

/// A stand-in for rules that ask who acts: nobody, with no role.
fn itself(station: StationCode) -> Option<Staff> {
    Some(Staff {
        id: "station".parse().ok()?,
        name: String::new(),
        roles: Vec::new(),
        post: String::new(),
        tier: StageTier::from(station.tier()),
        department: "station".parse().ok()?,
        place: station,
        seat: None,
        backup: None,
        serves: Vec::new(),
    })
}

/// The entry names no person.
fn by_itself(mut draft: Draft) -> Draft {
    if let Body::Step(step) = &mut draft.body {
        step.actor = ActorFacts::default();
    }
    draft
}
