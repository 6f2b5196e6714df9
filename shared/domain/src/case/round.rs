//! 并联审批: stages that run in parallel, and which of them have been answered.
//!
//! A case has one holder at a time, so the departments of one station answer by steps, in any order, each once. Where
//! a group spans tiers the case visits each station in turn: first whoever answers where it is, then the others. So
//! that nobody has to wait for that, a department of another station may answer at once by a side entry, which counts
//! like a step as soon as the holder knows of it. The case goes on when nothing is open any more, or, after a
//! disagreement, straight to the stage that decides.
//!
//! A round begins with the step that brings the case into the group; an objection, or a second consultation, begins
//! another.

use sanji_log::StationCode;

use super::body::{Opinion, SideEvent, StepEvent};
use super::facts::StepFacts;
use super::route::Route;
use super::state::Case;
use crate::catalogue::{Item, PartWork};
use crate::code::StageId;

/// What a stage of the round was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) position: usize,
    pub(super) opinion: Opinion,
}

/// The stages of a group that are to be answered, and the answers so far.
#[derive(Debug, Clone)]
pub(super) struct Round {
    /// Rev of the step by which the case came into the group.
    pub(super) rev: u32,
    /// Positions of the stages that are to answer.
    members: Vec<usize>,
    answers: Vec<Answer>,
}

impl Round {
    /// The round that a case is in; none where its present stage runs alone.
    pub(super) fn now(case: &Case, route: &Route<'_>) -> Option<Self> {
        let steps: Vec<&StepFacts> = case.steps().collect();
        Self::after(case, route, &steps)
    }

    /// The last round that is over, if the case came from it straight to its present stage.
    pub(super) fn before(case: &Case, route: &Route<'_>) -> Option<Self> {
        let steps: Vec<&StepFacts> = case.steps().collect();
        let entered = (0..steps.len()).rev().find(|at| {
            let before = at.checked_sub(1).and_then(|before| steps.get(before));
            steps.get(*at).is_some_and(|facts| facts.body.stage.as_ref() == case.stage())
                && before.is_none_or(|before| before.body.stage.as_ref() != case.stage())
        })?;
        let finished = steps.get(entered)?;
        let mut round = Self::after(case, route, steps.get(..entered)?)?;
        round.take(route, finished);
        Some(round)
    }

    /// The round that a case was in after some of its steps.
    fn after(case: &Case, route: &Route<'_>, steps: &[&StepFacts]) -> Option<Self> {
        let stage = steps.last()?.body.stage.as_ref()?;
        let group = route.beside(route.position(stage)?);
        route.stage(*group.first()?)?.group.as_ref()?;
        let inside = |facts: &StepFacts| {
            let position = facts.body.stage.as_ref().and_then(|stage| route.position(stage));
            position.is_some_and(|position| group.contains(&position))
        };
        let begins = |at: &usize| {
            let before = at.checked_sub(1).and_then(|before| steps.get(before));
            before.is_none_or(|before| !inside(before))
        };
        // The trailing run of steps that leave the case in the group, back to the one that brought it there.
        let first = (0..steps.len()).rev().take_while(|at| steps.get(*at).is_some_and(|facts| inside(facts)));
        let first = first.filter(begins).last()?;
        let entry = steps.get(first)?;
        let members = match &entry.body.event {
            StepEvent::ConsultedAgain { stages } => {
                stages.iter().filter_map(|stage| route.position(stage)).filter(|at| group.contains(at)).collect()
            }
            _ => group,
        };
        let mut round = Self { rev: entry.rev, members, answers: Vec::new() };
        for facts in steps.get(first + 1..).unwrap_or_default() {
            round.take(route, facts);
        }
        round.take_sides(case, route);
        Some(round)
    }

    /// What a step answers; of several answers of a stage the first counts.
    fn take(&mut self, route: &Route<'_>, facts: &StepFacts) {
        let (stage, opinion) = match &facts.body.event {
            StepEvent::StageFinished { stage, opinion, .. } => (stage, *opinion),
            StepEvent::Decided { stage, approved: true, .. } => (stage, Opinion::Agree),
            StepEvent::Decided { stage, approved: false, .. } => (stage, Opinion::Disagree),
            StepEvent::PublicityEnded { stage, objection: false } => (stage, Opinion::NoOpinion),
            _ => return,
        };
        self.note(route.position(stage), opinion);
    }

    fn take_sides(&mut self, case: &Case, route: &Route<'_>) {
        let mut sides: Vec<_> = case
            .sides()
            .filter_map(|facts| match &facts.body.event {
                SideEvent::Consulted { stage, round, opinion: Some(opinion) } if *round == self.rev => {
                    Some((facts.time, facts.hash, stage, *opinion))
                }
                _ => None,
            })
            .collect();
        sides.sort();
        for (_, _, stage, opinion) in sides {
            self.note(route.position(stage), opinion);
        }
    }

    fn note(&mut self, position: Option<usize>, opinion: Opinion) {
        let Some(position) = position.filter(|at| self.members.contains(at)) else { return };
        if self.answer(position).is_none() {
            self.answers.push(Answer { position, opinion });
        }
    }

    pub(super) fn answer(&self, position: usize) -> Option<Opinion> {
        self.answers.iter().find(|answer| answer.position == position).map(|answer| answer.opinion)
    }

    /// Stages without an answer.
    pub(super) fn open(&self) -> impl Iterator<Item = usize> {
        self.members.iter().copied().filter(|at| self.answer(*at).is_none())
    }

    /// Stages that disagree or have not answered.
    pub(super) fn unsettled(&self) -> Vec<usize> {
        let settled = |at: &usize| self.answer(*at).is_some_and(|opinion| opinion != Opinion::Disagree);
        self.members.iter().copied().filter(|at| !settled(at)).collect()
    }

    /// Stages that disagree.
    pub(super) fn disagreeing(&self) -> impl Iterator<Item = usize> {
        self.answers.iter().filter(|answer| answer.opinion == Opinion::Disagree).map(|answer| answer.position)
    }

    /// Whether a stage has to wait for another of the same round: `after` of the parts of a joint item.
    pub(super) fn is_blocked(&self, route: &Route<'_>, position: usize) -> bool {
        let open: Vec<usize> = self.open().filter(|at| *at != position).collect();
        waits_for(route.item, position).iter().any(|at| open.contains(at))
    }

    /// Stages that may be answered at the station that holds the case. There is always one, so that a case is never
    /// stuck: where an answer crossed the case on its way, the present stage is to be confirmed.
    pub(super) fn answerable(&self, route: &Route<'_>, present: &StageId, holder: StationCode) -> Vec<usize> {
        let present = route.position(present);
        let here = |at: &usize| route.station(*at, false) == holder || Some(*at) == present;
        let answerable: Vec<usize> = self.open().filter(|at| here(at) && !self.is_blocked(route, *at)).collect();
        if answerable.is_empty() { present.into_iter().collect() } else { answerable }
    }

    /// Where the case goes when a stage is answered; none: this round is over.
    pub(super) fn next(&self, route: &Route<'_>, answered: usize, holder: StationCode) -> Option<usize> {
        let mut rest = self.clone();
        rest.note(Some(answered), Opinion::NoOpinion);
        rest.first_open(route, holder)
    }

    fn first_open(&self, route: &Route<'_>, holder: StationCode) -> Option<usize> {
        let free: Vec<usize> = self.open().filter(|at| !self.is_blocked(route, *at)).collect();
        let here = free.iter().find(|at| route.station(**at, false) == holder);
        here.or(free.first()).copied()
    }
}

/// Where a case comes in that goes to a stage: for stages that run in parallel, whichever can be answered at once.
pub(super) fn enter(route: &Route<'_>, position: usize, holder: StationCode) -> usize {
    let members = route.beside(position);
    if members.len() < 2 { position } else { first_of(route, members, holder).unwrap_or(position) }
}

/// Which of the stages of a new round comes first.
pub(super) fn first_of(route: &Route<'_>, members: Vec<usize>, holder: StationCode) -> Option<usize> {
    Round { rev: 0, members, answers: Vec::new() }.first_open(route, holder)
}

/// The stages whose part must be finished before a stage's part.
pub(super) fn waits_for(item: &Item, position: usize) -> Vec<usize> {
    let parts = item.parts_by_stage();
    let work = parts.iter().find(|(_, at)| *at == position).and_then(|(part, _)| item.parts.get(*part));
    let named = |work: &PartWork| {
        let part = item.parts.iter().position(|part| part.work == *work)?;
        parts.iter().find(|(of, _)| *of == part).map(|(_, at)| *at)
    };
    work.into_iter().flat_map(|part| &part.after).filter_map(named).collect()
}
