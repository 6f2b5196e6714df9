//! The stages that are open, each with its own last day. Stages of a group run side by side: they count from the day on
//! which the case came to the group, and those that must wait for others (`after`) from the day on which these had answered.

use jiff::civil::Date;

use super::{Moment, Reading, correction_until, publicity_until};
use crate::calendar::{MissingYear, local_date};
use crate::case::body::{SideEvent, StepEvent};
use crate::case::round;
use crate::case::variant;
use crate::catalogue::{Stage, SupervisedLink};
use crate::code::StageId;
use crate::limit::Unit;

/// A stage that has not been done yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStage {
    /// Which.
    pub stage: StageId,
    /// The day from which its time counts; that day is not counted.
    pub since: Date,
    /// Its last day; none: in a year whose working days are not known.
    pub until: Option<Date>,
    /// Silence at the end counts as agreement.
    pub tacit: bool,
}

impl<'a> Reading<'a> {
    /// The stage in which the case is, as its last step says.
    pub(super) fn current(&self) -> Option<&'a Stage> {
        self.item.stage(self.case.stage()?)
    }

    /// The current stage and those beside it that are not done.
    pub(super) fn open(&self) -> Vec<OpenStage> {
        let Some(current) = self.current() else { return Vec::new() };
        let waits = self.case.correction().is_some() || self.case.publicity().is_some();
        let group = current.group.as_ref().filter(|_| !waits);
        let together: Vec<&Stage> = match group {
            Some(group) => self.item.stages.iter().filter(|stage| stage.group.as_ref() == Some(group)).collect(),
            None => vec![current],
        };
        let since = self.since(current);
        let Some(first) = since.first() else { return Vec::new() };
        let asked = match &first.facts.body.event {
            StepEvent::ConsultedAgain { stages } => Some(stages),
            _ => None,
        };
        let done = |stage: &Stage| {
            let by_step = since.iter().any(|moment| match &moment.facts.body.event {
                StepEvent::StageFinished { stage: of, .. } | StepEvent::Decided { stage: of, .. } => *of == stage.id,
                _ => false,
            });
            // A department of another station answers beside the route.
            by_step
                || self.case.sides().any(|facts| match &facts.body.event {
                    SideEvent::Consulted { stage: of, round, opinion: Some(_) } => {
                        *of == stage.id && *round == first.facts.rev
                    }
                    _ => false,
                })
        };
        let left_out = variant::chosen(self.case, self.item).map_or(&[][..], |variant| &variant.skip);
        let open = together.into_iter().filter(|stage| stage.id == current.id || !done(stage));
        let open = open.filter(|stage| !left_out.contains(&stage.id));
        let open = open.filter(|stage| stage.id == current.id || asked.is_none_or(|asked| asked.contains(&stage.id)));
        let open = open.map(|stage| OpenStage {
            stage: stage.id.clone(),
            since: first.day,
            until: self.stage_until(stage).and_then(Result::ok),
            tacit: stage.tacit,
        });
        open.collect()
    }

    /// The steps since the case came into a stage or its group, that one first. A step before the group's that
    /// finishes a stage of it does not belong to it.
    fn since(&self, stage: &Stage) -> &[Moment<'a>] {
        let beside = |id: &StageId| {
            *id == stage.id
                || stage.group.is_some() && self.item.stage(id).is_some_and(|other| other.group == stage.group)
        };
        let inside = |moment: &&Moment<'_>| moment.facts.body.stage.as_ref().is_some_and(beside);
        let count = self.moments.iter().rev().take_while(inside).count();
        self.moments.get(self.moments.len() - count..).unwrap_or_default()
    }

    /// The day on which the last of the stages had answered for which one has to wait; none: it waits for none.
    fn free_since(&self, stage: &Stage, steps: &[Moment<'a>]) -> Option<Date> {
        let waits_for = round::waits_for(self.item, self.item.position(&stage.id)?);
        let stages = waits_for.into_iter().filter_map(|at| self.item.stages.get(at));
        let answered = |before: &Stage| {
            let by_step = steps.iter().find(|moment| match &moment.facts.body.event {
                StepEvent::StageFinished { stage: of, .. } | StepEvent::Decided { stage: of, .. } => *of == before.id,
                _ => false,
            });
            let beside = self.case.sides().filter(|facts| match &facts.body.event {
                SideEvent::Consulted { stage: of, opinion: Some(_), .. } => *of == before.id,
                _ => false,
            });
            let beside = beside.map(|facts| local_date(i64::try_from(facts.time.millis()).unwrap_or(i64::MAX))).min();
            by_step.map(|moment| moment.day).or(beside)
        };
        stages.filter_map(answered).max()
    }

    /// The last day of a stage that is open; none where it has not begun.
    pub(super) fn stage_until(&self, stage: &Stage) -> Option<Result<Date, MissingYear>> {
        if self.case.correction().is_some() {
            return correction_until(self.case, self.calendar, self.defaults);
        }
        if self.case.publicity().is_some() {
            return publicity_until(self.case, self.item, self.calendar);
        }
        let steps = self.since(stage);
        // With a correction the stage begins anew, also where it is decided at once and nothing is accepted first.
        let corrected =
            steps.iter().rfind(|moment| matches!(moment.facts.body.event, StepEvent::CorrectionSupplied { .. }));
        let entered = corrected.or(steps.first())?.day;
        let entered = self.free_since(stage, steps).map_or(entered, |free| free.max(entered));
        let answers = self.case.accepted_at().is_none() && stage.link == SupervisedLink::Acceptance;
        let from = if answers { self.moments.get(self.received()?)?.day } else { entered };
        let limit = if stage.limit.unit == Unit::OnTheSpot && answers {
            self.defaults.acceptance.decide_within
        } else {
            stage.limit
        };
        let mut stretches = Vec::new();
        let (mut stretch, mut runs) = (from, true);
        for moment in steps {
            let resumes = match &moment.facts.body.event {
                StepEvent::Suspended { .. } => false,
                StepEvent::Resumed { .. } => true,
                _ => continue,
            };
            stretches.push((stretch, moment.day, runs));
            (stretch, runs) = (moment.day, resumes);
        }
        stretches.push((stretch, self.today, runs));
        Some(self.use_up(from, limit, stretches.into_iter()))
    }
}
