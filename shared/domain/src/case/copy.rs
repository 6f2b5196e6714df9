//! 抄告相关: the copies of a joint case that its consulted departments get as soon as it is accepted.
//!
//! A copy is no entry of its own: every station on the case's way holds the case. What is written is who looked at it
//! first (签收), and the answer of a department whose station does not hold the case while the stages run in parallel.
//! Where it does, the department answers by finishing its stage.

use jiff::civil::Date;
use sanji_log::{Hash, HybridTime, StationCode};

use super::body::{Opinion, SideEvent, StepEvent};
use super::command::Draft;
use super::context::Reference;
use super::handling::{Handling, duty_now, ended};
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::round::Round;
use super::route::{Duty, Route};
use super::state::Case;
use crate::calendar::local_date;
use crate::catalogue::{PartWork, Stage};
use crate::code::{DepartmentCode, StageId};
use crate::limit::{Limit, Unit};

/// A copy that the actor's department has got.
pub(super) struct OwnCopy {
    stage: StageId,
    duty: Duty,
    /// Rev of the round that runs; 0: none does yet.
    round: u32,
    may_sign: bool,
    pub(super) may_answer: bool,
}

/// A consulted department, or the lead with its own stage, as a joint case shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consulted {
    /// Its stage.
    pub stage: StageId,
    /// Its department.
    pub department: DepartmentCode,
    /// The station where that department answers.
    pub station: StationCode,
    /// When the copy went out.
    pub copied: HybridTime,
    /// How long it has to answer.
    pub reply_within: Limit,
    /// Last day to answer, from the day of the copy; none while the calendar lacks the year.
    pub reply_until: Option<Date>,
    /// Silence counts as agreement.
    pub tacit: bool,
    /// The part of the joint item that it does: the code of an item, or its name.
    pub part: Option<PartWork>,
    /// The entry by which somebody signed for the copy first.
    pub signed: Option<Hash>,
    /// The entry that answers in the last round, and what.
    pub answer: Option<(Hash, Opinion)>,
}

/// Every department of a joint case with its answer. Empty before acceptance, and where nothing runs in parallel.
#[must_use]
pub fn consulted(case: &Case, reference: &Reference<'_>) -> Vec<Consulted> {
    let Ok(item) = reference.item_of(case) else { return Vec::new() };
    // Offices are asked for, not persons: the day says nothing.
    let Some(route) = Route::of(case, item, reference.organisation, Date::ZERO) else { return Vec::new() };
    let Some(copied) = case.accepted_at() else { return Vec::new() };
    let parts = item.parts_by_stage();
    let show = |(position, stage): (usize, &Stage)| {
        let part = parts.iter().find(|(_, at)| *at == position).and_then(|(part, _)| item.parts.get(*part));
        let reply_within = reply_within(stage, part.map(|part| part.limit), reference);
        let day = local_date(i64::try_from(copied.millis()).unwrap_or(i64::MAX));
        Consulted {
            stage: stage.id.clone(),
            department: stage.department.clone(),
            station: route.station(position, false),
            copied,
            reply_within,
            reply_until: reference.calendar.deadline(day, reply_within).ok(),
            tacit: stage.tacit,
            part: part.map(|part| part.work.clone()),
            signed: signed(case, &stage.id),
            answer: answer(case, &stage.id),
        }
    };
    members(&route).filter_map(|at| Some((at, route.stage(at)?))).map(show).collect()
}

/// The part's own time, or the stage's; for what has none the time of the district's rules.
fn reply_within(stage: &Stage, part: Option<Limit>, reference: &Reference<'_>) -> Limit {
    let own = part.unwrap_or(stage.limit);
    if own.unit == Unit::OnTheSpot { reference.defaults.joint.consult_reply } else { own }
}

/// Stages of the route that run in parallel with others.
fn members<'r>(route: &'r Route<'_>) -> impl Iterator<Item = usize> + 'r {
    (0..route.item.stages.len()).filter(|at| route.beside(*at).len() > 1 && route.beside(*at).contains(at))
}

fn signed(case: &Case, stage: &StageId) -> Option<Hash> {
    let looked = case.sides().filter_map(|facts| match &facts.body.event {
        SideEvent::Consulted { stage: of, .. } if of == stage => Some((facts.time, facts.hash)),
        _ => None,
    });
    looked.min().map(|(_, hash)| hash)
}

/// The last answer of a stage, by step or beside the route.
fn answer(case: &Case, stage: &StageId) -> Option<(Hash, Opinion)> {
    let by_step = case.steps().rev().find_map(|facts| match &facts.body.event {
        StepEvent::StageFinished { stage: of, opinion, .. } if of == stage => Some((facts.time, facts.hash, *opinion)),
        StepEvent::Decided { stage: of, approved, .. } if of == stage => {
            let opinion = if *approved { Opinion::Agree } else { Opinion::Disagree };
            Some((facts.time, facts.hash, opinion))
        }
        _ => None,
    });
    let beside = case.sides().filter_map(|facts| match &facts.body.event {
        SideEvent::Consulted { stage: of, opinion: Some(opinion), .. } if of == stage => {
            Some((facts.time, facts.hash, *opinion))
        }
        _ => None,
    });
    beside.chain(by_step).max().map(|(_, hash, opinion)| (hash, opinion))
}

/// Stages of the round that departments of other stations may answer while this one holds the case.
pub(super) fn open_elsewhere(case: &Case, route: &Route<'_>, holder: StationCode) -> Vec<(usize, Duty)> {
    let Some(round) = Round::now(case, route) else { return Vec::new() };
    if case.outcome().is_some() {
        return Vec::new();
    }
    let present = case.stage().and_then(|stage| route.position(stage));
    let open = round.open().filter(|at| Some(*at) != present && !round.is_blocked(route, *at));
    let elsewhere = open.map(|at| (at, route.station(at, false))).filter(|(_, station)| *station != holder);
    elsewhere.filter_map(|(at, station)| Some((at, duty_now(case, route, at, station)?))).collect()
}

impl Handling<'_> {
    /// The copies of the actor's department.
    pub(super) fn copies(&self) -> Vec<OwnCopy> {
        let (case, route, here) = (self.case, &self.route, self.context.station);
        let (Some(holder), Some(_)) = (case.holder(), case.accepted_at()) else { return Vec::new() };
        if case.outcome().is_some() {
            return Vec::new();
        }
        let round = Round::now(case, route);
        let open = if here == holder { Vec::new() } else { open_elsewhere(case, route, holder) };
        let own = members(route).filter_map(|at| {
            let stage = route.stage(at).filter(|stage| stage.department != self.item.department)?;
            let duty = route.duty(at, here).filter(|_| route.station(at, false) == here)?;
            let copy = OwnCopy {
                stage: stage.id.clone(),
                round: round.as_ref().map_or(0, |round| round.rev),
                may_sign: signed(case, &stage.id).is_none() && answer(case, &stage.id).is_none(),
                may_answer: open.iter().any(|(open, _)| *open == at),
                duty,
            };
            route.performs(self.context.actor, &copy.duty).then_some(copy)
        });
        own.collect()
    }

    /// The copy that the actor may sign for.
    pub(super) fn copy_to_sign(&self, named: Option<&StageId>) -> Result<OwnCopy, Refusal> {
        self.copy(named, |copy| copy.may_sign, "抄告单已经签收，或者不是抄告您部门的。")
    }

    /// The copy that the actor may answer.
    pub(super) fn copy_to_answer(&self, named: Option<&StageId>) -> Result<OwnCopy, Refusal> {
        let refused = "抄告单现在不能在这里反馈：尚未进入并联审查、前一部分没有完成，或者已经反馈过。";
        self.copy(named, |copy| copy.may_answer, refused)
    }

    fn copy(
        &self,
        named: Option<&StageId>,
        wanted: impl Fn(&OwnCopy) -> bool,
        sentence: &str,
    ) -> Result<OwnCopy, Refusal> {
        if !self.case.is_open() {
            return Err(ended());
        }
        let is_named = |copy: &OwnCopy| named.is_none_or(|named| *named == copy.stage);
        let found = self.copies().into_iter().find(|copy| is_named(copy) && wanted(copy));
        found.ok_or_else(|| Refusal::new(RefusalCode::WrongStage, sentence))
    }
}

/// 签收
pub(super) fn sign_for(handling: &Handling<'_>, stage: Option<&StageId>) -> Result<Draft, Refusal> {
    handling.permits_aside(super::action::Action::SignForCopy)?;
    let copy = handling.copy_to_sign(stage)?;
    let event = SideEvent::Consulted { stage: copy.stage, round: copy.round, opinion: None };
    Ok(handling.say_as(copy.duty.role, event, Private::default()))
}

/// 反馈意见
pub(super) fn give_answer(
    handling: &Handling<'_>,
    stage: Option<&StageId>,
    opinion: Opinion,
    words: &str,
) -> Result<Draft, Refusal> {
    handling.permits_aside(super::action::Action::AnswerCopy)?;
    let copy = handling.copy_to_answer(stage)?;
    let words = words_of(opinion, words)?;
    let event = SideEvent::Consulted { stage: copy.stage, round: copy.round, opinion: Some(opinion) };
    Ok(handling.say_as(copy.duty.role, event, Private::of_words(words)))
}

/// The words of an opinion; only handing on needs none.
pub(super) fn words_of(opinion: Opinion, words: &str) -> Result<String, Refusal> {
    match opinion {
        Opinion::Unknown | Opinion::Tacit => {
            let sentence = "请选择意见：同意、不同意、同意但需报上级批准，或者无需意见。";
            Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("opinion"))
        }
        Opinion::NoOpinion => input::optional(words, "words", LONGEST_TEXT),
        Opinion::Agree | Opinion::Disagree | Opinion::ReferUp => input::required(words, "words", LONGEST_TEXT, || {
            input::reason_missing("请写明审查意见，审查意见要存档备查。")
        }),
    }
}
