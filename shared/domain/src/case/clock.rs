//! The clock of a case: limits, pauses and deadlines, from its steps and the calendar alone. It is the same on every
//! station, and recomputed whenever the calendar changes.
//!
//! Between two steps the clock either runs or stands. The promised limit stands while a special procedure has stopped
//! it and in stages that the item does not count; the statutory limit only in special procedures. A deadline is the
//! limit and the days for which it stood, counted from its start; the starting day is never counted.

use jiff::civil::Date;
use sanji_log::HybridTime;

use super::body::StepEvent;
use super::facts::StepFacts;
use super::route::REGISTRATION_STAGE;
use super::state::Case;
use super::words::date_words;
use crate::calendar::{Calendar, MissingYear, local_date};
use crate::catalogue::{DELIVERY_STAGE, Defaults, Item, SpecialClock, Stage, SupervisedLink};
use crate::code::StageId;
use crate::limit::{Limit, Unit};

/// What the clock of a case shows on a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseClock {
    /// Day of acceptance; of a deemed one, the day of receipt. None: not accepted.
    pub accepted_on: Option<Date>,
    /// Last day of the promised limit, as far as the pauses are known today.
    pub promised_until: Option<Date>,
    /// Last day of the statutory limit, as far as the pauses are known today.
    pub statutory_until: Option<Date>,
    /// Last day of the present stage.
    pub stage_until: Option<Date>,
    /// Days of the promised limit that are used up, in its own unit.
    pub used_days: u32,
    /// Whether a special procedure has stopped the clock.
    pub suspended: bool,
    /// In words, for example `剩余3个工作日`. Empty: no limit runs.
    pub words: String,
}

/// Reads the clock of a case on a day.
#[must_use]
pub fn case_clock(case: &Case, item: &Item, calendar: &Calendar, defaults: &Defaults, today: Date) -> CaseClock {
    let reading = Reading { case, item, calendar, defaults, today };
    let accepted_on = reading.accepted_on();
    let spans = reading.spans();
    let promised = accepted_on.map(|from| reading.until(from, item.limits.promised, &spans, Pauses::Promised));
    let statutory = reading.statutory_start().zip(item.limits.statutory);
    let statutory = statutory.map(|(from, limit)| reading.until(from, limit, &spans, Pauses::Statutory));
    let stage = reading.stage_until();
    let used = reading.days(&spans, item.limits.promised.unit, |span| span.promised_runs);
    let missing = [promised, statutory, stage].into_iter().flatten().find_map(Result::err).or(used.err());
    CaseClock {
        accepted_on,
        promised_until: promised.and_then(Result::ok),
        statutory_until: statutory.and_then(Result::ok),
        stage_until: stage.and_then(Result::ok),
        used_days: used.unwrap_or(0),
        suspended: case.suspension().is_some(),
        words: match missing {
            Some(MissingYear(year)) => format!("缺少{year}年工作日历，暂不能计算期限"),
            None => reading.words(promised.and_then(Result::ok), stage.and_then(Result::ok)).unwrap_or_default(),
        },
    }
}

/// The day from which the time to answer counts: when the application, or its correction, was complete at the first
/// station. What a village has to do before it may apply at all comes before that day.
#[must_use]
pub fn received_on(case: &Case, item: &Item) -> Option<Date> {
    let restarts = |facts: &&StepFacts| match &facts.body.event {
        StepEvent::Submitted(_) | StepEvent::CorrectionSupplied { .. } => true,
        StepEvent::StageFinished { stage, .. } | StepEvent::PublicityEnded { stage, .. } => prepares(item, stage),
        _ => false,
    };
    case.steps().rfind(restarts).map(|facts| day(facts.time))
}

/// A stage before acceptance that is more than taking in and sending up.
fn prepares(item: &Item, stage: &StageId) -> bool {
    let link = item.stage(stage).map(|stage| stage.link);
    link == Some(SupervisedLink::Application) && stage.as_str() != REGISTRATION_STAGE
}

fn day(time: HybridTime) -> Date {
    local_date(i64::try_from(time.millis()).unwrap_or(i64::MAX))
}

/// Between two steps: the days after `from` up to and including `to`.
struct Span {
    from: Date,
    to: Date,
    promised_runs: bool,
    statutory_runs: bool,
}

#[derive(Clone, Copy)]
enum Pauses {
    Promised,
    Statutory,
}

struct Reading<'a> {
    case: &'a Case,
    item: &'a Item,
    calendar: &'a Calendar,
    defaults: &'a Defaults,
    today: Date,
}

impl Reading<'_> {
    fn accepted_on(&self) -> Option<Date> {
        let accepted = day(self.case.accepted_at()?);
        if self.case.acceptance_deemed() { received_on(self.case, self.item) } else { Some(accepted) }
    }

    /// Where the statutory limit begins: at acceptance, or for some items at the application.
    fn statutory_start(&self) -> Option<Date> {
        if self.item.limits.statutory_from.is_some() { received_on(self.case, self.item) } else { self.accepted_on() }
    }

    /// The time since acceptance, until the answer was ready to be handed over.
    fn spans(&self) -> Vec<Span> {
        let (Some(start), Some(accepted)) = (self.accepted_on(), self.case.accepted_at()) else { return Vec::new() };
        // A deemed acceptance lies before the step that states it; the limits run in between.
        let mut spans = vec![Span { from: start, to: day(accepted), promised_runs: true, statutory_runs: true }];
        let mut suspended = false;
        let mut steps = self.case.steps().skip_while(|facts| facts.time != accepted).peekable();
        while let Some(facts) = steps.next() {
            match facts.body.event {
                StepEvent::Suspended { .. } => suspended = true,
                StepEvent::Resumed { .. } => suspended = false,
                _ => {}
            }
            let stage = facts.body.stage.as_ref().and_then(|stage| self.item.stage(stage));
            let Some(stage) = stage.filter(|stage| stage.id.as_str() != DELIVERY_STAGE) else { break };
            let from = day(facts.time);
            // Clocks of two stations may differ; a span never runs backwards.
            let to = steps.peek().map_or(self.today, |next| day(next.time)).max(from);
            let promised_runs = stage.counted && !suspended;
            let statutory_runs = !suspended && (stage.counted || !self.has_pausing_special(stage));
            spans.push(Span { from, to, promised_runs, statutory_runs });
        }
        spans
    }

    fn has_pausing_special(&self, stage: &Stage) -> bool {
        self.item.special_of(&stage.id).any(|special| special.clock == SpecialClock::Paused)
    }

    fn days(&self, spans: &[Span], unit: Unit, counts: impl Fn(&Span) -> bool) -> Result<u32, MissingYear> {
        let counted = spans.iter().filter(|span| counts(span));
        counted.map(|span| self.calendar.days_between(span.from, span.to, unit)).sum()
    }

    fn until(&self, from: Date, limit: Limit, spans: &[Span], pauses: Pauses) -> Result<Date, MissingYear> {
        let stood = self.days(spans, limit.unit, |span| match pauses {
            Pauses::Promised => !span.promised_runs,
            Pauses::Statutory => !span.statutory_runs,
        })?;
        self.calendar.deadline(from, Limit { days: limit.days + stood, unit: limit.unit })
    }

    /// The steps since the case came into its present stage, that one first.
    fn in_stage(&self) -> Vec<&StepFacts> {
        let stage = self.case.stage();
        let mut steps: Vec<&StepFacts> =
            self.case.steps().rev().take_while(|facts| facts.body.stage.as_ref() == stage).collect();
        steps.reverse();
        steps
    }

    fn stage_until(&self) -> Option<Result<Date, MissingYear>> {
        let stage = self.item.stage(self.case.stage()?)?;
        if let Some(correction) = self.case.correction() {
            return Some(Ok(correction.until));
        }
        if let Some(run) = self.case.publicity() {
            return Some(Ok(run.until));
        }
        let steps = self.in_stage();
        // With a correction the stage begins anew, also where it is decided at once and nothing is accepted first.
        let corrected = steps.iter().rfind(|facts| matches!(facts.body.event, StepEvent::CorrectionSupplied { .. }));
        let entered = day(corrected.or(steps.first())?.time);
        let answers = self.case.accepted_at().is_none() && stage.link == SupervisedLink::Acceptance;
        let from = if answers { received_on(self.case, self.item)? } else { entered };
        let limit = if stage.limit.unit == Unit::OnTheSpot && answers {
            self.defaults.acceptance.decide_within
        } else {
            stage.limit
        };
        let mut stood = Ok(0);
        for (at, facts) in steps.iter().enumerate() {
            if matches!(facts.body.event, StepEvent::Suspended { .. }) {
                let to = steps.get(at + 1).map_or(self.today, |next| day(next.time));
                let days = self.calendar.days_between(day(facts.time), to, limit.unit);
                stood = stood.and_then(|stood: u32| days.map(|days| stood + days));
            }
        }
        Some(stood.and_then(|stood| self.calendar.deadline(from, Limit { days: limit.days + stood, ..limit })))
    }

    fn words(&self, promised: Option<Date>, stage_until: Option<Date>) -> Option<String> {
        let stage = self.item.stage(self.case.stage()?)?;
        if !self.case.is_open() {
            return None;
        }
        if let Some(correction) = self.case.correction() {
            return Some(format!("等待补正，{}前补齐", date_words(correction.until)));
        }
        if let Some(suspension) = self.case.suspension() {
            return Some(format!("计时暂停（{}）", suspension.kind));
        }
        if let Some(run) = self.case.publicity() {
            return Some(format!("公示至{}", date_words(run.until)));
        }
        let promise = self.item.limits.promised;
        let (until, unit) = match promised {
            Some(until) if stage.counted => (until, promise.unit),
            _ => (stage_until?, stage.limit.unit),
        };
        // What is done on the spot has no days to count.
        let unit = if unit == Unit::OnTheSpot { Unit::WorkingDay } else { unit };
        let left = self.calendar.days_between(self.today, until, unit).ok()?;
        let over = self.calendar.days_between(until, self.today, unit).ok()?;
        Some(match (left, over) {
            (0, 0) if self.today > until => "已超期".to_owned(),
            (0, 0) => "今日到期".to_owned(),
            (0, over) => format!("已超期{over}个{unit}"),
            (left, _) => format!("剩余{left}个{unit}"),
        })
    }
}
